/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Options that more than one verb has: the way to the other host, and of the image and its channels. */
#ifndef XLMIG_VERBS_SHARED_OPTIONS_H
#define XLMIG_VERBS_SHARED_OPTIONS_H

#include "xlmig/send/send.h"

/* What the options of these names may be, for their tables. */
bool fits_transport(const char *text);
bool fits_image(const char *text);
bool fits_channels(const char *text);
bool fits_ports(const char *text);
#define PORTS_WANTS "a port or a range of ports, as 8002 or 8002-8020"
/* `text` fits, or is NULL: any port. */
struct port_range shared_read_ports(const char *text);
#define TRANSPORT_WANTS "ssh, tls, tcp, exec:COMMAND or fd:IN,OUT,..."
#define IMAGE_WANTS "auto, libxc or v1"
#define CHANNELS_WANTS "auto or 1 to 64"
_Static_assert(MESSAGE_CHANNELS_MAX == 64, "CHANNELS_WANTS");

/* Both: false after a line on stderr. */
bool shared_way_makes_sense(const char *verb, const char *transport, const char *channels, const char *host);
bool shared_read_image(const char *verb, const char *image, const char *channels, struct send_request *request);

#endif
