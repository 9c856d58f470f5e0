/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What libxl and xl are to a simulated host: they frame the image that the save
 * helper writes and reads, and make VMs out of streams.
 *
 * Each runs as a process of its own, which ends with one of these; the reason of a
 * failure is the last line on stderr.
 */
#ifndef XLMIG_SIMHOST_XL_H
#define XLMIG_SIMHOST_XL_H

enum simhost_xl_exit {
    SIMHOST_XL_DONE = 0,
    SIMHOST_XL_FAILED = 1,
    SIMHOST_XL_USAGE = 2,
    SIMHOST_XL_NOT_ANSWERED = 3,    /* the guest did not suspend */
    SIMHOST_XL_ABORTED = 4,         /* by SIGTERM */
};

/* As libxl_domain_suspend(): libxl's stream to stdout.  `args`: DOMID [live] */
int simhost_xl_suspend(const char *dir, int argc, char **argv);
/* As `xl save`.  `args`: NAME FILE */
int simhost_xl_save(const char *dir, int argc, char **argv);
/* As `xl restore`.  `args`: FILE [paused] */
int simhost_xl_restore(const char *dir, int argc, char **argv);
/* As `xl migrate-receive` on stdin and stdout.  `args`: [paused] */
int simhost_xl_receive(const char *dir, int argc, char **argv);
/* As `xl migrate -s ''`.  `args`: NAME COMMAND, by whose stdin and stdout a receiver is reached. */
int simhost_xl_migrate(const char *dir, int argc, char **argv);

#endif
