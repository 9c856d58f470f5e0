/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Runs a save helper as libxl does: same arguments, same messages (see
 * xlmig/helper/libxl-protocol.h for those).  Which one: LIBXL_SAVE_HELPER, else ours.
 */
#ifndef XLMIG_SIMHOST_RUN_HELPER_H
#define XLMIG_SIMHOST_RUN_HELPER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct run_helper {
    const char *dir;            /* of the simulated host */
    uint32_t domid;
    int io_fd;                  /* the image; the helper inherits it */
    bool is_save, live, has_emulator;
    const volatile sig_atomic_t *abort; /* becomes non-zero: SIGTERM to the helper */
    void *user;
    /* What libxl would call; 0 and -1, and each bounded in time.  Save: */
    int (*suspend)(void *user);
    int (*emulator_logdirty)(void *user, bool enable);
    char *error;                /* room for the helper's last error; "" when there was none */
    size_t error_bytes;
};

/* 0: it completed its work. */
int simhost_run_helper(const struct run_helper *r);

#endif
