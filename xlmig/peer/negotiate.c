/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/peer/negotiate.h"

#include "libxcsave/xcsave.h"
#include "stream-format/image1/image1.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CHANNELS_MAX 16u          /* taken by one receiver; more than this was never of use */
#define ENGINE_IMAGE_VERSION 1u   /* of what the engine behind the save helper reads */

void negotiate_own_hello(const struct vm_host *host, struct message_hello *hello)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    *hello = (struct message_hello){
        .min_version = MESSAGE_VERSION, .max_version = MESSAGE_VERSION, .program = "xlmig " PACKAGE_VERSION,
        .image_version = ENGINE_IMAGE_VERSION, .image_features = XCSAVE_V1_FEATURES,
        .max_channels = CHANNELS_MAX,
        .data = 1u << MESSAGE_DATA_INLINE | 1u << MESSAGE_DATA_TCP | 1u << MESSAGE_DATA_TLS,
        .cpus = cpus > 0 ? (unsigned)cpus : 1,
        .rejoin = 1,
        .handover = 1,
    };
    snprintf(hello->host, sizeof hello->host, "%s", host->name);
    snprintf(hello->hypervisor, sizeof hello->hypervisor, "%s", host->hypervisor);
}

int image_wish_parse(const char *text, enum image_wish *wish)
{
    static const char *const names[] = { [IMAGE_AUTO] = "auto", [IMAGE_LIBXC] = "libxc", [IMAGE_V1] = "v1" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text, names[i]) == 0) {
            *wish = (enum image_wish)i;
            return 0;
        }
    return -1;
}

static int choose_image(const struct negotiate_wish *wish, const struct message_hello *own,
                        const struct message_hello *peer, struct negotiate_choice *choice, struct failure *failure)
{
    bool both = own->image_version >= 1 && peer && peer->image_version >= 1;

    if (wish->image == IMAGE_V1 && !both)
        return failure_set(failure, "--image=v1: %s reads libxc's image only; leave the option out",
                           own->image_version < 1 ? "this release" : peer ? peer->program : "stock xl");
    choice->image_v1 = both && wish->image != IMAGE_LIBXC;
    choice->features = choice->image_v1 ? peer->image_features & IMAGE1_FEATURES_KNOWN : 0;
    return 0;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static int choose_channels(const struct negotiate_wish *wish, const struct message_hello *own,
                           const struct message_hello *peer, struct negotiate_choice *choice, struct failure *failure)
{
    unsigned most = peer ? least(peer->max_channels, MESSAGE_CHANNELS_MAX) : 1;

    if (!choice->image_v1 || !(choice->features & IMAGE1_FEATURE_CHANNELS)) {
        if (wish->channels > 1)
            return failure_set(failure, "--channels=%u: the image that both sides know has one channel only",
                               wish->channels);
        most = 1;
    }
    if (wish->channels > most)
        return failure_set(failure, "--channels=%u: the other side takes %u at the most", wish->channels, most);
    choice->nr_channels = wish->channels;
    if (wish->channels == 0)
        choice->nr_channels = least(least(most, wish->auto_channels_max),
                                    least(own->cpus, peer && peer->cpus ? peer->cpus : 1));
    if (choice->nr_channels == 0)
        choice->nr_channels = 1;
    return 0;
}

int negotiate(const struct negotiate_wish *wish, const struct message_hello *own, const struct message_hello *peer,
              struct negotiate_choice *choice, struct failure *failure)
{
    *choice = (struct negotiate_choice){
        .data = wish->data,
        .rejoin = wish->rejoin && wish->data != MESSAGE_DATA_INLINE && own->rejoin && peer && peer->rejoin,
    };
    if (wish->data != MESSAGE_DATA_INLINE && !(peer && peer->data & 1u << wish->data))
        return failure_set(failure, "--transport=%s: %s there does not know it; use ssh", message_data_name(wish->data),
                           peer ? peer->program : "stock xl");
    if (choose_image(wish, own, peer, choice, failure) < 0)
        return -1;
    return choose_channels(wish, own, peer, choice, failure);
}
