/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A file, or standard input, put through the reader of stream-format/: what
 * `verify` and `inspect` have in common.
 * Nothing of it is kept.
 */
#ifndef XLMIG_SAVED_READ_H
#define XLMIG_SAVED_READ_H

#include "stream-format/reader/reader.h"
#include "xlmig/base/failure.h"

#include <stdbool.h>
#include <stdio.h>

struct stream_file {
    /* Set by the caller. */
    const char *path; /* "-": standard input */
    const char *who;  /* for the progress shown on a terminal: "xlmig verify" */
    void (*event)(void *opaque, const struct stream_event *event); /* may be NULL */
    void *opaque;
    /* Every piece as it was read, before anything is made of it; may be NULL.  -1: no memory. */
    int (*keep)(void *opaque, const void *bytes, size_t len);
    bool leave_open;  /* the descriptor is the caller's afterwards, at the octet behind the last piece */
    bool stop;        /* set at any time: read no further */
    bool confine;     /* once the file is open, this process does nothing but read and write: see sandbox.h */

    /* Set by stream_file_read(). */
    int fd;                    /* with leave_open, for input_close(); -1: it could not be opened */
    struct stream_fault fault; /* the first; STREAM_FAULT_NONE: the stream is valid */
    const char *foreign;       /* with UNRECOGNISED: what it is instead, see foreign.h; NULL: not known */
    uint64_t bytes;            /* taken from the file, up to a fault */
    bool digest_checked;       /* an xlmig image had a digest, and it is that of its pages */
};

/* The name to show for it. */
const char *stream_file_name(const struct stream_file *file);

/* 0: read to its end, to a fault, or to a stop. -1: it could not be read, see failure. */
int stream_file_read(struct stream_file *file, struct failure *failure);

/*
 * The same judgement of octets that somebody else fetches.  `file`, which outlives it, gets the fault; of what it
 * says, only `event` and `opaque` are looked at.  NULL: no memory.
 */
struct stream_judge;
struct stream_judge *stream_judge_new(struct stream_file *file);
/* -1: not valid, and file->fault says why. */
int stream_judge_push(struct stream_judge *judge, const void *bytes, size_t len);
int stream_judge_end(struct stream_judge *judge);
/* NULL is fine. */
void stream_judge_free(struct stream_judge *judge);

/* Is that the event that names the release of Xen which the guest was saved on?  Then `release` is "Xen 4.20". */
bool stream_event_release(const struct stream_event *event, char *release, size_t size);

/* Three lines, or four, that say what is wrong and where. */
void stream_file_print_fault(FILE *to, const struct stream_file *file);

#endif
