/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What the files of this room say where something failed, and what must be there before they begin. */
#include "xlmig/toolstack/libxl/libxl.h"

#include <stdlib.h>
#include <unistd.h>

int libxl_failed(struct libxl_toolstack *lx, int rc, const char *what, struct failure *failure)
{
    if (lx->log.first_error[0])
        return failure_set(failure, "%s: %s (libxl error %d)", what, lx->log.first_error, rc);
    return failure_set(failure, "%s (libxl error %d)", what, rc);
}

int libxl_helper_check(struct failure *failure)
{
    const char *helper = getenv(HELPER_PROGRAM_ENV);

    if (helper && access(helper, X_OK) == 0)
        return 0;
    return failure_set(failure, "the save helper %s cannot be run; is xlmig installed as a whole?",
                       helper ? helper : "");
}
