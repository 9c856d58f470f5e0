/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What recover tells of one journal. */
#include "config.h"
#include "xlmig/recover/recover.h"

#include "xlmig/base/json-fields.h"
#include "xlmig/base/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* As docs/handover.md calls it. */
static const char *shown_as(enum journal_state state)
{
    static const char *const words[JOURNAL_NR_STATES] = {
        [JOURNAL_COPYING] = "interrupted while it was copied",
        [JOURNAL_GO_DECIDED] = "in doubt: handed over, and no answer came",
        [JOURNAL_MOVED] = "moved, but not all is cleared up",
        [JOURNAL_INCOMING] = "interrupted while it arrived",
        [JOURNAL_READY] = "in doubt: all has arrived, and nobody said what becomes of it",
        [JOURNAL_GO] = "handed over to this host, but not known to have been started",
        [JOURNAL_STARTED] = "moved; the other host has yet to take note",
        [JOURNAL_ABORTED] = "not moved; the other host is to know",
    };

    return words[state];
}

/* Of one whose process lives. */
static const char *shown_alive_as(enum journal_state state)
{
    static const char *const words[JOURNAL_NR_STATES] = {
        [JOURNAL_COPYING] = "under way: it is copied",
        [JOURNAL_GO_DECIDED] = "under way: handed over, and an answer is awaited",
        [JOURNAL_MOVED] = "moved, and being cleared up",
        [JOURNAL_INCOMING] = "under way: it arrives",
        [JOURNAL_READY] = "under way: all has arrived, and the other host is about to decide",
        [JOURNAL_GO] = "under way: handed over to this host, and being started",
        [JOURNAL_STARTED] = "moved; the other host is to take note",
        [JOURNAL_ABORTED] = "not moved; the other host is being told",
    };

    return words[state];
}

static const char *answer_name(enum recover_answer answer)
{
    static const char *const names[RECOVER_NR_ANSWERS] = {
        [RECOVER_NO_ANSWER] = "none", [RECOVER_CLOSED] = "closed", [RECOVER_BUSY] = "busy",
        [RECOVER_READY] = "ready", [RECOVER_NOT_STARTED] = "not-started", [RECOVER_STARTED] = "started",
        [RECOVER_GONE_THERE] = "gone", [RECOVER_GIVEN_BACK] = "given-back",
    };

    return names[answer];
}

static const char *answer_words(enum recover_answer answer)
{
    static const char *const words[RECOVER_NR_ANSWERS] = {
        [RECOVER_NO_ANSWER] = "no answer",
        [RECOVER_CLOSED] = "nothing of this migration is there",
        [RECOVER_BUSY] = "another process there is at it",
        [RECOVER_READY] = "it has all of it, and waits",
        [RECOVER_NOT_STARTED] = "it was given the VM, and has not started it",
        [RECOVER_STARTED] = "it has started it",
        [RECOVER_GONE_THERE] = "it was given the VM, and that is gone",
        [RECOVER_GIVEN_BACK] = "it never started it, and never will",
    };

    return words[answer];
}

static const char *domain_name(enum recover_domain domain)
{
    static const char *const names[RECOVER_NR_DOMAINS] = {
        [RECOVER_DOMAIN_UNKNOWN] = "unknown", [RECOVER_DOMAIN_ABSENT] = "absent",
        [RECOVER_DOMAIN_INCOMING] = "incoming", [RECOVER_DOMAIN_RUNNING] = "running",
        [RECOVER_DOMAIN_PAUSED] = "paused", [RECOVER_DOMAIN_SUSPENDED] = "suspended",
        [RECOVER_DOMAIN_SAVED] = "being-saved", [RECOVER_DOMAIN_TAKEN] = "taken",
        [RECOVER_DOMAIN_ENDED] = "ended", [RECOVER_DOMAIN_STRANGER] = "stranger",
    };

    return names[domain];
}

static const char *result_name(enum recover_result result)
{
    static const char *const names[RECOVER_NR_RESULTS] = {
        [RECOVER_RESULT_FINISHED] = "finished", [RECOVER_RESULT_HELD] = "held", [RECOVER_RESULT_WOULD] = "would",
        [RECOVER_RESULT_WAITS] = "waits", [RECOVER_RESULT_REFUSED] = "refused",
        [RECOVER_RESULT_HUMAN] = "needs-human", [RECOVER_RESULT_LOST] = "lost",
        [RECOVER_RESULT_UNREADABLE] = "unreadable", [RECOVER_RESULT_FAILED] = "failed",
    };

    return names[result];
}

/* ---- lines ---- */

static void head_line(const struct recover_account *a)
{
    const struct journal_record *record = &a->entry->record;
    time_t since = (time_t)record->changed_s;
    struct tm tm;
    char when[32] = "?";

    if (localtime_r(&since, &tm))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
    printf("%s (%s) %s %s: %s; since %s\n", a->vm_name, a->id, record->side == JOURNAL_SEND ? "to" : "from", a->peer,
           a->entry->held ? shown_alive_as(record->state) : shown_as(record->state), when);
}

/* ---- JSON ---- */

static void add_uuid(struct json_object *object, const uint8_t *uuid)
{
    char hex[33], text[37];

    hex_encode(uuid, 16, hex);
    snprintf(text, sizeof text, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    fields_add_text(object, "uuid", text);
}

static void begin_object(struct recover_account *a)
{
    const struct journal_record *record = &a->entry->record;

    a->object = json_object_new_object();
    a->steps = json_object_new_array();
    a->answers = json_object_new_array();
    fields_add_text(a->object, "event", "migration");
    fields_add_text(a->object, "file", a->entry->file);
    if (a->entry->problem[0]) {
        fields_add_text(a->object, "problem", a->entry->problem);
        return;
    }
    fields_add_text(a->object, "id", a->id);
    fields_add_text(a->object, "vm", record->name);
    add_uuid(a->object, record->uuid);
    fields_add_text(a->object, "side", journal_side_name(record->side));
    fields_add_text(a->object, "other", record->peer);
    fields_add_text(a->object, "state", journal_state_name(record->state));
    fields_add_text(a->object, "why", record->why);
    fields_add_u64(a->object, "began", (uint64_t)record->began_s);
    fields_add_u64(a->object, "changed", (uint64_t)record->changed_s);
}

static void end_object(struct recover_account *a, enum recover_result result, const char *text)
{
    json_object_object_add(a->object, "there", a->answers);
    json_object_object_add(a->object, a->dry_run ? "would" : "done", a->steps);
    fields_add_text(a->object, "result", result_name(result));
    if (text)
        fields_add_text(a->object, "text", text);
    printf("%s\n", json_object_to_json_string_ext(a->object, JSON_C_TO_STRING_PLAIN));
    json_object_put(a->object);
    a->object = NULL;
}

/* ---- what is told ---- */

void recover_tell_begin(struct recover_account *a, const struct recover_request *request,
                        const struct journal_entry *entry)
{
    *a = (struct recover_account){
        .dry_run = request->dry_run, .entry = entry, .vm_name = entry->record.name, .peer = entry->record.peer,
    };
    journal_id(&entry->record, a->id);
    if (request->json)
        begin_object(a);
    else if (!entry->problem[0])
        head_line(a);
}

void recover_tell_here(struct recover_account *a, enum recover_domain domain, const struct vm *vm)
{
    bool is_there = domain != RECOVER_DOMAIN_ABSENT && domain != RECOVER_DOMAIN_UNKNOWN;

    if (a->object) {
        json_object_object_del(a->object, "here_as");
        fields_add_text(a->object, "here", domain_name(domain));
        if (is_there)
            fields_add_text(a->object, "here_as", vm->name);
    } else if (is_there) {
        printf("    here: %s, as %s\n", vm_state_name(vm->state), vm->name);
    } else {
        printf("    here: %s\n", domain == RECOVER_DOMAIN_ABSENT ? "gone" : "not known");
    }
}

void recover_tell_there(struct recover_account *a, enum recover_answer answer, const char *text)
{
    if (a->object) {
        struct json_object *object = json_object_new_object();

        fields_add_text(object, "answer", answer_name(answer));
        fields_add_text(object, "text", text);
        json_object_array_add(a->answers, object);
    } else {
        printf("    %s: %s%s%s\n", a->peer, answer_words(answer), text[0] ? ": " : "", text);
    }
}

/* Each of its lines, the first one where the cursor is. */
static void print_indented(const char *text)
{
    for (size_t len; *text; text += len + (text[len] == '\n')) {
        len = strcspn(text, "\n");
        printf("%.*s\n%s", (int)len, text, text[len] ? "    " : "");
    }
}

static void tell_words(struct recover_account *a, const struct recover_step *step, const char *before)
{
    char text[2048];

    recover_say(step, a->vm_name, a->peer, a->id, text, sizeof text);
    if (a->object) {
        struct json_object *object = json_object_new_object();

        fields_add_text(object, "action", recover_action_name(step->action));
        if (step->record != RECOVER_NO_RECORD)
            fields_add_text(object, "record", journal_state_name(step->record));
        fields_add_text(object, "text", text);
        json_object_array_add(a->steps, object);
    } else {
        printf("  %s ", before);
        print_indented(text);
    }
}

void recover_tell_step(struct recover_account *a, const struct recover_step *step)
{
    tell_words(a, step, "*");
}

void recover_tell_question(struct recover_account *a, const struct recover_step *silent)
{
    if (a->object)
        fields_add_text(a->object, "asks", a->peer);
    else
        printf("  * %s is asked first, and its answer decides; without one:\n", a->peer);
    tell_words(a, silent, " ");
}

void recover_tell_end(struct recover_account *a, enum recover_result result, const char *text)
{
    const struct journal_entry *entry = a->entry;

    if (a->object) {
        if (result == RECOVER_RESULT_HELD && entry->holder > 0)
            fields_add_u64(a->object, "holder", (uint64_t)entry->holder);
        end_object(a, result, text);
    } else if (result == RECOVER_RESULT_UNREADABLE) {
        printf("%s: no journal that can be believed: %s; it is left alone\n", entry->file, entry->problem);
    } else if (result == RECOVER_RESULT_HELD && entry->holder > 0) {
        printf("    process %d does that, and is left alone\n", (int)entry->holder);
    } else if (result == RECOVER_RESULT_HELD) {
        printf("    a process that lives does that, and is left alone\n");
    } else if (result == RECOVER_RESULT_FINISHED) {
        printf("    finished\n");
    } else if (text) {
        printf("    %s: %s\n", result_name(result), text);
    }
    fflush(stdout);
}
