/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What the files of the control protocol's messages share: frames, and members that more than one message has. */
#ifndef XLMIG_PEER_MESSAGE_PRIVATE_H
#define XLMIG_PEER_MESSAGE_PRIVATE_H

#include "xlmig/base/json-fields.h"
#include "xlmig/peer/messages.h"

/* A whole frame, malloc()ed; NULL: no memory, or too long.  Takes `object`. */
unsigned char *message_make_frame(enum message_type type, struct json_object *object, size_t *len);
/* NULL: not a JSON object of a frame's size. */
struct json_object *message_parse(const void *payload, size_t len);

/* An enum message_data; -1: of none that we know. */
int message_data_by_name(const char *name);
/* 0 where the member is missing; -1: it is there, but not greater than 0. */
int message_get_generation(struct json_object *object, uint64_t *generation);

#endif
