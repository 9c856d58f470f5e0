/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include "tests/libxcsave/null-guest.h"

#include "stream-format/libxc-image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stream-format/image1/image1.h"

static struct null_guest *to_null(struct xcsave_guest *g)
{
    return (struct null_guest *)g;
}

/* ---- both sides ---- */

/* Written pages go to a place that each thread has for them. */
static void *map(struct xcsave_guest *g, unsigned n, const uint64_t *pfns, bool writable, uint8_t **pages, int *errs,
                 struct xcsave_error *error)
{
    static _Thread_local uint8_t sink[GUEST_BATCH_PAGES][GUEST_PAGE_SIZE];

    (void)error;
    for (unsigned i = 0; i < n; i++) {
        pages[i] = writable ? sink[i] : to_null(g)->content[pfns[i] % NULL_GUEST_CONTENT_PAGES];
        errs[i] = 0;
    }
    atomic_fetch_add_explicit(&to_null(g)->mapped, 1, memory_order_relaxed);
    return g;
}

static void unmap(struct xcsave_guest *g, void *mapping, unsigned n)
{
    (void)n;
    if (mapping)
        atomic_fetch_sub_explicit(&to_null(g)->mapped, 1, memory_order_relaxed);
}

static bool has_superpages(struct xcsave_guest *g)
{
    (void)g;
    return true;
}

static void close_guest(struct xcsave_guest *g)
{
    free(g);
}

static const struct guest_ops null_ops = {
    .name = "null",
    .map = map,
    .unmap = unmap,
    .has_superpages = has_superpages,
    .close = close_guest,
};

/* ---- the source ---- */

static int identify(struct xcsave_guest *g, struct guest_identity *identity, struct xcsave_error *error)
{
    (void)g, (void)error;
    *identity = (struct guest_identity){ STREAM_GUEST_X86_HVM, 4, 17 };
    return 0;
}

static int nr_pages(struct xcsave_guest *g, uint64_t *nr, struct xcsave_error *error)
{
    (void)error;
    *nr = to_null(g)->nr_pages;
    return 0;
}

static int no_records(struct xcsave_guest *g, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    (void)g, (void)emit, (void)user, (void)error;
    return 0;
}

/* The least that an HVM context is: a header and an end. */
static int state_records(struct xcsave_guest *g, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    static const uint8_t context[40] = { 1, 0, 0, 0, 24, 0, 0, 0, 0x86, 0x12, 0x38, 0x54, 1 };

    (void)g, (void)error;
    return emit(user, STREAM_REC_HVM_CONTEXT, context, sizeof(context));
}

static int logdirty_on_or_off(struct xcsave_guest *g, struct xcsave_error *error)
{
    (void)g, (void)error;
    return 0;
}

static int logdirty_read(struct xcsave_guest *g, enum guest_dirty_op op, uint64_t *bitmap, uint64_t nr,
                         struct xcsave_error *error)
{
    (void)g, (void)op, (void)error;
    memset(bitmap, 0, (nr + 63) / 64 * sizeof(*bitmap));
    return 0;
}

static int mark_dirty(struct xcsave_guest *g, uint64_t *pfn, struct xcsave_error *error)
{
    (void)g, (void)pfn, (void)error;
    return 1;
}

static int has_other_saver(struct xcsave_guest *g)
{
    (void)g;
    return 0;
}

static int is_suspended(struct xcsave_guest *g, bool *suspended, struct xcsave_error *error)
{
    (void)error;
    *suspended = atomic_load(&to_null(g)->suspended);
    return 0;
}

static int page_types(struct xcsave_guest *g, unsigned n, const uint64_t *pfns, uint32_t *types,
                      struct xcsave_error *error)
{
    (void)error;
    for (unsigned i = 0; i < n; i++)
        types[i] = pfns[i] < to_null(g)->nr_pages ? STREAM_PAGE_NOTAB : STREAM_PAGE_XTAB;
    return 0;
}

static int normalise(struct xcsave_guest *g, uint32_t type, const void *page, void *out, struct xcsave_error *error)
{
    (void)g, (void)type, (void)page, (void)out, (void)error;
    return 0;
}

static const struct guest_save_ops null_save_ops = {
    .identify = identify,
    .nr_pfns = nr_pages,
    .nr_present = nr_pages,
    .memory_pages = nr_pages,
    .static_records = no_records,
    .opening_records = no_records,
    .layout_records = no_records,
    .state_records = state_records,
    .logdirty_enable = logdirty_on_or_off,
    .logdirty_read = logdirty_read,
    .logdirty_disable = logdirty_on_or_off,
    .mark_dirty = mark_dirty,
    .has_other_saver = has_other_saver,
    .is_suspended = is_suspended,
    .page_types = page_types,
    .normalise = normalise,
};

/* ---- the destination ---- */

static int accept_identity(struct xcsave_guest *g, const struct guest_identity *identity, struct xcsave_error *error)
{
    (void)g, (void)identity, (void)error;
    return 0;
}

static int accept_record(struct xcsave_guest *g, uint32_t type, const void *body, size_t len_bytes,
                         struct xcsave_error *error)
{
    (void)g, (void)type, (void)body, (void)len_bytes, (void)error;
    return 0;
}

static int static_data_end(struct xcsave_guest *g, unsigned *missing, struct xcsave_error *error)
{
    (void)g, (void)error;
    *missing = 0;
    return 0;
}

static bool pfn_is_valid(struct xcsave_guest *g, uint64_t pfn)
{
    return pfn < to_null(g)->nr_pages;
}

static int populate(struct xcsave_guest *g, unsigned n, const uint64_t *pfns, unsigned order, unsigned *done,
                    struct xcsave_error *error)
{
    (void)g, (void)pfns, (void)order, (void)error;
    *done = n;
    return 0;
}

static bool new_memory_is_zero(struct xcsave_guest *g)
{
    (void)g;
    return false;
}

static int depopulate(struct xcsave_guest *g, unsigned n, const uint64_t *pfns, struct xcsave_error *error)
{
    (void)g, (void)n, (void)pfns, (void)error;
    return 0;
}

static void set_page_type(struct xcsave_guest *g, uint64_t pfn, uint32_t type)
{
    (void)g, (void)pfn, (void)type;
}

static int localise(struct xcsave_guest *g, uint32_t type, void *page,
                    int (*need)(void *, unsigned, const uint64_t *, struct xcsave_error *), void *user,
                    struct xcsave_error *error)
{
    (void)g, (void)type, (void)page, (void)need, (void)user, (void)error;
    return 0;
}

static int complete(struct xcsave_guest *g, struct xcsave_restore_result *result, struct xcsave_error *error)
{
    (void)g, (void)error;
    *result = (struct xcsave_restore_result){ 0 };
    return 0;
}

static const struct guest_restore_ops null_restore_ops = {
    .accept_identity = accept_identity,
    .accept_record = accept_record,
    .static_data_end = static_data_end,
    .pfn_is_valid = pfn_is_valid,
    .populate = populate,
    .new_memory_is_zero = new_memory_is_zero,
    .depopulate = depopulate,
    .set_page_type = set_page_type,
    .localise = localise,
    .complete = complete,
};

/* ---- by name ---- */

/* Half of a page repeats itself, half is of a generator that never gives the same twice. */
static void fill(uint8_t *page, uint64_t seed)
{
    for (size_t i = 0; i < GUEST_PAGE_SIZE; i += sizeof(seed)) {
        uint64_t word = seed;

        if (i % 64 < 32) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            word = seed ^ seed >> 29;
        }
        memcpy(page + i, &word, sizeof(word));
    }
}

struct null_guest *null_guest_new(uint64_t nr)
{
    struct null_guest *g = calloc(1, sizeof(*g));

    if (!g)
        return NULL;
    g->base = (struct xcsave_guest){ &null_ops, &null_save_ops, &null_restore_ops };
    g->nr_pages = nr;
    for (unsigned i = 0; i < NULL_GUEST_CONTENT_PAGES; i++)
        fill(g->content[i], i + 1);
    return g;
}

void null_guest_free(struct null_guest *g)
{
    free(g);
}

static int on_suspend(void *user)
{
    atomic_store(&((struct null_guest *)user)->suspended, true);
    return 0;
}

int null_guest_save(struct null_guest *g, enum xcsave_image image, enum xcsave_compress compress, unsigned threads,
                    struct xcsave_report *report, struct xcsave_error *error)
{
    const struct xcsave_callbacks callbacks = { .user = g, .suspend = on_suspend };
    struct xcsave_save_options options = { .live = true, .callbacks = &callbacks };
    int rc;

    if (image == XCSAVE_IMAGE_V1)
        options.image = (struct xcsave_image_options){
            .image = image,
            /* Without SAME: its pages are equal only for want of memory. */
            .features = XCSAVE_V1_FEATURES & ~IMAGE1_FEATURE_INDEX & ~IMAGE1_FEATURE_SAME,
            .compress = compress,
            .threads = threads,
            .delta_cache_bytes = SIZE_MAX,
        };
    g->suspended = false;
    *error = (struct xcsave_error){ 0 };
    options.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (options.fd < 0)
        return xcsave_fail(error, errno, "/dev/null");
    rc = xcsave_save(&g->base, &options, report, error);
    close(options.fd);
    return rc;
}
