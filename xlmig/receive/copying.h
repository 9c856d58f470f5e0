/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* From the child's start until all is here: the stream goes to the child, and devices are set up meanwhile. */
#ifndef XLMIG_RECEIVE_COPYING_H
#define XLMIG_RECEIVE_COPYING_H

#include "xlmig/receive/receiver.h"

/* Bytes both ways as they are, from now on. */
void receive_start_plain(struct receiver *r);
/* As was agreed on; the channels, where there are any, are there. */
void receive_start_negotiated(struct receiver *r);

#endif
