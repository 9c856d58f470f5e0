/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The verbs and their options as the table has them, a line each: "send", "send --no-live", "-- --toolstack".  With "keys": the keys of xlmig.conf(5). */
#include "xlmig/cli/verb.h"

#include <string.h>

static void list(const char *verb, const struct verb_option *options)
{
    for (; options && options->name; options++)
        printf("%s --%s\n", verb, options->name);
}

/* Those that the host's file of defaults may have. */
static void list_keys(const struct verb *verb)
{
    for (const struct verb_option *option = verb->options; option && option->name; option++)
        if (option->in_file)
            printf("%s\n", option->name);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "keys") == 0) {
        for (size_t i = 0; verbs[i]; i++)
            list_keys(verbs[i]);
        return 0;
    }
    list("--", global_options);
    for (size_t i = 0; verbs[i]; i++) {
        if (verbs[i]->hidden)
            continue;
        printf("%s\n", verbs[i]->name);
        list(verbs[i]->name, verbs[i]->options);
    }
    return 0;
}
