/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What image the save helper writes, and over what, from its environment:
 *
 *     XLMIG_IMAGE=libxc|v1             save; libxc if absent
 *     XLMIG_IMAGE_FEATURES=HEX         save; those of image v1 that the reader reads
 *     XLMIG_COMPRESS=auto|none|lz4|zstd save
 *     XLMIG_THREADS=N                  save; 0 or absent: from the machine
 *     XLMIG_CHANNEL_FDS=7,8,9          channels 1 and up, besides libxl's descriptor
 *     XLMIG_CHANNEL_TOKEN=32 hex       by which both sides know them
 *
 * A reader sees the image from its first octets.
 */
#ifndef XLMIG_HELPER_IMAGE_H
#define XLMIG_HELPER_IMAGE_H

#include "libxcsave/xcsave.h"

/* 0, or -1 with error: channels are named that cannot be used.  image->channels is valid until the next call. */
int helper_image_from_environment(struct xcsave_image_options *image, struct xcsave_error *error);

#endif
