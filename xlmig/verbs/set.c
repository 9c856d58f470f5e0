/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/watch/socket.h"
#include "xlmig/cli/verb.h"
#include "xlmig/base/text.h"

#include <string.h>

/* -1: after a line on stderr. */
static int read_setting(const char *name, const char *value, struct helper_command *command)
{
    if (strcmp(name, "max-bandwidth") == 0) {
        command->kind = HELPER_SET_MAX_BANDWIDTH;
        if (parse_bytes(value, &command->value) == 0)
            return 0;
        fprintf(stderr, "xlmig set: max-bandwidth takes a size such as 512K or 1.5G, or 0 for no limit, not '%s'\n", value);
        return -1;
    }
    if (strcmp(name, "max-downtime") == 0) {
        command->kind = HELPER_SET_MAX_DOWNTIME;
        if (parse_duration_us(value, &command->value) == 0)
            return 0;
        fprintf(stderr, "xlmig set: max-downtime takes a time such as 300ms or 2s, not '%s'\n", value);
        return -1;
    }
    fprintf(stderr, "xlmig set: there is max-bandwidth and max-downtime, but no '%s'\n", name);
    return -1;
}

static int run_set(const struct verb_call *call)
{
    char line[HELPER_COMMAND_LINE_MAX];
    struct helper_command command;
    struct failure failure = { 0 };

    if (read_setting(call->argv[1], call->argv[2], &command) < 0)
        return EXIT_USAGE;
    line[helper_command_write(command, line) - 1] = '\0'; /* without its newline */
    if (registry_tell(call->argv[0], line, &failure) == 0)
        return EXIT_OK;
    fprintf(stderr, "xlmig: %s not set: %s%s\n", call->argv[1], failure.text, text_stop(failure.text));
    return EXIT_REFUSED;
}

const struct verb verb_set = {
    .name = "set",
    .arguments = "ID NAME VALUE",
    .summary = "change a limit of a move that runs on this host",
    .details = "ID is what `xlmig top` shows, or the VM's name or domid.\n"
               "NAME VALUE is max-bandwidth BYTES (a second; 512K, 100M, 1.25G; 0: no limit), or\n"
               "max-downtime TIME (300ms, 2s).",
    .min_args = 3,
    .max_args = 3,
    .run = run_set,
};
