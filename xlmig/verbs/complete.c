/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * xlmig complete WORD...: what the last word may become, for the shells' completions.
 *
 * A line each: the word, a tabulator, what it is.  ":files" and ":hosts" stand for what the shell finds itself.  The
 * words are those behind "xlmig"; verbs, options and their values come from the tables, VMs, moves and migrations
 * from this host.  Whatever cannot be found out is left out, without a message.
 */
#include "config.h"

#include "xlmig/cli/verb.h"
#include "xlmig/handover/journal.h"
#include "xlmig/verbs/session.h"
#include "xlmig/watch/socket.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct completion {
    const char *word;        /* what there is of it */
    const struct verb_call *call;
    const char *toolstack;
    const struct verb *verb; /* NULL: it is still to come */
    int nr_before;           /* arguments of the verb before it */
};

static void offer(const struct completion *c, const char *before, const char *text, size_t len, const char *what)
{
    size_t before_len = strlen(before), word_len = strlen(c->word);
    size_t rest = word_len > before_len ? word_len - before_len : 0;

    if (strncmp(before, c->word, word_len < before_len ? word_len : before_len) == 0 && rest <= len &&
        strncmp(text, c->word + (word_len - rest), rest) == 0)
        printf("%s%.*s\t%s\n", before, (int)len, text, what);
}

/* Each of the words in `list`, which one of `ends` separates. */
static void offer_list(const struct completion *c, const char *before, const char *list, const char *ends,
                       const char *what)
{
    for (size_t len; *list; list += len + (list[len] != '\0')) {
        len = strcspn(list, ends);
        if (len)
            offer(c, before, list, len, what);
    }
}

/* ---- what this host has ---- */

static void offer_vms(const struct completion *c)
{
    struct toolstack_session session;
    struct failure failure = { 0 };
    struct vm *vms;
    size_t n;

    if (toolstack_session_open(&session, c->toolstack, &failure) < 0)
        return;
    if (session.ts->ops->ask.list(session.ts, &vms, &n, &failure) == 0) {
        for (size_t i = 0; i < n; i++)
            if (vms[i].domid != 0 && vm_name_is_valid(vms[i].name))
                offer(c, "", vms[i].name, strlen(vms[i].name), vm_state_name(vms[i].state));
        free(vms);
    }
    toolstack_session_close(&session);
}

static const char *text_of(struct json_object *object, const char *name)
{
    struct json_object *field;

    return json_object_object_get_ex(object, name, &field) && json_object_is_type(field, json_type_string)
               ? json_object_get_string(field) : "";
}

static void offer_moves(const struct completion *c)
{
    struct registry_entry *entries;
    struct failure failure = { 0 };
    struct json_object *incoming;
    size_t n;

    if (registry_list(&entries, &n, &failure) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        const char *vm = text_of(entries[i].status, "vm");

        if (json_object_object_get_ex(entries[i].status, "incoming", &incoming) && json_object_get_boolean(incoming))
            continue;
        offer(c, "", entries[i].id, strlen(entries[i].id), vm);
        if (vm_name_is_valid(vm))
            offer(c, "", vm, strlen(vm), entries[i].id);
    }
    registry_list_free(entries, n);
}

static void offer_migrations(const struct completion *c)
{
    struct journal_entry *entries;
    struct failure failure = { 0 };
    char dir[PATH_MAX], id[JOURNAL_ID_SIZE];
    size_t n;

    if (journal_dir(c->toolstack, dir, &failure) < 0 || journal_list(dir, &entries, &n, &failure) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (entries[i].problem[0])
            continue;
        journal_id(&entries[i].record, id);
        offer(c, "", id, strlen(id), entries[i].record.name);
        offer(c, "", entries[i].record.name, strlen(entries[i].record.name), id);
    }
    free(entries);
}

static void offer_verbs(const struct completion *c)
{
    for (const struct verb *const *verb = c->call->all; *verb; verb++)
        if (!(*verb)->hidden)
            offer(c, "", (*verb)->name, strlen((*verb)->name), (*verb)->summary);
}

/* ---- what stands where ---- */

/* `what`: as the usage of a verb names it, of `len` octets. */
static void offer_argument(const struct completion *c, const char *what, size_t len)
{
    static const struct {
        const char *name;
        void (*offer)(const struct completion *c);
    } kinds[] = {
        { "VM", offer_vms }, { "[VERB]", offer_verbs },
        { "ID", offer_moves }, { "[ID]", offer_migrations },
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strlen(kinds[i].name) == len && strncmp(what, kinds[i].name, len) == 0)
            kinds[i].offer(c);
    if (len == 4 && strncmp(what, "HOST", len) == 0)
        puts(":hosts");
    if (memmem(what, len, "|-", 2)) /* FILE|- and the like */
        puts(":files");
    if (len == 4 && strncmp(what, "NAME", len) == 0) /* of set */
        offer_list(c, "", "max-bandwidth max-downtime", " ", "a limit");
}

static void offer_next_argument(const struct completion *c)
{
    const char *what = c->verb->arguments;

    for (int i = 0; *what; i++) {
        size_t len = strcspn(what, " ");

        if (i == c->nr_before)
            offer_argument(c, what, len);
        what += len + strspn(what + len, " ");
    }
}

static void offer_value(const struct completion *c, const char *before, const struct verb_option *option)
{
    if (option->values)
        offer_list(c, before, option->values, " ", option->argument);
    else if (option->kind == OPTION_STRING && strcmp(option->argument, "FILE") == 0)
        puts(":files");
}

static void offer_options(const struct completion *c, const struct verb_option *options)
{
    for (; options && options->name; options++)
        offer(c, "--", options->name, strlen(options->name), options->help);
    offer(c, "--", "help", 4, "how it is used");
}

/* ---- the words before it ---- */

/* --name, --name=..., -n; NULL: none of these. */
static const struct verb_option *find_option(const struct verb_option *options, const char *word)
{
    size_t len = strcspn(word, "=");

    for (; options && options->name; options++)
        if ((strncmp(word, "--", 2) == 0 && strlen(options->name) == len - 2 &&
             strncmp(word + 2, options->name, len - 2) == 0) ||
            (options->short_name && word[0] == '-' && word[1] == options->short_name && word[2] == '\0'))
            return options;
    return NULL;
}

static const struct verb_option *options_of(const struct completion *c)
{
    return c->verb ? c->verb->options : c->call->before;
}

/* One that wants the next word for its value; NULL: `word` is none. */
static const struct verb_option *wants_next(const struct completion *c, const char *word)
{
    const struct verb_option *option = find_option(options_of(c), word);

    return option && option->kind != OPTION_FLAG && !strchr(word, '=') ? option : NULL;
}

static const struct verb *find_verb(const struct completion *c, const char *name)
{
    const struct verb *const *verb = c->call->all;

    while (*verb && strcmp((*verb)->name, name) != 0)
        verb++;
    return *verb;
}

/* Returns the option whose value the last word is, or NULL. */
static const struct verb_option *read_words(struct completion *c, int nr, char **words)
{
    const struct verb_option *open = NULL;

    for (int i = 0; i < nr; i++) {
        const char *value = open ? words[i] : strchr(words[i], '=');

        if (!c->verb && (open || words[i][0] == '-') && value)
            if (open ? strcmp(open->name, "toolstack") == 0 : strncmp(words[i], "--toolstack=", 12) == 0)
                c->toolstack = open ? value : value + 1;
        if (open)
            open = NULL;
        else if (words[i][0] == '-' && words[i][1])
            open = wants_next(c, words[i]);
        else if (c->verb)
            c->nr_before++;
        else
            c->verb = find_verb(c, words[i]);
    }
    return open;
}

static int run_complete(const struct verb_call *call)
{
    int first = call->argc > 1 && strcmp(call->argv[1], "--") == 0 ? 2 : 1, last = call->argc - 1;
    struct completion c = { .word = last >= first ? call->argv[last] : "", .call = call, .toolstack = call->toolstack };
    const struct verb_option *open = last > first ? read_words(&c, last - first, call->argv + first) : NULL;
    const struct verb_option *here = strchr(c.word, '=') ? find_option(options_of(&c), c.word) : NULL;
    char before[64];

    if (open) {
        offer_value(&c, "", open);
    } else if (here) {
        snprintf(before, sizeof before, "--%s=", here->name);
        offer_value(&c, before, here);
    } else if (c.verb && c.verb->passes_everything) {
        return EXIT_OK;
    } else if (c.word[0] == '-') {
        offer_options(&c, options_of(&c));
    } else if (c.verb) {
        offer_next_argument(&c);
    } else {
        offer_verbs(&c);
    }
    return EXIT_OK;
}

const struct verb verb_complete = {
    .name = "complete",
    .arguments = "WORD...",
    .summary = "print what the last word of a command line may become",
    .max_args = -1,
    .passes_everything = true,
    .hidden = true,
    .run = run_complete,
};
