/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What libxl says: kept for our own messages, and shown when asked for. */
#include "xlmig/toolstack/libxl/libxl.h"

#include "xlmig/base/text.h"

#include <stdio.h>
#include <string.h>

static void vmessage(struct xentoollog_logger *logger, xentoollog_level level, int errnum, const char *context,
                     const char *format, va_list args)
{
    struct libxl_log *log = (struct libxl_log *)logger;
    char text[512];
    int len;

    len = vsnprintf(text, sizeof text, format, args);
    if (len < 0)
        return;
    if (errnum > 0 && (size_t)len < sizeof text)
        snprintf(text + len, sizeof text - (size_t)len, ": %s", strerror(errnum));
    make_text_fit(text);
    if (level >= XTL_ERROR && log->first_error[0] == '\0')
        snprintf(log->first_error, sizeof log->first_error, "%s", text);
    if (log->verbose && level >= XTL_NOTICE)
        fprintf(stderr, "%s: %s: %s\n", context ? context : "libxl", xtl_level_to_string(level), text);
}

static void destroy(struct xentoollog_logger *logger)
{
    (void)logger; /* lives in its toolstack */
}

void libxl_log_init(struct libxl_log *log, bool verbose)
{
    *log = (struct libxl_log){
        .logger = { .vmessage = vmessage, .destroy = destroy },
        .verbose = verbose,
    };
}

void libxl_log_forget(struct libxl_log *log)
{
    log->first_error[0] = '\0';
}
