/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/verbs/shared-options.h"

#include "xlmig/cli/verb.h"
#include "xlmig/peer/route.h"

#include <string.h>

bool fits_transport(const char *text)
{
    return route_is_known(text);
}

bool fits_image(const char *text)
{
    enum image_wish wish;

    return image_wish_parse(text, &wish) == 0;
}

bool fits_channels(const char *text)
{
    unsigned nr;

    return strcmp(text, "auto") == 0 || (parse_number(text, &nr) == 0 && nr >= 1 && nr <= MESSAGE_CHANNELS_MAX);
}

static int read_ports(const char *text, struct port_range *ports)
{
    char first[8];
    size_t len = strcspn(text, "-");

    if (len >= sizeof first)
        return -1;
    memcpy(first, text, len);
    first[len] = '\0';
    if (parse_number(first, &ports->first) < 0 || parse_number(text[len] ? text + len + 1 : first, &ports->last) < 0)
        return -1;
    return ports->first >= 1 && ports->first <= ports->last && ports->last <= MESSAGE_PORT_MAX ? 0 : -1;
}

bool fits_ports(const char *text)
{
    struct port_range ports;

    return read_ports(text, &ports) == 0;
}

struct port_range shared_read_ports(const char *text)
{
    struct port_range ports = { 0 };

    if (text && read_ports(text, &ports) < 0)
        ports = (struct port_range){ 0 };
    return ports;
}

bool shared_way_makes_sense(const char *verb, const char *transport, const char *channels, const char *host)
{
    if (!route_is_known(transport)) {
        fprintf(stderr, "xlmig %s: --transport is ssh, tls, tcp, exec:COMMAND or fd:IN,OUT,..., not '%s'\n", verb,
                transport);
        return false;
    }
    if (strncmp(transport, "fd:", 3) == 0 && strcmp(channels, "auto") != 0) {
        fprintf(stderr, "xlmig %s: --transport=fd: has as many channels as it names descriptors, leave out --channels\n",
                verb);
        return false;
    }
    if (host[0] == '-' || host[0] == '\0') {
        fprintf(stderr, "xlmig %s: '%s' is no host\n", verb, host);
        return false;
    }
    return true;
}

bool shared_read_image(const char *verb, const char *image, const char *channels, struct send_request *request)
{
    if (image_wish_parse(image, &request->image) < 0) {
        fprintf(stderr, "xlmig %s: --image is auto, libxc or v1, not '%s'\n", verb, image);
        return false;
    }
    if (strcmp(channels, "auto") != 0 &&
        (parse_number(channels, &request->channels) < 0 || request->channels == 0 ||
         request->channels > MESSAGE_CHANNELS_MAX)) {
        fprintf(stderr, "xlmig %s: --channels is auto or 1 to %u, not '%s'\n", verb, MESSAGE_CHANNELS_MAX, channels);
        return false;
    }
    return true;
}
