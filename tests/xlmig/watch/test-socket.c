/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The socket of a move that runs, against clients that ask, misbehave, or never go. */
#include "config.h"

#include "tests/run-suite.h"
#include "xlmig/base/loop.h"
#include "xlmig/watch/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[] = "/tmp/xlmig-test-XXXXXX";
static struct event_base *base;
static struct registry *registry;
static unsigned nr_commands, nr_cancels;
static struct helper_command last;

static struct json_object *status(void *user)
{
    struct json_object *object = json_object_new_object();

    (void)user;
    json_object_object_add(object, "vm", json_object_new_string("web1"));
    return object;
}

static int command(void *user, struct helper_command what, struct failure *failure)
{
    (void)user;
    nr_commands++;
    last = what;
    return what.value == 666 ? failure_set(failure, "not that") : 0;
}

static int cancel(void *user, struct failure *failure)
{
    (void)user, (void)failure;
    nr_cancels++;
    return 0;
}

static void open_it(void)
{
    const struct registry_callbacks callbacks = { .status = status, .command = command, .cancel = cancel };
    struct failure failure = { 0 };

    ck_assert_ptr_nonnull(mkdtemp(dir));
    setenv("XLMIG_RUNTIME_DIR", dir, 1);
    base = loop_new();
    registry = registry_open(base, &callbacks, &failure);
    ck_assert_msg(registry != NULL, "%s", failure.text);
}

static void close_it(void)
{
    registry_close(registry);
    event_base_free(base);
    ck_assert_msg(rmdir(dir) == 0, "something was left in %s", dir);
}

static int dial(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s/send-%s.sock", dir, registry_id(registry));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void turn(void)
{
    for (int i = 0; i < 20; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
}

static void say(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    turn();
}

/* What came, or "" for nothing yet, or "gone". */
static const char *hear(int fd)
{
    static char text[65536];
    ssize_t n = recv(fd, text, sizeof text - 1, 0);

    if (n < 0 && errno == EAGAIN)
        return "";
    text[n > 0 ? n : 0] = '\0';
    return n > 0 ? text : "gone";
}

START_TEST(questions_are_answered)
{
    int fd = dial();

    say(fd, "{\"ask\":\"status\"}\n");
    const char *text = hear(fd);
    ck_assert_ptr_nonnull(strstr(text, "\"vm\":\"web1\""));
    ck_assert_ptr_nonnull(strstr(text, registry_id(registry)));
    close(fd);
}
END_TEST

START_TEST(commands_arrive_and_are_answered)
{
    int fd = dial();

    say(fd, "{\"set\":\"max-bandwidth\",\"value\":777}\n{\"set\":\"max-downtime\",\"value\":666}\n{\"do\":\"cancel\"}\n");
    ck_assert_str_eq(hear(fd), "{\"ok\":true}\n{\"ok\":false,\"error\":\"not that\"}\n{\"ok\":true}\n");
    ck_assert_uint_eq(nr_commands, 2);
    ck_assert_uint_eq(nr_cancels, 1);
    ck_assert_int_eq(last.kind, HELPER_SET_MAX_DOWNTIME);
    close(fd);
}
END_TEST

static const char *const nonsense[] = {
    "\n", "x\n", "{}\n", "[]\n", "null\n", "{\"do\":\"dance\"}\n", "{\"ask\":{\"a\":1}}\n", "{\"ask\":7}\n",
    "{\"set\":\"max-bandwidth\"}\n", "{\"do\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}\n",
};

START_TEST(negative_requests_do_nothing)
{
    int fd = dial();

    say(fd, nonsense[_i]);
    ck_assert_str_eq(hear(fd), "{\"ok\":false,\"error\":\"there is no such request\"}\n");
    ck_assert_uint_eq(nr_commands + nr_cancels, 0);
    close(fd);
}
END_TEST

START_TEST(a_line_without_end_is_hung_up_on)
{
    char block[8192];
    int fd = dial();

    memset(block, ' ', sizeof block - 1);
    block[sizeof block - 1] = '\0';
    say(fd, block);
    ck_assert_str_eq(hear(fd), "gone");
    close(fd);
}
END_TEST

START_TEST(more_clients_than_there_is_room_for_are_sent_away)
{
    int fds[40], gone = 0;

    for (int i = 0; i < 40; i++) {
        fds[i] = dial();
        turn();
    }
    for (int i = 0; i < 40; i++)
        gone += strcmp(hear(fds[i]), "gone") == 0;
    ck_assert_int_eq(gone, 24);
    close(fds[0]);
    turn();
    int fd = dial(); /* there is room again */
    say(fd, "{\"do\":\"cancel\"}\n");
    ck_assert_str_eq(hear(fd), "{\"ok\":true}\n");
    close(fd);
    for (int i = 1; i < 40; i++)
        close(fds[i]);
}
END_TEST

/* It asks and asks, and reads nothing: it is not answered without end. */
START_TEST(one_that_never_reads_is_given_up)
{
    int fd = dial(), i;

    for (i = 0; i < 100000; i++) {
        if (send(fd, "{\"ask\":\"status\"}\n", 17, MSG_NOSIGNAL) != 17)
            break;
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    ck_assert_int_lt(i, 100000);
    close(fd);
}
END_TEST

START_TEST(a_name_that_is_no_id_opens_nothing)
{
    struct json_object *answer;
    const char *const names[] = { "", "../x", "m1/../../x", "M1", "m1.sock", "aaaaaaaaaaaaaaaaaaaaaaaaa" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct failure failure = { 0 };

        ck_assert_int_eq(registry_ask(names[i], "{}", &answer, &failure), -1);
        ck_assert_ptr_nonnull(strstr(failure.text, "is no ID"));
    }
}
END_TEST

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *suite = suite_create("registry");
    TCase *tcase = tcase_create("registry");

    tcase_add_checked_fixture(tcase, open_it, close_it);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, questions_are_answered);
    tcase_add_test(tcase, commands_arrive_and_are_answered);
    tcase_add_loop_test(tcase, negative_requests_do_nothing, 0, LENGTH(nonsense));
    tcase_add_test(tcase, a_line_without_end_is_hung_up_on);
    tcase_add_test(tcase, more_clients_than_there_is_room_for_are_sent_away);
    tcase_add_test(tcase, one_that_never_reads_is_given_up);
    tcase_add_test(tcase, a_name_that_is_no_id_opens_nothing);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
