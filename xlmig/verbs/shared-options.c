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
