/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The connections to the other side: the one that controls, and those that carry data. */
#ifndef XLMIG_SEND_CONNECT_H
#define XLMIG_SEND_CONNECT_H

#include "xlmig/send/core.h"

/* Does the way begin with ssh? */
bool send_transport_is_ssh(const struct send_request *request);

/* -1: no memory. */
int send_link_init(struct send *s);
void send_link_dispose(struct send *s);

/* To xlmig over there, or to its xl; the peer answers. */
void send_connect(struct send *s, bool stock);
/* Let the peer go, from the loop.  In a handover the next one is connected then; before it, PEER_GONE is posted. */
void send_renew_link(struct send *s);

/* Find a way to what this side and `peer` (NULL: stock xl) can.  -1: there is none. */
int send_choose(struct send *s, const struct message_hello *peer, struct failure *failure);
/* Where more connections of the same kind carry it: have them there, as many as come. */
void send_gather(struct send *s);
/* It may come: record that, and say how. */
void send_begin(struct send *s);
void send_invite_channels(struct send *s, const struct message_channels *where);
/* For those who want to know: image, channels, way. */
void send_tell_way(struct send *s);

/* Where xl's header and libxl's stream go. */
int send_data_fd(const struct send *s);
void send_fill_image(const struct send *s, struct helper_image *image);

#endif
