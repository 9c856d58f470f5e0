/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/saved/restore.h"
#include "xlmig/cli/verb.h"
#include "xlmig/verbs/session.h"
#include "xlmig/base/text.h"

struct restore_options {
    bool paused, verbose, quiet, json;
};

static const struct verb_option options[] = {
    { .name = "paused", .short_name = 'p', .kind = OPTION_FLAG, .help = "leave the VM paused",
      OPTION_INTO(struct restore_options, paused) },
    { .name = "quiet", .short_name = 'q', .kind = OPTION_FLAG, .help = "say nothing unless it fails",
      OPTION_INTO(struct restore_options, quiet) },
    { .name = "json", .kind = OPTION_FLAG, .help = "events and report on standard output, a JSON object a line",
      OPTION_INTO(struct restore_options, json) },
    { .name = "verbose", .short_name = 'v', .kind = OPTION_FLAG, .help = "show what xl says",
      OPTION_INTO(struct restore_options, verbose) },
    OPTIONS_END,
};

static int run_restore(const struct verb_call *call)
{
    const struct restore_options *o = call->options;
    const struct restore_request request = {
        .toolstack = call->toolstack, .path = call->argv[0], .paused = o->paused, .verbose = o->verbose, .style = progress_choose(o->quiet, o->json),
    };
    struct toolstack_session session;
    struct failure failure = { 0 };
    int rc;

    if (o->quiet && o->json) {
        fprintf(stderr, "xlmig restore: --quiet and --json exclude each other\n");
        return EXIT_USAGE;
    }
    if (toolstack_session_open(&session, call->toolstack, &failure) < 0) {
        progress_refused(request.style, MOVE_READ, request.path, failure.text);
        fprintf(stderr, "xlmig: %s not restored: %s%s\n", request.path, failure.text, text_stop(failure.text));
        return EXIT_REFUSED;
    }
    rc = restore_vm(session.ts, session.base, &request);
    toolstack_session_close(&session);
    return rc;
}

const struct verb verb_restore = {
    .name = "restore",
    .arguments = "FILE|-",
    .summary = "bring back a VM from a file",
    .details = "FILE is one that `xlmig save` or `xl save` wrote.",
    .min_args = 1,
    .max_args = 1,
    .options = options,
    .options_size = sizeof(struct restore_options),
    .run = run_restore,
};
