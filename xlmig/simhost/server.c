/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include "xlmig/simhost/server.h"

#include "libxcsave/sim/client.h"
#include "xlmig/simhost/guest-config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_DOMAINS 64u
#define MAX_CLIENTS 128u
#define MAX_PAST_PROOFS 64u
#define FIRST_DOMID 1u
#define LAST_DOMID 0x7fefu

/* Of a guest that is no more. */
struct past_proof {
    uint8_t uuid[16];
    bool made[2];
    struct sim_proof proof[2]; /* by enum sim_moment */
};

struct domain {
    uint32_t domid;
    struct simguest *guest;
    struct simguest_config config; /* as it was created */
};

struct host {
    struct simhost_pool pool;
    uint64_t total_bytes;
    struct domain domains[MAX_DOMAINS]; /* by rising domid; guest NULL: end */
    unsigned nr_domains;
    uint32_t next_domid;
    struct past_proof past[MAX_PAST_PROOFS];
    unsigned nr_past;       /* ever: the newest take the place of the oldest */
    bool stop;
};

/* One request and what is answered to it. */
struct exchange {
    struct host *host;
    struct sim_request request;
    uint8_t payload[SIM_PAYLOAD_MAX + 1]; /* of the request, with a NUL behind it */
    struct domain *domain;  /* of request.domid; NULL: none */
    struct sim_reply reply;
    uint8_t out[SIM_PAYLOAD_MAX];
    int fds[SIM_ATTACH_FDS];
    unsigned nr_fds;
};

static void answer(struct exchange *x, const void *body, size_t bytes)
{
    memcpy(x->out, body, bytes);
    x->reply.payload_bytes = (uint32_t)bytes;
}

/* ---- what is not about one domain ---- */

static int64_t free_pages(const struct host *h)
{
    const int64_t pages = h->pool.free_pages;

    return pages > 0 ? pages : 0;
}

static int do_host(struct exchange *x)
{
    const struct host *h = x->host;
    const struct sim_host_info info = {
        .total_bytes = h->total_bytes,
        .free_bytes = (uint64_t)free_pages(h) * PATTERN_PAGE_SIZE,
        .nr_domains = h->nr_domains,
        .pid = (uint32_t)getpid(),
    };

    answer(x, &info, sizeof info);
    return 0;
}

static bool name_is_taken(const struct host *h, const char *name)
{
    for (unsigned i = 0; i < h->nr_domains; i++)
        if (strcmp(simguest_name(h->domains[i].guest), name) == 0)
            return true;
    return false;
}

static int do_create(struct exchange *x)
{
    struct host *h = x->host;
    struct simguest_config config;
    struct simguest *guest = NULL;
    char why[128];

    if (simhost_config_read((const char *)x->payload, x->request.payload_bytes, &config, why))
        return EINVAL;
    if (name_is_taken(h, config.name))
        return EEXIST;
    if (h->nr_domains == MAX_DOMAINS || h->next_domid > LAST_DOMID)
        return ENOSPC;
    int rc = simguest_new(&config, &h->pool, &guest);
    if (!rc && x->request.arg[0] == SIM_CREATE_BOOT)
        rc = simguest_boot(guest);
    if (rc) {
        simguest_free(guest);
        return rc;
    }
    h->domains[h->nr_domains++] = (struct domain){ h->next_domid, guest, config };
    x->reply.value[0] = h->next_domid++;
    return 0;
}

static void fill_info(const struct domain *d, struct sim_domain_info *info)
{
    memset(info, 0, sizeof *info);
    info->domid = d->domid;
    simguest_info(d->guest, info);
}

static int do_list(struct exchange *x)
{
    struct sim_domain_info info;

    for (unsigned i = 0; i < x->host->nr_domains; i++) {
        if (x->host->domains[i].domid < x->request.arg[0])
            continue;
        fill_info(&x->host->domains[i], &info);
        answer(x, &info, sizeof info);
        return 0;
    }
    return ENOENT;
}

static int do_stop(struct exchange *x)
{
    x->host->stop = true;
    return 0;
}

static int do_proof(struct exchange *x)
{
    const uint64_t moment = x->request.arg[0];
    const struct host *h = x->host;
    struct sim_proof proof;
    int rc = ENOENT;

    if (moment > SIM_WHEN_RESTORED || x->request.payload_bytes != 16)
        return EINVAL;
    for (unsigned i = 0; i < h->nr_domains && rc == ENOENT; i++)
        if (memcmp(simguest_uuid(h->domains[i].guest), x->payload, 16) == 0)
            rc = simguest_proof(h->domains[i].guest, (enum sim_moment)moment, &proof);
    for (unsigned i = h->nr_past; i > 0 && i + MAX_PAST_PROOFS > h->nr_past && rc == ENOENT; i--) {
        const struct past_proof *past = &h->past[(i - 1) % MAX_PAST_PROOFS];
        if (memcmp(past->uuid, x->payload, 16) == 0 && past->made[moment]) {
            proof = past->proof[moment];
            rc = 0;
        }
    }
    if (!rc)
        answer(x, &proof, sizeof proof);
    return rc;
}

/* ---- what is about one ---- */

static int do_query(struct exchange *x)
{
    struct sim_domain_info info;

    fill_info(x->domain, &info);
    answer(x, &info, sizeof info);
    return 0;
}

static int do_config(struct exchange *x)
{
    struct simguest_config config = x->domain->config;

    strcpy(config.name, simguest_name(x->domain->guest));
    config.cap = simguest_cap(x->domain->guest);
    char *json = simhost_config_write(&config);
    if (!json)
        return ENOMEM;
    answer(x, json, strlen(json));
    free(json);
    return 0;
}

static int do_rename(struct exchange *x)
{
    const char *name = (const char *)x->payload;

    if (!simhost_name_is_valid(name) || strlen(name) != x->request.payload_bytes)
        return EINVAL;
    if (strcmp(name, simguest_name(x->domain->guest)) == 0)
        return 0;
    if (name_is_taken(x->host, name))
        return EEXIST;
    simguest_rename(x->domain->guest, name);
    return 0;
}

static int do_pause(struct exchange *x)
{
    simguest_pause(x->domain->guest);
    return 0;
}

static int do_unpause(struct exchange *x)
{
    return simguest_unpause(x->domain->guest);
}

static int do_ask_suspend(struct exchange *x)
{
    simguest_ask_suspend(x->domain->guest);
    return 0;
}

static int do_withdraw_suspend(struct exchange *x)
{
    return simguest_withdraw_suspend(x->domain->guest);
}

static int do_resume(struct exchange *x)
{
    return simguest_resume(x->domain->guest);
}

/* Each stretch of a guest's life is in the host's log, so that nobody can have run it unseen: by the ticks it had. */
static void log_life(const struct domain *d, const char *what, const struct sim_domain_info *info)
{
    fprintf(stderr, "domain %u (%s) %s, tick %llu of life %llu\n", d->domid, info->name, what,
            (unsigned long long)info->ticks, (unsigned long long)d->config.program.seed);
}

/* Its proofs outlive it. */
static int do_destroy(struct exchange *x)
{
    struct sim_domain_info info;
    struct host *h = x->host;
    struct domain *d = x->domain;
    struct past_proof *past = &h->past[h->nr_past++ % MAX_PAST_PROOFS];

    fill_info(d, &info);
    log_life(d, "is destroyed", &info);
    simguest_finish_proof(d->guest);
    memcpy(past->uuid, simguest_uuid(d->guest), sizeof past->uuid);
    for (unsigned m = 0; m < 2; m++)
        past->made[m] = simguest_proof(d->guest, (enum sim_moment)m, &past->proof[m]) == 0;
    simguest_free(d->guest);
    memmove(d, d + 1, (size_t)(h->domains + h->nr_domains - (d + 1)) * sizeof *d);
    h->nr_domains--;
    return 0;
}

static int do_attach(struct exchange *x)
{
    struct sim_attachment attachment;

    simguest_attach(x->domain->guest, &attachment, x->fds);
    x->nr_fds = SIM_ATTACH_FDS;
    answer(x, &attachment, sizeof attachment);
    return 0;
}

static int do_logdirty(struct exchange *x)
{
    if (x->request.arg[0] > SIM_LOGDIRTY_MARK)
        return EINVAL;
    if (x->request.arg[0] == SIM_LOGDIRTY_MARK)
        return simguest_mark_dirty(x->domain->guest, x->request.arg[1]);
    return simguest_logdirty(x->domain->guest, (enum sim_logdirty)x->request.arg[0]);
}

static int do_emulator_logdirty(struct exchange *x)
{
    simguest_emulator_logdirty(x->domain->guest, x->request.arg[0] != 0);
    return 0;
}

/* -1: the payload is no list of pfns. */
static int nr_extents(const struct exchange *x, unsigned *n)
{
    *n = x->request.payload_bytes / sizeof(uint64_t);
    return x->request.payload_bytes % sizeof(uint64_t) || *n > SIM_EXTENTS_MAX ? -1 : 0;
}

static int do_populate(struct exchange *x)
{
    uint64_t pfns[SIM_EXTENTS_MAX];
    unsigned n, done = 0;

    if (nr_extents(x, &n) || x->request.arg[0] > 18)
        return EINVAL;
    memcpy(pfns, x->payload, n * sizeof pfns[0]);
    int rc = simguest_populate(x->domain->guest, n, pfns, (unsigned)x->request.arg[0], &done);
    x->reply.value[0] = done;
    return rc;
}

static int do_depopulate(struct exchange *x)
{
    uint64_t pfns[SIM_EXTENTS_MAX];
    unsigned n;

    if (nr_extents(x, &n))
        return EINVAL;
    memcpy(pfns, x->payload, n * sizeof pfns[0]);
    return simguest_depopulate(x->domain->guest, n, pfns);
}

static int do_get_context(struct exchange *x)
{
    size_t bytes = sizeof x->out;
    int rc = simguest_get_context(x->domain->guest, x->out, &bytes);

    x->reply.payload_bytes = rc ? 0 : (uint32_t)bytes;
    return rc;
}

static int do_set_context(struct exchange *x)
{
    return simguest_set_context(x->domain->guest, x->payload, x->request.payload_bytes);
}

static int do_get_emulator(struct exchange *x)
{
    size_t bytes = sizeof x->out;
    int rc = simguest_get_emulator(x->domain->guest, x->out, &bytes);

    x->reply.payload_bytes = rc ? 0 : (uint32_t)bytes;
    return rc;
}

static int do_set_emulator(struct exchange *x)
{
    return simguest_set_emulator(x->domain->guest, x->payload, x->request.payload_bytes);
}

static int do_sched(struct exchange *x)
{
    if (x->request.arg[1] > SIM_MAX_VCPUS * 100)
        return EINVAL;
    if (x->request.arg[0])
        simguest_set_cap(x->domain->guest, (unsigned)x->request.arg[1]);
    x->reply.value[0] = simguest_cap(x->domain->guest);
    return 0;
}

static int do_devices(struct exchange *x)
{
    if (x->request.arg[0] > SIMGUEST_MAX_DEVICES_MS)
        return EINVAL;
    x->domain->config.devices_ms = (unsigned)x->request.arg[0];
    return 0;
}

static int do_check(struct exchange *x)
{
    x->reply.value[0] = simguest_check(x->domain->guest);
    return 0;
}

static int do_fault(struct exchange *x)
{
    if (x->request.arg[0] == SIM_FAULT_DEAF)
        simguest_set_deaf(x->domain->guest, x->request.arg[1] != 0);
    else if (x->request.arg[0] == SIM_FAULT_NO_DRIVERS)
        simguest_set_no_drivers(x->domain->guest, x->request.arg[1] != 0);
    else
        return EINVAL;
    return 0;
}

static const struct {
    int (*act)(struct exchange *x);
    bool of_domain;
} actions[] = {
    [SIM_HOST] = { do_host, false },
    [SIM_CREATE] = { do_create, false },
    [SIM_LIST] = { do_list, false },
    [SIM_QUERY] = { do_query, true },
    [SIM_CONFIG] = { do_config, true },
    [SIM_RENAME] = { do_rename, true },
    [SIM_PAUSE] = { do_pause, true },
    [SIM_UNPAUSE] = { do_unpause, true },
    [SIM_ASK_SUSPEND] = { do_ask_suspend, true },
    [SIM_WITHDRAW_SUSPEND] = { do_withdraw_suspend, true },
    [SIM_RESUME] = { do_resume, true },
    [SIM_DESTROY] = { do_destroy, true },
    [SIM_ATTACH] = { do_attach, true },
    [SIM_LOGDIRTY] = { do_logdirty, true },
    [SIM_EMULATOR_LOGDIRTY] = { do_emulator_logdirty, true },
    [SIM_POPULATE] = { do_populate, true },
    [SIM_DEPOPULATE] = { do_depopulate, true },
    [SIM_GET_CONTEXT] = { do_get_context, true },
    [SIM_SET_CONTEXT] = { do_set_context, true },
    [SIM_GET_EMULATOR] = { do_get_emulator, true },
    [SIM_SET_EMULATOR] = { do_set_emulator, true },
    [SIM_PROOF] = { do_proof, false },
    [SIM_CHECK] = { do_check, true },
    [SIM_FAULT] = { do_fault, true },
    [SIM_SCHED] = { do_sched, true },
    [SIM_DEVICES] = { do_devices, true },
    [SIM_STOP] = { do_stop, false },
};

/* A guest that stood still goes on, unless something else keeps it from running. */
static int start_guest(struct exchange *x)
{
    struct sim_domain_info before, info;
    int rc;

    fill_info(x->domain, &before);
    rc = actions[x->request.op].act(x);
    fill_info(x->domain, &info);
    if (rc == 0 && before.state != SIM_RUNNING && info.state == SIM_RUNNING)
        log_life(x->domain, before.state == SIM_PAUSED ? "goes on from paused" : "goes on from suspended", &before);
    return rc;
}

static int act(struct exchange *x)
{
    struct host *h = x->host;

    if (x->request.version != SIM_PROTOCOL_VERSION || x->request.op >= sizeof actions / sizeof actions[0] ||
        !actions[x->request.op].act)
        return ENOSYS;
    x->domain = NULL;
    for (unsigned i = 0; i < h->nr_domains; i++)
        if (h->domains[i].domid == x->request.domid)
            x->domain = &h->domains[i];
    if (actions[x->request.op].of_domain && !x->domain)
        return ESRCH;
    if (x->request.op == SIM_UNPAUSE || x->request.op == SIM_RESUME)
        return start_guest(x);
    return actions[x->request.op].act(x);
}

/* ---- the socket ---- */

static int receive_request(int fd, struct exchange *x)
{
    struct iovec iov[] = {
        { .iov_base = &x->request, .iov_len = sizeof x->request },
        { .iov_base = x->payload, .iov_len = SIM_PAYLOAD_MAX },
    };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
    ssize_t r = recvmsg(fd, &msg, MSG_DONTWAIT);

    if (r < (ssize_t)sizeof x->request || (msg.msg_flags & MSG_TRUNC) ||
        x->request.payload_bytes != (size_t)r - sizeof x->request)
        return -1;
    x->payload[x->request.payload_bytes] = '\0';
    return 0;
}

static int send_reply(int fd, struct exchange *x)
{
    char room[CMSG_SPACE(sizeof x->fds)] __attribute__((aligned(8))) = { 0 };
    struct iovec iov[] = {
        { .iov_base = &x->reply, .iov_len = sizeof x->reply },
        { .iov_base = x->out, .iov_len = x->reply.payload_bytes },
    };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

    if (x->nr_fds) {
        msg.msg_control = room;
        msg.msg_controllen = sizeof room;
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof x->fds);
        memcpy(CMSG_DATA(c), x->fds, sizeof x->fds);
    }
    return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* One request; -1: the client is gone or talks nonsense. */
static int serve_client(int fd, struct exchange *x)
{
    memset(&x->reply, 0, sizeof x->reply);
    x->nr_fds = 0;
    if (receive_request(fd, x))
        return -1;
    x->reply.errnum = act(x);
    if (x->reply.errnum) {
        x->reply.payload_bytes = 0;
        x->nr_fds = 0;
    }
    return send_reply(fd, x);
}

static int listen_in(const char *dir, struct stat *identity)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = -1;

    int other = sim_connect(dir);
    if (other >= 0) {
        close(other);
        errno = EADDRINUSE;
        return -1;
    }
    int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return -1;
    unlinkat(dir_fd, SIM_SOCKET_NAME, 0); /* of a host that was killed */
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" SIM_SOCKET_NAME, dir_fd);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 64) ||
                    fstatat(dir_fd, SIM_SOCKET_NAME, identity, 0))) {
        close(fd);
        fd = -1;
    }
    close(dir_fd);
    return fd;
}

static bool is_still_there(const char *dir, const struct stat *identity)
{
    char path[4096];
    struct stat now;

    snprintf(path, sizeof path, "%s/" SIM_SOCKET_NAME, dir);
    return stat(path, &now) == 0 && now.st_ino == identity->st_ino && now.st_dev == identity->st_dev;
}

/* Termination arrives here rather than by a handler. */
static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

enum { POLL_LISTEN, POLL_SIGNAL, POLL_OWNER, POLL_CLIENTS };
#define IS_THERE_EVERY_MS 1000

static void serve_round(struct exchange *x, struct pollfd *fds, nfds_t *nr_fds)
{
    for (nfds_t i = POLL_CLIENTS; i < *nr_fds && !x->host->stop; i++) {
        if (fds[i].revents && serve_client(fds[i].fd, x)) {
            close(fds[i].fd);
            fds[i--] = fds[--*nr_fds];
        }
    }
    if (fds[POLL_LISTEN].revents && *nr_fds < POLL_CLIENTS + MAX_CLIENTS) {
        int fd = accept4(fds[POLL_LISTEN].fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            fds[(*nr_fds)++] = (struct pollfd){ .fd = fd, .events = POLLIN };
    }
}

static void serve(struct exchange *x, const char *dir, const struct stat *identity, struct pollfd *fds)
{
    nfds_t nr_fds = POLL_CLIENTS;

    while (!x->host->stop && !fds[POLL_SIGNAL].revents && !fds[POLL_OWNER].revents) {
        int r = poll(fds, nr_fds, IS_THERE_EVERY_MS);
        if (r < 0 && errno != EINTR)
            break;
        if (r > 0)
            serve_round(x, fds, &nr_fds);
        else if (!is_still_there(dir, identity))
            return;
    }
    if (is_still_there(dir, identity)) {
        char path[4096];
        snprintf(path, sizeof path, "%s/" SIM_SOCKET_NAME, dir);
        unlink(path);
    }
}

int simhost_serve(const struct simhost_options *options)
{
    struct host *h = calloc(1, sizeof *h);
    struct exchange *x = calloc(1, sizeof *x);
    struct pollfd fds[POLL_CLIENTS + MAX_CLIENTS] = { 0 };
    struct stat identity;
    int rc = 0;

    for (unsigned i = 0; i < POLL_CLIENTS; i++)
        fds[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
    if (!h || !x) {
        rc = ENOMEM;
        goto out;
    }
    h->total_bytes = options->memory_bytes;
    h->pool.free_pages = (int64_t)(options->memory_bytes / PATTERN_PAGE_SIZE);
    h->next_domid = FIRST_DOMID;
    x->host = h;

    fds[POLL_SIGNAL].fd = open_signals();
    fds[POLL_LISTEN].fd = listen_in(options->dir, &identity);
    if (options->owner)
        fds[POLL_OWNER].fd = (int)syscall(SYS_pidfd_open, options->owner, 0);
    if (fds[POLL_SIGNAL].fd < 0 || fds[POLL_LISTEN].fd < 0 || (options->owner && fds[POLL_OWNER].fd < 0)) {
        rc = errno;
        goto out;
    }
    if (write(options->ready_fd, "", 1) != 1)
        rc = EPIPE;
    close(options->ready_fd);
    if (!rc)
        serve(x, options->dir, &identity, fds);
    for (unsigned i = 0; i < h->nr_domains; i++)
        simguest_free(h->domains[i].guest);

out:
    for (unsigned i = 0; i < POLL_CLIENTS; i++)
        if (fds[i].fd >= 0)
            close(fds[i].fd);
    free(x);
    free(h);
    return rc;
}
