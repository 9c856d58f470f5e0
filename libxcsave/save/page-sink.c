/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What both images share: which pfns they know, and which were put off.
 *
 * A pfn without memory is told to the reader only if the image said before
 * that it has some (a page ballooned out under way): the reader starts from
 * nothing, and a PVH guest of 128 MiB has a pfn space of a million holes.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "libxcsave/bitmap.h"
#include "libxcsave/save/page-sink.h"
#include "stream-format/libxc-image.h"

static int grow_bitmap(uint64_t **map, uint64_t old_bits, uint64_t new_bits)
{
    size_t old_words = bitmap_words(old_bits), new_words = bitmap_words(new_bits);
    uint64_t *grown = realloc(*map, new_words * sizeof(*grown));

    if (!grown)
        return -1;
    memset(grown + old_words, 0, (new_words - old_words) * sizeof(*grown));
    *map = grown;
    return 0;
}

int page_sink_grow(struct page_sink *s, uint64_t nr_pfns, struct xcsave_error *error)
{
    if (grow_bitmap(&s->known, s->nr_pfns, nr_pfns) || grow_bitmap(&s->deferred, s->nr_pfns, nr_pfns))
        return xcsave_fail(error, ENOMEM, "bitmaps of %llu pages", (unsigned long long)nr_pfns);
    s->nr_pfns = nr_pfns;
    return 0;
}

void page_sink_take_deferred(struct page_sink *s, uint64_t *dirty)
{
    bitmap_or(dirty, s->deferred, bitmap_words(s->nr_pfns));
    memset(s->deferred, 0, bitmap_words(s->nr_pfns) * sizeof(*s->deferred));
}

static void set_known(struct page_sink *s, uint64_t pfn, bool has_memory)
{
    if (bitmap_test(s->known, pfn) == has_memory)
        return;
    if (has_memory) {
        bitmap_set(s->known, pfn);
        s->nr_known++;
    } else {
        bitmap_clear(s->known, pfn);
        s->nr_known--;
    }
}

int page_sink_look_up(struct page_sink *s, const uint64_t *pfns, unsigned n, uint64_t *told, uint32_t *types,
                      struct xcsave_error *error)
{
    unsigned nr_told = 0;

    if (s->guest->save->page_types(s->guest, n, pfns, types, error))
        return -1;
    for (unsigned i = 0; i < n; i++) {
        bool has_memory = stream_page_type_has_data(types[i]) || types[i] == STREAM_PAGE_XALLOC;

        if (!stream_page_type_valid(types[i]))
            return xcsave_fail(error, 0, "pfn %#llx has page type %#x, which no stream can carry",
                               (unsigned long long)pfns[i], types[i]);
        if (types[i] != STREAM_PAGE_XTAB || bitmap_test(s->known, pfns[i])) {
            told[nr_told] = pfns[i];
            types[nr_told++] = types[i];
        }
        set_known(s, pfns[i], has_memory);
    }
    return (int)nr_told;
}

int page_sink_put_off(struct page_sink *s, uint64_t pfn, bool suspended, const struct xcsave_error *reason,
                      struct xcsave_error *error)
{
    if (suspended)
        return xcsave_fail(error, reason->errnum == EAGAIN ? 0 : reason->errnum,
                           "pfn %#llx of the suspended guest: %s", (unsigned long long)pfn, reason->text);
    __atomic_fetch_or(&s->deferred[pfn / 64], UINT64_C(1) << (pfn % 64), __ATOMIC_RELAXED);
    return 0;
}

void page_sink_dispose(struct page_sink *s)
{
    free(s->known);
    free(s->deferred);
    s->known = s->deferred = NULL;
    s->nr_pfns = 0;
}

void page_sink_count(struct page_sink *s, struct xcsave_progress *progress)
{
    const struct xcsave_kind_count *kinds = progress->kinds;

    s->ops->count(s, progress);
    progress->bytes = s->ops->bytes(s);
    progress->pages_sent = kinds[XCSAVE_KIND_DATA].pages + kinds[XCSAVE_KIND_ZERO].pages +
                           kinds[XCSAVE_KIND_DELTA].pages + kinds[XCSAVE_KIND_SAME].pages;
    progress->pages_skipped = kinds[XCSAVE_KIND_ABSENT].pages;
}

void page_sink_close(struct page_sink *s)
{
    if (s)
        s->ops->close(s);
}
