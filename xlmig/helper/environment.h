/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What the save helper is told when it starts.  libxl hands nothing on but the environment and
 * descriptors, so that is where it stands:
 *
 *     XLMIG_MAX_ROUNDS=N               save; of copying before the guest is stopped
 *     XLMIG_MAX_DOWNTIME_US=N          save
 *     XLMIG_MAX_BANDWIDTH=N            save; bytes a second
 *     XLMIG_TIMEOUT_US=N               save; of copying while the guest runs
 *     XLMIG_ON_TIMEOUT=cancel|force    save
 *     XLMIG_THROTTLE=off|auto          save
 *     XLMIG_HOLD=0|1                   save
 *     XLMIG_IO_TIMEOUT_S=N             both
 *     XLMIG_IMAGE=libxc|v1             save; libxc if absent
 *     XLMIG_IMAGE_FEATURES=HEX         save; those of image v1 that the reader reads
 *     XLMIG_COMPRESS=auto|none|lz4|zstd save
 *     XLMIG_THREADS=N                  save; 0 or absent: from the machine
 *     XLMIG_CHANNEL_FDS=7,8,9          channels 1 and up, besides libxl's descriptor
 *     XLMIG_CHANNEL_TOKEN=32 hex       by which both sides know them
 *     XLMIG_EVENTS_FD=N                the socket of events.h and command.h
 *
 * Each is written and read in environment.c only.  A number that is absent or 0 is the engine's default.
 */
#ifndef XLMIG_HELPER_ENVIRONMENT_H
#define XLMIG_HELPER_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

/* By which libxl, and a simulated host, find the save helper; and ours. */
#define HELPER_PROGRAM_ENV "LIBXL_SAVE_HELPER"
#define HELPER_PROGRAM LIBEXECDIR "/xlmig-save-helper"

#define HELPER_NR_FURTHER_CHANNELS 63u     /* besides the stream */

/* What the save helper is told of the image that it writes or reads, beside the stream that libxl gives it. */
struct helper_image {
    bool chosen;                  /* save: `v1` counts; otherwise the environment's XLMIG_IMAGE does */
    bool v1;                      /* xlmig's image; else libxc's */
    uint64_t features;            /* of image v1, that its reader reads */
    const int *channels;          /* besides the stream: inherited by the helper, for its use alone */
    unsigned nr_channels;
    uint8_t token[16];            /* of those channels */
    unsigned threads;             /* 0: as the environment says, or as many as the machine is good for */
    const char *compress;         /* "none", "lz4", "zstd", "auto"; NULL: as the environment says */
};

/* Of a save. */
struct helper_limits {
    unsigned max_rounds;          /* of copying before the guest is stopped; 0: the engine's default */
    uint64_t max_downtime_us;     /* 0: the engine's default */
    uint64_t max_bandwidth;       /* bytes a second while the guest runs; 0: no limit */
    uint64_t timeout_us;          /* of copying while the guest runs; 0: none */
    bool force_at_timeout;        /* stop the guest then; otherwise fail */
    bool throttle;                /* the guest may be slowed down: events of kind HELPER_THROTTLE say by how much */
    bool hold;                    /* the guest runs on until it is told HELPER_RELEASE (command.h) */
    uint64_t stall_timeout_us;    /* fail when no byte was taken for so long, in whole seconds; 0: the engine's default */
};

/* ---- the command's side ---- */

/* Set or clear the variables, for what this process starts from now on. */
void helper_export_limits(const struct helper_limits *limits);
/* The same for the image; its channels are inherited until that is taken back. */
void helper_export_image(const struct helper_image *image);
void helper_unexport_image(const struct helper_image *image);
/* -1: it is taken back.  Whether the descriptor is inherited is its owner's matter. */
void helper_export_events_fd(int fd);
/* The name of that variable, for whoever starts a child with variables of its own. */
const char *helper_events_variable(void);

/* ---- the helper's side ---- */

/* What is not what it should be is left out, and `warn` is told so. */
typedef void helper_warning(const char *text);

void helper_read_limits(struct helper_limits *limits, helper_warning *warn);
/*
 * image->chosen: XLMIG_IMAGE was there.  `all_features` where nothing is said of them.  The channels are valid until
 * the next call, and are inherited by nobody from now on.  -1: they are named and cannot be used, which is no reason
 * to do without: whoever made them waits for them.
 */
int helper_read_image(struct helper_image *image, uint64_t all_features, helper_warning *warn);
/* -1: nobody listens. */
int helper_read_events_fd(void);

#endif
