/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The helper's side of libxl's save helper protocol.
 *
 * libxl forks the helper for each save and restore and talks to it over its
 * stdin and stdout.  The helper speaks: a 16-bit length, then a message of that
 * length: a 16-bit message number and packed arguments in host byte order; a string
 * is a 32-bit length, its NUL counted, and the bytes.  Some messages are
 * answered with one int.  Source: libxl_save_helper.c and
 * libxl_save_msgs_gen.pl of Xen 4.14 to 4.22, in which it is the same.
 *
 * Functions that wait for an answer return it through *answer; -1 says that
 * libxl is gone.
 */
#ifndef XLMIG_HELPER_LIBXL_PROTOCOL_H
#define XLMIG_HELPER_LIBXL_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>
#include <xentoollog.h>

enum helper_message {
    HELPER_LOG = 1,
    HELPER_PROGRESS_REPORT = 2,
    HELPER_SUSPEND = 3,
    HELPER_POSTCOPY = 4,
    HELPER_CHECKPOINT = 5,
    HELPER_WAIT_CHECKPOINT = 6,
    HELPER_SWITCH_QEMU_LOGDIRTY = 7,
    HELPER_STATIC_DATA_DONE = 8,
    HELPER_RESTORE_RESULTS = 9,
    HELPER_COMPLETE = 10,
};

/* Is the callback behind this message there?  `cbflags` is the argument that libxl gives for it. */
static inline bool helper_callback_present(unsigned cbflags, enum helper_message message)
{
    return cbflags >> message & 1;
}

/* `text` says all; libxl adds no errno to it. */
void helper_log(xentoollog_level level, const char *text);
void helper_progress(const char *doing_what, unsigned long done, unsigned long total);
/* *answer non-zero: the guest is suspended. */
int helper_suspend(int *answer);
/* *answer 0: done. */
int helper_switch_qemu_logdirty(uint32_t domid, bool enable, int *answer);
/* *answer 0: done. */
int helper_static_data_done(unsigned missing, int *answer);
void helper_restore_results(uint64_t store_gfn, uint64_t console_gfn);
/* The last message: how it ended.  0, or -1 when libxl is gone. */
int helper_complete(int retval, int errnum);

#endif
