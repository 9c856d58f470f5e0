/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * For fuzz targets of xlmig images: make checksums, record numbers and padding
 * right again, so that a change to an image reaches what is behind them.
 */
#ifndef TESTS_STREAM_FORMAT_MEND_IMAGE1_H
#define TESTS_STREAM_FORMAT_MEND_IMAGE1_H

#include <stddef.h>
#include <stdint.h>

/* Nothing is done to octets that do not begin as an image. */
void mend_image1(uint8_t *data, size_t size);

#endif
