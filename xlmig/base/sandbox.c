/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/base/sandbox.h"

#include "xlmig/base/exit.h"
#include "xlmig/base/output.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef SANDBOX_FILTER
#include <seccomp.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(a)[0])
#define API_KILL_PROCESS 3u /* libseccomp's number for kernels that have it, which are those from 4.14 on */

/* ---- the filter -------------------------------------------------------- */

/*
 * The clock is here because it is no system call only where the kernel's clock
 * can be read without one, which that of a PV dom0 cannot; the random numbers,
 * because malloc() and json-c ask for some.
 */
static const int harmless[] = {
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close),
    SCMP_SYS(lseek), SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex),
    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

static int allow_harmless(scmp_filter_ctx filter)
{
    int r = 0;

    for (size_t i = 0; !r && i < ARRAY_SIZE(harmless); i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, harmless[i], 0);
    return r;
}

/* Memory of its own, none of which ever holds code; and abort(). */
static int allow_with_conditions(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp no_code = {
        .arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = 0,
    };
    const struct scmp_arg_cmp map[] = {
        no_code, { .arg = 3, .op = SCMP_CMP_MASKED_EQ, .datum_a = MAP_ANONYMOUS, .datum_b = MAP_ANONYMOUS },
    };
    const struct scmp_arg_cmp abort_itself[] = {
        { .arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)getpid() },
        { .arg = 2, .op = SCMP_CMP_EQ, .datum_a = SIGABRT },
    };
    int r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), ARRAY_SIZE(map), map);

    if (!r)
        r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &no_code);
    if (!r)
        r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), ARRAY_SIZE(abort_itself), abort_itself);
    return r;
}

/*
 * The whole process is killed rather than refused an error: what asks for more
 * than the work needs is not the program that was written, and does not get to
 * try the next call.
 */
static scmp_filter_ctx make_filter(struct failure *failure)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int r = filter ? seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) : -ENOMEM;

    if (!r)
        r = allow_harmless(filter);
    if (!r)
        r = allow_with_conditions(filter);
    if (!r)
        return filter;
    if (filter)
        seccomp_release(filter);
    failure_set(failure, "cannot make a seccomp filter: %s; " SANDBOX_ENV "=off does without", strerror(-r));
    return NULL;
}

/* ---- entering ---------------------------------------------------------- */

static bool wanted(void)
{
    const char *text = getenv(SANDBOX_ENV);

    return !text || strcmp(text, "off") != 0;
}

/* stdio asks for the kind of its file when it makes its buffer: have that behind us. */
static void settle_output(void)
{
    static char buffer[1 << 16];

    setvbuf(stdout, buffer, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, sizeof buffer);
}

/* A core would hold a guest's memory.  No descriptor besides those that are open: the filter says so, too. */
static int set_limits(struct failure *failure)
{
    const struct rlimit none = { 0, 0 };

    if (setrlimit(RLIMIT_CORE, &none) || setrlimit(RLIMIT_NOFILE, &none) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return failure_set(failure, "cannot be confined: %s; " SANDBOX_ENV "=off does without", strerror(errno));
    return 0;
}

int sandbox_enter(const char *who, struct failure *failure)
{
    scmp_filter_ctx filter;
    int r;

    if (!wanted())
        return 0;
    settle_output();
    if (set_limits(failure))
        return -1;
    if (seccomp_api_get() < API_KILL_PROCESS) {
        fprintf(stderr, "%s: note: this kernel has no seccomp filters; what reads the file is not confined\n", who);
        return 0;
    }
    filter = make_filter(failure);
    if (!filter)
        return -1;
    r = seccomp_load(filter);
    seccomp_release(filter);
    return r ? failure_set(failure, "cannot load a seccomp filter: %s; " SANDBOX_ENV "=off does without", strerror(-r))
             : 0;
}

/* ---- the child --------------------------------------------------------- */

static _Noreturn void be_child(const char *who, pid_t parent, int (*work)(void *opaque), void *opaque)
{
    int rc;

    /* Nobody would do the rest, nor remove what is unfinished. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
        _exit(EXIT_FAILED);
    rc = output_end(who, work(opaque), EXIT_FAILED);
    _exit(rc);
}

static int status_of(const char *who, int status)
{
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    if (WTERMSIG(status) == SIGSYS)
        fprintf(stderr,
                "%s: stopped, because it asked the kernel for what reading a file has no need of: either the file "
                "was made to abuse an error of xlmig's, or xlmig forgot that it needs this; only if you trust the "
                "file, try again with " SANDBOX_ENV "=off\n", who);
    else
        fprintf(stderr, "%s: ended by a signal: %s\n", who, strsignal(WTERMSIG(status)));
    return EXIT_FAILED;
}

int sandbox_run(const char *who, int (*work)(void *opaque), void *opaque)
{
    const pid_t self = getpid();
    pid_t child, r;
    int status;

    if (!wanted())
        return output_end(who, work(opaque), EXIT_FAILED);
    fflush(stdout); /* what is in it would be written twice */
    signal(SIGCHLD, SIG_DFL); /* who started xlmig may have it ignored, and then no status is kept */
    child = fork();
    if (child == 0)
        be_child(who, self, work, opaque);
    if (child < 0) {
        fprintf(stderr, "%s: cannot start a process: %s\n", who, strerror(errno));
        return EXIT_FAILED;
    }
    do
        r = waitpid(child, &status, 0);
    while (r < 0 && errno == EINTR);
    if (r < 0) {
        fprintf(stderr, "%s: cannot wait for its own process: %s\n", who, strerror(errno));
        return EXIT_FAILED;
    }
    return status_of(who, status);
}

#else /* a build with sanitizers */

int sandbox_enter(const char *who, struct failure *failure)
{
    (void)who, (void)failure;
    return 0;
}

int sandbox_run(const char *who, int (*work)(void *opaque), void *opaque)
{
    return output_end(who, work(opaque), EXIT_FAILED);
}

#endif
