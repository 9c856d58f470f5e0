/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What can be wrong with a stream, for the reader of any stream and the decoders of ours. */
#ifndef STREAM_FORMAT_FAULTS_H
#define STREAM_FORMAT_FAULTS_H

enum stream_fault_code {
    STREAM_FAULT_NONE,
#define STREAM_FAULT(code, text) STREAM_FAULT_##code,
#include "stream-format/faults.def"
    STREAM_NR_FAULTS,
};

/* The meaning, as faults.def and SPECIFICATION.md have it; and the name, without its prefix. */
const char *stream_fault_text(enum stream_fault_code code);
const char *stream_fault_name(enum stream_fault_code code);

#endif
