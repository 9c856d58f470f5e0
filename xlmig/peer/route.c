/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/peer/route.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * How many connections help, where the number is left to us: an ssh or a TLS
 * connection keeps a CPU busy, plain TCP much less.  A command of the
 * administrator's own may well lead to something that serves only one.
 */
static const struct route_kind kinds[] = {
    { "ssh", MESSAGE_DATA_INLINE, 8 },
    { "tls", MESSAGE_DATA_TLS, 8 },
    { "tcp", MESSAGE_DATA_TCP, 4 },
    { "exec:", MESSAGE_DATA_INLINE, 1 },
    { "fd:", MESSAGE_DATA_INLINE, MESSAGE_CHANNELS_MAX },
};

const struct route_kind *route_kind(const char *transport)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t len = strlen(kinds[i].name);

        if (kinds[i].name[len - 1] == ':' ? strncmp(transport, kinds[i].name, len) == 0 && transport[len] != '\0'
                                          : strcmp(transport, kinds[i].name) == 0)
            return &kinds[i];
    }
    return NULL;
}

bool route_is_command(const char *transport)
{
    return strncmp(transport, "exec:", 5) == 0;
}

bool route_is_fd(const char *transport)
{
    return strncmp(transport, "fd:", 3) == 0;
}

/* "3,4" or "3,4,5,6": to read from and to write to, for each channel.  How many channels; 0: it makes no sense. */
static unsigned parse_fds(const char *text, int fds[2 * MESSAGE_CHANNELS_MAX])
{
    unsigned n = 0;
    char *end;

    do {
        long fd = isdigit((unsigned char)*text) && n < 2 * MESSAGE_CHANNELS_MAX ? strtol(text, &end, 10) : -1;

        if (fd < 0 || fd > INT_MAX || (*end != ',' && *end != '\0'))
            return 0;
        fds[n++] = (int)fd;
        text = end + 1;
    } while (*end);
    return n % 2 ? 0 : n / 2;
}

unsigned route_nr_fds(const char *transport)
{
    int fds[2 * MESSAGE_CHANNELS_MAX];

    return parse_fds(transport + 3, fds);
}

bool route_is_known(const char *transport)
{
    return route_kind(transport) && (!route_is_fd(transport) || route_nr_fds(transport) > 0);
}

void route_describe(const struct route *route, char *text, size_t size)
{
    snprintf(text, size, "%s %s", route_is_command(route->transport) ? "exec" : route_is_fd(route->transport) ? "fd" : "ssh",
             route->host);
}

/*
 * ssh and its words, the host, and what is to run there; at most WAY_SSH_WORDS_MAX.
 *
 * A connection that carries the VM is its own, whatever ssh_config says of sharing: sessions that share one share
 * the one CPU that encrypts it, and sshd takes ten of them (MaxSessions).  One that only controls may be shared.
 */
static int ssh_words(const char *host, const char *remote, bool carries_data, struct route_command *command)
{
    static const char *const options[] = { "-o", "ControlPath=none", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=15",
                                           "-o", "ServerAliveCountMax=4", "--" };
    const char **argv = command->argv;
    size_t n = 0;
    char *save = NULL;

    for (char *w = strtok_r(command->words, " ", &save); w && n < WAY_SSH_WORDS_MAX - 12;
         w = strtok_r(NULL, " ", &save))
        argv[n++] = w;
    if (n == 0)
        return -1;
    for (size_t i = carries_data ? 0 : 2; i < sizeof options / sizeof options[0]; i++)
        argv[n++] = options[i];
    argv[n++] = host;
    argv[n++] = remote;
    argv[n] = NULL;
    return 0;
}

int route_command(const struct route *route, const char *stock, struct route_command *command, struct failure *failure)
{
    struct transport_spec spec = { .retry_us = route->retry_us };
    const struct route_kind *kind = route_kind(route->transport);
    int fds[2 * MESSAGE_CHANNELS_MAX];
    unsigned nr_fds = 0;

    *command = (struct route_command){ .words = strdup(route->ssh_command) };
    if (route_is_fd(route->transport))
        nr_fds = parse_fds(route->transport + 3, fds);
    else if (route_is_command(route->transport))
        spec.shell_command = route->transport + 5;
    else if (!command->words || ssh_words(route->host, stock ? stock : "xlmig receive --negotiate",
                                          !kind || kind->data == MESSAGE_DATA_INLINE || stock, command) < 0)
        return failure_set(failure, "--ssh-command names no command");
    else
        spec.argv = command->argv;
    for (unsigned i = 0; i < MESSAGE_CHANNELS_MAX; i++) {
        command->specs[i] = spec;
        command->specs[i].input_fd = i < nr_fds ? fds[2 * i] : -1;
        command->specs[i].output_fd = i < nr_fds ? fds[2 * i + 1] : -1;
    }
    return 0;
}

void route_command_dispose(struct route_command *command)
{
    free(command->words);
    command->words = NULL;
}
