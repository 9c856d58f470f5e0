/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "tests/xlmig/handover/journal-case.h"

char base[SCRATCH_SIZE], dir[128], path[1000];
struct failure failure;

const struct journal_record begin = {
    .side = JOURNAL_SEND, .token = { 0xab, 1, 2 }, .uuid = { 1, 2, 3 }, .name = "web1", .peer = "hostb",
    .transport = "exec:ssh \"hostb\" 'x\\y' /z", .ssh_command = "ssh -p 2222", .boot = "b1", .paused = true,
};

void make_base(void)
{
    scratch_make(base);
    snprintf(dir, sizeof dir, "%s/state/journal", base);
    failure = (struct failure){ 0 };
}

void remove_base(void)
{
    scratch_remove(base);
}

const char *in_dir(const char *file)
{
    snprintf(path, sizeof path, "%s/%s", dir, file);
    return path;
}

struct journal *create(const struct journal_record *record)
{
    struct journal *journal;

    failure.text[0] = '\0';
    journal = journal_create(dir, record, NULL, &failure);
    ck_assert_msg(journal != NULL, "%s", failure.text);
    return journal;
}

void advance(struct journal *journal, enum journal_state state)
{
    ck_assert_msg(journal_advance(journal, state, NULL, &failure) == 0, "%s", failure.text);
}

struct journal_entry listed(size_t nth, size_t of)
{
    struct journal_entry *entries, entry = { 0 };
    size_t nr_entries;

    failure.text[0] = '\0';
    ck_assert_msg(journal_list(dir, &entries, &nr_entries, &failure) == 0, "%s", failure.text);
    ck_assert_uint_eq(nr_entries, of);
    if (of)
        entry = entries[nth];
    free(entries);
    return entry;
}

enum journal_taken take(struct journal **journal)
{
    failure.text[0] = '\0';
    return journal_take(dir, JOURNAL_SEND, begin.token, journal, &failure);
}
