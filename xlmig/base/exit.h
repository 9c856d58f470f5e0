/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Exit statuses of every verb.  Documented in xlmig(8); scripts rely on them, so a number never changes its meaning. */
#ifndef XLMIG_BASE_EXIT_H
#define XLMIG_BASE_EXIT_H

enum exit_status {
    EXIT_OK = 0,
    EXIT_FAILED = 1,      /* it failed and was undone: the VM runs where it ran */
    EXIT_USAGE = 2,       /* the command line makes no sense */
    EXIT_REFUSED = 3,     /* refused before the VM was touched */
    EXIT_IN_DOUBT = 4,    /* the other end may or may not run the VM; this end holds it paused */
    EXIT_CANCELLED = 5,   /* asked to stop, and undone: the VM runs where it ran */
    EXIT_NEEDS_HAND = 6,  /* it failed and could not be undone: the message says in which state the VM is */
    EXIT_LEFTOVER = 7,    /* done, but something was left behind: the message names it */
    EXIT_INVALID = 8,     /* verify, inspect, convert: the stream is not valid */
    EXIT_WAITS = 9,       /* recover: another host is needed that does not answer, or is to decide; nothing is wrong here */
    EXIT_UNREPORTED = 10, /* done, but a report, or what there was to say, could not be written: the message says what */
};

#endif
