/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What the command tells the engine while it works: one JSON object a line, on
 * the same socket on which the engine reports (events.h):
 *
 *     {"set":"max-bandwidth","value":104857600}      bytes a second; 0: no limit
 *     {"set":"max-downtime","value":300000}          microseconds
 *     {"do":"finish"}                                stop the guest now, copy what is left
 *     {"do":"release"}                               the destination is ready: the stop is not held any more
 *
 * A line that is none of these is dropped.  There is no answer: what was turned
 * shows in what the engine does.
 */
#ifndef XLMIG_HELPER_COMMAND_H
#define XLMIG_HELPER_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#define HELPER_COMMAND_LINE_MAX 256u

enum helper_command_kind {
    HELPER_SET_MAX_BANDWIDTH,
    HELPER_SET_MAX_DOWNTIME,
    HELPER_FINISH,
    HELPER_RELEASE,
};

struct helper_command {
    enum helper_command_kind kind;
    uint64_t value;
};

/* With its newline.  Returns its length. */
size_t helper_command_write(struct helper_command command, char line[HELPER_COMMAND_LINE_MAX]);
/* One line, without its newline.  -1: dropped. */
int helper_command_parse(const char *line, size_t len, struct helper_command *command);

#endif
