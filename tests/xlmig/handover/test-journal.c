/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Journals: which record may follow which, who may have them, and where they are. */
#include "tests/run-suite.h"
#include "tests/xlmig/handover/journal-case.h"
#include "stream-format/crc32c.h"
#include "xlmig/base/state-dir.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- states ---- */

START_TEST(exactly_these_states_follow_each_other)
{
    static const enum journal_state follow[][2] = {
        { JOURNAL_COPYING, JOURNAL_GO_DECIDED },  { JOURNAL_COPYING, JOURNAL_ABORTED },
        { JOURNAL_GO_DECIDED, JOURNAL_MOVED },    { JOURNAL_GO_DECIDED, JOURNAL_ABORTED },
        { JOURNAL_INCOMING, JOURNAL_READY },      { JOURNAL_INCOMING, JOURNAL_ABORTED },
        { JOURNAL_READY, JOURNAL_GO },            { JOURNAL_READY, JOURNAL_ABORTED },
        { JOURNAL_GO, JOURNAL_STARTED },          { JOURNAL_GO, JOURNAL_ABORTED },
    };

    for (int from = 0; from < JOURNAL_NR_STATES; from++)
        for (int to = 0; to < JOURNAL_NR_STATES; to++) {
            bool listed_here = false;

            for (size_t i = 0; i < sizeof follow / sizeof follow[0]; i++)
                listed_here |= (int)follow[i][0] == from && (int)follow[i][1] == to;
            ck_assert_msg(journal_may_follow((enum journal_state)from, (enum journal_state)to) == listed_here,
                          "%s -> %s", journal_state_name((enum journal_state)from),
                          journal_state_name((enum journal_state)to));
        }
}
END_TEST

START_TEST(only_an_end_may_be_removed)
{
    for (int s = 0; s < JOURNAL_NR_STATES; s++)
        ck_assert_int_eq(journal_may_end((enum journal_state)s),
                         s == JOURNAL_MOVED || s == JOURNAL_STARTED || s == JOURNAL_ABORTED);
}
END_TEST

START_TEST(what_the_table_forbids_is_refused_and_changes_nothing)
{
    struct journal *journal = create(&begin);

    for (int s = 0; s < JOURNAL_NR_STATES; s++) {
        if (s == JOURNAL_GO_DECIDED || s == JOURNAL_ABORTED)
            continue;
        failure.text[0] = '\0';
        ck_assert_int_eq(journal_advance(journal, (enum journal_state)s, NULL, &failure), -1);
        ck_assert_ptr_nonnull(strstr(failure.text, "may not follow"));
        ck_assert_int_eq(listed(0, 1).record.state, JOURNAL_COPYING);
    }
    ck_assert_int_eq(journal_finish(&journal, &failure), -1);
    ck_assert_ptr_nonnull(journal);
    journal_release(journal);
}
END_TEST

START_TEST(no_journal_is_no_permission)
{
    ck_assert_int_eq(journal_advance(NULL, JOURNAL_GO, NULL, &failure), -1);
    ck_assert_str_ne(failure.text, "");
}
END_TEST

/* ---- a life ---- */

START_TEST(all_that_was_written_is_read_again)
{
    struct journal *journal = create(&begin);
    struct journal_entry entry;

    ck_assert_int_eq(journal_advance(journal, JOURNAL_ABORTED, "the peer said:\n\033[1mno", &failure), 0);
    entry = listed(0, 1);
    ck_assert_str_eq(entry.file, FILE_OF_BEGIN);
    ck_assert_str_eq(entry.problem, "");
    ck_assert_int_eq(entry.record.side, JOURNAL_SEND);
    ck_assert_int_eq(entry.record.state, JOURNAL_ABORTED);
    ck_assert_mem_eq(entry.record.token, begin.token, sizeof begin.token);
    ck_assert_mem_eq(entry.record.uuid, begin.uuid, sizeof begin.uuid);
    ck_assert_str_eq(entry.record.name, "web1");
    ck_assert_str_eq(entry.record.peer, "hostb");
    ck_assert_str_eq(entry.record.transport, begin.transport);
    ck_assert_str_eq(entry.record.ssh_command, begin.ssh_command);
    ck_assert_str_eq(entry.record.boot, "b1");
    ck_assert_str_eq(entry.record.why, "the peer said:  [1mno");
    ck_assert(entry.record.paused && !entry.record.offered);
    ck_assert_int_gt(entry.record.began_s, 1000000000);
    ck_assert_uint_gt(entry.record.generation, 0);
    ck_assert_int_eq(journal_finish(&journal, &failure), 0);
    ck_assert_ptr_null(journal);
    listed(0, 0);
}
END_TEST

START_TEST(only_a_lock_and_numbers_are_left_after_the_end)
{
    struct journal *journal = create(&begin);

    advance(journal, JOURNAL_ABORTED);
    ck_assert_int_eq(journal_finish(&journal, &failure), 0);
    ck_assert_int_eq(unlink(in_dir(LOCK_OF_BEGIN)), 0);
    ck_assert_int_eq(unlink(in_dir("01020300000000000000000000000000.numbers")), 0);
    ck_assert_int_eq(unlink(in_dir("00000000000000000000000000000000.numbers")), 0);
    ck_assert_int_eq(rmdir(dir), 0); /* it is empty */
}
END_TEST

START_TEST(the_destination_remembers_that_it_was_ready)
{
    struct journal_record receive = begin;
    struct journal *journal;

    receive.side = JOURNAL_RECEIVE;
    receive.generation = 4;
    journal = create(&receive);
    ck_assert(!journal_record(journal)->offered);
    advance(journal, JOURNAL_READY);
    advance(journal, JOURNAL_ABORTED);
    ck_assert(listed(0, 1).record.offered);
    journal_release(journal);
}
END_TEST

START_TEST(texts_as_long_as_they_may_be_fit)
{
    struct journal_record longest = begin;
    struct journal *journal;

    memset(longest.name, '"', sizeof longest.name - 1);
    memset(longest.peer, '"', sizeof longest.peer - 1);
    memset(longest.transport, '"', sizeof longest.transport - 1);
    memset(longest.ssh_command, '\\', sizeof longest.ssh_command - 1);
    memset(longest.boot, '"', sizeof longest.boot - 1);
    journal = create(&longest);
    memset(longest.why, '"', sizeof longest.why - 1);
    ck_assert_int_eq(journal_advance(journal, JOURNAL_ABORTED, longest.why, &failure), 0);
    ck_assert_str_eq(listed(0, 1).problem, "");
    ck_assert_str_eq(listed(0, 1).record.transport, longest.transport);
    journal_release(journal);
}
END_TEST

START_TEST(what_could_not_be_read_is_not_written)
{
    static const char *const names[] = { "", "a/b", "a\nb" };

    for (size_t i = 0; i < 3; i++) {
        struct journal_record bad = begin;

        snprintf(bad.name, sizeof bad.name, "%s", names[i]);
        ck_assert_ptr_null(journal_create(dir, &bad, NULL, &failure));
        listed(0, 0);
    }
}
END_TEST

/* ---- two of them ---- */

static struct journal_record attempt(uint8_t nth, enum journal_side side)
{
    struct journal_record record = begin;

    record.side = side;
    record.token[15] = nth;
    record.generation = nth;
    return record;
}

START_TEST(a_second_migration_of_a_vm_is_refused)
{
    for (int side = JOURNAL_SEND; side <= JOURNAL_RECEIVE; side++) {
        struct journal_record first = attempt(1, (enum journal_side)side), second = attempt(2, JOURNAL_SEND);
        struct journal *journal = create(&first);

        ck_assert_ptr_null(journal_create(dir, &second, NULL, &failure));
        ck_assert_ptr_nonnull(strstr(failure.text, "another xlmig"));
        journal_release(journal); /* nor when the command is dead */
        for (second.side = JOURNAL_SEND; second.side <= JOURNAL_RECEIVE; second.side++) {
            failure.text[0] = '\0';
            ck_assert_ptr_null(journal_create(dir, &second, NULL, &failure));
            ck_assert_ptr_nonnull(strstr(failure.text, "xlmig recover ab010200"));
        }
        listed(0, 1);
        remove_base();
        make_base();
    }
}
END_TEST

START_TEST(other_vms_are_not_in_the_way)
{
    struct journal_record other = begin;
    struct journal *first = create(&begin), *second;

    other.token[0]++;
    other.uuid[0]++;
    second = create(&other);
    ck_assert(listed(0, 2).newest && listed(1, 2).newest);
    journal_release(first);
    journal_release(second);
}
END_TEST

START_TEST(one_that_has_ended_is_not_in_the_way)
{
    static const enum journal_state ways[][4] = {
        { JOURNAL_ABORTED, JOURNAL_NR_STATES },
        { JOURNAL_GO_DECIDED, JOURNAL_MOVED, JOURNAL_NR_STATES },
        { JOURNAL_READY, JOURNAL_GO, JOURNAL_STARTED, JOURNAL_NR_STATES },
    };

    for (size_t way = 0; way < 3; way++) {
        struct journal_record first = attempt(1, way == 2 ? JOURNAL_RECEIVE : JOURNAL_SEND);
        struct journal_record second = attempt(2, JOURNAL_SEND);
        struct journal *journal = create(&first), *newer;

        for (size_t i = 0; ways[way][i] != JOURNAL_NR_STATES; i++)
            advance(journal, ways[way][i]);
        ck_assert(journal_is_newest(journal));
        journal_release(journal);
        newer = create(&second);
        ck_assert(journal_is_newest(newer));
        ck_assert_uint_gt(journal_record(newer)->serial, listed(0, 2).newest ? listed(1, 2).record.serial
                                                                             : listed(0, 2).record.serial);
        ck_assert_int_eq(journal_take(dir, first.side, first.token, &journal, &failure), JOURNAL_HELD);
        journal_release(newer);
        ck_assert_int_eq(journal_take(dir, first.side, first.token, &journal, &failure), JOURNAL_TAKEN);
        ck_assert(!journal_is_newest(journal));
        ck_assert_int_eq(journal_finish(&journal, &failure), 0);
        ck_assert_int_eq(journal_take(dir, second.side, second.token, &journal, &failure), JOURNAL_TAKEN);
        ck_assert(journal_is_newest(journal));
        journal_release(journal);
        remove_base();
        make_base();
    }
}
END_TEST

START_TEST(a_token_is_used_once)
{
    struct journal_record again = begin;

    journal_release(create(&begin));
    again.uuid[0]++;
    ck_assert_ptr_null(journal_create(dir, &again, NULL, &failure));
    ck_assert_mem_eq(listed(0, 1).record.uuid, begin.uuid, sizeof begin.uuid);
}
END_TEST

START_TEST(numbers_grow_although_journals_go)
{
    uint64_t generation = 0, serial = 0;

    for (uint8_t i = 0; i < 20; i++) {
        struct journal_record record = attempt(i, JOURNAL_SEND);
        struct journal *journal = create(&record);

        ck_assert_uint_gt(journal_record(journal)->generation, generation);
        ck_assert_uint_gt(journal_record(journal)->serial, serial);
        generation = journal_record(journal)->generation;
        serial = journal_record(journal)->serial;
        advance(journal, JOURNAL_ABORTED);
        ck_assert_int_eq(journal_finish(&journal, &failure), 0);
    }
}
END_TEST

START_TEST(an_attempt_of_a_peer_that_is_not_newer_is_refused)
{
    struct journal_record record = attempt(5, JOURNAL_RECEIVE);
    struct journal *journal = create(&record);

    advance(journal, JOURNAL_ABORTED);
    ck_assert_int_eq(journal_finish(&journal, &failure), 0);
    for (uint8_t generation = 0; generation <= 5; generation++) {
        record = attempt(generation, JOURNAL_RECEIVE);
        failure.text[0] = '\0';
        ck_assert_ptr_null(journal_create(dir, &record, NULL, &failure));
        ck_assert_ptr_nonnull(strstr(failure.text, "not newer"));
    }
    snprintf(record.peer, sizeof record.peer, "hostc"); /* which counts for itself */
    journal = create(&record);
    advance(journal, JOURNAL_ABORTED);
    journal_release(journal);
    record = attempt(6, JOURNAL_RECEIVE);
    journal_release(create(&record));
}
END_TEST

START_TEST(a_peers_generation_does_not_push_ours)
{
    struct journal_record receive = attempt(1, JOURNAL_RECEIVE), record = attempt(2, JOURNAL_SEND);
    struct journal *journal;

    receive.generation = INT64_MAX;
    journal = create(&receive);
    advance(journal, JOURNAL_ABORTED);
    journal_release(journal);
    journal = create(&record);
    ck_assert_uint_lt(journal_record(journal)->generation, INT64_MAX / 2);
    journal_release(journal);
}
END_TEST

START_TEST(the_last_peers_heard_of_are_remembered)
{
    struct journal_numbers numbers = { 0 }, again;
    struct journal_host host = { .has_identity = _i };
    char bytes[JOURNAL_RECORD_MAX];
    size_t len;

    memset(host.name, '"', sizeof host.name - 1);
    for (unsigned i = 0; i < 3 * JOURNAL_PEERS_MAX; i++) {
        if (_i)
            host.identity[3] = (uint8_t)i;
        else
            host.name[0] = (char)('A' + i);
        journal_numbers_take(&numbers, &host, i + 1);
    }
    ck_assert_uint_eq(numbers.nr_taken, JOURNAL_PEERS_MAX);
    ck_assert_uint_eq(journal_numbers_taken(&numbers, &host), 3 * JOURNAL_PEERS_MAX);
    host.identity[3] = 0;
    host.name[0] = 'A';
    ck_assert_uint_eq(journal_numbers_taken(&numbers, &host), 0);
    host.identity[3] = _i ? 2 * JOURNAL_PEERS_MAX : 0;
    host.name[0] = (char)('A' + 2 * JOURNAL_PEERS_MAX);
    journal_numbers_take(&numbers, &host, 1000);
    ck_assert_uint_eq(numbers.nr_taken, JOURNAL_PEERS_MAX);
    ck_assert_uint_eq(journal_numbers_taken(&numbers, &host), 1000);
    ck_assert_msg(journal_numbers_encode(&numbers, bytes, &len, &failure) == 0, "%s", failure.text);
    ck_assert_int_eq(journal_numbers_decode(bytes, len, &again, &failure), 0);
    ck_assert_mem_eq(&again, &numbers, sizeof again);
}
END_TEST

/* ---- whose attempts they are ---- */

#define HOSTS_OWN "00000000000000000000000000000000.numbers"

/* An attempt of a peer, from its beginning to its end. */
static void comes(uint8_t token, uint64_t generation, const uint8_t *source)
{
    struct journal_record record = attempt(token, JOURNAL_RECEIVE);
    struct journal *journal;

    record.generation = generation;
    failure.text[0] = '\0';
    journal = journal_create(dir, &record, source, &failure);
    ck_assert_msg(journal != NULL, "%s", failure.text);
    advance(journal, JOURNAL_ABORTED);
    ck_assert_int_eq(journal_finish(&journal, &failure), 0);
}

static void is_stale(uint8_t token, uint64_t generation, const uint8_t *source, const char *remedy)
{
    struct journal_record record = attempt(token, JOURNAL_RECEIVE);

    record.generation = generation;
    failure.text[0] = '\0';
    ck_assert_ptr_null(journal_create(dir, &record, source, &failure));
    ck_assert_msg(strstr(failure.text, "not newer") && strstr(failure.text, remedy), "%s", failure.text);
}

START_TEST(hosts_of_one_name_count_for_themselves)
{
    static const uint8_t ahead[HOST_IDENTITY_BYTES] = { 1 }, behind[HOST_IDENTITY_BYTES] = { 2 };

    comes(1, 1000000, ahead);
    comes(2, 5, behind);
    comes(3, 6, behind);
    comes(4, 1000001, ahead);
    is_stale(5, 6, behind, "rm /var/lib/xlmig/journal/" HOSTS_OWN);
    is_stale(5, 1000001, ahead, "(01000000000000000000000000000000)");
    comes(6, 7, NULL); /* a release without identities counts by the name */
    is_stale(7, 7, NULL, "set the clock");
    comes(8, 7, behind);
}
END_TEST

/* An attempt of this host's; what it was given. */
static uint64_t goes(uint8_t token, const uint8_t *uuid, uint8_t source[HOST_IDENTITY_BYTES])
{
    struct journal_record record = attempt(token, JOURNAL_SEND);
    struct journal *journal;
    uint64_t generation;

    if (uuid)
        memcpy(record.uuid, uuid, sizeof record.uuid);
    journal = create(&record);
    generation = journal_record(journal)->generation;
    memcpy(source, journal_source(journal), HOST_IDENTITY_BYTES);
    advance(journal, JOURNAL_ABORTED);
    ck_assert_int_eq(journal_finish(&journal, &failure), 0);
    return generation;
}

START_TEST(this_host_counts_without_a_clock)
{
    static const uint8_t other_vm[16] = { 77 };
    uint8_t first[HOST_IDENTITY_BYTES], source[HOST_IDENTITY_BYTES];
    uint64_t generation = goes(1, NULL, first);

    for (uint8_t i = 2; i < 10; i++) {
        ck_assert_uint_eq(goes(i, i % 2 ? NULL : other_vm, source), generation + i - 1);
        ck_assert_mem_eq(source, first, sizeof first);
    }
}
END_TEST

/* What a release that counted by a clock gave for a VM, hours ahead of this one. */
START_TEST(the_count_is_greater_than_an_earlier_releases)
{
    static const uint8_t ahead[] = "{\"version\":2,\"serial\":3,\"given\":9000000000000000000,\"taken\":[]}\n";
    struct journal_numbers numbers;
    uint8_t source[HOST_IDENTITY_BYTES];
    char bytes[sizeof ahead + 16];
    uint64_t generation;
    FILE *file;

    goes(1, NULL, source);
    snprintf(bytes, sizeof bytes, "%scrc32c %08x\n", (const char *)ahead, crc32c(0, ahead, sizeof ahead - 1));
    ck_assert_int_eq(journal_numbers_decode(bytes, strlen(bytes), &numbers, &failure), 0);
    file = fopen(in_dir("01020300000000000000000000000000.numbers"), "w");
    ck_assert_ptr_nonnull(file);
    fputs(bytes, file);
    ck_assert_int_eq(fclose(file), 0);
    generation = goes(2, NULL, source);
    ck_assert_uint_eq(generation, UINT64_C(9000000000000000001));
    ck_assert_uint_eq(goes(3, NULL, source), generation + 1);
}
END_TEST

START_TEST(a_lost_count_makes_another_host)
{
    struct timespec long_ago[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    uint8_t first[HOST_IDENTITY_BYTES], source[HOST_IDENTITY_BYTES];

    goes(1, NULL, first);
    ck_assert_int_eq(utimensat(AT_FDCWD, in_dir(HOSTS_OWN), long_ago, 0), 0);
    goes(2, NULL, source);
    ck_assert_mem_eq(source, first, sizeof first);
    ck_assert_int_eq(utimensat(AT_FDCWD, in_dir(HOSTS_OWN), long_ago, 0), 0);
    comes(3, 1, NULL); /* which sweeps */
    ck_assert_int_eq(access(in_dir(HOSTS_OWN), F_OK), 0);
    ck_assert_int_eq(unlink(in_dir(HOSTS_OWN)), 0);
    goes(4, NULL, source);
    ck_assert_mem_ne(source, first, sizeof first);
    ck_assert_int_eq(truncate(in_dir(HOSTS_OWN), 10), 0);
    ck_assert_ptr_null(journal_create(dir, &begin, NULL, &failure));
    ck_assert_ptr_nonnull(strstr(failure.text, HOSTS_OWN));
}
END_TEST

START_TEST(an_identity_is_of_machine_hardware_and_salt)
{
    /* openssl dgst -sha256 -mac HMAC -macopt key:4f, of "xlmig host 1", 4 zeros, 16 octets 07, "hw" */
    static const uint8_t known[HOST_IDENTITY_BYTES] = { 0x18, 0x4e, 0x75, 0xa8, 0xaf, 0x25, 0x79, 0xce, 0xa7, 0x8c,
                                                         0xb3, 0x72, 0x9c, 0x7b, 0xe1, 0xb2 };
    uint8_t salt[HOST_SALT_BYTES], other_salt[HOST_SALT_BYTES] = { 7 }, identity[HOST_IDENTITY_BYTES],
        other[HOST_IDENTITY_BYTES];

    memset(salt, 7, sizeof salt);
    host_identity_make(salt, "4f", "hw", identity);
    ck_assert_mem_eq(identity, known, sizeof known);
    host_identity_make(salt, "4e", "hw", other);
    ck_assert_mem_ne(identity, other, sizeof other);
    host_identity_make(salt, "4f", "hx", other);
    ck_assert_mem_ne(identity, other, sizeof other);
    host_identity_make(other_salt, "4f", "hw", other);
    ck_assert_mem_ne(identity, other, sizeof other);
    host_identity_make(salt, "", "", identity);
    host_identity_make(other_salt, "", "", other);
    ck_assert_mem_ne(identity, other, sizeof other);
}
END_TEST

START_TEST(numbers_that_cannot_be_read_are_named)
{
    struct journal_record second = attempt(2, JOURNAL_SEND);
    struct journal *journal = create(&begin);

    advance(journal, JOURNAL_ABORTED);
    ck_assert_int_eq(journal_finish(&journal, &failure), 0);
    ck_assert_int_eq(truncate(in_dir("01020300000000000000000000000000.numbers"), 20), 0);
    ck_assert_ptr_null(journal_create(dir, &second, NULL, &failure));
    ck_assert_ptr_nonnull(strstr(failure.text, "01020300000000000000000000000000.numbers"));
}
END_TEST

START_TEST(foreign_and_stale_tokens_are_refused)
{
    struct journal *journal = create(&begin);
    uint64_t generation = journal_record(journal)->generation;
    uint8_t foreign[MIGRATION_TOKEN_BYTES];

    ck_assert_int_eq(journal_accepts(journal, begin.token, generation, &failure), 0);
    for (size_t i = 0; i < sizeof foreign; i++) {
        memcpy(foreign, begin.token, sizeof foreign);
        foreign[i] ^= 0x80;
        ck_assert_int_eq(journal_accepts(journal, foreign, generation, &failure), -1);
    }
    ck_assert_int_eq(journal_accepts(journal, begin.token, generation - 1, &failure), -1);
    ck_assert_int_eq(journal_accepts(journal, begin.token, generation + 1, &failure), -1);
    journal_release(journal);
}
END_TEST

/* ---- whose it is ---- */

START_TEST(one_that_is_held_is_not_taken)
{
    struct journal *first = create(&begin), *second;

    ck_assert_int_eq(take(&second), JOURNAL_HELD);
    ck_assert(listed(0, 1).held);
    journal_release(first);
    ck_assert(!listed(0, 1).held);
    ck_assert_int_eq(take(&first), JOURNAL_TAKEN);
    ck_assert_int_eq(take(&second), JOURNAL_HELD);
    ck_assert_int_eq(journal_record(first)->state, JOURNAL_COPYING);
    journal_release(first);
}
END_TEST

START_TEST(one_of_a_killed_command_is_taken)
{
    int told[2];
    struct journal *journal;
    char byte;
    pid_t pid;

    ck_assert_int_eq(pipe(told), 0);
    pid = fork();
    if (pid == 0) {
        journal = journal_create(dir, &begin, NULL, &failure);
        _exit(!journal || journal_advance(journal, JOURNAL_GO_DECIDED, NULL, &failure) < 0 ||
              write(told[1], "", 1) != 1 || pause());
    }
    ck_assert_int_eq(read(told[0], &byte, 1), 1);
    ck_assert_int_eq(take(&journal), JOURNAL_HELD);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    ck_assert_int_eq(take(&journal), JOURNAL_TAKEN);
    ck_assert_int_eq(journal_record(journal)->state, JOURNAL_GO_DECIDED);
    advance(journal, JOURNAL_MOVED);
    ck_assert_int_eq(journal_finish(&journal, &failure), 0);
    listed(0, 0);
}
END_TEST

START_TEST(a_token_that_is_not_known)
{
    struct journal *journal;

    ck_assert_int_eq(take(&journal), JOURNAL_UNKNOWN); /* no directory at all */
    listed(0, 0);
    journal_release(create(&begin));
    ck_assert_int_eq(journal_take(dir, JOURNAL_RECEIVE, begin.token, &journal, &failure), JOURNAL_UNKNOWN);
    listed(0, 1);
}
END_TEST

START_TEST(a_vm_is_found_by_its_uuid)
{
    static const uint8_t other[16] = { 4 };
    struct journal_entry found;

    ck_assert_int_eq(journal_find_vm(dir, begin.uuid, &found, &failure), 1);
    journal_release(create(&begin));
    ck_assert_int_eq(journal_find_vm(dir, begin.uuid, &found, &failure), 0);
    ck_assert_str_eq(found.record.name, "web1");
    ck_assert_int_eq(journal_find_vm(dir, other, &found, &failure), 1);
}
END_TEST

START_TEST(what_a_killed_command_left_beside_is_swept)
{
    struct journal_record other = begin;

    journal_release(create(&begin));
    close(open(in_dir("cd010200000000000000000000000000-send.new"), O_WRONLY | O_CREAT, 0600));
    close(open(in_dir("cd010200000000000000000000000000.lock"), O_WRONLY | O_CREAT, 0600));
    listed(0, 1);
    other.token[0]++;
    other.uuid[0]++;
    journal_release(create(&other));
    ck_assert_int_lt(access(in_dir("cd010200000000000000000000000000-send.new"), F_OK), 0);
    ck_assert_int_lt(access(in_dir("cd010200000000000000000000000000.lock"), F_OK), 0);
    ck_assert_int_eq(access(in_dir(FILE_OF_BEGIN ".new"), F_OK), 0);
    ck_assert_int_eq(access(in_dir(LOCK_OF_BEGIN), F_OK), 0);
    listed(0, 2);
}
END_TEST

/* ---- where they are ---- */

START_TEST(where_journals_are)
{
    char where[PATH_MAX];

    unsetenv("XLMIG_STATE_DIR");
    ck_assert_int_eq(journal_dir("libxl", where, &failure), 0);
    ck_assert_str_eq(where, "/var/lib/xlmig/journal");
    ck_assert_int_eq(journal_dir("sim:/x/hosta", where, &failure), 0);
    ck_assert_str_eq(where, "/x/hosta/state/journal");
    setenv("XLMIG_STATE_DIR", "/s//", 1);
    ck_assert_int_eq(journal_dir("sim:/x/hosta", where, &failure), 0);
    ck_assert_str_eq(where, "/s/journal");
}
END_TEST

START_TEST(a_simulated_host_that_starts_anew_has_booted)
{
    char first[HOST_BOOT_SIZE], second[HOST_BOOT_SIZE], toolstack[100], real[HOST_BOOT_SIZE];

    snprintf(toolstack, sizeof toolstack, "sim:%s", base);
    snprintf(path, sizeof path, "%s/host.sock", base);
    host_boot(toolstack, first);
    ck_assert_str_eq(first, "");
    close(open(path, O_WRONLY | O_CREAT, 0600));
    host_boot(toolstack, first);
    host_boot(toolstack, second);
    ck_assert_str_ne(first, "");
    ck_assert_str_eq(first, second);
    unlink(path);
    usleep(20000);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    host_boot(toolstack, second);
    ck_assert_str_ne(first, second);
    host_boot("libxl", real);
    ck_assert_uint_eq(strlen(real), 36);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal");
    TCase *life = tcase_create("life");

    tcase_add_checked_fixture(life, make_base, remove_base);
    tcase_add_test(life, exactly_these_states_follow_each_other);
    tcase_add_test(life, only_an_end_may_be_removed);
    tcase_add_test(life, what_the_table_forbids_is_refused_and_changes_nothing);
    tcase_add_test(life, no_journal_is_no_permission);
    tcase_add_test(life, all_that_was_written_is_read_again);
    tcase_add_test(life, only_a_lock_and_numbers_are_left_after_the_end);
    tcase_add_test(life, the_destination_remembers_that_it_was_ready);
    tcase_add_test(life, texts_as_long_as_they_may_be_fit);
    tcase_add_test(life, what_could_not_be_read_is_not_written);
    tcase_add_test(life, a_second_migration_of_a_vm_is_refused);
    tcase_add_test(life, a_token_is_used_once);
    tcase_add_test(life, other_vms_are_not_in_the_way);
    tcase_add_test(life, one_that_has_ended_is_not_in_the_way);
    tcase_add_test(life, numbers_grow_although_journals_go);
    tcase_add_test(life, an_attempt_of_a_peer_that_is_not_newer_is_refused);
    tcase_add_test(life, a_peers_generation_does_not_push_ours);
    tcase_add_loop_test(life, the_last_peers_heard_of_are_remembered, 0, 2);
    tcase_add_test(life, hosts_of_one_name_count_for_themselves);
    tcase_add_test(life, this_host_counts_without_a_clock);
    tcase_add_test(life, the_count_is_greater_than_an_earlier_releases);
    tcase_add_test(life, a_lost_count_makes_another_host);
    tcase_add_test(life, an_identity_is_of_machine_hardware_and_salt);
    tcase_add_test(life, numbers_that_cannot_be_read_are_named);
    tcase_add_test(life, foreign_and_stale_tokens_are_refused);
    tcase_add_test(life, one_that_is_held_is_not_taken);
    tcase_add_test(life, one_of_a_killed_command_is_taken);
    tcase_add_test(life, a_token_that_is_not_known);
    tcase_add_test(life, a_vm_is_found_by_its_uuid);
    tcase_add_test(life, what_a_killed_command_left_beside_is_swept);
    tcase_add_test(life, where_journals_are);
    tcase_add_test(life, a_simulated_host_that_starts_anew_has_booted);
    suite_add_tcase(suite, life);
    return run_suite(suite);
}
