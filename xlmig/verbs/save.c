/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/saved/save.h"
#include "xlmig/base/input-file.h"
#include "xlmig/cli/verb.h"
#include "xlmig/verbs/session.h"
#include "xlmig/base/text.h"

#include <unistd.h>

struct save_options {
    bool run, pause, force, quiet, json;
};

static const struct verb_option options[] = {
    { .name = "checkpoint", .short_name = 'c', .kind = OPTION_FLAG, .help = "let the VM run on after it was saved",
      OPTION_INTO(struct save_options, run) },
    { .name = "paused", .short_name = 'p', .kind = OPTION_FLAG, .help = "leave the VM paused after it was saved",
      OPTION_INTO(struct save_options, pause) },
    { .name = "force", .short_name = 'f', .kind = OPTION_FLAG, .help = "overwrite FILE if it exists, or if it is a disk",
      OPTION_INTO(struct save_options, force) },
    { .name = "quiet", .short_name = 'q', .kind = OPTION_FLAG, .help = "say nothing unless it fails",
      OPTION_INTO(struct save_options, quiet) },
    { .name = "json", .kind = OPTION_FLAG, .help = "events and report on standard output, a JSON object a line",
      OPTION_INTO(struct save_options, json) },
    OPTIONS_END,
};

static bool options_make_sense(const struct save_options *o, const char *path)
{
    if (o->run && o->pause)
        fprintf(stderr, "xlmig save: --checkpoint and --paused exclude each other\n");
    else if (o->quiet && o->json)
        fprintf(stderr, "xlmig save: --quiet and --json exclude each other\n");
    else if (o->json && names_stdio(path, STDOUT_FILENO))
        fprintf(stderr, "xlmig save: --json writes to standard output, and so would the VM\n");
    else
        return true;
    return false;
}

static int run_save(const struct verb_call *call)
{
    const struct save_options *o = call->options;
    const struct save_request request = {
        .vm = call->argv[0], .path = call->argv[1], .toolstack = call->toolstack, .overwrite = o->force,
        .then = o->run ? SAVE_THEN_RUN : o->pause ? SAVE_THEN_PAUSE : SAVE_THEN_DESTROY,
        .style = progress_choose(o->quiet, o->json),
    };
    struct toolstack_session session;
    struct failure failure = { 0 };
    int rc;

    if (!options_make_sense(o, request.path))
        return EXIT_USAGE;
    if (toolstack_session_open(&session, call->toolstack, &failure) < 0) {
        progress_refused(request.style, MOVE_WRITTEN, request.vm, failure.text);
        fprintf(stderr, "xlmig: %s not saved: %s%s\n", request.vm, failure.text, text_stop(failure.text));
        return EXIT_REFUSED;
    }
    rc = save_vm(session.ts, session.base, &request);
    toolstack_session_close(&session);
    return rc;
}

const struct verb verb_save = {
    .name = "save",
    .arguments = "VM FILE|-",
    .summary = "save a VM to a file",
    .details = "The VM is gone from the host afterwards, unless an option says otherwise; `xlmig restore`\n"
               "and `xl restore` bring it back.  FILE appears only when it is complete and on disk; a pipe\n"
               "or a device is written into as it is.",
    .min_args = 2,
    .max_args = 2,
    .options = options,
    .options_size = sizeof(struct save_options),
    .run = run_save,
};
