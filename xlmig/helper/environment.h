/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the save helper is told when it starts.  libxl hands nothing on but the environment and
 * descriptors, so that is where it stands.
 */
#ifndef XLMIG_HELPER_ENVIRONMENT_H
#define XLMIG_HELPER_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

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
    uint64_t stall_timeout_us;    /* fail when no byte was taken for so long; 0: the engine's default */
};

/* Set or clear the variables, for what this process starts from now on. */
void helper_export_limits(const struct helper_limits *limits);
/* The same for the image; its channels are inherited until that is taken back. */
void helper_export_image(const struct helper_image *image);
void helper_unexport_image(const struct helper_image *image);

#endif
