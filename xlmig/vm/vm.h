/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A VM, as every room speaks of one. */
#ifndef XLMIG_VM_VM_H
#define XLMIG_VM_VM_H

#include "xlmig/base/failure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vm_type { VM_TYPE_PV, VM_TYPE_PVH, VM_TYPE_HVM };

enum vm_state {
    VM_RUNNING,   /* its vCPUs run or wait for work */
    VM_PAUSED,    /* by the administrator, or not yet unpaused after its creation */
    VM_SUSPENDED, /* saved or being saved */
    VM_SHUT_DOWN, /* powered off or about to reboot, not yet cleaned up */
    VM_CRASHED,
    VM_DYING,     /* being destroyed */
};

#define VM_NAME_MAX 255
/* What a VM is called by xl and xlmig while it arrives, and at its source once it was handed over: its name, and this. */
#define VM_NAME_INCOMING "--incoming"
#define VM_NAME_AWAY "--migratedaway"
/* The longest name that can move: libxl keeps the file qemu-dm-NAME--incoming.log.10, and 255 octets are a file's name. */
#define VM_NAME_MOVES_MAX 230u

struct vm {
    uint32_t domid;
    char name[VM_NAME_MAX + 1];
    uint8_t uuid[16];
    enum vm_type type;
    enum vm_state state;
    bool paused;               /* by whomever, also while it is suspended */
    uint64_t memory_bytes;     /* has now */
    uint64_t max_memory_bytes; /* may grow to */
    unsigned vcpus;            /* online */
    uint64_t cpu_ns;           /* time that they ran so far; 0: they never did */
};

/* All digits, and few enough: xl takes that for a domain's number. */
bool vm_number(const char *text, uint32_t *domid);
/*
 * Which VM a text means that is the name of `named` and the number of
 * `numbered`; NULL: of none.  1: none; -1: one of each, and nobody shall guess.
 */
int vm_choose(const char *text, const struct vm *named, const struct vm *numbered, struct vm *vm, struct failure *failure);

/* Of the VM's CPU: what the guest was told it has, in a form that crosses the wire. */
struct cpu_policy {
    void *bytes;        /* malloc(); opaque to all but the toolstack that made it */
    size_t len;
};
#define CPU_POLICY_MAX_BYTES (256u * 1024)

/* How large a disk of a VM is. */
struct vm_disk {
    char name[32];       /* "xvda" */
    uint64_t bytes;
};
#define VM_DISKS_MAX 64u

/* Where VMs run. */
struct vm_host {
    char name[256];         /* what the host calls itself */
    char hypervisor[64];    /* "Xen 4.17.5" */
    char toolstack[64];     /* "libxl 4.17" */
    unsigned cpus;          /* that are on; 0: not known */
    uint64_t free_bytes;    /* for new VMs */
    bool log_dirty_pv;      /* a running PV guest can be tracked: shadow paging is there */
    bool log_dirty_hvm;     /* PVH and HVM: hardware assisted paging is there */
};

/* Names one attempt to move a VM, on both hosts: random octets. */
#define MIGRATION_TOKEN_BYTES 16u

/* One that could have come from xl: not empty, without slashes (it becomes part of paths) and control characters. */
bool vm_name_is_valid(const char *name);

bool vm_name_ends(const struct vm *vm, const char *end);

/* Words for displays: "PVH", "running". */
const char *vm_type_name(enum vm_type type);
const char *vm_state_name(enum vm_state state);

#endif
