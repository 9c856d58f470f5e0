/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "commit.h"
#include "config.h"
#include "stream-format/image1/image1.h"
#include "stream-format/libxc-image.h"
#include "xlmig/peer/messages.h"
#include "xlmig/toolstack/toolstack.h"
#include "xlmig/cli/verb.h"
#include "xlmig/verbs/session.h"

#include <stdlib.h>

static const char *yes_no(bool yes)
{
    return yes ? "yes" : "no";
}

static void print_host(const struct vm_host *host)
{
    printf("host         %s\n"
           "hypervisor   %s\n"
           "toolstack    %s\n"
           "live PV      %s\n"
           "live PVH/HVM %s\n",
           host->name, host->hypervisor, host->toolstack, yes_no(host->log_dirty_pv), yes_no(host->log_dirty_hvm));
}

void print_version(FILE *to)
{
    fprintf(to, "xlmig " PACKAGE_VERSION " (commit " BUILT_FROM_COMMIT ")\n");
}

static int version(const struct verb_call *call)
{
    struct toolstack_session session;
    struct failure failure = { 0 };
    struct vm_host host;

    printf("xlmig        " PACKAGE_VERSION "\n"
           "commit       " BUILT_FROM_COMMIT "\n"
           "protocol     control %u\n"
           "reads        xlmig image %u; libxc image %u to %u\n"
           "writes       xlmig image %u; libxc image %u\n",
           MESSAGE_VERSION, IMAGE1_VERSION, STREAM_IMAGE_VERSION_MIN, STREAM_IMAGE_VERSION, IMAGE1_VERSION,
           STREAM_IMAGE_VERSION);
    if (toolstack_session_open(&session, call->toolstack, &failure) == 0) {
        if (session.ts->ops->ask.host(session.ts, &host, &failure) == 0)
            print_host(&host);
        toolstack_session_close(&session);
    }
    if (failure.text[0])
        printf("host         %s\n", failure.text);
    return EXIT_OK;
}

const struct verb verb_version = {
    .name = "version",
    .arguments = "",
    .summary = "print the versions of xlmig, its image formats, Xen and the toolstack, and what they can do",
    .run = version,
};
