/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/helper/sandbox.h"

#ifdef SANDBOX_FILTER

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "xlmig/helper/libxl-protocol.h"
#include "xlmig/base/sandbox.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(a)[0])
#define API_KILL_PROCESS 3u /* libseccomp's number for kernels that have it, which are those from 4.14 on */
#define API_SPECULATION 4u
#define IOCTL_TYPE 0xff00u
#define IOCTL_OF_XEN ((unsigned)'P' << 8) /* privcmd's */

struct rule {
    uint32_t action;
    int call;
    unsigned nr;
    struct scmp_arg_cmp args[2];
};

/*
 * What the helper, the engine, libxc and libc do once all is open.  The listener
 * to the command (listener.c) polls and reads; compressors only compute.
 */
static const int harmless[] = {
    /* The image, libxl's messages, events, what wakes the listener; lseek() is stdio's, when it ends. */
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pwrite64),
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(lseek), SCMP_SYS(close),
    /* A simulated host's socket, over which memory comes as a descriptor. */
    SCMP_SYS(sendmsg), SCMP_SYS(recvmsg),
    /* malloc(), the engine's tables, buffers of hypercalls, foreign memory, stacks; mmap() and mprotect() are below. */
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    /* Time: no call of the system only where a clock can be read without one, which a PV dom0's cannot. */
    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(restart_syscall),
    /* Threads that start, wait for each other and end; malloc() counts the CPUs for them. */
    SCMP_SYS(futex), SCMP_SYS(gettid), SCMP_SYS(rseq), SCMP_SYS(set_robust_list), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield), SCMP_SYS(exit),
    /* SIGTERM, which is libxl's cancel, and threads that are not to get it; abort(). */
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigreturn), SCMP_SYS(getpid),
    /* json-c's hash tables, malloc(). */
    SCMP_SYS(getrandom),
    SCMP_SYS(exit_group),
};

/* What no library tries in passing. */
static const int never[] = {
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(socket), SCMP_SYS(connect),
    SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(tkill),
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(mount), SCMP_SYS(pivot_root),
    SCMP_SYS(chroot), SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(init_module), SCMP_SYS(finit_module),
    SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(bpf), SCMP_SYS(iopl), SCMP_SYS(ioperm),
};

static int add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n)
{
    int r = 0;

    for (size_t i = 0; !r && i < n; i++)
        r = seccomp_rule_add(filter, action, calls[i], 0);
    return r;
}

static int add_rules(scmp_filter_ctx filter)
{
    /* The flags of clone3() are behind a pointer; without it, glibc uses clone(), whose are not. */
    const struct rule rules[] = {
        { SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0, { { 0 } } },
        { SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, { { 0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD } } },
        { SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), 1, { { 0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0 } } },
        /* Shared, locked or a device's, as libxencall and libxenforeignmemory have it, but no code. */
        { SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, { { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } } },
        { SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, { { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } } },
        /* Hypercalls, foreign memory, resources of a guest. */
        { SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, { { 1, SCMP_CMP_MASKED_EQ, IOCTL_TYPE, IOCTL_OF_XEN } } },
        /* Connections and pipes that are not to block, and pipes that are to hold more. */
        { SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, { { 1, SCMP_CMP_EQ, F_GETFL, 0 } } },
        { SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, { { 1, SCMP_CMP_EQ, F_SETFL, 0 } } },
        { SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, { { 1, SCMP_CMP_EQ, F_SETPIPE_SZ, 0 } } },
        /* To itself, as what tests load into it does to end or stop it at a certain moment; abort(). */
        { SCMP_ACT_ALLOW, SCMP_SYS(kill), 1, { { 0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0 } } },
        { SCMP_ACT_KILL_PROCESS, SCMP_SYS(kill), 1, { { 0, SCMP_CMP_NE, (scmp_datum_t)getpid(), 0 } } },
        { SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 2, { { 0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0 },
                                                 { 2, SCMP_CMP_EQ, SIGABRT, 0 } } },
    };
    int r = 0;

    for (size_t i = 0; !r && i < ARRAY_SIZE(rules); i++)
        r = seccomp_rule_add_array(filter, rules[i].action, rules[i].call, rules[i].nr, rules[i].args);
    return r;
}

/*
 * A call that is on neither list fails: a library of another release may try
 * one in passing, and a VM stands still while this process works.  One that
 * only an attack makes ends it; whoever started it undoes what there is, as
 * after a kill -9.
 */
static int load_filter(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int r = filter ? seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) : -ENOMEM;

    if (!r)
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    /* Linux before 5.16 slows whoever has a filter, lest it guess at memory; this one could ask Xen for it. */
    if (!r && seccomp_api_get() >= API_SPECULATION)
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
    if (!r)
        r = add_all(filter, SCMP_ACT_ALLOW, harmless, ARRAY_SIZE(harmless));
    if (!r)
        r = add_all(filter, SCMP_ACT_KILL_PROCESS, never, ARRAY_SIZE(never));
    if (!r)
        r = add_rules(filter);
    if (!r)
        r = seccomp_load(filter);
    if (filter)
        seccomp_release(filter);
    return r;
}

int helper_confine(struct xcsave_error *error)
{
    const struct rlimit none = { 0, 0 };
    const char *wanted = getenv(SANDBOX_ENV);
    int r;

    if (wanted && strcmp(wanted, "off") == 0)
        return 0;
    if (seccomp_api_get() < API_KILL_PROCESS) {
        helper_log(XTL_WARN, "this kernel has no seccomp filters; the save helper is not confined");
        return 0;
    }
    r = setrlimit(RLIMIT_CORE, &none) ? -errno : load_filter();
    if (!r)
        return 0;
    *error = (struct xcsave_error){
        .errnum = -r, .text = "the save helper cannot be confined; " SANDBOX_ENV "=off does without",
    };
    return -1;
}

#else /* a build with sanitizers */

int helper_confine(struct xcsave_error *error)
{
    (void)error;
    return 0;
}

#endif
