/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Which 1 GiB extents of a guest are whole: every page has memory.
 *
 * A reader that knows beforehand can give them as they are (populate.h).  It is a
 * hint, and the reader sees to it that nothing is lost or left over where it is
 * wrong: the guest may give up pages a moment later.  So not every page is looked
 * at, which would cost as much again as the look that the first round takes, but one
 * of each EXTENTS_STEP: what a balloon or a hole of a PC takes out is larger, or is
 * spread over so many places that one is met.
 */
#ifndef LIBXCSAVE_SAVE_EXTENTS_H
#define LIBXCSAVE_SAVE_EXTENTS_H

#include "libxcsave/save/page-sink.h"

#define EXTENTS_STEP 16u

/* Look at the guest, and have the image say what is whole, if anything is.  Before the first page. */
int extents_tell(struct page_sink *s, struct xcsave_error *error);

#endif
