/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What is said to a simulated host.
 *
 * A simulated host is a directory and one process (xlmig-simhost) that listens
 * on a socket in it.  It plays hypervisor, guests and, with xlmig-simhost's
 * verbs, xl.  One request and its reply are one SOCK_SEQPACKET packet each; a
 * payload stands right behind the struct.  Both ends are programs of one build
 * on one machine, so the structs have the machine's own byte order, but the
 * host checks all that it reads.
 */
#ifndef LIBXCSAVE_SIM_PROTOCOL_H
#define LIBXCSAVE_SIM_PROTOCOL_H

#include <stdint.h>

#define SIM_SOCKET_NAME "host.sock"
#define SIM_PROTOCOL_VERSION 1u
#define SIM_PAYLOAD_MAX (64u * 1024)
#define SIM_NAME_MAX 255
#define SIM_CALL_TIMEOUT_S 60
#define SIM_MAX_VCPUS 64u
#define SIM_EXTENTS_MAX 1024u   /* of one POPULATE or DEPOPULATE */

enum sim_op {
    SIM_HOST = 1,           /* -> struct sim_host_info */
    SIM_CREATE,             /* payload: configuration, JSON; arg[0]: enum sim_create -> value[0]: domid; it is paused */
    SIM_LIST,               /* arg[0] -> struct sim_domain_info of the first domid >= arg[0]; ENOENT: no more */
    SIM_QUERY,              /* -> struct sim_domain_info */
    SIM_CONFIG,             /* -> JSON */
    SIM_RENAME,             /* payload: name */
    SIM_PAUSE,              /* they count, as Xen's do */
    SIM_UNPAUSE,
    SIM_ASK_SUSPEND,        /* as writing "suspend" to control/shutdown: QUERY tells when the guest has done it */
    SIM_WITHDRAW_SUSPEND,   /* EBUSY: too late, it is suspended */
    SIM_RESUME,
    SIM_DESTROY,
    SIM_ATTACH,             /* -> descriptors: memory, page states, dirty bitmap; struct sim_attachment */
    SIM_LOGDIRTY,           /* arg[0]: enum sim_logdirty, arg[1]: pfn to mark; bits go to the shared dirty bitmap */
    SIM_EMULATOR_LOGDIRTY,  /* arg[0]: 0 or 1 */
    SIM_POPULATE,           /* arg[0]: order; payload: uint64_t pfns -> value[0]: extents given */
    SIM_DEPOPULATE,         /* payload: uint64_t pfns */
    SIM_GET_CONTEXT,        /* -> an HVM context of a guest that stands still */
    SIM_SET_CONTEXT,        /* payload: the same, for a guest that never ran */
    SIM_GET_EMULATOR,       /* -> state of the device model */
    SIM_SET_EMULATOR,
    SIM_PROOF,              /* arg[0]: enum sim_moment; payload: uuid -> struct sim_proof; EAGAIN: being made */
    SIM_CHECK,              /* every page against its pattern -> value[0]: pages that are wrong */
    SIM_FAULT,              /* arg[0]: enum sim_fault, arg[1]: value */
    SIM_SCHED,              /* arg[0]: 1: set, arg[1]: cap -> value[0]: cap, per cent of one CPU, 0: none */
    SIM_DEVICES,            /* arg[0]: devices_ms of its configuration, from now on */
    SIM_STOP,
};

enum sim_create {
    SIM_CREATE_EMPTY,       /* no memory: to be restored into */
    SIM_CREATE_BOOT,        /* memory filled, workload ready to run */
};

enum sim_logdirty {
    SIM_LOGDIRTY_ENABLE,    /* EBUSY when it is on */
    SIM_LOGDIRTY_DISABLE,
    SIM_LOGDIRTY_PEEK,
    SIM_LOGDIRTY_CLEAN,
    SIM_LOGDIRTY_MARK,      /* one pfn, unchanged */
};

enum sim_state { SIM_RUNNING, SIM_PAUSED, SIM_SUSPENDED };

/* Moments at which memory and vCPUs are digested. */
enum sim_moment {
    SIM_WHEN_SUSPENDED,     /* last suspend on this host */
    SIM_WHEN_RESTORED,      /* before its first step on this host */
};

/* Misbehaviour that a test asks for. */
enum sim_fault {
    SIM_FAULT_DEAF,         /* 1: the guest does not answer a suspend request */
    SIM_FAULT_NO_DRIVERS,   /* 1: the guest has not Xen's drivers: it is suspended without its help, paused or not */
    SIM_NR_FAULTS,
};

struct sim_request {
    uint32_t version;
    uint32_t op;
    uint32_t domid;
    uint32_t payload_bytes;
    uint64_t arg[2];
};

struct sim_reply {
    int32_t errnum;         /* 0: done */
    uint32_t payload_bytes;
    uint64_t value[2];
};

struct sim_host_info {
    uint64_t total_bytes, free_bytes;
    uint32_t nr_domains;
    uint32_t pid;
};

struct sim_domain_info {
    uint32_t domid;
    uint32_t state;         /* enum sim_state */
    char name[SIM_NAME_MAX + 1];
    uint8_t uuid[16];
    uint32_t nr_vcpus;
    uint32_t cap;           /* per cent of one CPU; 0: no limit */
    uint8_t has_emulator, logdirty, emulator_logdirty, suspend_asked;
    uint8_t no_drivers;
    uint8_t paused;         /* also while it is suspended */
    uint64_t max_pfns;
    uint64_t nr_pfns;
    uint64_t present_pages;
    uint64_t superpages;    /* 2 MiB */
    uint64_t hugepages;     /* 1 GiB */
    uint64_t ticks;         /* of all vCPUs, on whatever host */
    uint64_t cpu_ns;        /* that its vCPUs ran in this domain */
    uint64_t writes;
    uint64_t errors;        /* pages that did not hold what they should have */
    uint64_t max_gap_us;    /* the longest that vCPU 0 went without a tick, for whatever reason */
    uint64_t arrival_gap_us; /* between its last tick elsewhere and its first here; 0: it was always here */
};

struct sim_attachment {
    uint64_t max_pfns;      /* sizes of the three: pages, bytes, bits */
    uint64_t nr_pfns;       /* in use now */
    uint64_t store_pfn, console_pfn;
};
#define SIM_ATTACH_FDS 3

/* One byte a pfn in the shared page states. */
#define SIM_PAGE_ABSENT 0
#define SIM_PAGE_SMALL 1
#define SIM_PAGE_SUPER 2    /* part of a 2 MiB extent */
#define SIM_PAGE_HUGE 3     /* part of a 1 GiB extent */

struct sim_proof {
    uint64_t digest[2];     /* of all pages that are present and the state of all vCPUs */
    uint64_t ticks;
    uint64_t pages;
};

#endif
