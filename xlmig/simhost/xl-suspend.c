/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The simulated xl, leaving a host: libxl_domain_suspend(), `xl save`, `xl migrate`. */
#include "config.h"

#include "libxcsave/sim/client.h"
#include "stream-format/libxl-stream.h"
#include "xlmig/simhost/guest-config.h"
#include "xlmig/simhost/run-helper.h"
#include "xlmig/simhost/xl-io.h"
#include "xlmig/simhost/xl.h"
#include "xlmig/peer/xl-protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SUSPEND_TIMEOUT_MS 3000 /* libxl gives a guest 60 s; a simulated one answers within a tick */

struct suspend {
    int host_fd;
    struct sim_domain_info vm;
    bool not_answered;
};

static int ask_to_suspend(void *user)
{
    struct suspend *s = user;
    struct sim_domain_info info;
    const struct timespec ms = { .tv_nsec = 1000000 };

    if (sim_simple_call(s->host_fd, SIM_ASK_SUSPEND, s->vm.domid, 0))
        return -1;
    for (unsigned waited = 0; waited < SUSPEND_TIMEOUT_MS && !simhost_xl_abort; waited++) {
        if (simhost_xl_query(s->host_fd, s->vm.domid, &info))
            return -1;
        if (info.state == SIM_SUSPENDED)
            return 0;
        nanosleep(&ms, NULL);
    }
    /* It may do it at the very last moment. */
    if (sim_simple_call(s->host_fd, SIM_WITHDRAW_SUSPEND, s->vm.domid, 0))
        return errno == EBUSY ? 0 : -1;
    s->not_answered = !simhost_xl_abort;
    return -1;
}

static int emulator_logdirty(void *user, bool enable)
{
    const struct suspend *s = user;

    return sim_simple_call(s->host_fd, SIM_EMULATOR_LOGDIRTY, s->vm.domid, enable);
}

static int write_emulator(const struct suspend *s, int fd)
{
    static const uint8_t zeros[STREAM_RECORD_ALIGN];
    uint8_t head[16], *blob = malloc(SIM_PAYLOAD_MAX);
    struct sim_call call = {
        .op = SIM_GET_EMULATOR, .domid = s->vm.domid, .out = blob, .out_room = SIM_PAYLOAD_MAX,
    };

    int rc = blob ? sim_call(s->host_fd, &call) : -1;
    const uint32_t bytes = (uint32_t)call.out_bytes;
    stream_encode_emulator_record(head, STREAM_LIBXL_REC_EMULATOR_CONTEXT, STREAM_EMULATOR_QEMU_UPSTREAM, 0, bytes);
    if (!rc)
        rc = simhost_xl_write(fd, head, sizeof head) || simhost_xl_write(fd, blob, bytes) ||
             simhost_xl_write(fd, zeros, stream_record_padded(bytes) - bytes) ? -1 : 0;
    free(blob);
    return rc;
}

/* libxl's stream to `fd`. */
static int suspend_to(struct suspend *s, const char *dir, int fd, bool live)
{
    uint8_t head[16 + 8], end[8];
    char error[512];
    const struct run_helper run = {
        .dir = dir, .domid = s->vm.domid, .io_fd = fd, .is_save = true, .live = live,
        .has_emulator = s->vm.has_emulator, .abort = &simhost_xl_abort, .user = s, .suspend = ask_to_suspend,
        .emulator_logdirty = emulator_logdirty, .error = error, .error_bytes = sizeof error,
    };

    stream_encode_libxl_header(head);
    stream_encode_record_header(head + 16, STREAM_LIBXL_REC_LIBXC_CONTEXT, 0);
    if (simhost_xl_write(fd, head, sizeof head))
        return simhost_xl_complain(SIMHOST_XL_FAILED, "cannot write the stream: %s", strerror(errno));
    /* The helper writes as libxl lets it: the descriptor blocks. */
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    if (simhost_run_helper(&run)) {
        if (s->not_answered)
            return simhost_xl_complain(SIMHOST_XL_NOT_ANSWERED, "the guest did not answer the request to suspend");
        return simhost_xl_complain(simhost_xl_abort ? SIMHOST_XL_ABORTED : SIMHOST_XL_FAILED, "%s", error);
    }
    stream_encode_record_header(end, STREAM_LIBXL_REC_END, 0);
    if ((s->vm.has_emulator && write_emulator(s, fd)) || simhost_xl_write(fd, end, sizeof end))
        return simhost_xl_complain(simhost_xl_abort ? SIMHOST_XL_ABORTED : SIMHOST_XL_FAILED,
                                   "cannot write the end of the stream: %s", strerror(errno));
    return SIMHOST_XL_DONE;
}

int simhost_xl_suspend(const char *dir, int argc, char **argv)
{
    struct suspend s = { .host_fd = sim_connect(dir) };
    unsigned domid;
    int end = 0;

    if (argc < 1 || sscanf(argv[0], "%u%n", &domid, &end) != 1 || argv[0][end])
        return SIMHOST_XL_USAGE;
    simhost_xl_signals();
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* libxl is a part of the process that died, and its helper dies with that */
    if (s.host_fd < 0 || simhost_xl_query(s.host_fd, domid, &s.vm))
        return simhost_xl_complain(SIMHOST_XL_FAILED, "simulated host %s, domain %u: %s", dir, domid, strerror(errno));
    return suspend_to(&s, dir, STDOUT_FILENO, argc > 1 && strcmp(argv[1], "live") == 0);
}

/* ---- xl ---- */

static int write_preamble(const struct suspend *s, int fd)
{
    uint8_t preamble[STREAM_XL_PREAMBLE_LEN];
    char json[SIMHOST_CONFIG_MAX + 1];
    struct sim_call call = {
        .op = SIM_CONFIG, .domid = s->vm.domid, .out = json, .out_room = sizeof json - 1,
    };

    if (sim_call(s->host_fd, &call))
        return -1;
    json[call.out_bytes] = '\0';
    stream_encode_xl_preamble(preamble, 0, (uint32_t)call.out_bytes + 1);
    return simhost_xl_write(fd, preamble, sizeof preamble) || simhost_xl_write(fd, json, call.out_bytes + 1) ? -1 : 0;
}

static int find_vm(struct suspend *s, const char *dir, const char *name)
{
    s->host_fd = sim_connect(dir);
    if (s->host_fd < 0 || simhost_xl_find(s->host_fd, name, &s->vm))
        return simhost_xl_complain(-1, "simulated host %s, VM %s: %s", dir, name, strerror(errno));
    return 0;
}

/* As xl does when a save or a migration failed. */
static int give_back(const struct suspend *s, int status)
{
    sim_simple_call(s->host_fd, SIM_RESUME, s->vm.domid, 0);
    return status;
}

int simhost_xl_save(const char *dir, int argc, char **argv)
{
    struct suspend s = { 0 };
    int status;

    if (argc < 2)
        return SIMHOST_XL_USAGE;
    simhost_xl_signals();
    if (find_vm(&s, dir, argv[0]))
        return SIMHOST_XL_FAILED;
    int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write_preamble(&s, fd))
        status = simhost_xl_complain(SIMHOST_XL_FAILED, "%s: %s", argv[1], strerror(errno));
    else
        status = suspend_to(&s, dir, fd, false);
    if (status)
        return give_back(&s, status);
    return sim_simple_call(s.host_fd, SIM_DESTROY, s.vm.domid, 0) ? SIMHOST_XL_FAILED : SIMHOST_XL_DONE;
}

static pid_t start_command(const char *command, int *to_fd, int *from_fd)
{
    int to[2], from[2];

    if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    *to_fd = to[1];
    *from_fd = from[0];
    return pid;
}

static int expect(int fd, const char *message, size_t bytes)
{
    char got[128];

    if (simhost_xl_read(fd, got, bytes))
        return -1;
    errno = EPROTO;
    return memcmp(got, message, bytes) ? -1 : 0;
}

/* As libxl: only what still has the name that xl knows it by. */
static int rename_away(const struct suspend *s, const char *away)
{
    struct sim_domain_info now;

    if (simhost_xl_query(s->host_fd, s->vm.domid, &now))
        return -1;
    errno = EINVAL;
    return strcmp(now.name, s->vm.name) == 0 ? simhost_xl_rename(s->host_fd, s->vm.domid, away) : -1;
}

/* After GO the VM is the other side's: xl leaves it renamed and suspended whatever comes, and so do we. */
static int hand_over(const struct suspend *s, int to_fd, int from_fd)
{
    char away[SIM_NAME_MAX + 1], result;

    snprintf(away, sizeof away, "%.230s--migratedaway", s->vm.name);
    if (expect(from_fd, XL_READY, sizeof XL_READY) || rename_away(s, away)) {
        simhost_xl_complain(0, "before the handover: %s", strerror(errno));
        return give_back(s, SIMHOST_XL_FAILED);
    }
    if (simhost_xl_write(to_fd, XL_GO, sizeof XL_GO) || expect(from_fd, XL_REPORT, sizeof XL_REPORT) ||
        simhost_xl_read(from_fd, &result, 1) || result)
        return simhost_xl_complain(SIMHOST_XL_FAILED, "the receiver did not say that the VM runs; it is kept as %s", away);
    return sim_simple_call(s->host_fd, SIM_DESTROY, s->vm.domid, 0) ? SIMHOST_XL_FAILED : SIMHOST_XL_DONE;
}

int simhost_xl_migrate(const char *dir, int argc, char **argv)
{
    struct suspend s = { 0 };
    int to_fd = -1, from_fd = -1, status;

    if (argc < 2)
        return SIMHOST_XL_USAGE;
    simhost_xl_signals();
    if (find_vm(&s, dir, argv[0]))
        return SIMHOST_XL_FAILED;
    pid_t pid = start_command(argv[1], &to_fd, &from_fd);
    if (pid < 0 || expect(from_fd, XL_BANNER, sizeof XL_BANNER - 1) || write_preamble(&s, to_fd))
        status = simhost_xl_complain(SIMHOST_XL_FAILED, "no receiver behind `%s': %s", argv[1], strerror(errno));
    else
        status = suspend_to(&s, dir, to_fd, true);
    if (status)
        give_back(&s, status);
    else
        status = hand_over(&s, to_fd, from_fd);
    if (pid < 0)
        return status;
    close(to_fd);
    close(from_fd);
    waitpid(pid, NULL, 0);
    return status;
}
