/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The table of faults.def as words. */
#include "stream-format/faults.h"

const char *stream_fault_text(enum stream_fault_code code)
{
    static const char *const texts[STREAM_NR_FAULTS] = {
        [STREAM_FAULT_NONE] = "no fault",
#define STREAM_FAULT(code_, text_) [STREAM_FAULT_##code_] = text_,
#include "stream-format/faults.def"
    };

    return texts[code];
}

const char *stream_fault_name(enum stream_fault_code code)
{
    static const char *const names[STREAM_NR_FAULTS] = {
        [STREAM_FAULT_NONE] = "NONE",
#define STREAM_FAULT(code_, text_) [STREAM_FAULT_##code_] = #code_,
#include "stream-format/faults.def"
    };

    return names[code];
}
