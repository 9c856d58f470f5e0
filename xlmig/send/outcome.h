/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What the administrator is told once the handover has come to an end: where the VM is, and what to type next. */
#ifndef XLMIG_SEND_OUTCOME_H
#define XLMIG_SEND_OUTCOME_H

#include "xlmig/send/core.h"

/* Tell how the handover ended; returns an exit status. */
int send_tell_end(struct send *s);
/* Into the file that was asked for. */
/* -1: it could not be written, and that was told. */
int send_write_report(struct send *s);

#endif
