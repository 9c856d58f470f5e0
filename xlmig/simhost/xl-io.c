/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include "xlmig/simhost/xl-io.h"

#include "libxcsave/sim/client.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_EVERY_MS 50
#define IO_TIMEOUT_MS 120000

volatile sig_atomic_t simhost_xl_abort;

static void on_signal(int number)
{
    (void)number;
    simhost_xl_abort = 1;
}

void simhost_xl_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal }, before;

    sigaction(SIGTERM, &action, NULL);
    /* Who started us with SIGINT ignored means to stop us by himself. */
    if (sigaction(SIGINT, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int wait_for(int fd, short events)
{
    struct pollfd pfd = { .fd = fd, .events = events };

    for (unsigned waited = 0; waited < IO_TIMEOUT_MS; waited += LOOK_EVERY_MS) {
        if (simhost_xl_abort) {
            errno = ECANCELED;
            return -1;
        }
        if (poll(&pfd, 1, LOOK_EVERY_MS) > 0)
            return 0;
    }
    errno = ETIMEDOUT;
    return -1;
}

/* A pipe that is writable takes PIPE_BUF bytes at once, whatever its mode. */
#define WRITE_AT_ONCE 4096

int simhost_xl_write(int fd, const void *buf, size_t bytes)
{
    const uint8_t *at = buf;

    while (bytes) {
        if (wait_for(fd, POLLOUT))
            return -1;
        ssize_t n = write(fd, at, bytes < WRITE_AT_ONCE ? bytes : WRITE_AT_ONCE);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return -1;
        at += n;
        bytes -= (size_t)n;
    }
    return 0;
}

int simhost_xl_read(int fd, void *buf, size_t bytes)
{
    uint8_t *at = buf;

    while (bytes) {
        if (wait_for(fd, POLLIN))
            return -1;
        ssize_t n = read(fd, at, bytes);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n == 0)
            errno = EPIPE;
        if (n <= 0)
            return -1;
        at += n;
        bytes -= (size_t)n;
    }
    return 0;
}

int simhost_xl_complain(int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return status;
}

int simhost_xl_find(int host_fd, const char *name, struct sim_domain_info *info)
{
    for (uint64_t domid = 0;; domid = (uint64_t)info->domid + 1) {
        struct sim_call call = { .op = SIM_LIST, .arg = { domid }, .out = info, .out_room = sizeof *info };
        if (sim_call(host_fd, &call))
            return -1;
        if (strcmp(info->name, name) == 0)
            return 0;
    }
}

int simhost_xl_query(int host_fd, uint32_t domid, struct sim_domain_info *info)
{
    struct sim_call call = { .op = SIM_QUERY, .domid = domid, .out = info, .out_room = sizeof *info };

    return sim_call(host_fd, &call);
}

int simhost_xl_rename(int host_fd, uint32_t domid, const char *name)
{
    struct sim_call call = { .op = SIM_RENAME, .domid = domid, .in = name, .in_bytes = strlen(name) };

    return sim_call(host_fd, &call);
}
