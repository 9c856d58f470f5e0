/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/watch/socket.h"
#include "xlmig/cli/verb.h"
#include "xlmig/base/text.h"

static int run_cancel(const struct verb_call *call)
{
    struct failure failure = { 0 };

    if (registry_tell(call->argv[0], "{\"do\":\"cancel\"}", &failure) == 0)
        return EXIT_OK;
    fprintf(stderr, "xlmig: not cancelled: %s%s\n", failure.text, text_stop(failure.text));
    return EXIT_REFUSED;
}

const struct verb verb_cancel = {
    .name = "cancel",
    .arguments = "ID",
    .summary = "undo a move that runs on this host",
    .details = "ID is what `xlmig top` shows, or the VM's name or domid.  As Ctrl-C in the xlmig that moves it:\n"
               "the VM runs on here.",
    .min_args = 1,
    .max_args = 1,
    .run = run_cancel,
};
