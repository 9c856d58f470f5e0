/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/recover/recover.h"
#include "xlmig/toolstack/toolstack.h"
#include "xlmig/base/json-fields.h"
#include "xlmig/cli/verb.h"
#include "xlmig/verbs/session.h"
#include "xlmig/peer/route.h"
#include "xlmig/base/text.h"

struct recover_options {
    bool all, dry_run, force_here, force_there, yes, json;
    const char *transport;
    uint64_t timeout_us;
};

static const struct recover_options defaults = { .timeout_us = 30000000 };

static const struct verb_option options[] = {
    { .name = "all", .kind = OPTION_FLAG, .help = "finish every unfinished migration of this host",
      OPTION_INTO(struct recover_options, all) },
    { .name = "dry-run", .short_name = 'n', .kind = OPTION_FLAG,
      .help = "only tell what is known and what would be done; the other host is not asked",
      OPTION_INTO(struct recover_options, dry_run) },
    { .name = "force-here", .kind = OPTION_FLAG, .help = "the VM is to be this host's, whatever the other one has",
      OPTION_INTO(struct recover_options, force_here) },
    { .name = "force-there", .kind = OPTION_FLAG, .help = "the VM is to be the other host's, whatever this one has",
      OPTION_INTO(struct recover_options, force_there) },
    { .name = "yes", .short_name = 'y', .kind = OPTION_FLAG, .help = "ask nobody to confirm what is forced",
      OPTION_INTO(struct recover_options, yes) },
    { .name = "transport", .kind = OPTION_STRING, .argument = "HOW", .values = "ssh exec:",
      .help = "reach the other host as send would: ssh or exec:COMMAND (as the migration did)",
      OPTION_INTO(struct recover_options, transport) },
    { .name = "timeout", .kind = OPTION_DURATION, .not_zero = true, .argument = "TIME",
      .help = "wait so long for the other host, and so long for its answer (30s)",
      OPTION_INTO(struct recover_options, timeout_us) },
    { .name = "json", .kind = OPTION_FLAG, .help = "print a JSON object a line",
      OPTION_INTO(struct recover_options, json) },
    OPTIONS_END,
};

static bool options_make_sense(const struct recover_options *o, const char *id)
{
    bool forces = o->force_here || o->force_there;

    if (o->all && id)
        fprintf(stderr, "xlmig recover: --all or one ID, not both\n");
    else if (o->force_here && o->force_there)
        fprintf(stderr, "xlmig recover: --force-here and --force-there exclude each other\n");
    else if (forces && !id)
        fprintf(stderr, "xlmig recover: --force-%s is for one migration: name its ID\n",
                o->force_here ? "here" : "there");
    else if (forces && o->dry_run)
        fprintf(stderr, "xlmig recover: --dry-run tells what happens without --force-%s\n",
                o->force_here ? "here" : "there");
    else if (o->yes && !forces)
        fprintf(stderr, "xlmig recover: --yes is for --force-here and --force-there\n");
    else if (o->transport && !route_is_known(o->transport))
        fprintf(stderr, "xlmig recover: --transport is ssh or exec:COMMAND, not '%s'\n", o->transport);
    else
        return true;
    return false;
}

static void tell_how_to_go_on(int status, const struct recover_request *request)
{
    if (!request->json && !request->id && status != EXIT_OK && status != EXIT_REFUSED)
        printf("Nothing was done. To do what can be: xlmig recover --all, or, for one of them, xlmig recover ID\n");
}

static int run_recover(const struct verb_call *call)
{
    const struct recover_options *o = call->options;
    struct recover_request request = {
        .toolstack = call->toolstack, .id = call->argc ? call->argv[0] : NULL, .transport = o->transport,
        .force = o->force_here ? RECOVER_FORCE_HERE : o->force_there ? RECOVER_FORCE_THERE : RECOVER_NO_FORCE,
        .yes = o->yes, .json = o->json, .timeout_us = o->timeout_us,
    };
    struct toolstack_session session = { .ts = NULL };
    struct failure failure = { 0 };
    int rc;

    if (!options_make_sense(o, request.id))
        return EXIT_USAGE;
    request.dry_run = o->dry_run || (!request.id && !o->all);
    if (toolstack_session_open(&session, call->toolstack, &failure) < 0) {
        if (!request.dry_run) {
            if (request.json)
                fields_print_error(failure.text);
            fprintf(stderr, "xlmig: nothing recovered: %s%s\n", failure.text, text_stop(failure.text));
            return EXIT_REFUSED;
        }
        fprintf(stderr, "xlmig: %s%s\n", failure.text, text_stop(failure.text));
        return recover_all(NULL, NULL, &request);
    }
    rc = recover_all(session.ts, session.base, &request);
    toolstack_session_close(&session);
    if (request.dry_run)
        tell_how_to_go_on(rc, &request);
    return rc;
}

const struct verb verb_recover = {
    .name = "recover",
    .arguments = "[ID]",
    .summary = "finish migrations that were interrupted, on either host",
    .details = "ID is a VM's name or UUID, or the digits by which a migration is shown.  Without ID and\n"
               "without --all it only tells what is unfinished and what would be done.  Whatever it does\n"
               "is safe: a VM never runs twice, unless you force what is not so.",
    .max_args = 1,
    .options = options,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .run = run_recover,
};
