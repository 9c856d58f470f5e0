/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What a confined process can and cannot do.  Each thing is done in a child of
 * sandbox_run(), after sandbox_enter(): what is forbidden ends the child, and
 * the very same thing, not confined, works (else its prohibition proves
 * nothing).
 */
#include "config.h"

#include "tests/run-suite.h"
#include "xlmig/base/exit.h"
#include "xlmig/base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define API_KILL_PROCESS 3u /* libseccomp's number for a kernel that has what is tested here */
#define WORKED 40 /* exit statuses that nothing else here has */
#define FAILED 41
#define NOT_CONFINED 42

static char folder[] = "/tmp/test-sandbox-XXXXXX";
static char file[64], other[64];

/* ---- what is forbidden -------------------------------------------------- */

static bool open_file(void)
{
    return open(file, O_RDONLY) >= 0;
}

static bool make_file(void)
{
    return open(other, O_RDWR | O_CREAT, 0600) >= 0;
}

static bool open_by_old_call(void)
{
    return syscall(SYS_open, file, O_RDONLY) >= 0;
}

static bool rename_file(void)
{
    return rename(file, other) == 0;
}

static bool remove_file(void)
{
    return unlink(file) == 0;
}

static bool look_at_file(void)
{
    struct stat st;

    return stat(file, &st) == 0;
}

static bool change_mode(void)
{
    return chmod(file, 0400) == 0;
}

static bool make_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static bool make_pair(void)
{
    int fds[2];

    return socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0;
}

static bool run_program(void)
{
    execl("/bin/sh", "sh", "-c", "exit 40", (char *)NULL);
    return false;
}

static bool fork_itself(void)
{
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    return child > 0 && waitpid(child, NULL, 0) == child;
}

static bool signal_parent(void)
{
    return kill(getppid(), 0) == 0;
}

static bool signal_parents_thread(void)
{
    return syscall(SYS_tgkill, getppid(), getppid(), 0) == 0;
}

static bool control_device(void)
{
    int n;

    return ioctl(0, FIONREAD, &n) == 0;
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

static bool map_file(void)
{
    return mmap(NULL, PAGE_BYTES, PROT_READ, MAP_PRIVATE, 0, 0) != MAP_FAILED;
}

static bool ask_for_limit(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static bool rename_itself(void)
{
    return prctl(PR_SET_NAME, "other") == 0;
}

static const struct {
    const char *name;
    bool (*act)(void);
} forbidden[] = {
    { "open a file", open_file },
    { "make a file", make_file },
    { "open by the old call", open_by_old_call },
    { "rename a file", rename_file },
    { "remove a file", remove_file },
    { "look at a file", look_at_file },
    { "change a file's mode", change_mode },
    { "make a socket", make_socket },
    { "make a pair of sockets", make_pair },
    { "run a program", run_program },
    { "fork", fork_itself },
    { "signal another process", signal_parent },
    { "signal a thread of another process", signal_parents_thread },
    { "ioctl", control_device },
    { "map memory for code", map_code },
    { "turn memory into code", turn_into_code },
    { "map a file", map_file },
    { "ask for limits", ask_for_limit },
    { "prctl", rename_itself },
};

/* ---- what is allowed ---------------------------------------------------- */

static bool read_and_write(void)
{
    char bytes[4];

    return read(0, bytes, 2) == 2 && pread(0, bytes, 4, 0) == 4 && !memcmp(bytes, "0123", 4) &&
           write(3, bytes, 4) == 4 && close(3) == 0;
}

static bool take_memory(void)
{
    for (size_t n = 1; n <= 64u << 20; n *= 4) {
        char *some = malloc(n), *more;

        if (!some)
            return false;
        memset(some, 1, n);
        more = realloc(some, 3 * n);
        free(more ? more : some);
        if (!more)
            return false;
    }
    return true;
}

static bool print(void)
{
    for (unsigned i = 0; i < 100000; i++)
        if (printf("%u\n", i) < 0)
            return false;
    return fprintf(stderr, "# the end of %u lines\n", 100000u) > 0 && fflush(stdout) == 0;
}

static bool parse_json(void)
{
    struct json_object *object = json_tokener_parse("{\"a\":1.5,\"b\":[true,null,\"c\"]}");

    return object && json_object_put(object) == 1;
}

static const struct {
    const char *name;
    bool (*act)(void);
} allowed[] = {
    { "read and write what is open", read_and_write },
    { "take and give back memory", take_memory },
    { "print", print },
    { "parse JSON", parse_json },
};

/* ---- the tests ----------------------------------------------------------- */

/* Descriptor 0 is a file to read, 3 is one to write, 1 (which is the test's) leads nowhere. */
static void open_descriptors(void)
{
    int in = open(file, O_RDONLY), out = open("/dev/null", O_WRONLY);

    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 3) < 0 || dup2(out, 1) < 0)
        _exit(FAILED);
}

struct attempt {
    bool (*act)(void);
    bool confined;
};

static int attempt(void *opaque)
{
    const struct attempt *a = opaque;
    struct failure failure = { "" };

    open_descriptors();
    if (a->confined) {
        json_object_put(json_tokener_parse("{\"\":0}"));
        if (sandbox_enter("test", &failure))
            return NOT_CONFINED;
    }
    return a->act() ? WORKED : FAILED;
}

static void make_files(void)
{
    FILE *f;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/file", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    f = fopen(file, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fprintf(f, "0123456789"), 10);
    ck_assert_int_eq(fclose(f), 0);
}

static void remove_files(void)
{
    unlink(file);
    unlink(other);
    rmdir(folder);
}

/* The exit status of `work` in a process of its own, or minus the signal that ended it. */
static int in_child(int (*work)(void *opaque), void *opaque)
{
    pid_t child;
    int status;

    fflush(NULL);
    child = fork();
    if (child == 0)
        _exit(work(opaque));
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

START_TEST(what_is_forbidden_ends_the_process)
{
    struct attempt a = { forbidden[_i].act, true };
    int status = in_child(attempt, &a);

    ck_assert_msg(status == -SIGSYS, "%s: status %d", forbidden[_i].name, status);
}
END_TEST

START_TEST(what_is_forbidden_works_elsewhere)
{
    struct attempt a = { forbidden[_i].act, false };
    int status = in_child(attempt, &a);

    ck_assert_msg(status == WORKED, "%s: status %d", forbidden[_i].name, status);
}
END_TEST

START_TEST(what_is_needed_is_allowed)
{
    struct attempt a = { allowed[_i].act, true };
    int status = in_child(attempt, &a);

    ck_assert_msg(status == WORKED, "%s: status %d", allowed[_i].name, status);
}
END_TEST

static bool fail_an_assertion(void)
{
    abort();
}

START_TEST(abort_is_what_it_always_is)
{
    struct attempt a = { fail_an_assertion, true };

    ck_assert_int_eq(in_child(attempt, &a), -SIGABRT);
}
END_TEST

START_TEST(off_is_off)
{
    struct attempt a = { open_file, true };

    ck_assert_int_eq(setenv(SANDBOX_ENV, "off", 1), 0);
    ck_assert_int_eq(in_child(attempt, &a), WORKED);
    ck_assert_int_eq(setenv(SANDBOX_ENV, "no", 1), 0);
    ck_assert_int_eq(in_child(attempt, &a), -SIGSYS);
    ck_assert_int_eq(unsetenv(SANDBOX_ENV), 0);
}
END_TEST

START_TEST(the_status_of_the_work_is_returned)
{
    struct attempt a = { parse_json, true };

    ck_assert_int_eq(sandbox_run("test", attempt, &a), WORKED);
}
END_TEST

START_TEST(the_status_is_returned_to_who_ignores_its_children)
{
    struct attempt a = { parse_json, true };

    ck_assert(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    ck_assert_int_eq(sandbox_run("test", attempt, &a), WORKED);
}
END_TEST

/* What sandbox_run() says, and that it is a failure. */
static void expect_message(bool (*act)(void), const char *text)
{
    struct attempt a = { act, true };
    char said[1024] = "";
    int pipe_fds[2], saved = dup(STDERR_FILENO), rc;

    ck_assert_int_eq(pipe(pipe_fds), 0);
    ck_assert_int_ge(dup2(pipe_fds[1], STDERR_FILENO), 0);
    rc = sandbox_run("test", attempt, &a);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipe_fds[1]);
    ck_assert_int_ge(read(pipe_fds[0], said, sizeof said - 1), 0);
    close(pipe_fds[0]);
    ck_assert_int_eq(rc, EXIT_FAILED);
    ck_assert_msg(strstr(said, text), "it said: %s", said);
}

START_TEST(a_forbidden_call_is_told)
{
    expect_message(open_file, "test: stopped, because it asked the kernel");
}
END_TEST

START_TEST(a_crash_is_told)
{
    expect_message(fail_an_assertion, "test: ended by a signal: Aborted");
}
END_TEST

static int return_parent(void *opaque)
{
    *(pid_t *)opaque = getppid();
    pause();
    return 0;
}

static int start_reader(void *opaque)
{
    return sandbox_run("test", return_parent, opaque);
}

START_TEST(the_reader_dies_with_who_started_it)
{
    volatile pid_t *parent = mmap(NULL, sizeof(*parent), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int ends[2];
    pid_t child;
    char byte;

    ck_assert_ptr_ne((void *)parent, MAP_FAILED);
    ck_assert_int_eq(pipe(ends), 0);
    child = fork();
    if (child == 0)
        _exit(start_reader((void *)parent));
    close(ends[1]);
    for (unsigned i = 0; i < 1000 && !*parent; i++)
        usleep(10000);
    ck_assert_int_eq(*parent, child);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert_int_eq(read(ends[0], &byte, 1), 0); /* the last who could write is gone */
    close(ends[0]);
    munmap((void *)parent, sizeof(*parent));
}
END_TEST

/* Runs a program on a kernel without seccomp, as far as it can tell: the call is one that there is not. */
static int without_seccomp(char **command)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

    if (!filter || seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(seccomp), 0) || seccomp_load(filter))
        return NOT_CONFINED;
    seccomp_release(filter);
    execv(command[0], command);
    return FAILED;
}

int main(int argc, char **argv)
{
    if (argc > 2 && !strcmp(argv[1], "--without-seccomp"))
        return without_seccomp(argv + 2);
#ifndef SANDBOX_FILTER
    puts("1..0 # SKIP a build with sanitizers has no filter");
    return EXIT_SUCCESS;
#endif
    if (seccomp_api_get() < API_KILL_PROCESS) {
        puts("1..0 # SKIP this kernel has no seccomp filters");
        return EXIT_SUCCESS;
    }
    Suite *suite = suite_create("sandbox");
    TCase *tests = tcase_create("sandbox");

    unsetenv(SANDBOX_ENV);
    tcase_add_checked_fixture(tests, make_files, remove_files);
    tcase_add_loop_test(tests, what_is_forbidden_ends_the_process, 0, sizeof forbidden / sizeof forbidden[0]);
    tcase_add_loop_test(tests, what_is_forbidden_works_elsewhere, 0, sizeof forbidden / sizeof forbidden[0]);
    tcase_add_loop_test(tests, what_is_needed_is_allowed, 0, sizeof allowed / sizeof allowed[0]);
    tcase_add_test(tests, abort_is_what_it_always_is);
    tcase_add_test(tests, off_is_off);
    tcase_add_test(tests, the_status_of_the_work_is_returned);
    tcase_add_test(tests, the_status_is_returned_to_who_ignores_its_children);
    tcase_add_test(tests, a_forbidden_call_is_told);
    tcase_add_test(tests, a_crash_is_told);
    tcase_add_test(tests, the_reader_dies_with_who_started_it);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
