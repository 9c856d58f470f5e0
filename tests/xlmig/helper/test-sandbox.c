/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What the save helper can and cannot do once it is confined; test-sandbox.c has the readers of files. */
#include "config.h"

#include "tests/run-suite.h"
#include "xlmig/helper/sandbox.h"
#include "xlmig/base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define WORKED 40 /* exit statuses that nothing else here has */
#define FAILED 41
#define REFUSED 42
#define NOT_CONFINED 43

static int ends[2]; /* of a pair of sockets, open before */
static int zeros;   /* /dev/zero, likewise */

/* ---- what ends it -------------------------------------------------------- */

static bool run_program(void)
{
    execl("/bin/sh", "sh", "-c", "exit 40", (char *)NULL);
    return false;
}

static bool make_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static bool signal_parent(void)
{
    return kill(getppid(), 0) == 0;
}

static bool fork_itself(void)
{
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    return child > 0;
}

/* ---- what is refused ----------------------------------------------------- */

static bool open_file(void)
{
    return open("/dev/null", O_RDONLY) >= 0;
}

static bool look_at_file(void)
{
    struct stat st;

    return stat("/dev/null", &st) == 0;
}

static bool map_code(void)
{
    return mmap(NULL, PAGE_BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool turn_into_code(void)
{
    void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return page != MAP_FAILED && mprotect(page, PAGE_BYTES, PROT_READ | PROT_EXEC) == 0;
}

static bool other_ioctl(void)
{
    int n;

    return ioctl(ends[0], FIONREAD, &n) == 0;
}

static bool ask_for_signals(void)
{
    return fcntl(ends[0], F_SETOWN, getpid()) == 0;
}

/* ---- what it needs ------------------------------------------------------- */

static bool signal_itself(void)
{
    return kill(getpid(), 0) == 0;
}

static void *take_memory(void *user)
{
    char *some = malloc(1u << 20);

    if (some)
        memset(some, 1, 1u << 20);
    free(some);
    return some ? user : NULL;
}

static bool start_threads(void)
{
    pthread_t threads[4];
    void *result;
    bool good = true;

    for (unsigned i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, take_memory, &good))
            return false;
    for (unsigned i = 0; i < 4; i++)
        good &= pthread_join(threads[i], &result) == 0 && result;
    return good;
}

static bool count_cpus(void)
{
    return sysconf(_SC_NPROCESSORS_ONLN) >= 1;
}

static bool wait_a_little(void)
{
    const struct timespec t = { .tv_nsec = 1000000 };
    struct pollfd pfd = { .fd = ends[0], .events = POLLOUT };

    return poll(&pfd, 1, 1000) == 1 && nanosleep(&t, NULL) == 0 && usleep(1000) == 0;
}

static bool use_sockets(void)
{
    char byte = 'x';
    struct iovec iov = { &byte, 1 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    return sendmsg(ends[0], &msg, MSG_NOSIGNAL) == 1 && recvmsg(ends[1], &msg, 0) == 1 && write(ends[1], "y", 1) == 1 &&
           read(ends[0], &byte, 1) == 1 && byte == 'y' && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 &&
           fcntl(ends[0], F_GETFL) >= 0;
}

static bool map_a_device(void)
{
    void *p = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, zeros, 0);

    return p != MAP_FAILED && munmap(p, PAGE_BYTES) == 0;
}

static bool abort_itself(void)
{
    abort();
}

static const struct {
    const char *name;
    bool (*act)(void);
    int status; /* an exit status, or minus a signal */
} attempts[] = {
    { "run a program", run_program, -SIGSYS },
    { "make a socket", make_socket, -SIGSYS },
    { "signal another process", signal_parent, -SIGSYS },
    { "fork", fork_itself, -SIGSYS },
    { "open a file", open_file, REFUSED },
    { "look at a file", look_at_file, REFUSED },
    { "map memory for code", map_code, REFUSED },
    { "turn memory into code", turn_into_code, REFUSED },
    { "an ioctl that is not Xen's", other_ioctl, REFUSED },
    { "ask for signals", ask_for_signals, REFUSED },
    { "signal itself", signal_itself, WORKED },
    { "start threads", start_threads, WORKED },
    { "count CPUs", count_cpus, WORKED },
    { "wait", wait_a_little, WORKED },
    { "use open sockets", use_sockets, WORKED },
    { "map a device", map_a_device, WORKED },
    { "abort", abort_itself, -SIGABRT },
};
#define NR_ATTEMPTS (sizeof attempts / sizeof attempts[0])

/* ---- the tests ----------------------------------------------------------- */

static void become_helper(bool confined)
{
    struct xcsave_error error = { 0 };

    zeros = open("/dev/zero", O_RDWR);
    if (zeros < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) || (confined && helper_confine(&error)))
        _exit(NOT_CONFINED);
}

static int status_of(pid_t child)
{
    int status;

    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int attempt_in_child(bool (*act)(void), bool confined)
{
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        become_helper(confined);
        errno = 0;
        _exit(act() ? WORKED : errno == EPERM ? REFUSED : FAILED);
    }
    return status_of(child);
}

START_TEST(confined)
{
    int status = attempt_in_child(attempts[_i].act, true);

    ck_assert_msg(status == attempts[_i].status, "%s: status %d", attempts[_i].name, status);
}
END_TEST

START_TEST(not_confined)
{
    int status = attempt_in_child(attempts[_i].act, false);

    ck_assert_msg(status == (attempts[_i].act == abort_itself ? -SIGABRT : WORKED), "%s: status %d",
                  attempts[_i].name, status);
}
END_TEST

static void *make_socket_later(void *user)
{
    char byte;

    if (read(ends[1], &byte, 1) == 1 && make_socket())
        _exit(WORKED);
    return user;
}

START_TEST(a_thread_that_was_there_is_confined)
{
    pid_t child = fork();

    if (child == 0) {
        pthread_t thread;
        struct xcsave_error error = { 0 };

        become_helper(false);
        if (pthread_create(&thread, NULL, make_socket_later, NULL) || helper_confine(&error))
            _exit(NOT_CONFINED);
        (void)!write(ends[0], "x", 1);
        pthread_join(thread, NULL);
        _exit(FAILED);
    }
    ck_assert_int_eq(status_of(child), -SIGSYS);
}
END_TEST

START_TEST(off_is_off)
{
    ck_assert_int_eq(setenv(SANDBOX_ENV, "off", 1), 0);
    ck_assert_int_eq(attempt_in_child(make_socket, true), WORKED);
    ck_assert_int_eq(unsetenv(SANDBOX_ENV), 0);
}
END_TEST

int main(void)
{
#ifndef SANDBOX_FILTER
    puts("1..0 # SKIP a build with sanitizers has no filter");
    return EXIT_SUCCESS;
#endif
    Suite *suite = suite_create("helper-sandbox");
    TCase *tests = tcase_create("helper-sandbox");

    unsetenv(SANDBOX_ENV);
    tcase_add_loop_test(tests, confined, 0, NR_ATTEMPTS);
    tcase_add_loop_test(tests, not_confined, 0, NR_ATTEMPTS);
    tcase_add_test(tests, a_thread_that_was_there_is_confined);
    tcase_add_test(tests, off_is_off);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
