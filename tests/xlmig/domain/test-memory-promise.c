/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Memory that is promised to VMs on their way: never more than there is, whoever promises, and given back by whatever end. */
#include "config.h"

#include "tests/run-suite.h"
#include "tests/scratch.h"
#include "xlmig/domain/memory-promise.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)
#define HERE "sim:/here"

static char dir[SCRATCH_SIZE];

/* ---- a host of so much memory, and one VM that takes it ---- */

static struct {
    uint64_t free_bytes, taken_bytes;
    uint64_t takes_bytes; /* between one question and the next */
    bool silent;
} host;

static const uint8_t web1[16] = { 1 }, web2[16] = { 2 };

static void take(void)
{
    host.free_bytes -= host.takes_bytes;
    host.taken_bytes += host.takes_bytes;
}

static int list(struct toolstack *ts, struct vm **vms, size_t *nr_vms, struct failure *failure)
{
    (void)ts;
    if (host.silent)
        return failure_set(failure, "no answer");
    *nr_vms = host.taken_bytes > 0;
    *vms = calloc(1, sizeof **vms);
    (*vms)->memory_bytes = host.taken_bytes;
    memcpy((*vms)->uuid, web1, sizeof web1);
    take();
    return 0;
}

static int ask_host(struct toolstack *ts, struct vm_host *out, struct failure *failure)
{
    (void)ts, (void)failure;
    *out = (struct vm_host){ .free_bytes = host.free_bytes };
    take();
    return 0;
}

static const struct toolstack_ops ops = { .ask = { .list = list, .host = ask_host } };
static struct toolstack toolstack = { .ops = &ops };

static void begin(void)
{
    scratch_make(dir);
    ck_assert_int_eq(chmod(dir, 0700), 0);
    ck_assert_int_eq(setenv("XLMIG_RUNTIME_DIR", dir, 1), 0);
    memset(&host, 0, sizeof host);
    host.free_bytes = 500 * MIB;
}

static void end(void)
{
    scratch_remove(dir);
}

/* Is it promised? */
static bool promise(struct memory_promise *p, const uint8_t uuid[16], uint64_t bytes)
{
    struct failure failure = { 0 };
    struct memory_room room;

    ck_assert_msg(memory_promise_make(p, &toolstack, HERE, uuid, bytes, &room, &failure) == 0, "%s", failure.text);
    return p->path[0] != '\0';
}

static struct memory_room look(const char *whose)
{
    struct failure failure = { 0 };
    struct memory_room room;

    ck_assert_msg(memory_room_look(&toolstack, whose, &room, &failure) == 0, "%s", failure.text);
    return room;
}

static int count_files(void)
{
    char command[128];
    FILE *said;
    int n = -1;

    snprintf(command, sizeof command, "ls -A '%s' | wc -l", dir);
    said = popen(command, "r");
    ck_assert_ptr_nonnull(said);
    ck_assert_int_eq(fscanf(said, "%d", &n), 1);
    pclose(said);
    return n;
}

/* ---- one process ---- */

START_TEST(what_is_promised_is_not_there_for_another)
{
    struct memory_promise first, second, third;

    ck_assert(promise(&first, web1, 300 * MIB));
    ck_assert_uint_eq(look(HERE).free_bytes, 500 * MIB);
    ck_assert_uint_eq(look(HERE).promised_bytes, 300 * MIB);
    ck_assert_uint_eq(look(HERE).nr_promises, 1);
    ck_assert(!promise(&second, web2, 200 * MIB + 1));
    ck_assert(promise(&second, web2, 200 * MIB));
    ck_assert(!promise(&third, web2, 1));
    ck_assert_int_eq(count_files(), 2);
    memory_promise_end(&first);
    memory_promise_end(&first);
    memory_promise_end(&third);
    ck_assert(promise(&third, web2, 300 * MIB));
    memory_promise_end(&second);
    memory_promise_end(&third);
    ck_assert_uint_eq(look(HERE).promised_bytes, 0);
    ck_assert_int_eq(count_files(), 0);
}
END_TEST

START_TEST(what_came_already_counts_once)
{
    struct memory_promise first, second;

    ck_assert(promise(&first, web1, 300 * MIB));
    host.free_bytes -= 100 * MIB;
    host.taken_bytes = 100 * MIB;
    ck_assert_uint_eq(look(HERE).promised_bytes, 200 * MIB);
    ck_assert(!promise(&second, web2, 200 * MIB + 1));
    ck_assert(promise(&second, web2, 200 * MIB));
    host.taken_bytes = 400 * MIB; /* more than it was to get */
    ck_assert_uint_eq(look(HERE).promised_bytes, 200 * MIB);
    memory_promise_end(&first);
    memory_promise_end(&second);
}
END_TEST

/* It fills while it is counted: what it takes meanwhile may count twice, and must not count not at all. */
START_TEST(what_is_being_taken_is_never_missed)
{
    struct memory_promise first;
    struct memory_room room;

    ck_assert(promise(&first, web1, 300 * MIB));
    host.takes_bytes = 5 * MIB;
    for (unsigned i = 0; i < 20; i++) {
        room = look(HERE);
        ck_assert(!memory_room_has(&room, 200 * MIB + 1));
    }
    memory_promise_end(&first);
}
END_TEST

START_TEST(another_toolstacks_promises_do_not_count)
{
    struct memory_promise first;

    ck_assert(promise(&first, web1, 300 * MIB));
    ck_assert_uint_eq(look("sim:/there").nr_promises, 0);
    ck_assert_int_eq(count_files(), 1);
    memory_promise_end(&first);
}
END_TEST

START_TEST(nothing_is_promised_where_the_host_does_not_answer)
{
    struct failure failure = { 0 };
    struct memory_promise first;
    struct memory_room room;

    host.silent = true;
    ck_assert_int_eq(memory_promise_make(&first, &toolstack, HERE, web1, MIB, &room, &failure), -1);
    ck_assert_str_eq(failure.text, "no answer");
    ck_assert_str_eq(first.path, "");
    ck_assert_int_eq(count_files(), 0);
    memory_promise_end(&first);
}
END_TEST

START_TEST(nothing_is_promised_that_cannot_be_written_down)
{
    struct failure failure = { 0 };
    struct memory_promise first;
    struct memory_room room;

    ck_assert_int_eq(chmod(dir, 0755), 0); /* others may look into it */
    ck_assert_int_eq(memory_promise_make(&first, &toolstack, HERE, web1, MIB, &room, &failure), -1);
    ck_assert_str_ne(failure.text, "");
    ck_assert_str_eq(first.path, "");
}
END_TEST

/* ---- several processes ---- */

/* A process that asks for so much, says in one octet whether it got it, and lives until it is killed. */
static pid_t another(uint64_t bytes, bool *got)
{
    int said[2];
    char octet;
    pid_t pid;

    ck_assert_int_eq(pipe(said), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct memory_promise p;

        octet = promise(&p, web2, bytes) ? 'y' : 'n';
        if (write(said[1], &octet, 1) == 1)
            pause();
        _exit(1);
    }
    close(said[1]);
    if (got) {
        ck_assert_int_eq(read(said[0], &octet, 1), 1);
        *got = octet == 'y';
    }
    close(said[0]);
    return pid;
}

static void kill_it(pid_t pid)
{
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(a_killed_process_gives_back)
{
    struct memory_promise first;
    bool got;
    pid_t pid = another(300 * MIB, &got);

    ck_assert(got);
    ck_assert(!promise(&first, web1, 300 * MIB));
    kill_it(pid);
    ck_assert(promise(&first, web1, 300 * MIB));
    ck_assert_int_eq(count_files(), 1); /* what the other left is gone */
    memory_promise_end(&first);
}
END_TEST

/* All at once, where there is room for four. */
START_TEST(of_many_at_once_as_many_get_it_as_fit)
{
    enum { MANY = 12 };
    int said[2];
    pid_t pids[MANY];
    unsigned nr_got = 0;
    char octet;

    ck_assert_int_eq(pipe(said), 0);
    for (unsigned i = 0; i < MANY; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct memory_promise p;

            octet = promise(&p, web2, 120 * MIB) ? 'y' : 'n';
            if (write(said[1], &octet, 1) == 1)
                pause();
            _exit(1);
        }
    }
    for (unsigned i = 0; i < MANY; i++) {
        ck_assert_int_eq(read(said[0], &octet, 1), 1);
        nr_got += octet == 'y';
    }
    ck_assert_uint_eq(nr_got, 4);
    ck_assert_uint_eq(look(HERE).promised_bytes, 480 * MIB);
    for (unsigned i = 0; i < MANY; i++)
        kill_it(pids[i]);
    ck_assert_uint_eq(look(HERE).promised_bytes, 0);
    ck_assert_int_eq(count_files(), 0);
    close(said[0]);
    close(said[1]);
}
END_TEST

/* ---- what no release writes ---- */

#define UUID "\"uuid\":\"00112233445566778899aabbccddeeff\""
#define WHOLE "\"version\":1,\"toolstack\":\"" HERE "\"," UUID

static const char *const nonsense[] = {
    "", "{", "[]", "7", "\"memory\"", "{}", "\xff\xfe", "{" WHOLE "}", "{" WHOLE ",\"bytes\":-1}", "{" WHOLE ",\"bytes\":1.5}",
    "{" WHOLE ",\"bytes\":\"many\"}", "{" WHOLE ",\"bytes\":{\"a\":[[]]}}",
    "{\"version\":2,\"toolstack\":\"" HERE "\"," UUID ",\"bytes\":1}", "{\"toolstack\":\"" HERE "\"," UUID ",\"bytes\":1}",
    "{\"version\":1," UUID ",\"bytes\":1}", "{\"version\":1,\"toolstack\":7," UUID ",\"bytes\":1}",
    "{\"version\":1,\"toolstack\":\"" HERE "\",\"uuid\":\"00\",\"bytes\":1}",
    "{\"version\":1,\"toolstack\":\"" HERE "\",\"bytes\":1}",
};

/* The file memory-NAME, held. */
static int hold(const char *name, const char *text, size_t len)
{
    char path[SCRATCH_SIZE + 32];
    int fd;

    snprintf(path, sizeof path, "%s/memory-%s", dir, name);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
    return fd;
}

/* Somebody lives who was promised nobody knows how much. */
static void stands_in_the_way(const char *name)
{
    struct failure failure = { 0 };
    struct memory_promise p;
    struct memory_room room;

    ck_assert_int_eq(memory_promise_make(&p, &toolstack, HERE, web1, 1, &room, &failure), -1);
    ck_assert_msg(strstr(failure.text, name) != NULL, "%s", failure.text);
    ck_assert_str_eq(p.path, "");
}

START_TEST(negative_what_makes_no_sense_and_is_held)
{
    int fd = hold("odd", nonsense[_i], strlen(nonsense[_i]));

    stands_in_the_way("memory-odd");
    close(fd);
    ck_assert_uint_eq(look(HERE).nr_promises, 0); /* nobody holds it any more */
    ck_assert_int_eq(count_files(), 0);
}
END_TEST

START_TEST(negative_what_is_too_long_and_is_held)
{
    static char text[100000];
    int fd;

    memset(text, ' ', sizeof text);
    fd = hold("long", text, sizeof text);
    stands_in_the_way("memory-long: it is too long");
    close(fd);
}
END_TEST

START_TEST(negative_what_others_could_have_written)
{
    static const char text[] = "{" WHOLE ",\"bytes\":1}";
    int fd = hold("open", text, strlen(text));

    ck_assert_int_eq(fchmod(fd, 0666), 0);
    stands_in_the_way("memory-open: others than this user");
    close(fd);
}
END_TEST

START_TEST(more_than_can_be_counted_is_more_than_there_is)
{
    static const char *const texts[] = { "{" WHOLE ",\"bytes\":9223372036854775807}",
                                         "{" WHOLE ",\"bytes\":99999999999999999999999}" };
    const char *const names[] = { "a", "b", "c" };
    struct memory_promise p;
    int fds[3];

    for (unsigned i = 0; i < 3; i++)
        fds[i] = hold(names[i], texts[i % 2], strlen(texts[i % 2]));
    ck_assert_uint_eq(look(HERE).promised_bytes, UINT64_MAX);
    ck_assert(!promise(&p, web1, 0));
    ck_assert(!promise(&p, web1, UINT64_MAX));
    for (unsigned i = 0; i < 3; i++)
        close(fds[i]);
}
END_TEST

/* Links, folders, pipes, files of other names: no promise is one of these. */
START_TEST(negative_what_is_no_file)
{
    scratch_do(dir, "ln -s /etc/passwd memory-link; mkdir memory-folder; mkfifo memory-pipe; echo '{' > cap-x; "
                    "ln -s memory-loop memory-loop");
    ck_assert_uint_eq(look(HERE).nr_promises, 0);
    scratch_do(dir, "test -h memory-link && test -d memory-folder && test -f cap-x && ! test -e memory-pipe");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory-promise");
    TCase *one = tcase_create("one process"), *several = tcase_create("several"), *odd = tcase_create("odd files");

    tcase_add_checked_fixture(one, begin, end);
    tcase_add_test(one, what_is_promised_is_not_there_for_another);
    tcase_add_test(one, what_came_already_counts_once);
    tcase_add_test(one, what_is_being_taken_is_never_missed);
    tcase_add_test(one, another_toolstacks_promises_do_not_count);
    tcase_add_test(one, nothing_is_promised_where_the_host_does_not_answer);
    tcase_add_test(one, nothing_is_promised_that_cannot_be_written_down);
    suite_add_tcase(suite, one);
    tcase_add_checked_fixture(several, begin, end);
    tcase_set_timeout(several, 90);
    tcase_add_test(several, a_killed_process_gives_back);
    tcase_add_test(several, of_many_at_once_as_many_get_it_as_fit);
    suite_add_tcase(suite, several);
    tcase_add_checked_fixture(odd, begin, end);
    tcase_add_loop_test(odd, negative_what_makes_no_sense_and_is_held, 0, (int)(sizeof nonsense / sizeof nonsense[0]));
    tcase_add_test(odd, negative_what_is_too_long_and_is_held);
    tcase_add_test(odd, negative_what_others_could_have_written);
    tcase_add_test(odd, more_than_can_be_counted_is_more_than_there_is);
    tcase_add_test(odd, negative_what_is_no_file);
    suite_add_tcase(suite, odd);
    return run_suite(suite);
}
