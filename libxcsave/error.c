/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The first failure of an operation, and names for people. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libxcsave/guest.h"

int xcsave_fail(struct xcsave_error *error, int errnum, const char *format, ...)
{
    va_list args;
    size_t used;

    if (error->text[0])
        return -1;
    error->errnum = errnum;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    if (errnum) {
        /* strerrordesc_np() is the thread-safe one: it hands out constant strings. */
        const char *reason = strerrordesc_np(errnum);

        used = strlen(error->text);
        snprintf(error->text + used, sizeof(error->text) - used, ": %s", reason ? reason : "unknown error");
    }
    return -1;
}

const char *xcsave_phase_name(enum xcsave_phase phase)
{
    switch (phase) {
    case XCSAVE_PHASE_SETUP:   return "setup";
    case XCSAVE_PHASE_PRECOPY: return "precopy";
    case XCSAVE_PHASE_SUSPEND: return "suspend";
    case XCSAVE_PHASE_FINAL:   return "final";
    case XCSAVE_PHASE_STATE:   return "state";
    case XCSAVE_PHASE_DONE:    return "done";
    }
    return "unknown";
}

const char *xcsave_kind_name(enum xcsave_kind kind)
{
    static const char *const names[XCSAVE_NR_KINDS] = { "data", "zero", "absent", "delta", "same", "unchanged" };

    return (unsigned)kind < XCSAVE_NR_KINDS ? names[kind] : "unknown";
}

void xcsave_guest_close(struct xcsave_guest *guest)
{
    if (guest)
        guest->ops->close(guest);
}
