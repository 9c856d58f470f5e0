/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * State of a simulated guest's vCPUs, framed as Xen frames an HVM context
 * (xen/arch-x86/hvm/save.h: typecode, instance, length, body; HEADER first, END
 * last), with typecodes of our own: nobody shall take it for a real vCPU.
 * And the state of its device model, a blob.
 */
#include "config.h"

#include "xlmig/simhost/guest-private.h"

#include <errno.h>
#include <string.h>

#define TYPE_END 0
#define TYPE_HEADER 1
#define TYPE_PROGRAM 0x5300
#define TYPE_VCPU 0x5301

struct descriptor {
    uint16_t typecode;
    uint16_t instance;
    uint32_t length;
};

/* As Xen's hvm_save_header. */
struct context_header {
    uint32_t magic, version;
    uint64_t changeset;
    uint32_t cpuid, gtsc_khz;
};
#define CONTEXT_MAGIC 0x54381286u
#define CONTEXT_VERSION 1u

struct context_program {
    struct simguest_program program;
    uint64_t max_pfns, nr_pfns;
    uint32_t nr_vcpus, has_emulator;
};

#define EMULATOR_MAGIC UINT64_C(0x726f74616c756d65)
#define EMULATOR_DEVICE_BYTES 8192u /* about what a small device model has to say */

struct emulator_blob {
    uint64_t magic;
    struct writer_state state;
    uint8_t devices[EMULATOR_DEVICE_BYTES];
};

/* ---- write ---- */

struct cursor {
    uint8_t *at;
    size_t left;
    bool short_of_room;
};

static void put(struct cursor *c, uint16_t typecode, uint16_t instance, const void *body, uint32_t length)
{
    const struct descriptor d = { typecode, instance, length };

    if (c->left < sizeof d + length) {
        c->short_of_room = true;
        return;
    }
    memcpy(c->at, &d, sizeof d);
    if (length)
        memcpy(c->at + sizeof d, body, length);
    c->at += sizeof d + length;
    c->left -= sizeof d + length;
}

static bool stands_still(struct simguest *g)
{
    simguest_hold(g);
    pthread_mutex_lock(&g->lock);
    const bool still = g->suspended || g->pauses;
    pthread_mutex_unlock(&g->lock);
    simguest_release(g);
    return still;
}

int simguest_get_context(struct simguest *g, void *buf, size_t *bytes)
{
    struct cursor c = { .at = buf, .left = *bytes };
    const struct context_header header = { .magic = CONTEXT_MAGIC, .version = CONTEXT_VERSION };
    const struct context_program program = {
        .program = g->config.program,
        .max_pfns = g->config.max_pfns,
        .nr_pfns = g->nr_pfns,
        .nr_vcpus = g->config.nr_vcpus,
        .has_emulator = g->config.has_emulator,
    };

    if (!stands_still(g))
        return EBUSY;
    put(&c, TYPE_HEADER, 0, &header, sizeof header);
    put(&c, TYPE_PROGRAM, 0, &program, sizeof program);
    for (unsigned i = 0; i < g->config.nr_vcpus; i++)
        put(&c, TYPE_VCPU, (uint16_t)i, &g->writers[i].state, sizeof g->writers[i].state);
    put(&c, TYPE_END, 0, NULL, 0);
    *bytes = (size_t)(c.at - (uint8_t *)buf);
    return c.short_of_room ? ENOBUFS : 0;
}

/* ---- read: hostile ---- */

/* The next part must be exactly this. */
static int take(struct cursor *c, uint16_t typecode, uint16_t instance, void *body, uint32_t length)
{
    struct descriptor d;

    if (c->left < sizeof d)
        return EBADMSG;
    memcpy(&d, c->at, sizeof d);
    if (d.typecode != typecode || d.instance != instance || d.length != length || c->left - sizeof d < length)
        return EBADMSG;
    if (length)
        memcpy(body, c->at + sizeof d, length);
    c->at += sizeof d + length;
    c->left -= sizeof d + length;
    return 0;
}

static bool program_fits(const struct simguest *g, const struct context_program *p)
{
    return p->nr_vcpus == g->config.nr_vcpus && p->has_emulator == g->config.has_emulator &&
           p->max_pfns == g->config.max_pfns && p->nr_pfns <= p->max_pfns &&
           p->nr_pfns > g->table_end + SIM_MAX_VCPUS && p->program.content < PATTERN_NR_CONTENTS && p->program.pages_per_s <= SIMGUEST_MAX_PFNS;
}

/* A writer that believes to owe more than a tick's pages would not come to its end. */
static bool state_is_sane(const struct writer_state *state)
{
    return state->credit <= (uint64_t)TICKS_PER_S * (SIM_MAX_VCPUS + 1);
}

/* The table is the workload's map: without it a step would be one into nowhere. */
static bool table_is_present(const struct simguest *g)
{
    for (uint64_t pfn = TABLE_PFN; pfn < g->table_end; pfn++)
        if (g->pages[pfn] == SIM_PAGE_ABSENT)
            return false;
    return true;
}

int simguest_set_context(struct simguest *g, const void *buf, size_t bytes)
{
    struct cursor c = { .at = (uint8_t *)buf, .left = bytes };
    struct writer_state states[SIM_MAX_VCPUS];
    struct context_header header;
    struct context_program program;

    if (g->has_threads || g->has_context)
        return EBUSY;
    if (take(&c, TYPE_HEADER, 0, &header, sizeof header) || header.magic != CONTEXT_MAGIC ||
        take(&c, TYPE_PROGRAM, 0, &program, sizeof program) || !program_fits(g, &program))
        return EBADMSG;
    for (unsigned i = 0; i < g->config.nr_vcpus; i++)
        if (take(&c, TYPE_VCPU, (uint16_t)i, &states[i], sizeof states[i]) || !state_is_sane(&states[i]))
            return EBADMSG;
    if (take(&c, TYPE_END, 0, NULL, 0) || c.left || !table_is_present(g))
        return EBADMSG;

    g->config.program = program.program;
    g->nr_pfns = program.nr_pfns;
    for (unsigned i = 0; i < g->config.nr_vcpus; i++)
        g->writers[i].state = states[i];
    g->has_context = g->restored = true;
    return 0;
}

int simguest_get_emulator(struct simguest *g, void *buf, size_t *bytes)
{
    struct emulator_blob blob = { .magic = EMULATOR_MAGIC };
    uint64_t random = g->config.program.seed;

    if (!g->config.has_emulator)
        return ENOENT;
    if (!stands_still(g))
        return EBUSY;
    if (*bytes < sizeof blob)
        return ENOBUFS;
    blob.state = g->writers[g->config.nr_vcpus].state;
    for (size_t i = 0; i < sizeof blob.devices; i++)
        blob.devices[i] = (uint8_t)pattern_next(&random);
    memcpy(buf, &blob, sizeof blob);
    *bytes = sizeof blob;
    return 0;
}

int simguest_set_emulator(struct simguest *g, const void *buf, size_t bytes)
{
    struct emulator_blob blob;

    if (!g->config.has_emulator || bytes != sizeof blob)
        return EBADMSG;
    if (g->has_threads || g->has_emulator_state)
        return EBUSY;
    memcpy(&blob, buf, sizeof blob);
    if (blob.magic != EMULATOR_MAGIC || !state_is_sane(&blob.state))
        return EBADMSG;
    g->writers[g->config.nr_vcpus].state = blob.state;
    g->has_emulator_state = true;
    return 0;
}
