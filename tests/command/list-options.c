/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The verbs and their options as the table has them, a line each: "send", "send --no-live", "-- --toolstack". */
#include "xlmig/cli/verb.h"

static void list(const char *verb, const struct verb_option *options)
{
    for (; options && options->name; options++)
        printf("%s --%s\n", verb, options->name);
}

int main(void)
{
    list("--", global_options);
    for (size_t i = 0; verbs[i]; i++) {
        if (verbs[i]->hidden)
            continue;
        printf("%s\n", verbs[i]->name);
        list(verbs[i]->name, verbs[i]->options);
    }
    return 0;
}
