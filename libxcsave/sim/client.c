/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include "libxcsave/sim/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

int sim_connect(const char *dir)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const struct timeval limit = { .tv_sec = SIM_CALL_TIMEOUT_S };
    int fd = -1, rc = -1;

    /* A socket's address is short, a directory's path may be long: go through the open directory. */
    int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return -1;
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" SIM_SOCKET_NAME, dir_fd);

    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        goto out;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit))
        goto out;
    rc = connect(fd, (const struct sockaddr *)&address, sizeof address);

out:;
    int errnum = errno;
    close(dir_fd);
    if (rc && fd >= 0)
        close(fd);
    errno = errnum;
    return rc ? -1 : fd;
}

static int send_request(int fd, const struct sim_call *call)
{
    struct sim_request request = {
        .version = SIM_PROTOCOL_VERSION,
        .op = call->op,
        .domid = call->domid,
        .payload_bytes = (uint32_t)call->in_bytes,
        .arg = { call->arg[0], call->arg[1] },
    };
    struct iovec iov[] = {
        { .iov_base = &request, .iov_len = sizeof request },
        { .iov_base = (void *)call->in, .iov_len = call->in_bytes },
    };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
    ssize_t r;

    if (call->in_bytes > SIM_PAYLOAD_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    do
        r = sendmsg(fd, &msg, MSG_NOSIGNAL);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -1 : 0;
}

/* Take the descriptors out of a message; closes them all when they are not as many as wanted. */
static int take_fds(struct msghdr *msg, int *fds, unsigned nr_fds)
{
    int got[SIM_ATTACH_FDS];
    unsigned n = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        n = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(got, CMSG_DATA(c), n * sizeof(int));
    }
    if (n == nr_fds) {
        for (unsigned i = 0; i < n; i++)
            fds[i] = got[i];
        return 0;
    }
    while (n)
        close(got[--n]);
    errno = EPROTO;
    return -1;
}

static int receive_reply(int fd, struct sim_call *call)
{
    struct sim_reply reply;
    char room[CMSG_SPACE(SIM_ATTACH_FDS * sizeof(int))] __attribute__((aligned(8)));
    struct iovec iov[] = {
        { .iov_base = &reply, .iov_len = sizeof reply },
        { .iov_base = call->out, .iov_len = call->out_room },
    };
    struct msghdr msg = {
        .msg_iov = iov, .msg_iovlen = 2, .msg_control = room, .msg_controllen = sizeof room,
    };
    ssize_t r;

    do
        r = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    while (r < 0 && errno == EINTR);
    if (r < 0) {
        if (errno == EAGAIN)
            errno = ETIMEDOUT;
        return -1;
    }
    if ((size_t)r < sizeof reply || reply.payload_bytes != (size_t)r - sizeof reply ||
        (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
        errno = r ? EPROTO : ECONNRESET;
        return -1;
    }
    if (take_fds(&msg, call->fds, reply.errnum ? 0 : call->nr_fds))
        return -1;
    call->out_bytes = reply.payload_bytes;
    memcpy(call->value, reply.value, sizeof call->value);
    errno = reply.errnum;
    return reply.errnum ? -1 : 0;
}

int sim_call(int fd, struct sim_call *call)
{
    call->out_bytes = 0;
    if (send_request(fd, call))
        return -1;
    return receive_reply(fd, call);
}

int sim_simple_call(int fd, uint32_t op, uint32_t domid, uint64_t arg0)
{
    struct sim_call call = { .op = op, .domid = domid, .arg = { arg0 } };

    return sim_call(fd, &call);
}
