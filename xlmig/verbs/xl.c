/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/cli/verb.h"
#include "xlmig/helper/environment.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int run_xl(const struct verb_call *call)
{
    char **argv = calloc((size_t)call->argc + 2, sizeof *argv);

    if (!argv)
        return EXIT_FAILED;
    argv[0] = (char *)(uintptr_t)"xl";
    memcpy(argv + 1, call->argv, (size_t)call->argc * sizeof *argv);
    setenv(HELPER_PROGRAM_ENV, HELPER_PROGRAM, 0);
    signal(SIGPIPE, SIG_DFL); /* as xl would find it */
    execvp("xl", argv);
    fprintf(stderr, "xlmig: cannot run xl: %s\n", strerror(errno));
    free(argv);
    return EXIT_REFUSED;
}

const struct verb verb_xl = {
    .name = "xl",
    .arguments = "ARGUMENT...",
    .summary = "run xl with xlmig's engine under its save, restore and migrate",
    .max_args = -1,
    .passes_everything = true,
    .run = run_xl,
};
