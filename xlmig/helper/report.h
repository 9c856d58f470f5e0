/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What the helper tells the command that is waiting behind the toolstack: JSON
 * lines on the descriptor of XLMIG_EVENTS_FD (events.h has the format and the reader).
 * Without that descriptor every function does nothing.
 */
#ifndef XLMIG_HELPER_REPORT_H
#define XLMIG_HELPER_REPORT_H

#include "libxcsave/xcsave.h"

void helper_report_open(void);
/* On which the command may say something, too; -1: there is none. */
int helper_report_fd(void);
void helper_report_start(const char *mode, uint32_t domid);
void helper_report_progress(const struct xcsave_progress *progress);
void helper_report_round(unsigned number, const struct xcsave_round *round, bool guest_stopped);
/* What the policy decided after a round. */
void helper_report_decision(const struct xcsave_verdict *verdict, const struct xcsave_prediction *prediction);
/* Slow the guest down by so many per cent; 0: let it go. */
void helper_report_throttle(unsigned percent);
void helper_report_note(const char *text);
void helper_report_end(bool ok, const struct xcsave_report *report, const struct xcsave_error *error);

#endif
