/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The seam between the engine and a hypervisor.
 *
 * save/ and restore/ hold only the algorithm; whatever they need of a guest they
 * ask through these tables: one for each side, and one for what both need.  There
 * are two complete implementations: the guest of a real Xen (xen/) and a
 * simulated one (sim/guest.c).  An implementation has every operation, and where
 * it has nothing to do or to say, the operation does or says that: no caller looks
 * whether one is there.
 *
 * Words.  pfn: frame number in the guest's own physical address space, and the
 * only frame number that the engine and the stream know.  Page type: a
 * STREAM_PAGE_* of stream-format/libxc-image.h, four bits.
 *
 * Every function returns 0 or -1 with `error` filled in, unless it says
 * otherwise.
 *
 * Threads.  map(), unmap(), normalise(), localise(), pfn_is_valid(),
 * has_superpages(), new_memory_is_zero() and set_page_type() may be called from
 * several threads at once, the last never for the same pfn.  populate() and
 * depopulate() are called from any thread, one call at a time, while others are
 * in those before.  All else is called from one thread, while no other is in any of these.
 */
#ifndef LIBXCSAVE_GUEST_H
#define LIBXCSAVE_GUEST_H

#include "libxcsave/xcsave.h"

#define GUEST_PAGE_SHIFT 12
#define GUEST_PAGE_SIZE ((size_t)1 << GUEST_PAGE_SHIFT)
#define GUEST_SUPERPAGE_ORDER 9 /* 2 MiB */
#define GUEST_HUGEPAGE_ORDER 18 /* 1 GiB */

/* What the headers of an image say of a guest. */
struct guest_identity {
    uint32_t type;              /* STREAM_GUEST_X86_PV or STREAM_GUEST_X86_HVM (PVH too) */
    uint32_t xen_major, xen_minor;
};

enum guest_dirty_op {
    GUEST_DIRTY_PEEK,           /* read the log and leave it */
    GUEST_DIRTY_CLEAN,          /* read and clear: a page written after this is dirty again */
    GUEST_DIRTY_FINAL,          /* read for the last time, and leave it: of a guest that is suspended */
};

/* Takes one record of the image: type, body.  The body is the callee's own until it returns. */
typedef int guest_emit_record(void *user, uint32_t type, const void *body, size_t len_bytes);

/* What both sides need. */
struct guest_ops {
    const char *name;           /* "xen-hvm", "sim" */

    /*
     * Map `n` pages for reading (source) or writing (destination); at most
     * GUEST_BATCH_PAGES.  pages[i] is where the page is, errs[i] 0 or the errno for
     * which it could not be mapped (it is then not to be touched).  Returns what
     * unmap() takes; NULL: nothing mapped, see error.
     */
    void *(*map)(struct xcsave_guest *g, unsigned n, const uint64_t *pfns, bool writable, uint8_t **pages, int *errs,
                 struct xcsave_error *error);
    void (*unmap)(struct xcsave_guest *g, void *mapping, unsigned n);

    /* May 2 MiB and 1 GiB extents be used at all (PVH/HVM: yes, PV: no)? */
    bool (*has_superpages)(struct xcsave_guest *g);

    void (*close)(struct xcsave_guest *g);
};

/* The source. */
struct guest_save_ops {
    int (*identify)(struct xcsave_guest *g, struct guest_identity *identity, struct xcsave_error *error);

    /*
     * Size of the pfn space: every pfn ever used is below it.  Asked again
     * before each round: it may have grown, never shrunk.
     */
    int (*nr_pfns)(struct xcsave_guest *g, uint64_t *nr_pfns, struct xcsave_error *error);

    /*
     * How many pfns have memory now, exactly.  Lets a scan of a sparse pfn
     * space end with the last page instead of the last hole.  0 pages: not to
     * be told now, because of pages that Xen counts otherwise.  Returns 1, and
     * 0 pages: nobody counts those of this kind of guest.
     */
    int (*nr_present)(struct xcsave_guest *g, uint64_t *nr_pages, struct xcsave_error *error);

    /*
     * How much memory the guest has now, in pages, however it is backed, for
     * guests that may gain or lose memory without a mark in the dirty log.  When
     * it changes, the engine sends everything again.  Always the same number
     * where the log says all.
     */
    int (*memory_pages)(struct xcsave_guest *g, uint64_t *nr_pages, struct xcsave_error *error);

    /* Records before any page: static (before STATIC_DATA_END), then those that open the dynamic part. */
    int (*static_records)(struct xcsave_guest *g, guest_emit_record *emit, void *user, struct xcsave_error *error);
    int (*opening_records)(struct xcsave_guest *g, guest_emit_record *emit, void *user, struct xcsave_error *error);
    /*
     * Called between rounds while the guest runs and once after it was
     * suspended.  Emits what must be said again because the guest's layout
     * changed (a p2m that grew), or fails where that cannot be followed.
     */
    int (*layout_records)(struct xcsave_guest *g, guest_emit_record *emit, void *user, struct xcsave_error *error);
    /* vCPUs and platform of the suspended guest. */
    int (*state_records)(struct xcsave_guest *g, guest_emit_record *emit, void *user, struct xcsave_error *error);

    /* Dirty log.  After enable() every page counts as clean; disable() is idempotent and safe at any time. */
    int (*logdirty_enable)(struct xcsave_guest *g, struct xcsave_error *error);
    int (*logdirty_read)(struct xcsave_guest *g, enum guest_dirty_op op, uint64_t *bitmap, uint64_t nr_pfns,
                         struct xcsave_error *error); /* bitmap: (nr_pfns + 63) / 64 words */
    int (*logdirty_disable)(struct xcsave_guest *g, struct xcsave_error *error);
    /*
     * Mark one page dirty without changing it, and say which; 1: cannot here.
     * Only while the log is on.  log-guard.h has what it is for.
     */
    int (*mark_dirty)(struct xcsave_guest *g, uint64_t *pfn, struct xcsave_error *error);
    /* Is another process saving this guest now?  1: yes; 0: no; -1: that is not to be known here. */
    int (*has_other_saver)(struct xcsave_guest *g);

    /* Whether the guest is suspended now (SHUTDOWN_suspend), asked after the suspend callback succeeded. */
    int (*is_suspended)(struct xcsave_guest *g, bool *suspended, struct xcsave_error *error);

    /* Types of `n` pages (at most GUEST_BATCH_PAGES).  An absent pfn is STREAM_PAGE_XTAB. */
    int (*page_types)(struct xcsave_guest *g, unsigned n, const uint64_t *pfns, uint32_t *types,
                      struct xcsave_error *error);

    /*
     * Make a page independent of this host.  Returns 0: send it as it is;
     * 1: `out` (a page) holds what to send; -1 with error->errnum EAGAIN:
     * in flux, send it again later; -1 otherwise: cannot be sent.
     */
    int (*normalise)(struct xcsave_guest *g, uint32_t type, const void *page, void *out,
                     struct xcsave_error *error);
};

/* The destination. */
struct guest_restore_ops {
    /* The headers are read: does this domain fit them? */
    int (*accept_identity)(struct xcsave_guest *g, const struct guest_identity *identity, struct xcsave_error *error);
    /*
     * A record other than PAGE_DATA, VERIFY, CHECKPOINT, STATIC_DATA_END and
     * END.  Returns 0: taken; 1: not known here; -1: refused.  The body is
     * hostile: its length is what the stream says and nothing else is checked.
     */
    int (*accept_record)(struct xcsave_guest *g, uint32_t type, const void *body, size_t len_bytes,
                         struct xcsave_error *error);
    /* Apply the static data; `missing` gets XCSAVE_MISSING_* bits. */
    int (*static_data_end)(struct xcsave_guest *g, unsigned *missing, struct xcsave_error *error);
    /* Is this a pfn that the guest may have?  Before anything else is done with it. */
    bool (*pfn_is_valid)(struct xcsave_guest *g, uint64_t pfn);
    /*
     * Give memory to pfns that have none: `n` extents of 2^order pages at
     * pfns[i] (aligned to the order).  *done says how many extents were given,
     * in their order; fewer is no failure: the host or the guest's limit has no
     * memory for more, or none of that size.
     */
    int (*populate)(struct xcsave_guest *g, unsigned n, const uint64_t *pfns, unsigned order, unsigned *done,
                    struct xcsave_error *error);
    /* Is memory that populate() gave all zeros?  If not, it may hold anything. */
    bool (*new_memory_is_zero)(struct xcsave_guest *g);
    /*
     * Give back the memory of pfns that the guest gave up (ballooned out) after
     * they had been sent.  1: kept, because other pages may refer to it (PV).
     */
    int (*depopulate)(struct xcsave_guest *g, unsigned n, const uint64_t *pfns, struct xcsave_error *error);
    /* The last type seen for a pfn, for what complete() does with it (pinning). */
    void (*set_page_type)(struct xcsave_guest *g, uint64_t pfn, uint32_t type);
    /*
     * Undo normalise() on a page, in place.  Frames that it refers to and that
     * have no memory yet are asked for through `need`.
     */
    int (*localise)(struct xcsave_guest *g, uint32_t type, void *page,
                    int (*need)(void *user, unsigned n, const uint64_t *pfns, struct xcsave_error *error), void *user,
                    struct xcsave_error *error);
    /* Everything is in: set vCPUs and platform, pin page tables, rewrite the p2m. */
    int (*complete)(struct xcsave_guest *g, struct xcsave_restore_result *result, struct xcsave_error *error);
};

/* The largest batch that the engine maps at once. */
#define GUEST_BATCH_PAGES 1024u

/* First member of each implementation's own struct. */
struct xcsave_guest {
    const struct guest_ops *ops;
    const struct guest_save_ops *save;
    const struct guest_restore_ops *restore;
};

/* Did the caller ask to cancel?  From any thread; the flag is a signal handler's or another thread's. */
static inline bool xcsave_is_cancelled(const volatile sig_atomic_t *cancel)
{
    return cancel && __atomic_load_n(cancel, __ATOMIC_RELAXED);
}

/* Record the first failure; later ones are dropped.  errnum 0: no system error behind it.  Returns -1. */
int xcsave_fail(struct xcsave_error *error, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
