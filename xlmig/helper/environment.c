/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xlmig/helper/environment.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static void export_limit(const char *name, uint64_t value)
{
    char text[32];

    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    if (value)
        setenv(name, text, 1);
    else
        unsetenv(name);
}

void helper_export_limits(const struct helper_limits *limits)
{
    export_limit("XLMIG_MAX_ROUNDS", limits->max_rounds);
    export_limit("XLMIG_MAX_DOWNTIME_US", limits->max_downtime_us);
    export_limit("XLMIG_MAX_BANDWIDTH", limits->max_bandwidth);
    export_limit("XLMIG_TIMEOUT_US", limits->timeout_us);
    setenv("XLMIG_ON_TIMEOUT", limits->force_at_timeout ? "force" : "cancel", 1);
    setenv("XLMIG_THROTTLE", limits->throttle ? "auto" : "off", 1);
    export_limit("XLMIG_HOLD", limits->hold);
    export_limit("XLMIG_IO_TIMEOUT_S", (limits->stall_timeout_us + 999999) / 1000000);
}

static void export_hex(const char *name, const uint8_t *bytes, size_t len)
{
    char hex[2 * 16 + 1];

    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    setenv(name, hex, 1);
}

static void export_channels(const struct helper_image *image)
{
    char list[12 * 64] = "";
    size_t used = 0;

    for (unsigned i = 0; i < image->nr_channels && used < sizeof list - 12; i++) {
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%d", i ? "," : "", image->channels[i]);
        fcntl(image->channels[i], F_SETFD, 0);
    }
    setenv("XLMIG_CHANNEL_FDS", list, 1);
    export_hex("XLMIG_CHANNEL_TOKEN", image->token, sizeof image->token);
}

void helper_export_image(const struct helper_image *image)
{
    char features[17];

    snprintf(features, sizeof features, "%llx", (unsigned long long)image->features);
    if (image->chosen) {
        setenv("XLMIG_IMAGE", image->v1 ? "v1" : "libxc", 1);
        setenv("XLMIG_IMAGE_FEATURES", features, 1);
    }
    if (image->threads)
        export_limit("XLMIG_THREADS", image->threads);
    if (image->compress)
        setenv("XLMIG_COMPRESS", image->compress, 1);
    if (image->nr_channels)
        export_channels(image);
}

void helper_unexport_image(const struct helper_image *image)
{
    for (unsigned i = 0; i < image->nr_channels; i++)
        fcntl(image->channels[i], F_SETFD, FD_CLOEXEC);
    unsetenv("XLMIG_CHANNEL_FDS");
    unsetenv("XLMIG_CHANNEL_TOKEN");
}

