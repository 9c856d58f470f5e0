/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/watch/socket.h"
#include "xlmig/cli/verb.h"
#include "xlmig/base/text.h"

static int run_finish(const struct verb_call *call)
{
    struct failure failure = { 0 };

    if (registry_tell(call->argv[0], "{\"do\":\"finish\"}", &failure) == 0)
        return EXIT_OK;
    fprintf(stderr, "xlmig: not finished: %s%s\n", failure.text, text_stop(failure.text));
    return EXIT_REFUSED;
}

const struct verb verb_finish = {
    .name = "finish",
    .arguments = "ID",
    .summary = "stop the VM of a move that runs, and copy the rest at once",
    .details = "ID is what `xlmig top` shows, or the VM's name or domid.  `xlmig top` predicts for how long it\n"
               "will stand still.",
    .min_args = 1,
    .max_args = 1,
    .run = run_finish,
};
