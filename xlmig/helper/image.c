/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "stream-format/image1/image1.h"
#include "xlmig/helper/environment.h"
#include "xlmig/helper/image.h"
#include "xlmig/helper/libxl-protocol.h"

_Static_assert(HELPER_NR_FURTHER_CHANNELS == XCSAVE_MAX_CHANNELS - 1, "channel 0 is libxl's descriptor");

static void warn(const char *text)
{
    helper_log(XTL_WARN, text);
}

void helper_limits_from_environment(struct helper_limits *limits)
{
    helper_read_limits(limits, warn);
}

static enum xcsave_compress compress_by_name(const char *name)
{
    static const char *const names[] = {
        [XCSAVE_COMPRESS_AUTO] = "auto", [XCSAVE_COMPRESS_NONE] = "none", [XCSAVE_COMPRESS_LZ4] = "lz4",
        [XCSAVE_COMPRESS_ZSTD] = "zstd",
    };

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(name, names[i]))
            return (enum xcsave_compress)i;
    return XCSAVE_COMPRESS_AUTO;
}

int helper_image_from_environment(struct xcsave_image_options *options, struct xcsave_error *error)
{
    struct helper_image image;
    int rc = helper_read_image(&image, IMAGE1_FEATURES_KNOWN, warn);

    *options = (struct xcsave_image_options){
        .image = image.v1 ? XCSAVE_IMAGE_V1 : XCSAVE_IMAGE_LIBXC,
        .features = image.features,
        .compress = compress_by_name(image.compress),
        .threads = image.threads,
        .channels = image.channels,
        .nr_channels = image.nr_channels,
    };
    memcpy(options->token, image.token, sizeof options->token);
    if (rc < 0)
        *error = (struct xcsave_error){
            .errnum = EINVAL, .text = "the channels in the environment, or their token, are not what they should be",
        };
    return rc;
}
