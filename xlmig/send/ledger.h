/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The source's journal (docs/handover.md): each record is there before the act that it allows. */
#ifndef XLMIG_SEND_LEDGER_H
#define XLMIG_SEND_LEDGER_H

#include "xlmig/send/core.h"

/* Before BEGIN, or what stands in its place.  -1: refused, and told. */
int send_begin_journal(struct send *s);
/* -1: it is not recorded, and s->why says so; then nothing that it allows may be done. */
int send_record(struct send *s, enum journal_state state);
bool send_is_recorded_aborted(const struct send *s);

/* The end, before or after the guest was touched: the journal goes, or waits for recover. */
void send_end_journal(struct send *s);

#endif
