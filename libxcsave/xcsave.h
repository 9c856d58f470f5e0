/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxcsave: save and restore the memory and state of a running Xen guest.
 *
 * The library holds the engine only: it reads or writes one libxc domain image
 * (stream-format/SPECIFICATION.md, layer 3) on a descriptor.  Domain
 * configuration, device models and hotplug stay with the toolstack.  It never
 * prints, never exits, and has no mutable globals: two engines may run in two
 * threads of one process, each with its own guest.
 *
 * Every function returns 0, or -1 after it has recorded the first failure in
 * the caller's struct xcsave_error.
 */
#ifndef XCSAVE_H
#define XCSAVE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct xcsave_guest;            /* what is saved or restored: see guest.h */

/* The first thing that went wrong, in words for a person, and its errno (0 where there was none). */
struct xcsave_error {
    int errnum;
    char text[512];
};

enum xcsave_phase {
    XCSAVE_PHASE_SETUP,         /* nothing asked of the guest yet */
    XCSAVE_PHASE_PRECOPY,       /* the guest runs, its pages are copied in rounds */
    XCSAVE_PHASE_SUSPEND,       /* the guest was asked to suspend */
    XCSAVE_PHASE_FINAL,         /* the guest stands still, the last pages are copied */
    XCSAVE_PHASE_STATE,         /* vCPUs and platform */
    XCSAVE_PHASE_DONE,
};

/* Name of a phase, for displays and events: "setup", "precopy", ... */
const char *xcsave_phase_name(enum xcsave_phase phase);

/* How a page travels. */
enum xcsave_kind {
    XCSAVE_KIND_DATA,           /* with its content */
    XCSAVE_KIND_ZERO,           /* all zeros */
    XCSAVE_KIND_ABSENT,         /* known to have no content: given up, broken */
    XCSAVE_KIND_DELTA,          /* as what changed since it was sent last */
    XCSAVE_KIND_SAME,           /* equal to another page */
    XCSAVE_KIND_UNCHANGED,      /* not at all: it is what was sent before */
    XCSAVE_NR_KINDS,
};

/* "data", "zero", ... */
const char *xcsave_kind_name(enum xcsave_kind kind);

struct xcsave_kind_count {
    uint64_t pages;
    uint64_t bytes;             /* on the wire, their share of compressed payloads and run tables among them */
};

#define XCSAVE_MAX_CHANNELS 64u

/* Where a save or restore stands.  Passed by value; counts are from the start unless they say otherwise. */
struct xcsave_progress {
    enum xcsave_phase phase;
    unsigned round;             /* 1 is the first pass over all of memory; the final round counts */
    uint64_t round_pages_done;
    uint64_t round_pages_total;
    uint64_t pages_sent;        /* pages with content, of whatever kind */
    uint64_t pages_skipped;     /* pages that the image was told to have none: absent, broken */
    uint64_t bytes;             /* image bytes written or read */
    uint64_t guest_pages;       /* size of the guest's physical address space */
    struct xcsave_kind_count kinds[XCSAVE_NR_KINDS];
    unsigned nr_channels;       /* connections that carry the image */
    uint64_t channel_bytes[XCSAVE_MAX_CHANNELS];
    uint64_t elapsed_us;
};

/* One pre-copy round as it was measured. */
struct xcsave_round {
    uint64_t pages;             /* pages this round set out to send */
    uint64_t bytes;             /* what it wrote */
    uint64_t duration_us;
    uint64_t dirtied;           /* pages found dirty at its end */
};

/* Facts on which the pre-copy policy decides, all as of the end of the round just completed. */
struct xcsave_policy_facts {
    unsigned rounds_done;
    uint64_t dirty_pages;       /* would be sent with the guest stopped, if it stopped now */
    uint64_t guest_pages;
    uint64_t bytes_per_s;       /* measured over the last rounds; 0: unknown */
    uint64_t elapsed_us;        /* since pre-copy began */
    unsigned restart;           /* n: the guest's memory changed, all of it is dirty again, for the n-th time; 0: no */
    struct xcsave_round last;   /* the round just completed */
    struct xcsave_round previous; /* the one before; all zero after the first */
};

struct xcsave_policy_limits {
    unsigned max_rounds;        /* pre-copy rounds before the guest is stopped; 0: default */
    uint64_t max_downtime_us;   /* stop as soon as the copy of what is left is predicted to fit; 0: default */
};

enum xcsave_decision { XCSAVE_CONTINUE, XCSAVE_STOP_AND_COPY };

#define XCSAVE_DEFAULT_MAX_ROUNDS 30u
#define XCSAVE_DEFAULT_MAX_DOWNTIME_US 300000u

/* Pure: decides from its arguments alone whether another round is worth its bytes.  See precopy.c. */
enum xcsave_decision xcsave_precopy_decide(struct xcsave_policy_facts facts, struct xcsave_policy_limits limits);

/*
 * What the engine asks of its caller.  Every callback runs in the thread that
 * called xcsave_save() or xcsave_restore(); any of them may be NULL where the
 * comment allows it.
 */
struct xcsave_callbacks {
    void *user;
    /* Save.  Suspend the guest; bounded in time by the callee.  0: it is suspended; -1: it runs on. */
    int (*suspend)(void *user);
    /* Save, optional (no device model).  Tell the device model to mark the pages it writes.  0 or -1. */
    int (*emulator_logdirty)(void *user, bool enable);
    /* Restore, optional.  All static data is in; bits of `missing` name what an old stream lacked.  0 or -1. */
    int (*static_data_done)(void *user, unsigned missing);
    /* Optional.  Called several times a second at the most. */
    void (*progress)(void *user, const struct xcsave_progress *progress);
    /* Save, optional.  A pre-copy round, or the final one (guest_stopped), is complete. */
    void (*round_done)(void *user, const struct xcsave_round *round, bool guest_stopped);
    /* Optional.  A line for the log: something unusual that does not end the operation. */
    void (*note)(void *user, const char *text);
};

/* `missing` of static_data_done(): an image older than version 3 has neither. */
#define XCSAVE_MISSING_CPUID 1u
#define XCSAVE_MISSING_MSR 2u

struct xcsave_save_options {
    int fd;                     /* image goes here; blocking; not closed */
    bool live;                  /* copy while the guest runs; otherwise suspend first */
    bool verify;                /* send all of memory a second time for the reader to compare: for debugging */
    struct xcsave_policy_limits limits;
    unsigned io_timeout_s;      /* no byte accepted for so long: fail; 0: default */
    const volatile sig_atomic_t *cancel; /* optional; non-zero: undo and fail with ECANCELED */
    const struct xcsave_callbacks *callbacks;
};

struct xcsave_restore_options {
    int fd;                     /* image comes from here, up to and with its END record; not closed */
    unsigned io_timeout_s;      /* no byte for so long: fail; 0: default */
    const volatile sig_atomic_t *cancel;
    const struct xcsave_callbacks *callbacks;
};

#define XCSAVE_DEFAULT_IO_TIMEOUT_S 120u

/* What a finished (or failed) save or restore was.  Filled in as far as it came. */
struct xcsave_report {
    struct xcsave_progress end;
    unsigned precopy_rounds;
    uint64_t total_us;
    uint64_t suspend_us;        /* from asking the guest to suspend until it was suspended */
    uint64_t suspended_at_us;   /* when it was suspended, by CLOCK_MONOTONIC; 0: it was not */
    uint64_t stopped_us;        /* from suspended until the last byte of the image was written */
    uint64_t superpages;        /* restore: 2 MiB extents rebuilt */
};

/*
 * Save `guest`.  On success the guest is suspended.  On failure or cancel
 * log-dirty mode is off again, in the device model too, and nothing of the guest
 * stays mapped; whether the guest was suspended already is in
 * report->end.phase, and resuming it is the caller's.
 */
int xcsave_save(struct xcsave_guest *guest, const struct xcsave_save_options *options,
                struct xcsave_report *report, struct xcsave_error *error);

/* Where the toolstack finds the restored guest's rings: frame numbers as restore_results() of libxl wants them. */
struct xcsave_restore_result {
    uint64_t store_gfn;
    uint64_t console_gfn;
};

/* Restore into `guest`, an empty domain.  On failure the domain is unusable and its destruction the caller's. */
int xcsave_restore(struct xcsave_guest *guest, const struct xcsave_restore_options *options,
                   struct xcsave_restore_result *result, struct xcsave_report *report,
                   struct xcsave_error *error);

/* A guest of the Xen under this dom0.  NULL: see error.  Closing it is the caller's: xcsave_guest_close(). */
struct xcsave_guest *xcsave_guest_open_xen(uint32_t domid, struct xcsave_error *error);

/* As the former, with the event channels and backend domains that a restored guest is wired to. */
struct xcsave_restore_wiring {
    uint32_t store_evtchn, store_domid;
    uint32_t console_evtchn, console_domid;
};
struct xcsave_guest *xcsave_guest_open_xen_restore(uint32_t domid, const struct xcsave_restore_wiring *wiring,
                                                   struct xcsave_error *error);

/* Idempotent; NULL is fine. */
void xcsave_guest_close(struct xcsave_guest *guest);

#ifdef __cplusplus
}
#endif
#endif
