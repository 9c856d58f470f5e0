/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* xlmig: global options, then the verb. */
#include "xlmig/base/loop.h"
#include "xlmig/base/output.h"
#include "xlmig/base/text.h"
#include "xlmig/cli/defaults-file.h"
#include "xlmig/cli/verb.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* What an option is where nothing is given. */
struct defaults {
    void *values;
    struct defaults_file file;
};

static int read_defaults(const struct verb *verb, struct defaults *defaults, struct failure *failure)
{
    if (verb->defaults)
        memcpy(defaults->values, verb->defaults, verb->options_size);
    if (!verb_has_file(verb))
        return 0;
    return defaults_file_read(&defaults->file, NULL, verbs, verb, defaults->values, failure);
}

static int call_verb(const struct verb *verb, const char *who, const struct verb_call *call)
{
    if (call->argc < verb->min_args || (verb->max_args >= 0 && call->argc > verb->max_args)) {
        fprintf(stderr, "usage: xlmig %s [OPTION]... %s\n"
                        "Try: xlmig %s --help\n", verb->name, verb->arguments, verb->name);
        return EXIT_USAGE;
    }
    return output_end(who, verb->run(call), EXIT_UNREPORTED);
}

/* With room for both, `options` and `defaults`. */
static int read_and_call(const struct verb *verb, const char *toolstack, int argc, char **argv, void *options,
                         struct defaults *defaults)
{
    struct failure failure = { 0 };
    char who[64];
    bool help = false;
    int used = 1, wrong;

    snprintf(who, sizeof who, "xlmig %s", verb->name);
    wrong = read_defaults(verb, defaults, &failure);
    memcpy(options, defaults->values, verb->options_size);
    if (!verb->passes_everything)
        used = options_read(who, verb->options, argc, argv, false, options, &help);
    if (help) {
        print_verb_help(stdout, verb);
        return EXIT_OK;
    }
    if (wrong < 0)
        fprintf(stderr, "%s: %s%s\n", who, failure.text, text_stop(failure.text));
    if (used < 0 || wrong < 0)
        return EXIT_USAGE;
    const struct verb_call call = {
        .verb = verb, .options = options, .defaults = defaults->values, .argc = argc - used, .argv = argv + used,
        .toolstack = toolstack,
            .all = verbs, .before = global_options,
    };

    return call_verb(verb, who, &call);
}

static int run_verb(const struct verb *verb, const char *toolstack, int argc, char **argv)
{
    size_t size = verb->options_size ? verb->options_size : 1;
    struct defaults defaults = { .values = calloc(1, size) };
    void *options = calloc(1, size);
    int rc = EXIT_FAILED;

    if (options && defaults.values)
        rc = read_and_call(verb, toolstack, argc, argv, options, &defaults);
    else
        perror("xlmig");
    free(options);
    free(defaults.values);
    defaults_file_dispose(&defaults.file);
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
