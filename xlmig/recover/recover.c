/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Which journals, one after the other, and what it comes to. */
#include "config.h"
#include "xlmig/recover/recover.h"

#include "xlmig/domain/cap-record.h"
#include "xlmig/base/exit.h"
#include "xlmig/base/json-fields.h"
#include "xlmig/base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_MIN 4u

/* ---- which ---- */

static bool is_uuid(const char *id, const uint8_t *uuid)
{
    char want[33], hex[33];
    size_t n = 0;

    for (; *id; id++)
        if (*id != '-') {
            if (n == 32)
                return false;
            want[n++] = (char)tolower((unsigned char)*id);
        }
    want[n] = '\0';
    hex_encode(uuid, 16, hex);
    return strcmp(want, hex) == 0;
}

static bool is_named(const struct journal_entry *entry, const char *id)
{
    return !entry->problem[0] && (strcmp(entry->record.name, id) == 0 || is_uuid(id, entry->record.uuid));
}

/* One that cannot be believed has only its file's name, which begins with the token. */
static bool has_token(const struct journal_entry *entry, const char *id)
{
    return strlen(id) >= ID_MIN && strncasecmp(entry->file, id, strlen(id)) == 0;
}

/* Those that are meant come first.  Returns how many. */
static size_t choose(struct journal_entry *entries, size_t nr_entries, const char *id)
{
    size_t n = 0;

    for (int pass = 0; pass < 2 && n == 0; pass++)
        for (size_t i = 0; i < nr_entries; i++)
            if (pass == 0 ? is_named(&entries[i], id) : has_token(&entries[i], id)) {
                struct journal_entry chosen = entries[i];

                entries[i] = entries[n];
                entries[n++] = chosen;
            }
    return n;
}

static bool same_vm(const struct journal_entry *entries, size_t nr_entries)
{
    for (size_t i = 1; i < nr_entries; i++)
        if (memcmp(entries[i].record.uuid, entries[0].record.uuid, sizeof entries[0].record.uuid) != 0)
            return false;
    return true;
}

/* -1: see failure. */
static int narrow(struct journal_entry *entries, size_t *nr_entries, const struct recover_request *request,
                  struct failure *failure)
{
    if (!request->id)
        return 0;
    *nr_entries = choose(entries, *nr_entries, request->id);
    if (*nr_entries == 0)
        failure_set(failure, "no unfinished migration of this host goes by %s; those that there are: xlmig recover --dry-run",
                    request->id);
    else if (!same_vm(entries, *nr_entries))
        failure_set(failure, "%s is meant for more than one VM; those that there are: xlmig recover --dry-run", request->id);
    else if (request->force && *nr_entries > 1)
        failure_set(failure, "there is more than one unfinished migration of %s; name one by what stands behind the VM's "
                             "name: xlmig recover --dry-run", request->id);
    return failure->text[0] ? -1 : 0;
}

static int refuse(const struct recover_request *request, const char *what, const struct failure *failure, int status)
{
    if (request->json)
        fields_print_error(failure->text);
    fprintf(stderr, "xlmig: %s%s%s\n", what, failure->text, text_stop(failure->text));
    return status;
}

/* The oldest first. */
static int by_age(const void *a, const void *b)
{
    const struct journal_record *x = &((const struct journal_entry *)a)->record;
    const struct journal_record *y = &((const struct journal_entry *)b)->record;

    return (x->began_s > y->began_s) - (x->began_s < y->began_s);
}

/* ---- what it comes to ---- */

/* The worse, the later. */
static int status_of(enum recover_result worst, const struct recover_request *request)
{
    switch (worst) {
    case RECOVER_RESULT_FINISHED:
        return EXIT_OK;
    case RECOVER_RESULT_HELD: /* nothing is wrong with a migration that is under way */
        return request->id && !request->dry_run ? EXIT_REFUSED : EXIT_OK;
    case RECOVER_RESULT_WOULD:
        return EXIT_LEFTOVER;
    case RECOVER_RESULT_WAITS:
        return EXIT_WAITS;
    case RECOVER_RESULT_REFUSED:
        return EXIT_REFUSED;
    default:
        return EXIT_NEEDS_HAND;
    }
}

static void tell_of_cap(void *user, const char *text)
{
    (void)user;
    fprintf(stderr, "%s\n", text);
}

static int open_run(struct recover_run *run)
{
    struct failure failure = { 0 };

    if (journal_dir(run->request->toolstack, run->dir, &failure) == 0 &&
        (!run->ts || run->ts->ops->ask.host(run->ts, &run->own, &failure) == 0))
        return 0;
    return refuse(run->request, "nothing recovered: ", &failure, -1);
}

int recover_all(struct toolstack *ts, struct event_base *base, const struct recover_request *request)
{
    struct recover_run run = { .request = request, .ts = ts, .base = base };
    enum recover_result worst = RECOVER_RESULT_FINISHED;
    struct journal_entry *entries;
    struct failure failure = { 0 };
    size_t nr_entries;
    int rc = EXIT_REFUSED;

    if (open_run(&run) < 0)
        return EXIT_REFUSED;
    if (!request->dry_run)
        cap_record_recover(ts, request->toolstack, tell_of_cap, NULL);
    if (journal_list(run.dir, &entries, &nr_entries, &failure) < 0) {
        return refuse(request, "nothing recovered: ", &failure, EXIT_NEEDS_HAND);
    }
    if (nr_entries)
        qsort(entries, nr_entries, sizeof *entries, by_age);
    if (narrow(entries, &nr_entries, request, &failure) < 0) {
        refuse(request, "", &failure, rc);
    } else {
        for (size_t i = 0; i < nr_entries; i++) {
            enum recover_result result = recover_one(&run, &entries[i]);

            worst = result > worst ? result : worst;
        }
        if (nr_entries == 0 && !request->json)
            printf("no migration of this host is unfinished\n");
        rc = status_of(worst, request);
    }
    free(entries);
    free(run.silent);
    return rc;
}
