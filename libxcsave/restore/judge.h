/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The rules of a libxc image, as `xlmig verify` has them: the very reader of stream-format/reader, which is shown whatever
 * is read before it is acted on. What it refuses, no guest is made of. It sees one image and nothing around it.
 *
 * Of an xlmig image it is shown what that has of libxc's: identity, records, which pages came. The rest of such an image
 * is judged by the decoders of image1/, which the reader uses, too.
 *
 * From any thread, one call at a time waits for another.
 */
#ifndef LIBXCSAVE_RESTORE_JUDGE_H
#define LIBXCSAVE_RESTORE_JUDGE_H

#include "libxcsave/guest.h"

struct judge;

/* NULL: no memory. */
struct judge *judge_new(void);
/* NULL is fine. */
void judge_free(struct judge *j);

/* The image's octets in their order; judge_pass() for the content of pages, which no rule is about. */
int judge_take(struct judge *j, const void *octets, size_t len_bytes, struct xcsave_error *error);
int judge_pass(struct judge *j, size_t len_bytes, struct xcsave_error *error);

/* Of an xlmig image: the two headers that a libxc image of such a guest has; a record whole, without its padding. */
int judge_begin(struct judge *j, const struct guest_identity *identity, struct xcsave_error *error);
int judge_record(struct judge *j, uint32_t type, const void *body, uint32_t length, struct xcsave_error *error);
/* Pages that came. */
int judge_pages(struct judge *j, uint64_t pfn, uint64_t count, uint32_t type, struct xcsave_error *error);

/* The image's END was shown: was that all of it? */
int judge_end(struct judge *j, struct xcsave_error *error);

#endif
