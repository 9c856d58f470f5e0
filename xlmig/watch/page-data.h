/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A report as it is drawn: read from JSON, checked, bounded. */
#ifndef XLMIG_WATCH_PAGE_DATA_H
#define XLMIG_WATCH_PAGE_DATA_H

#include "xlmig/base/failure.h"
#include "xlmig/helper/events.h"

#include <json-c/json.h>

#define REPORT_SAMPLES_MAX 4096u
#define REPORT_ROUNDS_MAX 256u

struct report_sample {
    double at_us, bytes_per_s, dirty_bytes_per_s, predicted_us;
    double max_downtime_us, max_bandwidth; /* 0: none, or not told */
    unsigned throttle;
    double kinds[HELPER_NR_KINDS];  /* bytes of memory so far */
};

struct report_round {
    unsigned number;
    bool stopped;
    double end_us, us, bytes, sent, dirtied, predicted_us; /* sent and dirtied: bytes of memory */
    const char *reason;
};

struct report_data {
    const char *vm, *from, *to, *started, *version, *peer, *options, *text, *outcome, *verdict, *reason; /* the JSON object's */
    bool ok;
    double total_us, downtime_us, suspend_us, copy_us, stopped_us, bytes, memory_bytes;
    double max_downtime_us, max_bandwidth;
    double predicted_us, predicted_suspend_us, predicted_copy_us, predicted_state_us;
    unsigned rounds_done, nr_channels;
    double kinds[HELPER_NR_KINDS];
    size_t nr_samples, nr_rounds;
    struct report_sample *samples;
    struct report_round *rounds;
};

/* `report` must outlive the data.  -1: it is no report, or no memory. */
int report_data_read(struct json_object *report, struct report_data *data, struct failure *failure);
/* Idempotent. */
void report_data_dispose(struct report_data *data);

#endif
