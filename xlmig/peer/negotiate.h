/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What this side can do, and what two sides do together: the image, how many
 * channels, and how the data travels.  Decisions are pure functions.
 */
#ifndef XLMIG_PEER_NEGOTIATE_H
#define XLMIG_PEER_NEGOTIATE_H

#include "xlmig/base/failure.h"
#include "xlmig/peer/messages.h"

/* The greeting of this side. */
void negotiate_own_hello(const struct vm_host *host, struct message_hello *hello);

enum image_wish { IMAGE_AUTO, IMAGE_LIBXC, IMAGE_V1 };

/* "auto", "libxc", "v1".  -1: none of them. */
int image_wish_parse(const char *text, enum image_wish *wish);

/* What was asked for on the command line. */
struct negotiate_wish {
    enum image_wish image;
    unsigned channels;            /* 0: as many as are of use */
    enum message_data data;
    unsigned auto_channels_max;   /* of the way that was chosen */
    bool rejoin;                  /* of tcp and tls: replace connections that are lost */
};

struct negotiate_choice {
    bool image_v1;
    uint64_t features;            /* that the reader reads */
    unsigned nr_channels;
    enum message_data data;
    bool rejoin;                  /* both can */
};

/*
 * `peer` NULL: stock xl.  -1: what was asked for cannot be had; `failure` says
 * why and what can.
 */
int negotiate(const struct negotiate_wish *wish, const struct message_hello *own, const struct message_hello *peer,
              struct negotiate_choice *choice, struct failure *failure);

#endif
