/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What one side of a migration has durably decided: the record that a journal
 * (journal.h) keeps, as octets, and which record may follow which.  No I/O.
 *
 *                +--> MOVED                                 MOVED: it runs there; the copy here goes
 *     COPYING -> GO_DECIDED                                 the source
 *         +--------> ABORTED                                the VM is this host's
 *                +--> (only by the destination's ABORTED, or by a human's word)
 *
 *     INCOMING -> READY -> GO -> STARTED                    the destination
 *         +---------+------+---> ABORTED                    (after GO: only of a copy that never ran)
 *
 * A record is one line of JSON and one of its checksum (CRC-32C), so that half a
 * record is never taken for a whole one.
 */
#ifndef XLMIG_HANDOVER_JOURNAL_RECORD_H
#define XLMIG_HANDOVER_JOURNAL_RECORD_H

#include "xlmig/base/failure.h"
#include "xlmig/handover/host-identity.h"
#include "xlmig/vm/vm.h"

#define JOURNAL_RECORD_VERSION 2 /* 1, which does not name the domain, is read */
#define JOURNAL_RECORD_MAX 16384u /* octets; all texts full, and each character of them escaped, take less */

enum journal_side { JOURNAL_SEND, JOURNAL_RECEIVE };

enum journal_state {
    /* the source */
    JOURNAL_COPYING,        /* from before the first octet */
    JOURNAL_GO_DECIDED,     /* from before the first octet of GO: not this host's to run any more, unless given back */
    JOURNAL_MOVED,          /* the destination runs it */
    /* the destination */
    JOURNAL_INCOMING,
    JOURNAL_READY,          /* an exact copy is here, paused */
    JOURNAL_GO,             /* the VM is this host's */
    JOURNAL_STARTED,        /* it ran here */
    /* both */
    JOURNAL_ABORTED,
    JOURNAL_NR_STATES,
};

/*
 * Which domain is meant.  Others make, move and save domains with the same UUID, and
 * give them the same names: only what is said here is this migration's to touch.
 */
struct journal_domain {
    uint32_t domid;               /* 0: not known; the destination knows it from READY on */
    uint64_t stood_ns;            /* the source: its vCPUs' time when its state was read; 0: not known */
    bool fenced;                  /* the source: it is paused by us, too */
};

/* For stood_ns, of a domain whose vCPUs used so much: one that never ran is told from one of which nothing is known. */
static inline uint64_t journal_stood_ns(uint64_t cpu_ns)
{
    return cpu_ns ? cpu_ns : 1;
}

struct journal_record {
    enum journal_side side;
    enum journal_state state;
    uint8_t token[MIGRATION_TOKEN_BYTES];
    uint8_t uuid[16];             /* the VM's */
    uint64_t generation;          /* of two attempts of one source with one VM, the newer one has the greater */
    uint64_t serial;              /* of two attempts with one VM on this host, whichever side, likewise */
    char name[VM_NAME_MAX + 1];   /* the VM's own, without --incoming or --migratedaway */
    char peer[256];               /* the other host, as people call it */
    char transport[2048];         /* the source: how to reach it, --transport and --ssh of the sender; "": unknown */
    char ssh_command[512];
    char boot[64];                /* of this host, when it began (state-dir.h); "": unknown */
    struct journal_domain domain; /* of the VM on this host */
    bool paused;                  /* it is to stay paused where it arrives */
    bool offered;                 /* the destination was READY once: the source may have decided GO since */
    char why[512];                /* of ABORTED, for people; "": nothing to say */
    int64_t began_s, changed_s;   /* by the clock of this host, since 1970 */
};

/* "send", "receive"; "go-decided" */
const char *journal_side_name(enum journal_side side);
const char *journal_state_name(enum journal_state state);

/* The state in which a journal begins. */
enum journal_state journal_first_state(enum journal_side side);
bool journal_side_has(enum journal_side side, enum journal_state state);
bool journal_may_follow(enum journal_state from, enum journal_state to);
/* May the journal go?  Only when nobody needs its word any more, which is not for this table to know. */
bool journal_may_end(enum journal_state state);

/* -1: a field does not hold what it must; see failure. */
int journal_record_check(const struct journal_record *record, struct failure *failure);

/* A host as others tell it from the rest. */
struct journal_host {
    bool has_identity;            /* false: of a release that says none, and counts by its clock: `name` is all there is */
    uint8_t identity[HOST_IDENTITY_BYTES];
    char name[256];               /* as it calls itself; others may do so, too */
};

/*
 * The greatest numbers of one VM, which outlive its journals: what this host gave
 * as a source, and what it took, as a destination, from each of the hosts that it
 * last heard of.  Those of no VM (its UUID: zeros) are the host's own: the counter of all
 * its attempts, and the salt of its identity, which are lost together or not at all.
 */
#define JOURNAL_PEERS_MAX 16u
struct journal_numbers {
    uint64_t serial, given;
    bool has_salt;
    uint8_t salt[HOST_SALT_BYTES];
    unsigned nr_taken;
    struct {
        struct journal_host host;
        uint64_t generation;
    } taken[JOURNAL_PEERS_MAX];   /* the last one heard of first */
};

/* 0: it never was heard of. */
uint64_t journal_numbers_taken(const struct journal_numbers *numbers, const struct journal_host *host);
void journal_numbers_take(struct journal_numbers *numbers, const struct journal_host *host, uint64_t generation);
int journal_numbers_encode(const struct journal_numbers *numbers, char bytes[JOURNAL_RECORD_MAX], size_t *len,
                           struct failure *failure);
int journal_numbers_decode(const void *bytes, size_t len, struct journal_numbers *numbers, struct failure *failure);

/* Never what could not be read again.  -1: see failure. */
int journal_record_encode(const struct journal_record *record, char bytes[JOURNAL_RECORD_MAX], size_t *len,
                          struct failure *failure);
/* Hostile octets.  -1: `failure` says in which way they are no record of ours; *record is empty. */
int journal_record_decode(const void *bytes, size_t len, struct journal_record *record, struct failure *failure);

#endif
