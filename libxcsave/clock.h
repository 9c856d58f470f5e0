/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#ifndef LIBXCSAVE_CLOCK_H
#define LIBXCSAVE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Microseconds of a clock that never jumps. */
static inline uint64_t monotonic_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

#endif
