/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include "xlmig/simhost/run-helper.h"

#include "libxcsave/sim/guest.h"
#include "xlmig/helper/environment.h"
#include "xlmig/helper/libxl-protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY_MS 50        /* whether to abort */
#define ABORT_GRACE_MS 10000    /* after SIGTERM */
#define SILENCE_MAX_MS 600000   /* no message for so long: it hangs */

struct helper {
    const struct run_helper *r;
    pid_t pid;
    int to_fd, from_fd;
    bool completed;
    int retval;
};

/* ---- start ---- */

static void exec_helper(const struct run_helper *r, int in_fd, int out_fd)
{
    /* Above the standard descriptors, which it may be one of: those are for the messages. */
    const int image_fd = fcntl(r->io_fd, F_DUPFD, 3);
    const char *program = getenv(HELPER_PROGRAM_ENV);
    const unsigned callbacks = r->is_save ? 1u << HELPER_SUSPEND | (unsigned)r->has_emulator << HELPER_SWITCH_QEMU_LOGDIRTY
                                          : 1u << HELPER_STATIC_DATA_DONE | 1u << HELPER_RESTORE_RESULTS;
    char io_fd[16], domid[16], flags[16], cbflags[16];

    if (!program)
        program = HELPER_PROGRAM;
    snprintf(io_fd, sizeof io_fd, "%d", image_fd);
    snprintf(domid, sizeof domid, "%u", r->domid);
    snprintf(flags, sizeof flags, "%d", r->live);
    snprintf(cbflags, sizeof cbflags, "%u", callbacks);
    setenv(XCSAVE_SIM_HOST_ENV, r->dir, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (image_fd < 0 || dup2(in_fd, 0) < 0 || dup2(out_fd, 1) < 0)
        _exit(127);
    if (r->is_save)
        execl(program, program, "--save-domain", io_fd, "-1", domid, flags, cbflags, "0", (char *)NULL);
    else
        execl(program, program, "--restore-domain", io_fd, "-1", domid, "1", "0", "2", "0", cbflags, "0",
              (char *)NULL);
    fprintf(stderr, "cannot start %s: %s\n", program, strerror(errno));
    _exit(127);
}

static int start(struct helper *h)
{
    int to[2], from[2];

    if (pipe2(to, O_CLOEXEC))
        return -1;
    if (pipe2(from, O_CLOEXEC)) {
        close(to[0]);
        close(to[1]);
        return -1;
    }
    h->pid = fork();
    if (h->pid == 0)
        exec_helper(h->r, to[0], from[1]);
    close(to[0]);
    close(from[1]);
    h->to_fd = to[1];
    h->from_fd = from[0];
    return h->pid < 0 ? -1 : 0;
}

/* ---- messages ---- */

/* Wait for the helper to say something; sends it away when that is asked for. */
static int wait_for_helper(struct helper *h)
{
    struct pollfd pfd = { .fd = h->from_fd, .events = POLLIN };
    unsigned waited = 0, after_abort = 0;
    bool told = false;

    while (waited < SILENCE_MAX_MS && after_abort < ABORT_GRACE_MS) {
        if (*h->r->abort && !told) {
            kill(h->pid, SIGTERM);
            told = true;
        }
        int n = poll(&pfd, 1, LOOK_EVERY_MS);
        if (n > 0)
            return 0;
        waited += LOOK_EVERY_MS;
        after_abort += told ? LOOK_EVERY_MS : 0;
    }
    kill(h->pid, SIGKILL);
    return -1;
}

static int read_exactly(struct helper *h, void *buf, size_t bytes)
{
    uint8_t *at = buf;

    while (bytes) {
        if (wait_for_helper(h))
            return -1;
        ssize_t n = read(h->from_fd, at, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        at += n;
        bytes -= (size_t)n;
    }
    return 0;
}

static uint32_t u32_at(const uint8_t *args, size_t bytes, size_t offset)
{
    uint32_t value = 0;

    if (bytes >= 4 && offset <= bytes - 4)
        memcpy(&value, args + offset, sizeof value);
    return value;
}

/* log(level, errno, context, text): keep the last error, with its errno, as libxl's logger has it: from 0 on. */
static void keep_error(const struct run_helper *r, const uint8_t *args, size_t bytes)
{
    const size_t context = u32_at(args, bytes, 8), text_at = 12 + context + 4;

    if (u32_at(args, bytes, 0) < XTL_ERROR || context > bytes || text_at > bytes)
        return;
    const size_t text = u32_at(args, bytes, 12 + context);
    const int errnum = (int)u32_at(args, bytes, 4);
    if (text <= bytes - text_at)
        snprintf(r->error, r->error_bytes, "%.*s%s%s", (int)strnlen((const char *)args + text_at, text),
                 (const char *)args + text_at, errnum >= 0 ? ": " : "", errnum >= 0 ? strerror(errnum) : "");
}

static int answer(struct helper *h, int value)
{
    return write(h->to_fd, &value, sizeof value) == (ssize_t)sizeof value ? 0 : -1;
}

static int serve_message(struct helper *h, unsigned number, const uint8_t *args, size_t bytes)
{
    const struct run_helper *r = h->r;

    switch (number) {
    case HELPER_LOG:
        keep_error(r, args, bytes);
        return 0;
    case HELPER_PROGRESS_REPORT:
    case HELPER_RESTORE_RESULTS:
        return 0;
    case HELPER_SUSPEND:
        return answer(h, r->suspend && r->suspend(r->user) == 0);
    case HELPER_SWITCH_QEMU_LOGDIRTY:
        return answer(h, r->emulator_logdirty ? r->emulator_logdirty(r->user, u32_at(args, bytes, 4)) : -1);
    case HELPER_STATIC_DATA_DONE:
        return answer(h, 0);
    case HELPER_COMPLETE:
        h->completed = true;
        h->retval = (int)u32_at(args, bytes, 0);
        return answer(h, 0);
    default:
        return -1;
    }
}

static int serve(struct helper *h)
{
    uint8_t body[65536];
    uint16_t bytes, number;

    while (!h->completed) {
        if (read_exactly(h, &bytes, sizeof bytes) || bytes < sizeof number || read_exactly(h, body, bytes))
            return -1;
        memcpy(&number, body, sizeof number);
        if (serve_message(h, number, body + sizeof number, bytes - sizeof number))
            return -1;
    }
    return h->retval;
}

/* It has said its last; what does not end now never would. */
static int reap(pid_t pid)
{
    const struct timespec ms = { .tv_nsec = 1000000 };
    int status;

    for (unsigned i = 0; i < ABORT_GRACE_MS; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
        nanosleep(&ms, NULL);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return -1;
}

int simhost_run_helper(const struct run_helper *r)
{
    struct helper h = { .r = r };

    r->error[0] = '\0';
    if (start(&h)) {
        snprintf(r->error, r->error_bytes, "cannot start the save helper: %s", strerror(errno));
        return -1;
    }
    int rc = serve(&h);
    close(h.to_fd);
    close(h.from_fd);
    int ended = reap(h.pid);
    if ((rc || ended) && !r->error[0])
        snprintf(r->error, r->error_bytes, "the save helper ended without a reason");
    return rc || ended ? -1 : 0;
}
