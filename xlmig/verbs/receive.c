/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/receive/receive.h"
#include "xlmig/cli/verb.h"
#include "xlmig/verbs/session.h"
#include "xlmig/verbs/shared-options.h"

struct receive_options {
    bool negotiate, paused;
    const char *listen, *data_port;
    uint64_t idle_timeout_us, cleanup_timeout_us;
};

static const struct receive_options defaults = {
    .idle_timeout_us = 120000000,
    .cleanup_timeout_us = 60000000,
};

static const struct verb_option options[] = {
    { .name = "negotiate", .kind = OPTION_FLAG, .help = "speak xlmig's control protocol; else serve any `xl migrate`",
      OPTION_INTO(struct receive_options, negotiate) },
    { .name = "paused", .short_name = 'p', .kind = OPTION_FLAG, .help = "leave the VM paused",
      OPTION_INTO(struct receive_options, paused) },
    { .name = "listen", .kind = OPTION_STRING, .argument = "ADDRESS",
      .help = "let data over tcp and tls come in at this address only", .in_file = true, OPTION_INTO(struct receive_options, listen) },
    { .name = "data-port", .fits = fits_ports, .wants = PORTS_WANTS, .kind = OPTION_STRING, .argument = "PORTS",
      .help = "and at this port, or one of this range, only", .in_file = true, OPTION_INTO(struct receive_options, data_port) },
    { .name = "idle-timeout", .kind = OPTION_DURATION, .not_zero = true, .argument = "TIME",
      .help = "wait so long for the sender's next word while one is due (2m)",
      .in_file = true, OPTION_INTO(struct receive_options, idle_timeout_us) },
    { .name = "cleanup-timeout", .kind = OPTION_DURATION, .not_zero = true, .argument = "TIME",
      .help = "wait so long for a restore that failed to clean up after itself (1m)",
      .in_file = true, OPTION_INTO(struct receive_options, cleanup_timeout_us) },
    OPTIONS_END,
};

static int run_receive(const struct verb_call *call)
{
    const struct receive_options *o = call->options;
    const struct receive_request request = {
        .negotiate = o->negotiate, .toolstack = call->toolstack, .paused = o->paused, .listen = o->listen,
        .ports = shared_read_ports(o->data_port),
        .idle_timeout_us = o->idle_timeout_us, .cleanup_timeout_us = o->cleanup_timeout_us,
    };
    struct toolstack_session session;
    struct failure failure = { 0 };
    int rc;

    if (toolstack_session_open(&session, call->toolstack, &failure) < 0) {
        fprintf(stderr, "xlmig receive: %s\n", failure.text);
        return EXIT_REFUSED;
    }
    rc = receive_vm(session.ts, session.base, &request);
    toolstack_session_close(&session);
    return rc;
}

const struct verb verb_receive = {
    .name = "receive",
    .arguments = "",
    .summary = "take in a VM; what `xlmig send` and `xl migrate` run on the other host",
    .options = options,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .run = run_receive,
};
