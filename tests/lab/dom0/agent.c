/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The control connection into a lab dom0, a request each: agent ADDRESS PORT.
 *
 *     run SECONDS COMMAND     COMMAND in base64, then its input. Its output (both kinds), and a last line with its exit status.
 *     console NAME            the end of a guest's newest console log, and that last line.
 *
 * Tests ask several times a second, on a host whose one CPU is emulated and whose time the guest wants, too: so a command is
 * one fork and one bash, and a look at a console is neither.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    JOBS = 64,
    LINE_BYTES = 1 << 18,
    CONSOLE_BYTES = 30000,
    REQUEST_SECONDS = 10,   /* for the request's line */
    GRACE_SECONDS = 5,      /* between SIGTERM and SIGKILL */
    STATUS_TIMED_OUT = 124, /* as timeout(1) */
    STATUS_SIGNAL = 128,    /* and the signal's number, as a shell */
};

struct job {
    pid_t pid; /* 0: free */
    int connection;
    time_t ends;
    int timed_out;
};

static struct job jobs[JOBS];

static time_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

static void write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t written = write(fd, data, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return; /* it does not want to know */
        data += written;
        size -= (size_t)written;
    }
}

static void end_connection(int connection, int status)
{
    char trailer[32];
    int size = snprintf(trailer, sizeof trailer, "\n@@exit %d@@", status);

    write_all(connection, trailer, (size_t)size);
    close(connection);
}

/* It takes no more than the line: what follows is the command's. */
static int read_line(int connection, char *line)
{
    struct timeval patience = { .tv_sec = REQUEST_SECONDS }, none = { 0 };
    size_t size = 0;

    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (;;) {
        ssize_t peeked = recv(connection, line + size, LINE_BYTES - 1 - size, MSG_PEEK);
        char *end = peeked > 0 ? memchr(line + size, '\n', (size_t)peeked) : NULL;
        size_t taken = end ? (size_t)(end - (line + size)) + 1 : peeked > 0 ? (size_t)peeked : 0;

        if (!taken || recv(connection, line + size, taken, 0) != (ssize_t)taken)
            return -1;
        size += taken;
        if (end) {
            line[size - 1] = 0;
            setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
            return 0;
        }
    }
}

static int base64_value(char letter)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = letter ? strchr(letters, letter) : NULL;

    return at ? (int)(at - letters) : -1;
}

/* In place. */
static void decode_base64(char *text)
{
    unsigned bits = 0;
    int nr_bits = 0, value;
    char *out = text;

    for (const char *in = text; (value = base64_value(*in)) >= 0; in++) {
        bits = bits << 6 | (unsigned)value;
        nr_bits += 6;
        if (nr_bits >= 8) {
            nr_bits -= 8;
            *out++ = (char)(bits >> nr_bits & 0xff);
        }
    }
    *out = 0;
}

static const char *newest_console(const glob_t *found)
{
    const char *newest = NULL;
    struct timespec last = { 0 };

    for (size_t i = 0; i < found->gl_pathc; i++) {
        struct stat state;

        if (stat(found->gl_pathv[i], &state))
            continue;
        if (!newest || state.st_mtim.tv_sec > last.tv_sec ||
            (state.st_mtim.tv_sec == last.tv_sec && state.st_mtim.tv_nsec > last.tv_nsec)) {
            newest = found->gl_pathv[i];
            last = state.st_mtim;
        }
    }
    return newest;
}

static void show_console(int connection, const char *name)
{
    char pattern[256], text[CONSOLE_BYTES];
    glob_t found = { 0 };
    ssize_t size = 0;
    int fd = -1;

    snprintf(pattern, sizeof pattern, "/var/log/xen/guest-%.100s.log", name);
    glob(pattern, 0, NULL, &found);
    snprintf(pattern, sizeof pattern, "/var/log/xen/guest-%.100s--*.log", name);
    glob(pattern, GLOB_APPEND, NULL, &found);
    if (newest_console(&found))
        fd = open(newest_console(&found), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        lseek(fd, -(off_t)sizeof text, SEEK_END); /* a shorter one stays at its start */
        size = read(fd, text, sizeof text);
        close(fd);
    }
    globfree(&found);
    write_all(connection, text, size > 0 ? (size_t)size : 0);
    end_connection(connection, fd < 0);
}

static void become(int connection, char *command)
{
    char *words[] = { "bash", "-c", command, NULL };
    sigset_t none;

    setpgid(0, 0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    for (int fd = 0; fd < 3; fd++)
        dup2(connection, fd);
    if (!chdir("/root"))
        execvp(words[0], words);
    _exit(127);
}

static void run(int connection, char *request)
{
    static const char prelude[] = ". /lab/environment\n";
    static char script[sizeof prelude + LINE_BYTES];
    char *command;
    long seconds = strtol(request, &command, 10);
    struct job *job = jobs;

    while (job < jobs + JOBS && job->pid)
        job++;
    if (job == jobs + JOBS || *command != ' ') {
        end_connection(connection, 126);
        return;
    }
    decode_base64(++command);
    strcpy(stpcpy(script, prelude), command);
    *job = (struct job){ .connection = connection, .ends = now() + seconds };
    job->pid = fork();
    if (!job->pid)
        become(connection, script);
    if (job->pid > 0)
        return;
    job->pid = 0;
    end_connection(connection, 126);
}

static void answer(int connection)
{
    static char line[LINE_BYTES];

    if (read_line(connection, line))
        close(connection);
    else if (!strncmp(line, "run ", 4))
        run(connection, line + 4);
    else if (!strncmp(line, "console ", 8))
        show_console(connection, line + 8);
    else
        end_connection(connection, 125);
}

static void reap(void)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (struct job *job = jobs; job < jobs + JOBS; job++) {
            if (job->pid != pid)
                continue;
            end_connection(job->connection, job->timed_out       ? STATUS_TIMED_OUT
                                            : WIFSIGNALED(status) ? STATUS_SIGNAL + WTERMSIG(status)
                                                                  : WEXITSTATUS(status));
            job->pid = 0;
        }
}

static void end_late_jobs(void)
{
    for (struct job *job = jobs; job < jobs + JOBS; job++) {
        if (!job->pid || now() < job->ends)
            continue;
        kill(-job->pid, job->timed_out ? SIGKILL : SIGTERM);
        job->timed_out = 1;
        job->ends = now() + GRACE_SECONDS;
    }
}

static int listen_on(const char *address, const char *port)
{
    struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (!inet_aton(address, &name.sin_addr) || bind(listener, (struct sockaddr *)&name, sizeof name) || listen(listener, 64)) {
        perror("agent");
        exit(1);
    }
    return listener;
}

int main(int argc, char **argv)
{
    struct pollfd waits[2] = { { .events = POLLIN }, { .events = POLLIN } };
    struct signalfd_siginfo ended;
    sigset_t child;

    if (argc != 3)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    waits[0].fd = listen_on(argv[1], argv[2]);
    waits[1].fd = signalfd(-1, &child, SFD_CLOEXEC);
    for (;;) {
        poll(waits, 2, 1000);
        if (waits[1].revents && read(waits[1].fd, &ended, sizeof ended) > 0)
            reap();
        end_late_jobs();
        int connection = waits[0].revents ? accept4(waits[0].fd, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (connection >= 0)
            answer(connection);
    }
}
