/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The seam to a toolstack: everything the command asks of the software that
 * manages VMs on this host.
 *
 * Two implementations: libxl (toolstack-libxl*.c) and a simulated host
 * (toolstack-sim*.c).  Both run in the caller's libevent loop and its one thread.
 *
 * Two kinds of operations.
 *
 * Questions return at once: 0, or -1 with `failure` set.  They may take some
 * milliseconds, not more.
 *
 * Operations that take time return nothing and end with a call of `done`:
 *   - exactly once, whatever happened, also when it could not even be started;
 *   - always from the event loop, never from inside the call that started it;
 *   - `failure` is NULL for success, else valid only during the call.
 * A VM has at most one such operation under way, but for pause() and unpause() beside
 * suspend(), and a toolstack at most one suspend().  What is passed in (strings, descriptors) is copied or borrowed:
 * descriptors stay the caller's and must stay open until `done`; strings may go
 * as soon as the call returned.
 *
 * close() with operations under way is a programmer's mistake.
 */
#ifndef XLMIG_TOOLSTACK_TOOLSTACK_H
#define XLMIG_TOOLSTACK_TOOLSTACK_H

#include "xlmig/toolstack/autostart.h"
#include "xlmig/vm/check-list.h"
#include "xlmig/vm/cpu-features.h"
#include "xlmig/vm/vm.h"
#include "xlmig/base/failure.h"
#include "xlmig/helper/command.h"
#include "xlmig/helper/environment.h"
#include "xlmig/helper/events.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct toolstack;

/* Why a VM cannot be moved, saved, or copied while it runs.  Empty text: it can. */
struct toolstack_obstacles {
    char any[512];      /* it cannot leave this host at all: passed-through devices, vNUMA, ... */
    char live[512];     /* only without --no-live: it cannot be copied while it runs */
};

/* What a host says to that. */
struct cpu_verdict {
    struct cpu_difference difference;
    char other[512];    /* why it cannot keep the promise, if not for want of a feature; "": nothing else */
};

enum suspend_outcome {
    SUSPEND_DONE,          /* the guest is suspended and its whole state was written */
    SUSPEND_FAILED,
    SUSPEND_ABORTED,       /* by suspend.abort() */
    SUSPEND_NOT_ANSWERED,  /* the guest did not do what it was asked in time */
};

typedef void toolstack_done(void *user, const struct failure *failure);
typedef void toolstack_config_done(void *user, const char *json, const struct failure *failure);

struct toolstack_suspend {
    int fd;                       /* the libxl stream goes here; switched to blocking for the time being */
    bool live;                    /* copy while the guest runs */
    struct helper_limits limits;
    struct helper_image image; /* its descriptors must stay open until `done` */
    void *user;
    /* What the engine reports.  May never come: a foreign save helper reports nothing. */
    void (*event)(void *user, const struct helper_event *event);
    /* After anything but SUSPEND_DONE the guest may be suspended: ask find() and resume() it. */
    void (*done)(void *user, enum suspend_outcome outcome, const struct failure *failure);
};

/*
 * A child process that makes a VM out of a stream.  The toolstack starts it and
 * the caller reaps it (child.h) and owns the descriptors.
 */
struct toolstack_receiver {
    /*
     * Its standard input: xl save header, configuration, libxl stream, and then
     * xl's GO; its standard output: xl's banner, ready, report (xl-protocol.h).
     * The VM is made as NAME--incoming, paused, and is renamed and (unless
     * `paused`) unpaused after GO.  It is gone again when the child failed or
     * met the end of its input before GO.
     */
    int input_fd, output_fd;
    int error_fd;     /* its messages for people */
    int events_fd;    /* -1, or where its engine writes what helper/events.h reads */
    bool paused;
    struct helper_image image; /* its descriptors may go once the child was started */
};

struct toolstack_restorer {
    int input_fd;     /* its standard input (/dev/stdin): a file as `save` wrote it, or a pipe; an early end: it undoes */
    int error_fd, events_fd; /* as above */
    bool paused;
};

/* Share of the CPU, as the scheduler of the VM's pool counts it; -1: that scheduler knows no such thing. */
struct toolstack_sched {
    int weight;
    int cap;    /* per cent of one CPU; 0: no limit */
};

/*
 * By what they are about.  Questions return at once; what ends with `done` takes time (above).
 * Either implementation has every one.
 */

/* Questions of this host and its VMs. */
struct toolstack_ask_ops {
    int (*host)(struct toolstack *ts, struct vm_host *host, struct failure *failure);
    /* All VMs but dom0; *vms is malloc()ed. */
    int (*list)(struct toolstack *ts, struct vm **vms, size_t *nr_vms, struct failure *failure);
    /* By name, or by domid when it is all digits and no VM has that name.  1: there is none, `failure` untouched. */
    int (*find)(struct toolstack *ts, const char *name_or_domid, struct vm *vm, struct failure *failure);
    int (*find_domid)(struct toolstack *ts, uint32_t domid, struct vm *vm, struct failure *failure);
    /* The VM's configuration as it is now, as libxl's JSON; `json` is valid during the call. */
    void (*config)(struct toolstack *ts, uint32_t domid, toolstack_config_done *done, void *user);
};

/* A VM that is to leave. */
struct toolstack_source_ops {
    int (*obstacles)(struct toolstack *ts, const struct vm *vm, const char *config_json,
                     struct toolstack_obstacles *obstacles, struct failure *failure);
    /* What its CPU promised to the guest. */
    int (*cpu_policy)(struct toolstack *ts, uint32_t domid, struct cpu_policy *policy, struct failure *failure);
    /* The sizes of those of its disks that do not change, at most VM_DISKS_MAX. */
    int (*disk_sizes)(struct toolstack *ts, const char *config_json, struct vm_disk *disks, unsigned *nr_disks,
                      struct failure *failure);
    /* The files that it is started from on this host. */
    void (*start_files)(struct toolstack *ts, const char *vm_name, struct start_files *files);
};

/* A VM that is to come. */
struct toolstack_destination_ops {
    /* Can this host keep that promise to a guest of that type?  Hostile bytes. */
    int (*cpu_policy_fits)(struct toolstack *ts, enum vm_type type, const struct cpu_policy *policy,
                           struct cpu_verdict *verdict, struct failure *failure);
    /* Memory that building such a VM takes.  Hostile text. */
    int (*memory_needed)(struct toolstack *ts, const char *config_json, uint64_t *bytes, struct failure *failure);
    /*
     * Which VM would be made of it, read as it is read when it is made: name, UUID, type, memory and the greatest
     * number of vCPUs; the rest is empty.  Hostile text, the name included.
     */
    int (*describe)(struct toolstack *ts, const char *config_json, struct vm *vm, struct failure *failure);
    /*
     * Are the disks, networks and files of such a VM there,
     * and the disks the same?  What is found is added to `found`.  Hostile text.
     */
    int (*devices_there)(struct toolstack *ts, const char *config_json, const struct vm_disk *disks,
                         unsigned nr_disks, struct check_list *found, struct failure *failure);
};

/* Devices of a VM whose memory is still coming. */
struct toolstack_early_ops {
    /*
     * The devices that can be set up while the VM's memory
     * is still coming.  0: `rest_json`, malloc()ed, is the configuration without
     * them, to make the VM from; 1: there are none.  Hostile text.
     */
    int (*split)(struct toolstack *ts, const char *config_json, char **rest_json, struct failure *failure);
    /* Set up the early devices of a VM that is being made from `rest_json`; `config_json` is the whole. */
    void (*attach)(struct toolstack *ts, uint32_t domid, const char *config_json, toolstack_done *done,
                   void *user);
    /* Once the VM is made: enter in its configuration what early.attach() attached. */
    int (*record)(struct toolstack *ts, uint32_t domid, const char *config_json, struct failure *failure);
    /* Whatever came of the VM: leave nothing behind of what early.attach() did and the VM does not have. */
    void (*discard)(struct toolstack *ts, uint32_t domid, const char *config_json);
};

/* A VM copied away, through the save helper. */
struct toolstack_suspend_ops {
    void (*begin)(struct toolstack *ts, uint32_t domid, const struct toolstack_suspend *how);
    /* Cut the suspend under way short; its done() follows, maybe with SUSPEND_DONE after all.  Any number of times. */
    void (*abort)(struct toolstack *ts);
    /*
     * Tell the engine of the suspend under way, which may be foreign and not
     * listen.  At once.  -1: there is none, or it cannot be told.
     */
    int (*tell)(struct toolstack *ts, struct helper_command command, struct failure *failure);
    /*
     * Let the guest forget that it was asked to suspend, if it has not read it
     * yet.  0: no such request is open any more; whether it stands still, ask
     * ask.find_domid().  For after a suspend whose process died.
     */
    int (*withdraw)(struct toolstack *ts, uint32_t domid, struct failure *failure);
    /*
     * Must the guest itself run to be suspended, because it has Xen's drivers, which are to know?  Else Xen
     * does it, with a guest that is paused, too.  1: it must; 0: no; -1: that is not to be known.
     */
    int (*needs_guest)(struct toolstack *ts, const struct vm *vm);
    /*
     * Tell the guest of the request to suspend that is open, once more: one that has just begun to run
     * forgets the first.  1: done; 0: none is open that could be seen; -1: that is not to be known.
     */
    int (*remind)(struct toolstack *ts, uint32_t domid);
    /* Does another process save the VM just now, whoever started it?  1: yes; 0: no; -1: that is not to be known. */
    int (*has_saver)(struct toolstack *ts, uint32_t domid);
    /* End what the save helper ends itself unless it was killed: the log of the pages that the guest writes. */
    void (*tracking_end)(struct toolstack *ts, uint32_t domid);
};

/* What is done to a domain. */
struct toolstack_domain_ops {
    int (*rename)(struct toolstack *ts, uint32_t domid, const char *from, const char *to, struct failure *failure);
    /* Let a suspended guest go on as if nothing had been. */
    void (*resume)(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user);
    void (*pause)(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user);
    void (*unpause)(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user);
    void (*destroy)(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user);
};

/* Its share of the CPU. */
struct toolstack_sched_ops {
    int (*get)(struct toolstack *ts, uint32_t domid, struct toolstack_sched *sched, struct failure *failure);
    int (*set)(struct toolstack *ts, uint32_t domid, struct toolstack_sched sched, struct failure *failure);
};

/* Child processes that make a VM out of a stream. */
struct toolstack_child_ops {
    int (*receive)(struct toolstack *ts, const struct toolstack_receiver *how, pid_t *pid, struct failure *failure);
    int (*restore)(struct toolstack *ts, const struct toolstack_restorer *how, pid_t *pid, struct failure *failure);
};

struct toolstack_ops {
    const char *name;                                  /* "libxl", "sim" */
    void (*close)(struct toolstack *ts);               /* idempotent */
    struct toolstack_ask_ops ask;
    struct toolstack_source_ops source;
    struct toolstack_destination_ops destination;
    struct toolstack_early_ops early;
    struct toolstack_suspend_ops suspend;
    struct toolstack_domain_ops domain;
    struct toolstack_sched_ops sched;
    struct toolstack_child_ops child;
};

/* First member of each implementation's own struct. */
struct toolstack {
    const struct toolstack_ops *ops;
};

/* The two.  NULL: see failure. */
struct toolstack *toolstack_open_libxl(struct event_base *base, struct failure *failure);
struct toolstack *toolstack_open_sim(const char *directory, struct event_base *base, struct failure *failure);

#endif
