/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include "libxcsave/other-saver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARG_PROGRAM, ARG_MODE, ARG_IO_FD, ARG_RECV_FD, ARG_DOMID, NR_ARGS };

/* A program's path and four short words. */
#define COMMAND_BYTES 4600u
#define STATUS_BYTES 4096u
#define ENVIRONMENT_BYTES (128u << 10)

/* -1: a name that is no process. */
static pid_t to_pid(const char *name)
{
    char *end;
    long pid;

    if (*name < '1' || *name > '9')
        return -1;
    errno = 0;
    pid = strtol(name, &end, 10);
    return errno || *end || pid > INT32_MAX ? -1 : (pid_t)pid;
}

static ssize_t read_file(int proc_fd, pid_t pid, const char *name, char *text, size_t size)
{
    char path[32];
    ssize_t n;
    int fd;

    snprintf(path, sizeof path, "%d/%s", (int)pid, name);
    fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    n = read(fd, text, size);
    close(fd);
    return n;
}

/* The beginning of a command line: words, each with its NUL.  -1: none, or the process is gone. */
static ssize_t read_command(int proc_fd, pid_t pid, char command[static COMMAND_BYTES])
{
    return read_file(proc_fd, pid, "cmdline", command, COMMAND_BYTES);
}

/*
 * Whether it runs as root, or as this process: nobody else can reach a guest, but anybody can call a program with any
 * words.  The owner of the directory does not tell, for the kernel gives that of some processes to root.
 */
static bool may_save(int proc_fd, pid_t pid)
{
    char status[STATUS_BYTES + 1];
    ssize_t n = read_file(proc_fd, pid, "status", status, STATUS_BYTES);
    unsigned real, effective;
    const char *line;

    status[n > 0 ? n : 0] = '\0';
    line = strstr(status, "\nUid:");
    if (!line || sscanf(line, "\nUid: %u %u", &real, &effective) != 2)
        return false;
    return effective == 0 || effective == geteuid();
}

static int saves_domain(const char *command, size_t len_bytes, uint32_t domid, const char **program)
{
    const char *args[NR_ARGS], *at = command, *end = command + len_bytes;
    char wanted[16];

    for (unsigned i = 0; i < NR_ARGS; i++) {
        const char *nul = memchr(at, 0, (size_t)(end - at));

        if (!nul)
            return 0;
        args[i] = at;
        at = nul + 1;
    }
    snprintf(wanted, sizeof wanted, "%u", domid);
    *program = args[ARG_PROGRAM];
    return strcmp(args[ARG_MODE], "--save-domain") == 0 && strcmp(args[ARG_DOMID], wanted) == 0;
}

/* `member` NULL: whatever its environment. */
static bool has_member(int proc_fd, pid_t pid, const char *member)
{
    static _Thread_local char environment[ENVIRONMENT_BYTES];
    size_t len = member ? strlen(member) + 1 : 0; /* with its NUL */
    ssize_t n = member ? read_file(proc_fd, pid, "environ", environment, sizeof environment) : 0;

    for (const char *at = environment, *nul; n > 0; n -= nul + 1 - at, at = nul + 1) {
        nul = memchr(at, 0, (size_t)n);
        if (!nul)
            return false;
        if ((size_t)(nul + 1 - at) == len && memcmp(at, member, len) == 0)
            return true;
    }
    return !member;
}

static int look_at(int proc_fd, pid_t pid, uint32_t domid, const char *member, struct other_saver *found)
{
    char command[COMMAND_BYTES];
    const char *program, *slash;
    ssize_t n = read_command(proc_fd, pid, command);

    if (n <= 0 || !saves_domain(command, (size_t)n, domid, &program) || !may_save(proc_fd, pid) ||
        !has_member(proc_fd, pid, member))
        return 0;
    slash = strrchr(program, '/');
    found->pid = pid;
    snprintf(found->name, sizeof found->name, "%s", slash ? slash + 1 : program);
    return 1;
}

int other_saver_find_with(const char *proc, uint32_t domid, const char *member, struct other_saver *found)
{
    DIR *dir = opendir(proc);
    struct dirent *entry;
    int is_found = 0;

    if (!dir)
        return -1;
    while (!is_found && (entry = readdir(dir))) {
        pid_t pid = to_pid(entry->d_name);

        if (pid > 0 && pid != getpid() && pid != getppid())
            is_found = look_at(dirfd(dir), pid, domid, member, found);
    }
    closedir(dir);
    return is_found;
}

int other_saver_find(const char *proc, uint32_t domid, struct other_saver *found)
{
    return other_saver_find_with(proc, domid, NULL, found);
}
