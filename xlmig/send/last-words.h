/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What the destination is told besides GO: to give its copy back, and how it all ended, which lets both journals go. */
#ifndef XLMIG_SEND_LAST_WORDS_H
#define XLMIG_SEND_LAST_WORDS_H

#include "xlmig/send/core.h"

/* May the destination be READY, so that it must be told? */
bool send_may_be_ready(const struct send *s);
/* Say a word of the token; -1: it cannot be said. */
int send_say(struct send *s, enum message_type type);

/* What the table's DO_TELL and DO_TELL_ANEW ask for. */
void send_tell(struct send *s);
void send_tell_anew(struct send *s);
/* The connection of DO_TELL_ANEW is there. */
void send_on_greeted_anew(struct send *s);

#endif
