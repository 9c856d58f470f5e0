/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/vm/check-list.h"

#include "xlmig/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROW_BY 16u /* divides CHECKS_MAX */

/* NULL: there is none, and nothing may make way. */
static struct check *find_place(struct check_list *list, enum check_result result)
{
    struct check *more;

    if (list->nr == CHECKS_MAX)
        return result > list->checks[list->nr - 1].result ? &list->checks[list->nr - 1] : NULL;
    if (list->nr % GROW_BY == 0) {
        more = realloc(list->checks, (list->nr + GROW_BY) * sizeof *more);
        if (!more) {
            list->incomplete = true;
            return NULL;
        }
        list->checks = more;
    }
    return &list->checks[list->nr++];
}

struct check *check_add(struct check_list *list, enum check_result result, const char *subject, const char *format, ...)
{
    struct check *check = find_place(list, result);
    va_list args;

    if (!check)
        return NULL;
    check->result = result;
    check->remedy[0] = '\0';
    snprintf(check->subject, sizeof check->subject, "%s", subject);
    clean_text(check->subject);
    va_start(args, format);
    vsnprintf(check->text, sizeof check->text, format, args);
    va_end(args);
    clean_text(check->text);
    return check;
}

void check_remedy(struct check *check, const char *format, ...)
{
    va_list args;

    if (!check)
        return;
    va_start(args, format);
    vsnprintf(check->remedy, sizeof check->remedy, format, args);
    va_end(args);
    clean_text(check->remedy);
}

unsigned check_count(const struct check_list *list, enum check_result result)
{
    unsigned n = 0;

    for (unsigned i = 0; i < list->nr; i++)
        n += list->checks[i].result == result;
    return n;
}

bool check_refuses(const struct check_list *list)
{
    return list->incomplete || check_count(list, CHECK_REFUSED) > 0;
}

const char *check_result_name(enum check_result result)
{
    static const char *const names[CHECK_NR_RESULTS] = {
        [CHECK_OK] = "ok", [CHECK_UNKNOWN] = "unknown", [CHECK_WARNING] = "warning", [CHECK_REFUSED] = "refused",
    };

    return names[result];
}

const char *check_sentence(const struct check *check, char *text, unsigned size)
{
    snprintf(text, size, "%s%s%s", check->text, check->remedy[0] ? ". " : "", check->remedy);
    return text;
}

void check_refusals(const struct check_list *list, char *text, unsigned size)
{
    char sentence[2 * CHECK_TEXT_MAX + 2];
    unsigned used = 0;

    snprintf(text, size, "%s", list->incomplete ? "out of memory" : "");
    for (unsigned i = 0; i < list->nr && used < size; i++)
        if (list->checks[i].result == CHECK_REFUSED)
            used += (unsigned)snprintf(text + used, size - used, "%s%s%s", used && *text_stop(text) ? ";" : "",
                                       used ? "\n  " : "", check_sentence(&list->checks[i], sentence, sizeof sentence));
}

void check_list_dispose(struct check_list *list)
{
    free(list->checks);
    *list = (struct check_list){ 0 };
}
