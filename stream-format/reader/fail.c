/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* How the reader says no: below both of its halves, so that rules need nothing of what calls them. */
#include "stream-format/reader/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int stream_fail(struct stream_reader *r, enum stream_fault_code code, uint64_t offset,
                const char *format, ...)
{
    struct stream_fault *fault = &r->fault;
    char text[sizeof(fault->expected) + sizeof(fault->found)];
    char *found;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    found = strchr(text, '|');
    if (found)
        *found++ = '\0';
    snprintf(fault->expected, sizeof(fault->expected), "%.95s", text);
    snprintf(fault->found, sizeof(fault->found), "%.95s", found ? found : "");
    fault->code = code;
    fault->offset = offset;
    fault->layer = r->layer;
    fault->record = r->info ? r->info->name : NULL;
    fault->in_header = r->info && r->info->is_header;
    fault->record_index = r->record_index;
    fault->record_offset = r->record_offset;
    return -1;
}
