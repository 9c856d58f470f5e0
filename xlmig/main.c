/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* xlmig: global options, then the verb. */
#include "xlmig/base/loop.h"
#include "xlmig/base/output.h"
#include "xlmig/cli/verb.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static int run_verb(const struct verb *verb, const char *toolstack, int argc, char **argv)
{
    char who[64];
    bool help = false;
    void *options;
    int used = 1, rc;

    snprintf(who, sizeof who, "xlmig %s", verb->name);
    options = calloc(1, verb->options_size ? verb->options_size : 1);
    if (!options) {
        perror(who);
        return EXIT_FAILED;
    }
    if (verb->defaults)
        memcpy(options, verb->defaults, verb->options_size);
    if (!verb->passes_everything)
        used = options_read(who, verb->options, argc, argv, false, options, &help);
    if (help) {
        print_verb_help(stdout, verb);
        rc = EXIT_OK;
    } else if (used < 0) {
        rc = EXIT_USAGE;
    } else if (argc - used < verb->min_args || (verb->max_args >= 0 && argc - used > verb->max_args)) {
        fprintf(stderr, "usage: xlmig %s [OPTION]... %s\n"
                        "Try: xlmig %s --help\n", verb->name, verb->arguments, verb->name);
        rc = EXIT_USAGE;
    } else {
        const struct verb_call call = {
            .verb = verb, .options = options, .argc = argc - used, .argv = argv + used, .toolstack = toolstack,
        };

        rc = output_end(who, verb->run(&call), EXIT_UNREPORTED);
    }
    free(options);
    /* Also what failed by itself while it was to be cancelled: somebody wants no more of it. */
    if (rc == EXIT_CANCELLED || rc == EXIT_FAILED || rc == EXIT_REFUSED)
        loop_end_as_interrupted();
    return rc;
}

int main(int argc, char **argv)
{
    struct global_options global = { .toolstack = getenv("XLMIG_TOOLSTACK") };
    const struct verb *verb;
    bool help = false;
    int used;

    /* A peer that is gone shows as EPIPE where it is written to, with a message; never as a silent death. */
    signal(SIGPIPE, SIG_IGN);

    output_reserve();

    used = options_read("xlmig", global_options, argc, argv, true, &global, &help);
    if (used < 0)
        return EXIT_USAGE;
    if (help) {
        print_help(stdout);
        return EXIT_OK;
    }
    if (global.version) {
        print_version(stdout);
        return EXIT_OK;
    }
    if (used >= argc) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    verb = verb_find(argv[used]);
    if (!verb) {
        fprintf(stderr, "xlmig: there is no verb '%s'\nTry: xlmig --help\n", argv[used]);
        return EXIT_USAGE;
    }
    return run_verb(verb, global.toolstack && *global.toolstack ? global.toolstack : "libxl", argc - used, argv + used);
}
