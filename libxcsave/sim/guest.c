/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The guest of a simulated host behind the seam of guest.h.
 *
 * Memory, page states and dirty bitmap are shared with the host; all else is
 * asked of it.  To the stream it is an HVM guest: what Xen would say of CPU and
 * clock is made up, and the HVM context carries the simulated vCPUs.
 *
 * The whole memory is mapped once, and a page is its place in that mapping.
 */
#include "config.h"

#include "libxcsave/sim/guest.h"

#include "libxcsave/guest.h"
#include "libxcsave/sim/client.h"
#include "stream-format/libxc-image.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HVM_PARAM_STORE_PFN 1
#define HVM_PARAM_CONSOLE_PFN 17

enum { FD_MEMORY, FD_PAGES, FD_DIRTY };

/* So much of the guest's memory may count as this process's: 16 MiB. */
#define DROP_AFTER_PAGES 4096u

struct sim_guest {
    struct xcsave_guest guest;
    uint32_t domid;
    int host_fd;
    int fds[SIM_ATTACH_FDS];
    struct sim_attachment size;
    uint8_t *memory;                /* read-only until the first populate() */
    const _Atomic uint8_t *pages;   /* SIM_PAGE_* */
    const uint64_t *dirty;
    atomic_bool is_writable;
    atomic_uint nr_touched;         /* pages since the mapping was emptied last */

    /* Of the image that is restored. */
    bool has_cpuid, has_msr;
    uint64_t store_gfn, console_gfn;
    void *context;
    size_t context_bytes;
};

static struct sim_guest *sim(struct xcsave_guest *g)
{
    return (struct sim_guest *)g;
}

/* ---- the source ---- */

static int identify(struct xcsave_guest *g, struct guest_identity *identity, struct xcsave_error *error)
{
    (void)g;
    (void)error;
    *identity = (struct guest_identity){ .type = STREAM_GUEST_X86_HVM, .xen_major = 4, .xen_minor = 17 };
    return 0;
}

static int query(struct sim_guest *s, struct sim_domain_info *info, struct xcsave_error *error)
{
    struct sim_call call = { .op = SIM_QUERY, .domid = s->domid, .out = info, .out_room = sizeof *info };

    if (sim_call(s->host_fd, &call))
        return xcsave_fail(error, errno, "simulated host: query domain %u", s->domid);
    return 0;
}

static int nr_pfns(struct xcsave_guest *g, uint64_t *n, struct xcsave_error *error)
{
    struct sim_domain_info info;

    if (query(sim(g), &info, error))
        return -1;
    *n = info.nr_pfns;
    return 0;
}

/* The host keeps no count; its log marks what comes and goes. */
static int nr_present(struct xcsave_guest *g, uint64_t *nr_pages, struct xcsave_error *error)
{
    (void)g, (void)error;
    *nr_pages = 0;
    return 1;
}

static int memory_pages(struct xcsave_guest *g, uint64_t *nr_pages, struct xcsave_error *error)
{
    (void)g, (void)error;
    *nr_pages = 0;
    return 0;
}

static int static_records(struct xcsave_guest *g, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    /* Leaf 0 with the vendor string "AuthenticAMD", leaf 1 with a family and no feature worth the name. */
    static const struct stream_x86_cpuid_leaf cpuid[] = {
        { .leaf = 0, .subleaf = 0xffffffff, .eax = 1, .ebx = 0x68747541, .ecx = 0x444d4163, .edx = 0x69746e65 },
        { .leaf = 1, .subleaf = 0xffffffff, .eax = 0x00800f12, .edx = 0x00000011 },
    };
    static const struct stream_x86_msr_entry msr[] = { { .index = 0xce, .value = 0 } };

    (void)g;
    (void)error;
    return emit(user, STREAM_REC_X86_CPUID_POLICY, cpuid, sizeof cpuid) ||
                   emit(user, STREAM_REC_X86_MSR_POLICY, msr, sizeof msr) ? -1 : 0;
}

static int opening_records(struct xcsave_guest *g, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    (void)g;
    (void)emit;
    (void)user;
    (void)error;
    return 0;
}

static int state_records(struct xcsave_guest *g, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    struct sim_guest *s = sim(g);
    const struct stream_x86_tsc_info tsc = { .mode = 0, .khz = 2000000, .nsec = 0, .incarnation = 1 };
    struct {
        struct stream_hvm_params head;
        struct stream_hvm_param param[2];
    } params = {
        .head = { .count = 2 },
        .param = { { HVM_PARAM_STORE_PFN, s->size.store_pfn }, { HVM_PARAM_CONSOLE_PFN, s->size.console_pfn } },
    };
    uint8_t context[SIM_PAYLOAD_MAX];
    struct sim_call call = { .op = SIM_GET_CONTEXT, .domid = s->domid, .out = context, .out_room = sizeof context };

    if (sim_call(s->host_fd, &call))
        return xcsave_fail(error, errno, "simulated host: read the context of domain %u", s->domid);
    return emit(user, STREAM_REC_X86_TSC_INFO, &tsc, sizeof tsc) ||
                   emit(user, STREAM_REC_HVM_CONTEXT, context, call.out_bytes) ||
                   emit(user, STREAM_REC_HVM_PARAMS, &params, sizeof params) ? -1 : 0;
}

static int logdirty(struct sim_guest *s, enum sim_logdirty op, struct xcsave_error *error)
{
    if (sim_simple_call(s->host_fd, SIM_LOGDIRTY, s->domid, op))
        return xcsave_fail(error, errno, "simulated host: log-dirty operation %d on domain %u", (int)op, s->domid);
    return 0;
}

static int logdirty_enable(struct xcsave_guest *g, struct xcsave_error *error)
{
    return logdirty(sim(g), SIM_LOGDIRTY_ENABLE, error);
}

static int logdirty_read(struct xcsave_guest *g, enum guest_dirty_op op, uint64_t *bitmap, uint64_t n,
                         struct xcsave_error *error)
{
    struct sim_guest *s = sim(g);

    if (n > s->size.max_pfns)
        return xcsave_fail(error, EINVAL, "dirty bitmap of %llu pages", (unsigned long long)n);
    if (logdirty(s, op == GUEST_DIRTY_CLEAN ? SIM_LOGDIRTY_CLEAN : SIM_LOGDIRTY_PEEK, error))
        return -1;
    memcpy(bitmap, s->dirty, (n + 63) / 64 * sizeof *bitmap);
    if (n % 64)
        bitmap[n / 64] &= (UINT64_C(1) << (n % 64)) - 1;
    return 0;
}

static int logdirty_disable(struct xcsave_guest *g, struct xcsave_error *error)
{
    return logdirty(sim(g), SIM_LOGDIRTY_DISABLE, error);
}

static int mark_dirty(struct xcsave_guest *g, uint64_t *pfn, struct xcsave_error *error)
{
    struct sim_guest *s = sim(g);
    struct sim_call call = {
        .op = SIM_LOGDIRTY, .domid = s->domid, .arg = { SIM_LOGDIRTY_MARK, s->size.store_pfn },
    };

    *pfn = s->size.store_pfn;
    if (sim_call(s->host_fd, &call))
        return xcsave_fail(error, errno, "simulated host: mark a page of domain %u", s->domid);
    return 0;
}

/* Nobody that this process could name. */
static int has_other_saver(struct xcsave_guest *g)
{
    (void)g;
    return 0;
}

static int is_suspended(struct xcsave_guest *g, bool *suspended, struct xcsave_error *error)
{
    struct sim_domain_info info;

    if (query(sim(g), &info, error))
        return -1;
    *suspended = info.state == SIM_SUSPENDED;
    return 0;
}

static bool is_present(const struct sim_guest *s, uint64_t pfn)
{
    return pfn < s->size.max_pfns && s->pages[pfn] != SIM_PAGE_ABSENT;
}

static int page_types(struct xcsave_guest *g, unsigned n, const uint64_t *pfns, uint32_t *types,
                      struct xcsave_error *error)
{
    (void)error;
    for (unsigned i = 0; i < n; i++)
        types[i] = is_present(sim(g), pfns[i]) ? STREAM_PAGE_NOTAB : STREAM_PAGE_XTAB;
    return 0;
}

/* ---- mapping ---- */

static void *map(struct xcsave_guest *g, unsigned n, const uint64_t *pfns, bool writable, uint8_t **pages, int *errs,
                 struct xcsave_error *error)
{
    struct sim_guest *s = sim(g);

    if (writable && !s->is_writable) {
        xcsave_fail(error, EACCES, "simulated host: domain %u has no memory to write to", s->domid);
        return NULL;
    }
    for (unsigned i = 0; i < n; i++) {
        pages[i] = s->memory + pfns[i] * GUEST_PAGE_SIZE;
        errs[i] = is_present(s, pfns[i]) ? 0 : EINVAL;
    }
    return s->memory;
}

/*
 * Under way, as on Xen, and not all of it at the end, when the guest stands
 * still.  What another thread looks at meanwhile comes back by itself.
 */
static void unmap(struct xcsave_guest *g, void *mapping, unsigned n)
{
    struct sim_guest *s = sim(g);

    if (atomic_fetch_add(&s->nr_touched, n) + n < DROP_AFTER_PAGES)
        return;
    atomic_store(&s->nr_touched, 0);
    madvise(mapping, s->size.max_pfns * GUEST_PAGE_SIZE, MADV_DONTNEED);
}

/* A simulated guest's pages are the same on every host. */
static int normalise(struct xcsave_guest *g, uint32_t type, const void *page, void *out, struct xcsave_error *error)
{
    (void)g;
    (void)type;
    (void)page;
    (void)out;
    (void)error;
    return 0;
}

/* ---- the destination ---- */

static int accept_identity(struct xcsave_guest *g, const struct guest_identity *identity, struct xcsave_error *error)
{
    (void)g;
    if (identity->type != STREAM_GUEST_X86_HVM)
        return xcsave_fail(error, 0, "a simulated host takes only HVM images, this one is of type %u", identity->type);
    return 0;
}

static int accept_params(struct sim_guest *s, const void *body, size_t len_bytes, struct xcsave_error *error)
{
    struct stream_hvm_params head;
    struct stream_hvm_param param;
    const uint8_t *at = body;

    if (len_bytes < sizeof head)
        return xcsave_fail(error, 0, "HVM_PARAMS record of %zu bytes is too short", len_bytes);
    memcpy(&head, at, sizeof head);
    if (head.count > (len_bytes - sizeof head) / sizeof param)
        return xcsave_fail(error, 0, "HVM_PARAMS record of %zu bytes claims %u entries", len_bytes, head.count);
    for (uint32_t i = 0; i < head.count; i++) {
        memcpy(&param, at + sizeof head + i * sizeof param, sizeof param);
        if (param.index == HVM_PARAM_STORE_PFN)
            s->store_gfn = param.value;
        else if (param.index == HVM_PARAM_CONSOLE_PFN)
            s->console_gfn = param.value;
    }
    return 0;
}

static int accept_context(struct sim_guest *s, const void *body, size_t len_bytes, struct xcsave_error *error)
{
    if (len_bytes == 0 || len_bytes > SIM_PAYLOAD_MAX)
        return xcsave_fail(error, 0, "HVM_CONTEXT record of %zu bytes", len_bytes);
    void *copy = malloc(len_bytes);
    if (!copy)
        return xcsave_fail(error, errno, "HVM_CONTEXT record of %zu bytes", len_bytes);
    memcpy(copy, body, len_bytes);
    free(s->context);
    s->context = copy;
    s->context_bytes = len_bytes;
    return 0;
}

/* An array of such entries, nothing before or behind it. */
static int accept_array(const char *name, size_t entry_bytes, size_t len_bytes, bool *has, struct xcsave_error *error)
{
    if (len_bytes == 0 || len_bytes % entry_bytes)
        return xcsave_fail(error, 0, "%s record of %zu bytes", name, len_bytes);
    *has = true;
    return 0;
}

static int accept_record(struct xcsave_guest *g, uint32_t type, const void *body, size_t len_bytes,
                         struct xcsave_error *error)
{
    struct sim_guest *s = sim(g);

    switch (type) {
    case STREAM_REC_X86_CPUID_POLICY:
        return accept_array("X86_CPUID_POLICY", sizeof(struct stream_x86_cpuid_leaf), len_bytes, &s->has_cpuid, error);
    case STREAM_REC_X86_MSR_POLICY:
        return accept_array("X86_MSR_POLICY", sizeof(struct stream_x86_msr_entry), len_bytes, &s->has_msr, error);
    case STREAM_REC_X86_TSC_INFO:
        if (len_bytes != sizeof(struct stream_x86_tsc_info))
            return xcsave_fail(error, 0, "X86_TSC_INFO record of %zu bytes", len_bytes);
        return 0;
    case STREAM_REC_HVM_CONTEXT:
        return accept_context(s, body, len_bytes, error);
    case STREAM_REC_HVM_PARAMS:
        return accept_params(s, body, len_bytes, error);
    default:
        return 1;
    }
}

static int static_data_end(struct xcsave_guest *g, unsigned *missing, struct xcsave_error *error)
{
    const struct sim_guest *s = sim(g);

    (void)error;
    *missing = (s->has_cpuid ? 0 : XCSAVE_MISSING_CPUID) | (s->has_msr ? 0 : XCSAVE_MISSING_MSR);
    return 0;
}

static bool pfn_is_valid(struct xcsave_guest *g, uint64_t pfn)
{
    return pfn < sim(g)->size.max_pfns;
}

static int make_writable(struct sim_guest *s, struct xcsave_error *error)
{
    if (!s->is_writable && mprotect(s->memory, s->size.max_pfns * GUEST_PAGE_SIZE, PROT_READ | PROT_WRITE))
        return xcsave_fail(error, errno, "simulated host: write to the memory of domain %u", s->domid);
    s->is_writable = true;
    return 0;
}

static int populate(struct xcsave_guest *g, unsigned n, const uint64_t *pfns, unsigned order, unsigned *done,
                    struct xcsave_error *error)
{
    struct sim_guest *s = sim(g);

    *done = 0;
    if (make_writable(s, error))
        return -1;
    while (*done < n) {
        const unsigned part = n - *done < SIM_EXTENTS_MAX ? n - *done : SIM_EXTENTS_MAX;
        struct sim_call call = {
            .op = SIM_POPULATE, .domid = s->domid, .arg = { order },
            .in = pfns + *done, .in_bytes = part * sizeof *pfns,
        };
        int r = sim_call(s->host_fd, &call);
        const unsigned given = call.value[0] <= part ? (unsigned)call.value[0] : 0;
        *done += given;
        if (r && (errno == ENOMEM || (order && errno == EEXIST)))
            return 0;
        if (r)
            return xcsave_fail(error, errno, "simulated host: memory for pfn %#llx of domain %u",
                               (unsigned long long)pfns[*done], s->domid);
    }
    return 0;
}

static bool has_superpages(struct xcsave_guest *g)
{
    (void)g;
    return true;
}

static bool new_memory_is_zero(struct xcsave_guest *g)
{
    (void)g;
    return true;
}

static int depopulate(struct xcsave_guest *g, unsigned n, const uint64_t *pfns, struct xcsave_error *error)
{
    struct sim_guest *s = sim(g);

    for (unsigned done = 0, part; done < n; done += part) {
        part = n - done < SIM_EXTENTS_MAX ? n - done : SIM_EXTENTS_MAX;
        struct sim_call call = {
            .op = SIM_DEPOPULATE, .domid = s->domid, .in = pfns + done, .in_bytes = part * sizeof *pfns,
        };
        if (sim_call(s->host_fd, &call))
            return xcsave_fail(error, errno, "simulated host: take pages back from domain %u", s->domid);
    }
    return 0;
}

static void set_page_type(struct xcsave_guest *g, uint64_t pfn, uint32_t type)
{
    (void)g;
    (void)pfn;
    (void)type;
}

static int localise(struct xcsave_guest *g, uint32_t type, void *page,
                    int (*need)(void *user, unsigned n, const uint64_t *pfns, struct xcsave_error *error), void *user,
                    struct xcsave_error *error)
{
    (void)g;
    (void)type;
    (void)page;
    (void)need;
    (void)user;
    (void)error;
    return 0;
}

static int complete(struct xcsave_guest *g, struct xcsave_restore_result *result, struct xcsave_error *error)
{
    struct sim_guest *s = sim(g);
    struct sim_call call = { .op = SIM_SET_CONTEXT, .domid = s->domid, .in = s->context, .in_bytes = s->context_bytes };

    if (!s->context)
        return xcsave_fail(error, 0, "the image holds no HVM_CONTEXT record");
    if (sim_call(s->host_fd, &call))
        return xcsave_fail(error, errno, "simulated host: set the context of domain %u", s->domid);
    result->store_gfn = s->store_gfn;
    result->console_gfn = s->console_gfn;
    return 0;
}

static void close_guest(struct xcsave_guest *g)
{
    struct sim_guest *s = sim(g);

    if (s->memory)
        munmap(s->memory, s->size.max_pfns * GUEST_PAGE_SIZE);
    if (s->pages)
        munmap((void *)s->pages, s->size.max_pfns);
    if (s->dirty)
        munmap((void *)s->dirty, (s->size.max_pfns + 63) / 64 * 8);
    for (unsigned i = 0; i < SIM_ATTACH_FDS; i++)
        if (s->fds[i] >= 0)
            close(s->fds[i]);
    if (s->host_fd >= 0)
        close(s->host_fd);
    free(s->context);
    free(s);
}

static const struct guest_ops sim_ops = {
    .name = "sim",
    .map = map,
    .unmap = unmap,
    .has_superpages = has_superpages,
    .close = close_guest,
};

static const struct guest_save_ops sim_save_ops = {
    .identify = identify,
    .nr_pfns = nr_pfns,
    .nr_present = nr_present,
    .memory_pages = memory_pages,
    .static_records = static_records,
    .opening_records = opening_records,
    .layout_records = opening_records,
    .state_records = state_records,
    .logdirty_enable = logdirty_enable,
    .logdirty_read = logdirty_read,
    .logdirty_disable = logdirty_disable,
    .mark_dirty = mark_dirty,
    .has_other_saver = has_other_saver,
    .is_suspended = is_suspended,
    .page_types = page_types,
    .normalise = normalise,
};

static const struct guest_restore_ops sim_restore_ops = {
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

static int attach(struct sim_guest *s)
{
    struct sim_call call = {
        .op = SIM_ATTACH, .domid = s->domid, .out = &s->size, .out_room = sizeof s->size,
        .fds = s->fds, .nr_fds = SIM_ATTACH_FDS,
    };

    if (sim_call(s->host_fd, &call))
        return -1;
    void *memory = mmap(NULL, s->size.max_pfns * GUEST_PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_NORESERVE,
                        s->fds[FD_MEMORY], 0);
    if (memory == MAP_FAILED)
        return -1;
    /* As the host maps it (guest.c of the simulated host); a wish only. */
    madvise(memory, s->size.max_pfns * GUEST_PAGE_SIZE, MADV_HUGEPAGE);
    s->memory = memory;
    void *pages = mmap(NULL, s->size.max_pfns, PROT_READ, MAP_SHARED, s->fds[FD_PAGES], 0);
    if (pages == MAP_FAILED)
        return -1;
    s->pages = pages;
    void *dirty = mmap(NULL, (s->size.max_pfns + 63) / 64 * 8, PROT_READ, MAP_SHARED, s->fds[FD_DIRTY], 0);
    if (dirty == MAP_FAILED)
        return -1;
    s->dirty = dirty;
    return 0;
}

struct xcsave_guest *xcsave_guest_open_sim(const char *dir, uint32_t domid, struct xcsave_error *error)
{
    struct sim_guest *s = calloc(1, sizeof *s);

    if (!s) {
        xcsave_fail(error, errno, "simulated host %s", dir);
        return NULL;
    }
    s->guest = (struct xcsave_guest){ &sim_ops, &sim_save_ops, &sim_restore_ops };
    s->domid = domid;
    for (unsigned i = 0; i < SIM_ATTACH_FDS; i++)
        s->fds[i] = -1;
    s->host_fd = sim_connect(dir);
    if (s->host_fd < 0 || attach(s)) {
        xcsave_fail(error, errno, "simulated host %s: attach to domain %u", dir, domid);
        close_guest(&s->guest);
        return NULL;
    }
    return &s->guest;
}
