/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A save of a fake guest, with what a test wants to happen to it and what is seen of it; a restore; or both. */
#ifndef TESTS_LIBXCSAVE_ENGINE_CASE_H
#define TESTS_LIBXCSAVE_ENGINE_CASE_H

#include <signal.h>

#include "tests/libxcsave/fake-guest.h"

/* Ways in which a guest travels. */
enum engine_way {
    WAY_LIBXC,
    WAY_V1_SERIAL,              /* no thread, one channel, no codec */
    WAY_V1_ZSTD,                /* the same, with one */
    WAY_V1_THREADS,             /* several threads, one channel */
    WAY_V1_CHANNELS,            /* several channels */
    NR_WAYS,
};

#define MAX_TEST_CHANNELS 4u

/* Longer than a machine that is busy with something else keeps anybody waiting. */
#define DEFAULT_PATIENCE_S 60

struct save_case {
    struct fake_guest *guest;
    enum engine_way way;
    bool live;
    bool suspend_fails;
    bool ready_fails;
    unsigned ready_calls;
    bool tracked_when_ready;    /* by Xen and the device model */
    uint64_t sent_when_ready;   /* pages */
    void (*at_suspend)(struct fake_guest *g);
    unsigned notes;
    char last_note[128];
    bool emulator_on;           /* device model in log-dirty mode */
    unsigned emulator_fails_at;
    unsigned emulator_calls;
    unsigned rounds;
    volatile sig_atomic_t cancel;
    unsigned cancel_in_round;
    struct xcsave_policy_limits limits; /* no downtime given: as short as rounds can make it */
    struct xcsave_knobs *knobs;
    unsigned throttle, throttle_calls, most_throttled;
    bool throttle_fails;
    uint64_t features;          /* 0: all */
    unsigned patience_s;        /* with a peer that takes nothing; 0: DEFAULT_PATIENCE_S */
    const int *may_suspend; /* optional: set before the guest is suspended */
    void (*prepare)(struct fake_guest *to); /* of move(): optional; the guest that is restored into, before that */
    struct xcsave_extents extents; /* of move(): what it was given */
    int channels[MAX_TEST_CHANNELS]; /* besides the first; set by run_both() */
    struct xcsave_report report;
    struct xcsave_error error;
};

struct restore_case {
    struct fake_guest *guest;
    int fd;
    int channels[MAX_TEST_CHANNELS];
    unsigned nr_channels;
    unsigned patience_s;        /* with a peer that says nothing; 0: DEFAULT_PATIENCE_S */
    volatile sig_atomic_t cancel;
    int rc;
    struct xcsave_report report;
    struct xcsave_error error;
};

/* Of a way: besides the first. */
unsigned engine_extra_channels(enum engine_way way);
/* Jobs in which it maps a full batch. */
unsigned engine_jobs_a_batch(enum engine_way way);

/* The engine's own results; report and error are the case's. */
int run_save(struct save_case *c, int fd);
/* The other channels, if there are any, go nowhere. */
int run_save_alone(struct save_case *c, int fd);
int run_restore(struct restore_case *c);
/* An empty file in memory. */
int memory_file(void);
/* All of a file, in a buffer that the caller frees. */
size_t read_octets(int fd, uint8_t **octets);

/* Save and restore at the same time, over connections; neither needs to succeed.  Returns what the save returned. */
int run_both(struct save_case *c, struct restore_case *to);
/* Both must succeed, and the guests be equal.  Returns the new one. */
struct fake_guest *move(struct save_case *c);

#endif
