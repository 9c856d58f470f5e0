/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Options that more than one verb has: the way to the other host, and of the image and its channels. */
#ifndef XLMIG_VERBS_SHARED_OPTIONS_H
#define XLMIG_VERBS_SHARED_OPTIONS_H

#include "xlmig/send/send.h"

/* Both: false after a line on stderr. */
bool shared_way_makes_sense(const char *verb, const char *transport, const char *channels, const char *host);
bool shared_read_image(const char *verb, const char *image, const char *channels, struct send_request *request);

#endif
