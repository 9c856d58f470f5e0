/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "xlmig/control.h"
#include "xlmig/loop.h"
#include "xlmig/toolstack.h"
#include "xlmig/verb.h"

#include <stdlib.h>

static const char *yes_no(bool yes)
{
    return yes ? "yes" : "no";
}

static void print_host(const struct toolstack_host *host)
{
    printf("host         %s\n"
           "hypervisor   %s\n"
           "toolstack    %s\n"
           "live PV      %s\n"
           "live PVH/HVM %s\n",
           host->name, host->hypervisor, host->toolstack, yes_no(host->log_dirty_pv), yes_no(host->log_dirty_hvm));
}

static int version(const struct verb_call *call)
{
    struct event_base *base = loop_new();
    struct failure failure = { 0 };
    struct toolstack_host host;
    struct toolstack *ts;

    printf("xlmig        " PACKAGE_VERSION "\n"
           "protocol     control %u\n"
           "streams      libxc image 2 and 3 read, 3 written\n", CONTROL_VERSION);
    ts = base ? toolstack_open(call->toolstack, base, &failure) : NULL;
    if (ts && ts->ops->host(ts, &host, &failure) == 0)
        print_host(&host);
    else
        printf("host         %s\n", failure.text);
    toolstack_close(ts);
    if (base)
        event_base_free(base);
    return EXIT_OK;
}

const struct verb verb_version = {
    .name = "version",
    .arguments = "",
    .summary = "print the versions of xlmig, Xen and the toolstack, and what they can do",
    .run = version,
};
