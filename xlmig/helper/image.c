/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "stream-format/image1/image1.h"
#include "xlmig/helper/image.h"
#include "xlmig/helper/libxl-protocol.h"

/* One of the words that a variable may hold, by its place in the list; 0 where it is absent or none of them. */
static unsigned word_from_environment(const char *name, const char *const *words, unsigned nr_words)
{
    const char *text = getenv(name);

    for (unsigned i = 0; text && i < nr_words; i++)
        if (!strcmp(text, words[i]))
            return i;
    if (text)
        helper_log(XTL_WARN, 0, "a word in the environment is not known and is ignored");
    return 0;
}

static int parse_token(const char *text, uint8_t token[16])
{
    if (!text || strlen(text) != 32 || strspn(text, "0123456789abcdefABCDEF") != 32)
        return -1;
    for (unsigned i = 0; i < 16; i++) {
        char octet[3] = { text[2 * i], text[2 * i + 1] };

        token[i] = (uint8_t)strtoul(octet, NULL, 16);
    }
    return 0;
}

static int parse_descriptors(const char *text, int *fds, unsigned *nr)
{
    for (*nr = 0; *text; text += *text == ',') {
        char *end;
        long fd;

        errno = 0;
        fd = strtol(text, &end, 10);
        if (errno || end == text || (*end && *end != ',') || fd < 3 || fd > 1 << 20 ||
            *nr == XCSAVE_MAX_CHANNELS - 1 || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
            return -1;
        fds[(*nr)++] = (int)fd;
        text = end;
    }
    return 0;
}

/* Channels are said by whoever made them: what is wrong with them is no reason to do without. */
static int channels_from_environment(struct xcsave_image_options *image, struct xcsave_error *error)
{
    static int fds[XCSAVE_MAX_CHANNELS - 1];
    const char *list = getenv("XLMIG_CHANNEL_FDS");

    if (!list || !*list)
        return 0;
    image->channels = fds;
    if (!parse_descriptors(list, fds, &image->nr_channels) && !parse_token(getenv("XLMIG_CHANNEL_TOKEN"), image->token))
        return 0;
    *error = (struct xcsave_error){
        .errnum = EINVAL, .text = "XLMIG_CHANNEL_FDS or XLMIG_CHANNEL_TOKEN is not what it should be",
    };
    return -1;
}

static uint64_t features_from_environment(void)
{
    const char *text = getenv("XLMIG_IMAGE_FEATURES");
    unsigned long long features;
    char *end;

    /* Nobody said what the reader reads: then it is one of this program's kind. */
    if (!text)
        return IMAGE1_FEATURES_KNOWN;
    errno = 0;
    features = strtoull(text, &end, 16);
    return errno || end == text || *end ? 0 : features;
}

static unsigned threads_from_environment(void)
{
    const char *text = getenv("XLMIG_THREADS");

    return text ? (unsigned)strtoul(text, NULL, 10) : 0;
}

int helper_image_from_environment(struct xcsave_image_options *image, struct xcsave_error *error)
{
    static const char *const images[] = { [XCSAVE_IMAGE_LIBXC] = "libxc", [XCSAVE_IMAGE_V1] = "v1" };
    static const char *const codecs[] = {
        [XCSAVE_COMPRESS_AUTO] = "auto", [XCSAVE_COMPRESS_NONE] = "none", [XCSAVE_COMPRESS_LZ4] = "lz4",
        [XCSAVE_COMPRESS_ZSTD] = "zstd",
    };

    *image = (struct xcsave_image_options){
        .image = word_from_environment("XLMIG_IMAGE", images, 2),
        .features = features_from_environment(),
        .compress = word_from_environment("XLMIG_COMPRESS", codecs, 4),
        .threads = threads_from_environment(),
    };
    return channels_from_environment(image, error);
}
