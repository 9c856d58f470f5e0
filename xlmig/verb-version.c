/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "xlmig/verb.h"

static int version(const struct verb_call *call)
{
    (void)call;
    printf("xlmig        " PACKAGE_VERSION "\n");
    return EXIT_OK;
}

const struct verb verb_version = {
    .name = "version",
    .arguments = "",
    .summary = "print the version",
    .run = version,
};
