/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/send/checks.h"

#include "xlmig/base/json-fields.h"
#include "xlmig/base/text.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

void send_tell_notes(struct send *s)
{
    char text[2 * CHECK_TEXT_MAX + 2];

    for (unsigned i = 0; i < s->preparation.found.nr; i++) {
        const struct check *check = &s->preparation.found.checks[i];

        if (check->result == CHECK_WARNING || (check->result == CHECK_UNKNOWN && s->request->verbose))
            progress_note(&s->progress, "%s: %s", check->subject, check_sentence(check, text, sizeof text));
    }
}

static const char *vm_name(const struct send *s)
{
    return s->vm.name[0] ? s->vm.name : s->request->vm;
}

static void print_lines(const struct send *s)
{
    int width = 0;

    for (unsigned i = 0; i < s->preparation.found.nr; i++)
        if ((int)strlen(s->preparation.found.checks[i].subject) > width)
            width = (int)strlen(s->preparation.found.checks[i].subject);
    for (unsigned i = 0; i < s->preparation.found.nr; i++) {
        const struct check *check = &s->preparation.found.checks[i];

        printf("%-8s %-*s  %s\n", check_result_name(check->result), width, check->subject, check->text);
        if (check->remedy[0])
            printf("%*s%s%s\n", width + 11, "", check->remedy, text_stop(check->remedy));
    }
    if (check_refuses(&s->preparation.found))
        printf("%s cannot move to %s: %u in the way.\n", vm_name(s), s->destination,
               check_count(&s->preparation.found, CHECK_REFUSED));
    else
        printf("%s can move to %s.\n", vm_name(s), s->destination);
}

static void add_text(struct json_object *object, const char *name, const char *text)
{
    json_object_object_add(object, name, json_object_new_string(text));
}

/* Takes `object`. */
static void print_json(struct json_object *object)
{
    puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
    json_object_put(object);
}

static void print_objects(const struct send *s)
{
    struct json_object *object;

    for (unsigned i = 0; i < s->preparation.found.nr; i++) {
        object = json_object_new_object();
        add_text(object, "event", "check");
        add_text(object, "subject", s->preparation.found.checks[i].subject);
        add_text(object, "result", check_result_name(s->preparation.found.checks[i].result));
        add_text(object, "text", s->preparation.found.checks[i].text);
        if (s->preparation.found.checks[i].remedy[0])
            add_text(object, "remedy", s->preparation.found.checks[i].remedy);
        print_json(object);
    }
    object = json_object_new_object();
    add_text(object, "event", "verdict");
    add_text(object, "vm", vm_name(s));
    add_text(object, "host", s->destination);
    json_object_object_add(object, "can_move", json_object_new_boolean(!check_refuses(&s->preparation.found)));
    for (enum check_result result = CHECK_OK; result < CHECK_NR_RESULTS; result++)
        json_object_object_add(object, check_result_name(result),
                               json_object_new_int64(check_count(&s->preparation.found, result)));
    print_json(object);
}

int send_tell_checks(struct send *s)
{
    if (s->exit_status == EXIT_CANCELLED) {
        if (s->request->check_only == SEND_CHECK_JSON)
            fields_print_error("cancelled");
        fprintf(stderr, "xlmig: %s not checked: cancelled.\n", vm_name(s));
        return EXIT_CANCELLED;
    }
    if (s->request->check_only == SEND_CHECK_JSON)
        print_objects(s);
    else if (s->request->check_only == SEND_CHECK_LINES)
        print_lines(s);
    return check_refuses(&s->preparation.found) ? EXIT_REFUSED : EXIT_OK;
}
