/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * libxcsave: save and restore the memory and state of a running Xen guest.
 *
 * The library holds the engine only: it reads or writes one image of a guest,
 * libxc's (stream-format/SPECIFICATION.md, layer 3) on a descriptor, or xlmig's
 * (IMAGE-V1.md) on one or several.  Domain configuration, device models and hotplug stay with
 * the toolstack.  It never prints, never exits, and has no mutable globals: two
 * engines may run in two threads of one process, each with its own guest.  Threads
 * that it makes block all signals and have ended when a function returns; SIGPIPE
 * is for the caller to ignore.
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
    uint64_t dirty_pages;       /* save: dirty at the last look at the log */
    uint64_t dirty_pages_per_s; /* save: how fast the guest dirties pages that were clean; see XCSAVE_PEEK_US */
    uint64_t predicted_downtime_us; /* save: if the guest were stopped now; 0: not known yet */
    unsigned throttle;          /* save: per cent by which the guest is slowed */
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
    uint64_t pages_per_s;       /* that the way carries, measured over the last rounds; 0: unknown */
    uint64_t bytes_per_s;       /* the same in bytes of the image */
    uint64_t dirty_pages_per_s; /* clean pages that the guest dirties, measured over a short time; 0: unknown */
    uint64_t log_us;            /* that reading the dirty log takes: it is read once with the guest stopped */
    uint64_t elapsed_us;        /* since pre-copy began */
    unsigned restart;           /* n: the guest's memory changed, all of it is dirty again, for the n-th time; 0: no */
    unsigned throttle;          /* per cent by which the guest is slowed now */
    bool finish_asked;          /* xcsave_knobs_finish() */
    bool held;                  /* xcsave_knobs_hold(), and not released yet */
    struct xcsave_round last;   /* the round just completed */
};

struct xcsave_policy_limits {
    unsigned max_rounds;        /* pre-copy rounds before the guest is stopped; 0: default */
    uint64_t max_downtime_us;   /* stop as soon as the downtime is predicted to be no longer; 0: default */
    uint64_t timeout_us;        /* pre-copy may take so long; 0: for ever */
    bool force_at_timeout;      /* stop the guest then, whatever the downtime; otherwise fail with ETIMEDOUT */
    bool throttle;              /* a guest that outruns the way may be slowed down: callback throttle() */
};

enum xcsave_decision {
    XCSAVE_CONTINUE,
    XCSAVE_STOP_AND_COPY,
    XCSAVE_GIVE_UP,
};

enum xcsave_reason {
    XCSAVE_REASON_SHRINKS,          /* continue: another round shortens the stop */
    XCSAVE_REASON_MEMORY_CHANGED,   /* continue: the guest gained or lost memory */
    XCSAVE_REASON_WAITS,            /* continue: rounds do not help now, but the time is not up */
    XCSAVE_REASON_THROTTLES,        /* continue: the guest is slowed (more) from now on */
    XCSAVE_REASON_HELD,             /* continue: it could be stopped, but somebody holds the stop */
    XCSAVE_REASON_FITS,             /* stop: the downtime fits, and another round would not shorten it much */
    XCSAVE_REASON_OUTRUN,           /* stop: the guest dirties memory as fast as the way carries it */
    XCSAVE_REASON_ROUNDS,           /* stop: the limit of rounds */
    XCSAVE_REASON_TIMEOUT,          /* stop, or give up: the time is up */
    XCSAVE_REASON_ASKED,            /* stop: it was asked for */
};

/* What stopping the guest now would mean. */
struct xcsave_prediction {
    uint64_t downtime_us;           /* until the last byte is written; the sum of what follows; 0: unknown */
    uint64_t suspend_us;            /* until the guest stands still, and reading the dirty log */
    uint64_t copy_us;               /* of the pages that are dirty, and of those dirtied while it suspends */
    uint64_t state_us;              /* vCPUs, platform, the other side's start */
    uint64_t needed_bytes_per_s;    /* with which the downtime would fit the limit; 0: unknown, or it fits */
};

struct xcsave_verdict {
    enum xcsave_decision decision;
    enum xcsave_reason reason;
    unsigned throttle;              /* per cent by which the guest is to be slowed from now on */
};

#define XCSAVE_DEFAULT_MAX_ROUNDS 30u
#define XCSAVE_MAX_HOLD_US 60000000u
#define XCSAVE_DEFAULT_MAX_DOWNTIME_US 300000u
/* What nobody can measure beforehand, assumed: small guests on common hardware. */
#define XCSAVE_ASSUMED_SUSPEND_US 40000u
#define XCSAVE_ASSUMED_STATE_US 20000u
/* Clean pages dirtied in so short a time tell how fast the guest writes; in a long time it writes to them again. */
#define XCSAVE_PEEK_US 50000u

/* Pure: both decide from their arguments alone.  See precopy.c. */
struct xcsave_verdict xcsave_precopy_decide(struct xcsave_policy_facts facts, struct xcsave_policy_limits limits);
struct xcsave_prediction xcsave_precopy_predict(struct xcsave_policy_facts facts, struct xcsave_policy_limits limits);
/* Name of a reason, for events and reports: "shrinks", "fits", "outrun", ... */
const char *xcsave_reason_name(enum xcsave_reason reason);

/*
 * Knobs that may be turned while a save runs, by any thread, without waiting
 * for it.  It must outlive the save.
 */
struct xcsave_knobs;

/* max_bandwidth in bytes a second, 0: no limit; max_downtime_us 0: default.  NULL: out of memory. */
struct xcsave_knobs *xcsave_knobs_new(uint64_t max_bandwidth, uint64_t max_downtime_us);
/* NULL is fine. */
void xcsave_knobs_free(struct xcsave_knobs *knobs);
/* While the guest runs; with the guest stopped there is no limit. */
void xcsave_knobs_set_bandwidth(struct xcsave_knobs *knobs, uint64_t bytes_per_s);
void xcsave_knobs_set_downtime(struct xcsave_knobs *knobs, uint64_t max_downtime_us);
/* Stop the guest now, and copy what is left. */
void xcsave_knobs_finish(struct xcsave_knobs *knobs);
/*
 * Let the guest run until xcsave_knobs_release(), or for XCSAVE_MAX_HOLD_US, or
 * until the time is up, although it could be stopped: who is to take it over
 * is not ready.  The finish above does not wait.
 */
void xcsave_knobs_hold(struct xcsave_knobs *knobs);
void xcsave_knobs_release(struct xcsave_knobs *knobs);

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
    /*
     * Save, optional.  Nothing is left that has to be opened or looked up on
     * this host; of a live save the guest's writes are tracked, and no page was
     * sent yet.  For a caller that confines itself.  -1, with error: the save fails.
     */
    int (*ready)(void *user, struct xcsave_error *error);
    /* Restore, optional.  All static data is in; bits of `missing` name what an old stream lacked.  0 or -1. */
    int (*static_data_done)(void *user, unsigned missing);
    /* Optional.  Called several times a second at the most. */
    void (*progress)(void *user, const struct xcsave_progress *progress);
    /* Save, optional.  A pre-copy round, or the final one (guest_stopped), is complete. */
    void (*round_done)(void *user, const struct xcsave_round *round, bool guest_stopped);
    /*
     * Save, optional.  What the policy decided after a round, and what it
     * expects.  Its last decision before the guest is stopped is the truth's
     * counterpart: see struct xcsave_report.
     */
    void (*decided)(void *user, const struct xcsave_verdict *verdict, const struct xcsave_prediction *prediction);
    /*
     * Save, optional.  Slow the guest down by so many per cent of what it could
     * do, 0: not at all.  Asked for with limits.throttle only; 0 is asked for
     * before the guest is suspended, and on every path out.  -1: that cannot be
     * done, and is not asked for again.
     */
    int (*throttle)(void *user, unsigned percent);
    /* Optional.  A line for the log: something unusual that does not end the operation. */
    void (*note)(void *user, const char *text);
};

/* `missing` of static_data_done(): an image older than version 3 has neither. */
#define XCSAVE_MISSING_CPUID 1u
#define XCSAVE_MISSING_MSR 2u

/* What is written; a reader sees it from the first octets. */
enum xcsave_image {
    XCSAVE_IMAGE_LIBXC,         /* libxc's, version 3, on one descriptor: any Xen reads it */
    XCSAVE_IMAGE_V1,            /* xlmig's: stream-format/IMAGE-V1.md */
};

/* Features of xlmig's image that xcsave_restore() reads: for the peers' agreement. */
#define XCSAVE_V1_FEATURES UINT64_C(0x1ff)

enum xcsave_compress {
    XCSAVE_COMPRESS_AUTO,       /* where it is measured to save time */
    XCSAVE_COMPRESS_NONE,
    XCSAVE_COMPRESS_LZ4,
    XCSAVE_COMPRESS_ZSTD,
};

/*
 * Of xlmig's image.  Channels are connected sockets or pipe ends besides `fd`:
 * the source writes, the destination reads; they are not closed.  Zero all of it
 * for a libxc image.
 */
struct xcsave_image_options {
    enum xcsave_image image;    /* save */
    uint64_t features;          /* save: those that the reader reads, IMAGE1_FEATURE_*; nothing else is written */
    enum xcsave_compress compress; /* save */
    int level;                  /* save: of the codec; 0: its default */
    unsigned threads;           /* save: that read and encode pages; 0: from the machine.  At least one a channel. */
    size_t delta_cache_bytes;   /* save: for what was sent before; 0: default; SIZE_MAX: none */
    const int *channels;
    unsigned nr_channels;       /* of them; at most XCSAVE_MAX_CHANNELS - 1 */
    uint8_t token[16];          /* by which both sides know their channels */
};

struct xcsave_save_options {
    int fd;                     /* image goes here; blocking; not closed */
    struct xcsave_image_options image;
    bool live;                  /* copy while the guest runs; otherwise suspend first */
    bool verify;                /* send all of memory a second time for the reader to compare: for debugging */
    struct xcsave_policy_limits limits;
    struct xcsave_knobs *knobs; /* optional; then its downtime counts, not that of the limits */
    unsigned io_timeout_s;      /* no byte accepted for so long: fail; 0: default */
    const volatile sig_atomic_t *cancel; /* optional; non-zero: undo and fail with ECANCELED */
    const struct xcsave_callbacks *callbacks;
};

struct xcsave_restore_options {
    int fd;                     /* image comes from here, up to and with its END record; not closed */
    struct xcsave_image_options image;
    unsigned io_timeout_s;      /* no byte for so long: fail; 0: default */
    const volatile sig_atomic_t *cancel;
    const struct xcsave_callbacks *callbacks;
};

#define XCSAVE_DEFAULT_IO_TIMEOUT_S 120u

/* Memory that a restored guest was given, by the size of the piece. */
struct xcsave_extents {
    uint64_t nr_1g, nr_2m, nr_4k;
    uint64_t named_1g;          /* extents of 1 GiB that the image said are whole; the host may not have had all */
    uint64_t returned;          /* pages of such extents that did not come, or not in time: given back */
};

/* What a finished (or failed) save or restore was.  Filled in as far as it came. */
struct xcsave_report {
    struct xcsave_progress end;
    unsigned precopy_rounds;
    uint64_t total_us;
    uint64_t suspend_us;        /* from asking the guest to suspend until it was suspended */
    uint64_t suspended_at_us;   /* when it was suspended, by CLOCK_MONOTONIC; 0: it was not */
    uint64_t stopped_us;        /* from suspended until the last byte of the image was written */
    uint64_t copy_us;           /* of it, the copy of memory */
    enum xcsave_reason reason;  /* why pre-copy ended */
    struct xcsave_prediction prediction; /* when it ended; truth: suspend_us, copy_us, stopped_us */
    struct xcsave_extents extents; /* restore */
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
