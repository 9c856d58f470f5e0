/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The page that the injector shares with the driver of the soak (soakkit/page.py
 * has the same): counts of what the processes of a migration did, what both
 * journals said last, and what came of the fault.
 */
#ifndef TESTS_SOAK_INJECT_H
#define TESTS_SOAK_INJECT_H

#include <stdint.h>
#include <sys/types.h>

/* Processes of a migration, by their command lines. */
enum soak_role {
    SOAK_SEND,      /* xlmig send */
    SOAK_SUSPEND,   /* what libxl is to a simulated host, at the source */
    SOAK_SAVE,      /* the helper that it forks */
    SOAK_RECEIVE,   /* xlmig receive, of the migration or of a new connection */
    SOAK_XL,        /* xl migrate-receive */
    SOAK_RESTORE,   /* the helper that it forks */
    SOAK_RECOVER,   /* xlmig recover, on either host */
    SOAK_NR_ROLES,
};

/* Where a call goes. */
enum soak_place {
    SOAK_WIRE,      /* to the other host */
    SOAK_PIPE,      /* to another process on this host */
    SOAK_HOST,      /* to the toolstack */
    SOAK_JOURNAL,   /* to the disk, in the directory of journals */
    SOAK_NR_PLACES,
};

#define SOAK_PAGE_BYTES 4096
#define SOAK_STATE_SIZE 16
#define SOAK_MAX_PIDS 64

struct soak_count {
    uint64_t calls, bytes, reads; /* of that process which had most */
};

struct soak_page {
    uint32_t fired;         /* 1: the fault came, `pid` has it */
    int32_t pid;
    /* What the journals say now, and said when the fault came; "": there is none.  Source, destination. */
    char state[2][SOAK_STATE_SIZE], state_at[2][SOAK_STATE_SIZE];
    struct soak_count counts[SOAK_NR_ROLES][SOAK_NR_PLACES];
    /* Of each host: itself first, then all that ran on it. */
    uint32_t nr_pids[2];
    int32_t pids[2][SOAK_MAX_PIDS];
};

_Static_assert(sizeof(struct soak_page) <= SOAK_PAGE_BYTES, "one page");

#endif
