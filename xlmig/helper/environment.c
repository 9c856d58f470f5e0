/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/helper/environment.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_US UINT64_C(3600000000000)
#define MAX_FD (1 << 20)
#define FIRST_FD 3          /* those before are the helper's standard ones */

enum variable {
    MAX_ROUNDS, MAX_DOWNTIME_US, MAX_BANDWIDTH, TIMEOUT_US, ON_TIMEOUT, THROTTLE, HOLD, IO_TIMEOUT_S, IMAGE,
    IMAGE_FEATURES, COMPRESS, THREADS, CHANNEL_FDS, CHANNEL_TOKEN, EVENTS_FD,
};

static const struct {
    const char *name;
    uint64_t max;           /* of a number */
    const char *words[5];   /* ... or one of these, the first where it is absent; its end is NULL */
} variables[] = {
    [MAX_ROUNDS] = { "XLMIG_MAX_ROUNDS", .max = 1000000 },
    [MAX_DOWNTIME_US] = { "XLMIG_MAX_DOWNTIME_US", .max = MAX_US },
    [MAX_BANDWIDTH] = { "XLMIG_MAX_BANDWIDTH", .max = INT64_MAX },
    [TIMEOUT_US] = { "XLMIG_TIMEOUT_US", .max = MAX_US },
    [ON_TIMEOUT] = { "XLMIG_ON_TIMEOUT", .words = { "cancel", "force" } },
    [THROTTLE] = { "XLMIG_THROTTLE", .words = { "off", "auto" } },
    [HOLD] = { "XLMIG_HOLD", .max = 1 },
    [IO_TIMEOUT_S] = { "XLMIG_IO_TIMEOUT_S", .max = 86400 },
    [IMAGE] = { "XLMIG_IMAGE", .words = { "libxc", "v1" } },
    [IMAGE_FEATURES] = { .name = "XLMIG_IMAGE_FEATURES" },
    [COMPRESS] = { "XLMIG_COMPRESS", .words = { "auto", "none", "lz4", "zstd" } },
    [THREADS] = { "XLMIG_THREADS", .max = 4096 },
    [CHANNEL_FDS] = { .name = "XLMIG_CHANNEL_FDS" },
    [CHANNEL_TOKEN] = { .name = "XLMIG_CHANNEL_TOKEN" },
    [EVENTS_FD] = { .name = "XLMIG_EVENTS_FD" },
};

/* ---- written ---- */

static void set(enum variable v, const char *text)
{
    setenv(variables[v].name, text, 1);
}

static void clear(enum variable v)
{
    unsetenv(variables[v].name);
}

static void set_number(enum variable v, uint64_t value)
{
    char text[32];

    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    set(v, text);
}

static void set_limit(enum variable v, uint64_t value)
{
    if (value)
        set_number(v, value);
    else
        clear(v);
}

static void set_word(enum variable v, unsigned word)
{
    set(v, variables[v].words[word]);
}

void helper_export_limits(const struct helper_limits *limits)
{
    set_limit(MAX_ROUNDS, limits->max_rounds);
    set_limit(MAX_DOWNTIME_US, limits->max_downtime_us);
    set_limit(MAX_BANDWIDTH, limits->max_bandwidth);
    set_limit(TIMEOUT_US, limits->timeout_us);
    set_word(ON_TIMEOUT, limits->force_at_timeout);
    set_word(THROTTLE, limits->throttle);
    set_limit(HOLD, limits->hold);
    set_limit(IO_TIMEOUT_S, (limits->stall_timeout_us + 999999) / 1000000);
}

static void set_token(const uint8_t token[16])
{
    char hex[2 * 16 + 1];

    for (size_t i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", token[i]);
    set(CHANNEL_TOKEN, hex);
}

static void set_channels(const struct helper_image *image)
{
    char list[12 * (HELPER_NR_FURTHER_CHANNELS + 1)] = "";
    size_t used = 0;

    for (unsigned i = 0; i < image->nr_channels && used < sizeof list - 12; i++) {
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%d", i ? "," : "", image->channels[i]);
        fcntl(image->channels[i], F_SETFD, 0);
    }
    set(CHANNEL_FDS, list);
    set_token(image->token);
}

void helper_export_image(const struct helper_image *image)
{
    char features[17];

    snprintf(features, sizeof features, "%llx", (unsigned long long)image->features);
    if (image->chosen) {
        set_word(IMAGE, image->v1);
        set(IMAGE_FEATURES, features);
    }
    if (image->threads)
        set_number(THREADS, image->threads);
    if (image->compress)
        set(COMPRESS, image->compress);
    if (image->nr_channels)
        set_channels(image);
}

void helper_unexport_image(const struct helper_image *image)
{
    for (unsigned i = 0; i < image->nr_channels; i++)
        fcntl(image->channels[i], F_SETFD, FD_CLOEXEC);
    clear(CHANNEL_FDS);
    clear(CHANNEL_TOKEN);
}

void helper_export_events_fd(int fd)
{
    if (fd >= 0)
        set_number(EVENTS_FD, (uint64_t)fd);
    else
        clear(EVENTS_FD);
}

const char *helper_events_variable(void)
{
    return variables[EVENTS_FD].name;
}

/* ---- read ---- */

static const char *get(enum variable v)
{
    return getenv(variables[v].name);
}

/* All of `text`, of that base, up to max.  -1: it is no such number. */
static int parse_number(const char *text, int base, uint64_t max, uint64_t *value)
{
    unsigned long long number;
    char *end;

    errno = 0;
    number = strtoull(text, &end, base);
    if (errno || !isxdigit((unsigned char)text[0]) || *end || number > max)
        return -1;
    *value = number;
    return 0;
}

/* 0, the engine's default, where it is absent or no number. */
static uint64_t get_number(enum variable v, helper_warning *warn)
{
    const char *text = get(v);
    uint64_t value = 0;

    if (text && parse_number(text, 10, variables[v].max, &value) < 0)
        warn("a limit in the environment is no number and is ignored");
    return value;
}

/* Its place in the list; 0 where it is absent or none of them. */
static unsigned get_word(enum variable v, helper_warning *warn)
{
    const char *text = get(v);

    for (unsigned i = 0; text && variables[v].words[i]; i++)
        if (!strcmp(text, variables[v].words[i]))
            return i;
    if (text)
        warn("a word in the environment is not known and is ignored");
    return 0;
}

void helper_read_limits(struct helper_limits *limits, helper_warning *warn)
{
    *limits = (struct helper_limits){
        .max_rounds = (unsigned)get_number(MAX_ROUNDS, warn),
        .max_downtime_us = get_number(MAX_DOWNTIME_US, warn),
        .max_bandwidth = get_number(MAX_BANDWIDTH, warn),
        .timeout_us = get_number(TIMEOUT_US, warn),
        .force_at_timeout = get_word(ON_TIMEOUT, warn) == 1,
        .throttle = get_word(THROTTLE, warn) == 1,
        .hold = get_number(HOLD, warn) == 1,
        .stall_timeout_us = get_number(IO_TIMEOUT_S, warn) * 1000000,
    };
}

/* Nobody said what the reader reads: then it is one of this program's kind. */
static uint64_t get_features(uint64_t all, helper_warning *warn)
{
    const char *text = get(IMAGE_FEATURES);
    uint64_t features = 0;

    if (!text)
        return all;
    if (parse_number(text, 16, UINT64_MAX, &features) < 0)
        warn("the image's features in the environment are no hexadecimal number; none is used");
    return features;
}

static int get_token(uint8_t token[16])
{
    const char *text = get(CHANNEL_TOKEN);

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
        if (errno || end == text || (*end && *end != ',') || fd < FIRST_FD || fd > MAX_FD ||
            *nr == HELPER_NR_FURTHER_CHANNELS || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
            return -1;
        fds[(*nr)++] = (int)fd;
        text = end;
    }
    return 0;
}

int helper_read_image(struct helper_image *image, uint64_t all_features, helper_warning *warn)
{
    static int fds[HELPER_NR_FURTHER_CHANNELS];
    const char *list = get(CHANNEL_FDS);

    *image = (struct helper_image){
        .chosen = get(IMAGE) != NULL,
        .v1 = get_word(IMAGE, warn) == 1,
        .features = get_features(all_features, warn),
        .compress = variables[COMPRESS].words[get_word(COMPRESS, warn)],
        .threads = (unsigned)get_number(THREADS, warn),
    };
    if (!list || !*list)
        return 0;
    image->channels = fds;
    return parse_descriptors(list, fds, &image->nr_channels) < 0 || get_token(image->token) < 0 ? -1 : 0;
}

int helper_read_events_fd(void)
{
    const char *text = get(EVENTS_FD);
    uint64_t fd;

    if (!text || parse_number(text, 10, MAX_FD, &fd) < 0 || fd < FIRST_FD || fcntl((int)fd, F_GETFL) < 0)
        return -1;
    return (int)fd;
}
