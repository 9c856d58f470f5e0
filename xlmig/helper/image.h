/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What the save helper is told in its environment (environment.h), as the engine wants it; complaints go to libxl's
 * log.  A reader sees the image from its first octets.
 */
#ifndef XLMIG_HELPER_IMAGE_H
#define XLMIG_HELPER_IMAGE_H

#include "libxcsave/xcsave.h"
#include "xlmig/helper/environment.h"

void helper_limits_from_environment(struct helper_limits *limits);
/* 0, or -1 with error: channels are named that cannot be used.  options->channels is valid until the next call. */
int helper_image_from_environment(struct xcsave_image_options *options, struct xcsave_error *error);

#endif
