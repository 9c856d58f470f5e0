/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A list that grows, and a bit for each page, in chunks that are made when a page of them comes. */
#include "stream-format/reader/p2m-frames.h"

#include <stdlib.h>

#define CHUNK_PAGES (UINT64_C(1) << 16)
#define CHUNK_WORDS (CHUNK_PAGES / 64)
#define NR_CHUNKS 8192u
#define NR_FRAMES_MAX (UINT64_C(1) << 20)

struct p2m_frames {
    uint64_t *chunks[NR_CHUNKS];
    uint64_t *frames;
    uint64_t nr_frames, room;
    bool lost; /* it is too much */
};

struct p2m_frames *p2m_frames_new(void)
{
    return calloc(1, sizeof(struct p2m_frames));
}

void p2m_frames_free(struct p2m_frames *p2m)
{
    if (!p2m)
        return;
    for (unsigned int i = 0; i < NR_CHUNKS; i++)
        free(p2m->chunks[i]);
    free(p2m->frames);
    free(p2m);
}

static bool make_room(struct p2m_frames *p2m, uint64_t nr)
{
    uint64_t room = p2m->room ? p2m->room : 64;
    uint64_t *frames;

    if (nr <= p2m->room)
        return true;
    while (room < nr)
        room *= 2;
    frames = nr <= NR_FRAMES_MAX ? realloc(p2m->frames, room * sizeof(*frames)) : NULL;
    if (!frames)
        return false;
    p2m->frames = frames;
    p2m->room = room;
    return true;
}

void p2m_frames_set(struct p2m_frames *p2m, uint64_t index, uint64_t pfn)
{
    if (p2m->lost || !make_room(p2m, index + 1)) {
        p2m->lost = true;
        return;
    }
    while (p2m->nr_frames <= index)
        p2m->frames[p2m->nr_frames++] = UINT64_MAX;
    p2m->frames[index] = pfn;
}

void p2m_frames_pages(struct p2m_frames *p2m, uint64_t pfn, uint64_t count, bool plain)
{
    for (; count && !p2m->lost; pfn++, count--) {
        uint64_t chunk = pfn / CHUNK_PAGES, mask = UINT64_C(1) << pfn % 64;
        uint64_t *word;

        if (chunk < NR_CHUNKS && !p2m->chunks[chunk] && plain)
            p2m->chunks[chunk] = calloc(CHUNK_WORDS, sizeof(uint64_t));
        if (chunk >= NR_CHUNKS || (plain && !p2m->chunks[chunk])) {
            p2m->lost = true;
            return;
        }
        if (!p2m->chunks[chunk])
            continue;
        word = &p2m->chunks[chunk][pfn % CHUNK_PAGES / 64];
        *word = plain ? *word | mask : *word & ~mask;
    }
}

static bool came(const struct p2m_frames *p2m, uint64_t pfn)
{
    const uint64_t *chunk = pfn / CHUNK_PAGES < NR_CHUNKS ? p2m->chunks[pfn / CHUNK_PAGES] : NULL;

    return chunk && chunk[pfn % CHUNK_PAGES / 64] >> pfn % 64 & 1;
}

bool p2m_frames_complete(const struct p2m_frames *p2m, uint64_t *index, uint64_t *pfn)
{
    for (uint64_t i = 0; i < p2m->nr_frames && !p2m->lost; i++) {
        if (p2m->frames[i] == UINT64_MAX || came(p2m, p2m->frames[i]))
            continue;
        *index = i;
        *pfn = p2m->frames[i];
        return false;
    }
    return true;
}
