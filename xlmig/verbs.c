/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The table of verbs, the options before them, and `help`, the one verb that is about the table. */
#include "xlmig/cli/verb.h"

#include <string.h>

#define VERB(name) extern const struct verb verb_##name;
#include "xlmig/verbs.def"
#undef VERB

const struct verb *const verbs[] = {
#define VERB(name) &verb_##name,
#include "xlmig/verbs.def"
#undef VERB
    NULL,
};

const struct verb_option global_options[] = {
    { .name = "toolstack", .kind = OPTION_STRING, .argument = "NAME", .values = "libxl sim:",
      .help = "libxl, or sim:DIR for a simulated host (default: $XLMIG_TOOLSTACK, else libxl)",
      OPTION_INTO(struct global_options, toolstack) },
    { .name = "version", .short_name = 'V', .kind = OPTION_FLAG,
      .help = "print xlmig's own version, and the commit that it was built from",
      OPTION_INTO(struct global_options, version) },
    OPTIONS_END,
};

const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; verbs[i]; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

void print_help(FILE *to)
{
    fputs("usage: xlmig [OPTION]... VERB [ARGUMENT]...\n\n"
          "Move running Xen virtual machines between hosts.\n\nVerbs:\n", to);
    for (size_t i = 0; verbs[i]; i++)
        if (!verbs[i]->hidden) {
            char left[64];

            snprintf(left, sizeof left, "%s %s", verbs[i]->name, verbs[i]->arguments);
            print_help_line(to, left, verbs[i]->summary);
        }
    fputs("\nOptions:\n", to);
    print_options(to, global_options);
    fputs("\nMore: xlmig help VERB, and the manual page xlmig(8).\n", to);
}

static int help(const struct verb_call *call)
{
    const struct verb *verb;

    if (call->argc == 0) {
        print_help(stdout);
        return EXIT_OK;
    }
    verb = verb_find(call->argv[0]);
    if (!verb) {
        fprintf(stderr, "xlmig help: there is no verb '%s'\nTry: xlmig help\n", call->argv[0]);
        return EXIT_USAGE;
    }
    print_verb_help(stdout, verb);
    return EXIT_OK;
}

const struct verb verb_help = {
    .name = "help",
    .arguments = "[VERB]",
    .summary = "print how a verb is used, or which verbs there are",
    .max_args = 1,
    .run = help,
};
