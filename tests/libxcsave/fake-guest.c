/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/libxcsave/fake-guest.h"
#include "libxcsave/bitmap.h"
#include "stream-format/libxc-image.h"

/* As an HVM context must be, with the word in an entry that no Xen has. */
#define STATE_ENTRY 0x5300

const uint8_t fake_state[FAKE_STATE_BYTES] = {
    1, 0, 0, 0, 24, 0, 0, 0, 0x86, 0x12, 0x38, 0x54, 1, [32] = 0x00, STATE_ENTRY >> 8, 0, 0, 6, 0, 0, 0,
    's', 't', 'a', 't', 'e', 0, [46] = 0,
};

static struct fake_guest *to_fake(struct xcsave_guest *g)
{
    return (struct fake_guest *)g;
}

static uint8_t *page_of(struct fake_guest *g, uint64_t pfn)
{
    return g->memory + pfn * GUEST_PAGE_SIZE;
}

static void clear_log(struct fake_guest *g)
{
    memset(g->dirty, 0, g->max_pages / 8);
}

/* From any thread. */
static int count_call(struct fake_guest *g, struct xcsave_error *error)
{
    unsigned call = atomic_fetch_add(&g->calls, 1) + 1;

    return call == g->fail_at ? xcsave_fail(error, EIO, "injected at call %u", call) : 0;
}

static int identify(struct xcsave_guest *base, struct guest_identity *identity, struct xcsave_error *error)
{
    *identity = (struct guest_identity){ to_fake(base)->type, 4, 17 };
    return count_call(to_fake(base), error);
}

static int nr_pfns(struct xcsave_guest *base, uint64_t *nr, struct xcsave_error *error)
{
    *nr = to_fake(base)->nr_pfns;
    return count_call(to_fake(base), error);
}

/* Asked for after each batch, of a large guest: eight types at a time, of which none is above 15. */
uint64_t fake_guest_count(const struct fake_guest *g, uint64_t end)
{
    uint64_t n = 0, pfn = 0;

    for (; pfn + 8 <= end; pfn += 8) {
        uint64_t types;

        memcpy(&types, g->types + pfn, sizeof(types));
        types ^= UINT64_C(0x0101010101010101) * STREAM_PAGE_XTAB;
        n += (unsigned)__builtin_popcountll((types + UINT64_C(0x7f7f7f7f7f7f7f7f)) & UINT64_C(0x8080808080808080));
    }
    for (; pfn < end; pfn++)
        n += g->types[pfn] != STREAM_PAGE_XTAB;
    return n;
}

static int memory_pages(struct xcsave_guest *base, uint64_t *nr, struct xcsave_error *error)
{
    struct fake_guest *g = to_fake(base);

    *nr = fake_guest_count(g, g->nr_pfns);
    return count_call(g, error);
}

static int nr_present(struct xcsave_guest *base, uint64_t *nr, struct xcsave_error *error)
{
    struct fake_guest *g = to_fake(base);

    if (g->counts_pages)
        return memory_pages(base, nr, error);
    *nr = 0;
    return count_call(g, error);
}

static int layout_records(struct xcsave_guest *base, guest_emit_record *emit, void *user,
                          struct xcsave_error *error)
{
    struct fake_guest *g = to_fake(base);

    (void)emit, (void)user;
    g->rounds++;
    if (g->script && !g->suspended)
        g->script(g, g->rounds);
    return count_call(g, error);
}

/* A PV guest's: the one frame of its p2m is a page that never is a table and is always there. */
static int emit_pv_static(guest_emit_record *emit, void *user)
{
    static const struct stream_x86_pv_info info = { .guest_width = 8, .pt_levels = 4 };

    return emit(user, STREAM_REC_X86_PV_INFO, &info, sizeof(info));
}

static uint64_t find_plain(const struct fake_guest *g)
{
    uint64_t pfn = 0;

    while (pfn < g->nr_pfns && g->types[pfn] != STREAM_PAGE_NOTAB)
        pfn++;
    return pfn;
}

static int static_records(struct xcsave_guest *base, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    struct fake_guest *g = to_fake(base);

    return count_call(g, error) || (g->type == STREAM_GUEST_X86_PV && emit_pv_static(emit, user)) ? -1 : 0;
}

static int opening_records(struct xcsave_guest *base, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    struct fake_guest *g = to_fake(base);
    uint64_t nr_frames = (g->nr_pfns + 511) / 512, frames[1 + 64];

    if (count_call(g, error) || g->type != STREAM_GUEST_X86_PV)
        return g->type != STREAM_GUEST_X86_PV && !error->text[0] ? 0 : -1;
    if (nr_frames > 64)
        return xcsave_fail(error, 0, "a fake PV guest of %llu pages", (unsigned long long)g->nr_pfns);
    frames[0] = (g->nr_pfns - 1) << 32;
    for (uint64_t i = 0; i < nr_frames; i++)
        frames[1 + i] = find_plain(g);
    return emit(user, STREAM_REC_X86_PV_P2M_FRAMES, frames, 8 + 8 * nr_frames);
}

static int emit_pv_state(guest_emit_record *emit, void *user)
{
    uint8_t shared_info[GUEST_PAGE_SIZE] = { 0 }, vcpu[8 + STREAM_VCPU_BASIC_X86_64] = { [8] = 's', 't', 'a', 't', 'e' };

    return emit(user, STREAM_REC_SHARED_INFO, shared_info, sizeof(shared_info)) ||
                   emit(user, STREAM_REC_X86_PV_VCPU_BASIC, vcpu, sizeof(vcpu))
               ? -1 : 0;
}

static int state_records(struct xcsave_guest *base, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    struct fake_guest *g = to_fake(base);

    if (count_call(g, error))
        return -1;
    if (g->type == STREAM_GUEST_X86_PV)
        return emit_pv_state(emit, user);
    return emit(user, STREAM_REC_HVM_CONTEXT, fake_state, sizeof(fake_state));
}

static int logdirty_enable(struct xcsave_guest *base, struct xcsave_error *error)
{
    struct fake_guest *g = to_fake(base);

    if (count_call(g, error))
        return -1;
    g->logdirty = true;
    clear_log(g);
    return 0;
}

static int logdirty_read(struct xcsave_guest *base, enum guest_dirty_op op, uint64_t *bitmap, uint64_t nr,
                         struct xcsave_error *error)
{
    struct fake_guest *g = to_fake(base);

    if (count_call(g, error))
        return -1;
    if (!g->logdirty)
        return xcsave_fail(error, EINVAL, "log-dirty mode is off");
    memcpy(bitmap, g->dirty, bitmap_words(nr) * sizeof(*bitmap));
    if (op == GUEST_DIRTY_CLEAN)
        clear_log(g);
    return 0;
}

static int logdirty_disable(struct xcsave_guest *base, struct xcsave_error *error)
{
    (void)error;
    to_fake(base)->logdirty = false;
    return 0;
}

static int mark_dirty(struct xcsave_guest *base, uint64_t *pfn, struct xcsave_error *error)
{
    struct fake_guest *g = to_fake(base);

    if (count_call(g, error))
        return -1;
    *pfn = FAKE_MARKED_PFN;
    if (g->cannot_mark)
        return 1;
    if (g->logdirty && !g->marks_nothing)
        bitmap_set(g->dirty, FAKE_MARKED_PFN);
    return 0;
}

static int has_other_saver(struct xcsave_guest *base)
{
    return to_fake(base)->has_other_saver;
}

static int is_suspended(struct xcsave_guest *base, bool *suspended, struct xcsave_error *error)
{
    *suspended = to_fake(base)->suspended;
    return count_call(to_fake(base), error);
}

static int page_types(struct xcsave_guest *base, unsigned n, const uint64_t *pfns, uint32_t *types,
                      struct xcsave_error *error)
{
    struct fake_guest *g = to_fake(base);

    for (unsigned i = 0; i < n; i++)
        types[i] = g->types[pfns[i]];
    g->nr_types_asked += n;
    return count_call(g, error);
}

static void *map(struct xcsave_guest *base, unsigned n, const uint64_t *pfns, bool writable, uint8_t **pages,
                 int *errs, struct xcsave_error *error)
{
    struct fake_guest *g = to_fake(base);

    (void)writable;
    if (count_call(g, error))
        return NULL;
    for (unsigned i = 0; i < n; i++) {
        errs[i] = g->unmappable_pfn && pfns[i] == g->unmappable_pfn && !g->suspended ? EINVAL : 0;
        pages[i] = page_of(g, pfns[i]);
    }
    g->mapped += n;
    return g->memory;
}

static void unmap(struct xcsave_guest *base, void *mapping, unsigned n)
{
    struct fake_guest *g = to_fake(base);

    if (mapping != g->memory)
        abort();
    g->mapped -= n;
    if (g->between && ++g->batches % g->jobs_a_batch == 0)
        g->between(g, g->batches / g->jobs_a_batch);
}

/* Page tables of this guest are normalised by flipping every bit. */
static void flip(uint8_t *out, const uint8_t *page)
{
    for (size_t i = 0; i < GUEST_PAGE_SIZE; i++)
        out[i] = (uint8_t)~page[i];
}

static int normalise(struct xcsave_guest *base, uint32_t type, const void *page, void *out,
                     struct xcsave_error *error)
{
    struct fake_guest *g = to_fake(base);
    uint32_t tag;

    memcpy(&tag, page, sizeof(tag));
    if (g->unreadable_pfn && tag == g->unreadable_pfn && !g->suspended)
        return xcsave_fail(error, EAGAIN, "in flux");
    if (type == STREAM_PAGE_NOTAB)
        return 0;
    flip(out, page);
    return 1;
}

static int accept_identity(struct xcsave_guest *base, const struct guest_identity *identity,
                           struct xcsave_error *error)
{
    return identity->type == to_fake(base)->type ? 0 : xcsave_fail(error, 0, "guest type %u", identity->type);
}

static int accept_record(struct xcsave_guest *base, uint32_t type, const void *body, size_t len_bytes,
                         struct xcsave_error *error)
{
    struct fake_guest *g = to_fake(base);

    (void)error;
    if (type == STREAM_REC_HVM_CONTEXT && len_bytes == sizeof(fake_state))
        memcpy(g->state, (const uint8_t *)body + 40, 6);
    else if (type == STREAM_REC_X86_PV_VCPU_BASIC && len_bytes > 14)
        memcpy(g->state, (const uint8_t *)body + 8, 6);
    else if (type != STREAM_REC_X86_PV_INFO && type != STREAM_REC_X86_PV_P2M_FRAMES && type != STREAM_REC_SHARED_INFO)
        return g->takes_any_record ? 0 : 1;
    return 0;
}

static int static_data_end(struct xcsave_guest *base, unsigned *missing, struct xcsave_error *error)
{
    *missing = 0;
    return count_call(to_fake(base), error);
}

static bool pfn_is_valid(struct xcsave_guest *base, uint64_t pfn)
{
    return pfn < to_fake(base)->max_pages;
}

static int populate(struct xcsave_guest *base, unsigned n, const uint64_t *pfns, unsigned order, unsigned *done,
                    struct xcsave_error *error)
{
    struct fake_guest *g = to_fake(base);
    unsigned pages = 1u << order;

    if (count_call(g, error))
        return -1;
    for (*done = 0; *done < n; ++*done) {
        if (pfns[*done] % pages || pfns[*done] + pages > g->max_pages)
            return xcsave_fail(error, EINVAL, "extent at %#llx", (unsigned long long)pfns[*done]);
        if (order > g->max_order || (g->max_populated && g->nr_populated + pages > g->max_populated))
            return 0;
        for (unsigned i = 0; i < pages; i++) {
            if (g->types[pfns[*done] + i] != STREAM_PAGE_XTAB)
                return xcsave_fail(error, EEXIST, "pfn %#llx has memory", (unsigned long long)pfns[*done] + i);
            g->types[pfns[*done] + i] = STREAM_PAGE_NOTAB;
            if (!g->clean_memory)
                memset(page_of(g, pfns[*done] + i), 0xa5, GUEST_PAGE_SIZE);
        }
        g->nr_populated += pages;
        if (g->nr_populated > g->most_populated)
            g->most_populated = g->nr_populated;
        g->extents_2m += order == GUEST_SUPERPAGE_ORDER;
        g->extents_1g += order == GUEST_HUGEPAGE_ORDER;
    }
    return 0;
}

static bool has_superpages(struct xcsave_guest *base)
{
    return to_fake(base)->superpages;
}

static bool new_memory_is_zero(struct xcsave_guest *base)
{
    return to_fake(base)->clean_memory;
}

static int depopulate(struct xcsave_guest *base, unsigned n, const uint64_t *pfns, struct xcsave_error *error)
{
    struct fake_guest *g = to_fake(base);

    for (unsigned i = 0; i < n; i++) {
        if (g->types[pfns[i]] == STREAM_PAGE_XTAB)
            return xcsave_fail(error, ENOENT, "pfn %#llx has no memory", (unsigned long long)pfns[i]);
        g->types[pfns[i]] = STREAM_PAGE_XTAB;
        if (g->clean_memory)
            (void)madvise(page_of(g, pfns[i]), GUEST_PAGE_SIZE, MADV_DONTNEED);
    }
    g->nr_populated -= n;
    g->given_back += n;
    return count_call(g, error);
}

static void set_page_type(struct xcsave_guest *base, uint64_t pfn, uint32_t type)
{
    if (type != STREAM_PAGE_XTAB && pfn < to_fake(base)->max_pages)
        to_fake(base)->told_types[pfn] = (uint8_t)type;
}

static int localise(struct xcsave_guest *base, uint32_t type, void *page,
                    int (*need)(void *, unsigned, const uint64_t *, struct xcsave_error *), void *user,
                    struct xcsave_error *error)
{
    uint8_t copy[GUEST_PAGE_SIZE];

    (void)need, (void)user;
    if (type != STREAM_PAGE_NOTAB) {
        memcpy(copy, page, sizeof(copy));
        flip(page, copy);
    }
    return count_call(to_fake(base), error);
}

static int complete(struct xcsave_guest *base, struct xcsave_restore_result *result, struct xcsave_error *error)
{
    struct fake_guest *g = to_fake(base);

    *result = (struct xcsave_restore_result){ 1, 2 };
    if (count_call(g, error))
        return -1;
    g->completed = true;
    return 0;
}

static void close_fake(struct xcsave_guest *base)
{
    struct fake_guest *g = to_fake(base);

    (void)munmap(g->memory, g->max_pages * GUEST_PAGE_SIZE);
    free(g->types);
    free(g->told_types);
    free(g->dirty);
    free(g);
}

static const struct guest_ops fake_ops = {
    .name = "fake",
    .map = map,
    .unmap = unmap,
    .has_superpages = has_superpages,
    .close = close_fake,
};

static const struct guest_save_ops fake_save_ops = {
    .identify = identify,
    .nr_pfns = nr_pfns,
    .nr_present = nr_present,
    .memory_pages = memory_pages,
    .static_records = static_records,
    .opening_records = opening_records,
    .layout_records = layout_records,
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

static const struct guest_restore_ops fake_restore_ops = {
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

struct fake_guest *fake_guest_new_sized(uint64_t max_pages)
{
    struct fake_guest *g = calloc(1, sizeof(*g));

    g->base = (struct xcsave_guest){ &fake_ops, &fake_save_ops, &fake_restore_ops };
    g->type = STREAM_GUEST_X86_HVM;
    g->max_pages = max_pages;
    /* Not calloc(): a sanitizer would fill all of it. */
    g->memory = mmap(NULL, max_pages * GUEST_PAGE_SIZE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    /* What is only read is the one huge page of zeros then, if there is one; a wish only. */
    if (max_pages > FAKE_MAX_PAGES)
        (void)madvise(g->memory, max_pages * GUEST_PAGE_SIZE, MADV_HUGEPAGE);
    g->types = malloc(max_pages);
    memset(g->types, STREAM_PAGE_XTAB, max_pages);
    g->told_types = calloc(max_pages, 1);
    g->dirty = calloc(max_pages / 64, sizeof(*g->dirty));
    g->superpages = true;
    g->max_order = GUEST_HUGEPAGE_ORDER;
    g->jobs_a_batch = 1;
    return g;
}

struct fake_guest *fake_guest_new_empty(void)
{
    return fake_guest_new_sized(FAKE_MAX_PAGES);
}

struct fake_guest *fake_guest_new(uint64_t nr)
{
    struct fake_guest *g = fake_guest_new_empty();

    g->nr_pfns = nr;
    for (uint64_t pfn = 0; pfn < nr; pfn++) {
        g->types[pfn] = STREAM_PAGE_NOTAB;
        fake_guest_write(g, pfn, (uint32_t)pfn);
    }
    return g;
}

void fake_guest_free(struct fake_guest *g)
{
    close_fake(&g->base);
}

void fake_guest_write(struct fake_guest *g, uint64_t pfn, uint32_t value)
{
    uint32_t words[GUEST_PAGE_SIZE / sizeof(uint32_t)];

    for (size_t i = 0; i < GUEST_PAGE_SIZE / sizeof(uint32_t); i++)
        words[i] = value + (uint32_t)i * 2654435761u;
    memcpy(page_of(g, pfn), words, sizeof(words));
    bitmap_set(g->dirty, pfn);
}

bool fake_guest_equal(const struct fake_guest *a, const struct fake_guest *b)
{
    if (a->max_pages != b->max_pages)
        return false;
    for (uint64_t pfn = 0; pfn < a->max_pages; pfn++) {
        bool has_a = a->types[pfn] != STREAM_PAGE_XTAB, has_b = b->types[pfn] != STREAM_PAGE_XTAB;

        if (has_a != has_b || (has_a && memcmp(a->memory + pfn * GUEST_PAGE_SIZE, b->memory + pfn * GUEST_PAGE_SIZE,
                                               GUEST_PAGE_SIZE)))
            return false;
    }
    return true;
}
