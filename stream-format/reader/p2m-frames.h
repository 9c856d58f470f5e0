/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A PV guest's p2m is in pages of its own. Which pages are those, and did each come, as an ordinary page?
 *
 * Bounded: a guest of up to 512 Mi pages (2 TiB), 8 MiB for the list, 64 MiB for the pages at the most. Beyond that it
 * knows nothing, and says that all is well.
 */
#ifndef STREAM_FORMAT_READER_P2M_FRAMES_H
#define STREAM_FORMAT_READER_P2M_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

struct p2m_frames;

struct p2m_frames *p2m_frames_new(void); /* NULL: no memory */
void p2m_frames_free(struct p2m_frames *p2m);

/* The frame number `index` of the p2m is that page; the last word counts. */
void p2m_frames_set(struct p2m_frames *p2m, uint64_t index, uint64_t pfn);

/* count pages from pfn on came; plain: with content, and as no page table. */
void p2m_frames_pages(struct p2m_frames *p2m, uint64_t pfn, uint64_t count, bool plain);

/* false: the page of a frame did not come, or is no plain one; which. */
bool p2m_frames_complete(const struct p2m_frames *p2m, uint64_t *index, uint64_t *pfn);

#endif
