/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/peer/join.h"

#include "xlmig/base/runtime-dir.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MS 10000
#define BACKLOG 64

/* One message that carries one descriptor. */
union one_fd {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static int make_address(const uint8_t token[MIGRATION_TOKEN_BYTES], struct sockaddr_un *address, struct failure *failure)
{
    char directory[sizeof address->sun_path], name[CHANNEL_NAME_BYTES];
    int len;

    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (runtime_dir(directory, sizeof directory, failure) < 0)
        return -1;
    channel_public_name(token, name);
    len = snprintf(address->sun_path, sizeof address->sun_path, "%s/join-%s", directory, name);
    if (len < 0 || (size_t)len >= sizeof address->sun_path)
        return failure_set(failure, "the name of the runtime directory is too long for a socket in it");
    return 0;
}

int join_listen(const uint8_t token[MIGRATION_TOKEN_BYTES], char *path, size_t size, struct failure *failure)
{
    struct sockaddr_un address;
    int fd;

    if (make_address(token, &address, failure) < 0)
        return -1;
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, BACKLOG) == 0) {
        snprintf(path, size, "%s", address.sun_path);
        return fd;
    }
    failure_set(failure, "cannot listen at %s: %s", address.sun_path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

ssize_t join_hear(int socket_fd, unsigned char hello[CHANNEL_HELLO_BYTES], int *fd)
{
    union one_fd control = { 0 };
    struct iovec iov = { .iov_base = hello, .iov_len = CHANNEL_HELLO_BYTES };
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes,
    };
    ssize_t n = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;

    *fd = -1;
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof *fd))
        memcpy(fd, CMSG_DATA(header), sizeof *fd);
    return n;
}

void join_accept(int socket_fd)
{
    (void)!send(socket_fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT); /* should it be gone, its channel ends, too */
}

static int say(int socket_fd, const struct message_join *join, int fd)
{
    unsigned char hello[CHANNEL_HELLO_BYTES];
    union one_fd control = { 0 };
    struct iovec iov = { .iov_base = hello, .iov_len = sizeof hello };
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes,
    };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    channel_hello_encode(hello, join->token, join->channel, 0);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return sendmsg(socket_fd, &message, MSG_NOSIGNAL) == (ssize_t)sizeof hello ? 0 : -1;
}

static int await_answer(int socket_fd)
{
    struct pollfd p = { .fd = socket_fd, .events = POLLIN };
    char byte;

    return poll(&p, 1, ANSWER_MS) > 0 && recv(socket_fd, &byte, 1, MSG_DONTWAIT) == 1 ? 0 : -1;
}

int join_hand_over(const struct message_join *join, int fd, struct failure *failure)
{
    struct sockaddr_un address;
    int socket_fd;

    if (make_address(join->token, &address, failure) < 0)
        return -1;
    socket_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (socket_fd < 0)
        return failure_set(failure, "cannot make a socket: %s", strerror(errno));
    if (connect(socket_fd, (struct sockaddr *)&address, sizeof address) < 0)
        failure_set(failure, "no migration on this host waits for such a channel");
    else if (say(socket_fd, join, fd) < 0 || await_answer(socket_fd) < 0)
        failure_set(failure, "the migration on this host did not take channel %u", join->channel);
    else
        return socket_fd;
    close(socket_fd);
    return -1;
}
