/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The libxl toolstack, from the inside: what its files share.
 *
 *   libxl.c         open, close, the table of operations: above all the others
 *   failed.c        how a failure is said
 *   log.c           what libxl says
 *   loop.c          libxl's descriptors, timers and children in the libevent loop
 *   host.c          what this host is
 *   vms.c           its VMs: found, renamed, their share of the CPU
 *   ops.c           operations that take time
 *   check.c         may this VM move, and can this host take it
 *   devices.c       are its disks and networks there
 *   child.c         xl as a child process: receive and restore
 *   early.c         devices of a VM that is still arriving
 *   early-config.c  which they are
 *   prepare.c       hotplug scripts of disks that are made later
 *   turn.c          what VMs that arrive together do one after the other
 */
#ifndef XLMIG_TOOLSTACK_LIBXL_LIBXL_H
#define XLMIG_TOOLSTACK_LIBXL_LIBXL_H

#include "xlmig/toolstack/device-check.h"
#include "xlmig/toolstack/toolstack.h"

/* The newest that Xen 4.17 and 4.22 both know. */
#define LIBXL_API_VERSION 0x041400
#include <libxl.h>
#include <libxl_event.h>
#include <libxl_utils.h>
#include <xentoollog.h>

/* Where Xen puts its hotplug scripts unless it was built otherwise; libxl does not tell. */
#define XEN_SCRIPT_DIR "/etc/xen/scripts"

/* A logger that keeps what went wrong, so that it can stand in a message of ours. */
struct libxl_log {
    struct xentoollog_logger logger; /* must be first: libxl sees only this */
    bool verbose;                    /* also to stderr, as it comes */
    char first_error[512];           /* since libxl_log_forget() */
};

void libxl_log_init(struct libxl_log *log, bool verbose);
void libxl_log_forget(struct libxl_log *log);

struct libxl_suspend;

struct libxl_toolstack {
    struct toolstack ts;
    struct event_base *base;
    struct libxl_log log;
    libxl_ctx *ctx;
    struct event *sigchld;
    struct libxl_suspend *suspend; /* the one under way, or NULL */
};

static inline struct libxl_toolstack *to_libxl(struct toolstack *ts)
{
    return (struct libxl_toolstack *)ts;
}

/* Let libxl live in the loop; before any other call of libxl. */
int libxl_loop_attach(struct libxl_toolstack *lx, struct failure *failure);
void libxl_loop_detach(struct libxl_toolstack *lx);

/* `what` failed with libxl's rc: set failure, with what libxl said about it.  Returns -1. */
int libxl_failed(struct libxl_toolstack *lx, int rc, const char *what, struct failure *failure);

/* libxl forks the helper only when the guest is about to be touched: better told before. */
int libxl_helper_check(struct failure *failure);

/* host */
int libxl_op_host(struct toolstack *ts, struct vm_host *out, struct failure *failure);

/* vms */
int libxl_op_list(struct toolstack *ts, struct vm **vms, size_t *nr_vms, struct failure *failure);
int libxl_op_find(struct toolstack *ts, const char *name_or_domid, struct vm *vm, struct failure *failure);
int libxl_op_find_domid(struct toolstack *ts, uint32_t domid, struct vm *vm, struct failure *failure);
int libxl_op_rename(struct toolstack *ts, uint32_t domid, const char *from, const char *to, struct failure *failure);
int libxl_op_sched_get(struct toolstack *ts, uint32_t domid, struct toolstack_sched *sched, struct failure *failure);
int libxl_op_sched_set(struct toolstack *ts, uint32_t domid, struct toolstack_sched sched, struct failure *failure);

/* ops */
void libxl_op_config(struct toolstack *ts, uint32_t domid, toolstack_config_done *done, void *user);
void libxl_op_suspend(struct toolstack *ts, uint32_t domid, const struct toolstack_suspend *how);
void libxl_op_suspend_abort(struct toolstack *ts);
int libxl_op_suspend_withdraw(struct toolstack *ts, uint32_t domid, struct failure *failure);
int libxl_op_has_saver(struct toolstack *ts, uint32_t domid);
void libxl_op_tracking_end(struct toolstack *ts, uint32_t domid);
int libxl_op_suspend_tell(struct toolstack *ts, struct helper_command command, struct failure *failure);
void libxl_op_resume(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user);
int libxl_op_needs_guest(struct toolstack *ts, const struct vm *vm);
int libxl_op_remind(struct toolstack *ts, uint32_t domid);
void libxl_op_pause(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user);
void libxl_op_unpause(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user);
void libxl_op_destroy(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user);

/* check */
int libxl_op_obstacles(struct toolstack *ts, const struct vm *vm, const char *config_json,
                       struct toolstack_obstacles *obstacles, struct failure *failure);
int libxl_op_cpu_policy(struct toolstack *ts, uint32_t domid, struct cpu_policy *policy, struct failure *failure);
int libxl_op_cpu_policy_fits(struct toolstack *ts, enum vm_type type, const struct cpu_policy *policy,
                             struct cpu_verdict *verdict, struct failure *failure);
int libxl_op_memory_needed(struct toolstack *ts, const char *config_json, uint64_t *bytes, struct failure *failure);
int libxl_op_describe(struct toolstack *ts, const char *config_json, struct vm *vm, struct failure *failure);

/* devices */
void libxl_op_start_files(struct toolstack *ts, const char *vm_name, struct start_files *files);
int libxl_op_disk_sizes(struct toolstack *ts, const char *config_json, struct vm_disk *disks, unsigned *nr_disks,
                        struct failure *failure);
int libxl_op_devices_there(struct toolstack *ts, const char *config_json, const struct vm_disk *disks,
                           unsigned nr_disks, struct check_list *found, struct failure *failure);
/* What devices_there() looks for; needs no Xen. */
void libxl_check_devices(struct device_checker *checker, const libxl_domain_config *config,
                         const struct vm_disk *sizes, unsigned nr_sizes);

/* early */
int libxl_op_early_devices(struct toolstack *ts, const char *config_json, char **rest_json, struct failure *failure);
int libxl_op_record_early(struct toolstack *ts, uint32_t domid, const char *config_json, struct failure *failure);
void libxl_op_attach_early(struct toolstack *ts, uint32_t domid, const char *config_json, toolstack_done *done,
                           void *user);
void libxl_op_discard_early(struct toolstack *ts, uint32_t domid, const char *config_json);

/* early-config: needs no Xen */
/* Leave nothing in `config` but its early devices. */
void libxl_keep_early_devices(libxl_domain_config *config);
/* Leave out what is early, and give the disks that are prepared another script.  -1: out of memory. */
int libxl_leave_out_early_devices(libxl_domain_config *config);
/* Are its early disks prepared, and in either configuration? */
bool libxl_prepares_disks(const libxl_domain_config *config);
/* The disks of `to` get back the scripts that they have in `from`.  -1: out of memory. */
int libxl_restore_scripts(const libxl_domain_config *from, libxl_domain_config *to);

/* prepare */
/* libxl is given this in the place of the script of a disk that is prepared. */
#define PREPARED_DISK_SCRIPT LIBEXECDIR "/xlmig-prepared-disk"
typedef void libxl_prepared(void *user, const struct failure *failure);
/* Run the disk's script.  May call back before it returns; else in 41 s at most.  Strings are copied. */
void libxl_prepare_disk(struct libxl_toolstack *lx, uint32_t domid, const libxl_device_disk *disk, libxl_prepared *done,
                        void *user);

/*
 * turn: needs no Xen.  libxl gives each device ten seconds.  Of several VMs that arrive together, each with its devices
 * at once, none may be served in time on a busy host; one after the other they take no longer, and each has its ten.
 */
struct libxl_turn {
    int fd;             /* of the file that is locked, or -1 */
    bool taken;         /* or given up waiting: a turn is a courtesy */
    bool locked;
    unsigned waited_ms;
    char name[16];
};

#define TURN_LOOK_MS 100   /* between two tries */
#define TURN_WAIT_MS 30000 /* then it goes on without */

void libxl_turn_init(struct libxl_turn *turn, const char *name);
/* Is it ours, or not worth waiting for any more?  To be asked again in TURN_LOOK_MS where it is not. */
bool libxl_turn_take(struct libxl_turn *turn);
void libxl_turn_give(struct libxl_turn *turn);

/* child */
int libxl_op_receive(struct toolstack *ts, const struct toolstack_receiver *how, pid_t *pid, struct failure *failure);
int libxl_op_restore(struct toolstack *ts, const struct toolstack_restorer *how, pid_t *pid, struct failure *failure);

#endif
