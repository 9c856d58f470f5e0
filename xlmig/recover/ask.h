/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A source that says a word to the destination of a migration which its command
 * left: by new connections, over the transport that the journal names.  Every
 * wait is bounded.
 */
#ifndef XLMIG_RECOVER_ASK_H
#define XLMIG_RECOVER_ASK_H

#include "xlmig/peer/messages.h"
#include "xlmig/handover/rules.h"

struct event_base;
struct recover_ask;

/*
 * `record`, and `transport`, which stands in the place of the record's unless it
 * is NULL, must outlive it.  timeout_us: for a connection, and for an answer.
 * NULL: no memory.
 */
struct recover_ask *recover_ask_new(struct event_base *base, const struct vm_host *own,
                                    const struct journal_record *record, const char *transport, uint64_t timeout_us);
/* NULL is fine.  Not from within `done`. */
void recover_ask_free(struct recover_ask *ask);

/*
 * Say one word, of message_is_word(), and hear the answer.  Where the destination
 * is busy, it is asked again for a while.  `done` is called once, from the loop;
 * one word at a time.
 */
typedef void recover_ask_done(void *user, enum recover_answer answer);
void recover_ask_say(struct recover_ask *ask, enum message_type type, recover_ask_done *done, void *user);
/* What was said beside the last answer, or why there was none. */
const char *recover_ask_text(const struct recover_ask *ask);

#endif
