/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/send/send.h"
#include "xlmig/base/json-fields.h"
#include "xlmig/cli/verb.h"
#include "xlmig/verbs/session.h"
#include "xlmig/verbs/shared-options.h"
#include "xlmig/base/text.h"

struct check_options {
    const char *transport, *ssh_command, *image, *channels;
    bool no_live, ignore_cpu, ignore_devices, to_older_xen, quiet, json;
    uint64_t connect_timeout_us, preflight_timeout_us;
};

static const struct check_options defaults = {
    .transport = "ssh",
    .ssh_command = "ssh",
    .image = "auto",
    .channels = "auto",
    .connect_timeout_us = 60000000,
    .preflight_timeout_us = 60000000,
};

static const struct verb_option options[] = {
    { .name = "no-live", .kind = OPTION_FLAG, .help = "the VM is to be stopped first, then copied",
      OPTION_INTO(struct check_options, no_live) },
    { .name = "transport", .fits = fits_transport, .wants = TRANSPORT_WANTS, .kind = OPTION_STRING, .argument = "HOW",
      .values = "ssh tls tcp exec: fd:", .help = "as of send (ssh)",
      .in_file = true, OPTION_INTO(struct check_options, transport) },
    { .name = "ssh-command", .short_name = 's', .kind = OPTION_STRING, .argument = "WORDS",
      .help = "ssh and its options, separated by blanks (ssh)", .in_file = true, OPTION_INTO(struct check_options, ssh_command) },
    { .name = "image", .fits = fits_image, .wants = IMAGE_WANTS, .kind = OPTION_STRING, .argument = "FORMAT",
      .values = "auto libxc v1", .help = "as of send (auto)",
      .in_file = true, OPTION_INTO(struct check_options, image) },
    { .name = "channels", .fits = fits_channels, .wants = CHANNELS_WANTS, .kind = OPTION_STRING, .argument = "N",
      .values = "auto", .help = "as of send (auto)",
      .in_file = true, OPTION_INTO(struct check_options, channels) },
    { .name = "ignore-cpu", .kind = OPTION_FLAG, .help = "do not compare what the CPUs can do",
      OPTION_INTO(struct check_options, ignore_cpu) },
    { .name = "ignore-devices", .kind = OPTION_FLAG, .help = "a disk or a network that is not there is a warning only",
      OPTION_INTO(struct check_options, ignore_devices) },
    { .name = "to-older-xen", .kind = OPTION_FLAG, .help = "an older Xen over there is a warning only",
      OPTION_INTO(struct check_options, to_older_xen) },
    { .name = "connect-timeout", .kind = OPTION_DURATION, .not_zero = true, .argument = "TIME",
      .help = "wait so long for the receiver's first words (1m)",
      .in_file = true, OPTION_INTO(struct check_options, connect_timeout_us) },
    { .name = "preflight-timeout", .kind = OPTION_DURATION, .not_zero = true, .argument = "TIME",
      .help = "wait so long for its word on whether it can take the VM (1m)",
      .in_file = true, OPTION_INTO(struct check_options, preflight_timeout_us) },
    { .name = "quiet", .short_name = 'q', .kind = OPTION_FLAG, .help = "say nothing; the exit status tells",
      OPTION_INTO(struct check_options, quiet) },
    { .name = "json", .kind = OPTION_FLAG, .help = "a JSON object a line for each check, then one for all",
      OPTION_INTO(struct check_options, json) },
    OPTIONS_END,
};

/* What is waited for, where a terminal can show it and have it taken away. */
static enum progress_style style(const struct check_options *o)
{
    enum progress_style style = o->json || o->quiet ? PROGRESS_QUIET : progress_choose(false, false);

    return style == PROGRESS_TERMINAL ? style : PROGRESS_QUIET;
}

static int check(const struct verb_call *call)
{
    const struct check_options *o = call->options;
    struct send_request request = {
        .vm = call->argv[0], .host = call->argv[1], .toolstack = call->toolstack, .transport = o->transport,
        .ssh_command = o->ssh_command, .no_live = o->no_live, .ignore_cpu = o->ignore_cpu,
        .ignore_devices = o->ignore_devices, .to_older_xen = o->to_older_xen, .connect_timeout_us = o->connect_timeout_us,
        .preflight_timeout_us = o->preflight_timeout_us, .style = style(o),
        .check_only = o->json ? SEND_CHECK_JSON : o->quiet ? SEND_CHECK_QUIETLY : SEND_CHECK_LINES,
    };
    struct toolstack_session session;
    struct failure failure = { 0 };
    int rc;

    if (o->quiet && o->json) {
        fprintf(stderr, "xlmig check: --quiet and --json exclude each other\n");
        return EXIT_USAGE;
    }
    if (!shared_way_makes_sense("check", o->transport, o->channels, request.host) ||
        !shared_read_image("check", o->image, o->channels, &request))
        return EXIT_USAGE;
    if (toolstack_session_open(&session, call->toolstack, &failure) < 0) {
        if (o->json)
            fields_print_error(failure.text);
        fprintf(stderr, "xlmig: %s not checked: %s%s\n", request.vm, failure.text, text_stop(failure.text));
        return EXIT_REFUSED;
    }
    rc = send_vm(session.ts, session.base, &request);
    toolstack_session_close(&session);
    return rc;
}

const struct verb verb_check = {
    .name = "check",
    .arguments = "VM HOST",
    .summary = "say whether a VM can move to another host, and what to do if not",
    .details = "Asks on both hosts all that send asks before it touches a VM, and touches nothing.\n"
               "Each result is ok, refused (send would refuse, and what to do), warning, or unknown: it cannot\n"
               "be asked.  Exit status: 0 it can move, 3 something stands in the way.",
    .min_args = 2,
    .max_args = 2,
    .options = options,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .run = check,
};
