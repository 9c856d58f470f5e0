/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The restore ends, well or not: what is left of the VM is removed, and the sender is told. */
#ifndef XLMIG_RECEIVE_ENDING_H
#define XLMIG_RECEIVE_ENDING_H

#include "xlmig/receive/receiver.h"

/* The child sees the end of its input, destroys what it made, and ends; receive_on_child_over() follows. */
void receive_give_up(struct receiver *r);
/* Give up, and say why; a copy that is held is kept, as the journal says. */
void receive_refuse(struct receiver *r, const char *text);

void receive_on_child_over(struct receiver *r);

#endif
