/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Choose a toolstack by its name. */
#include "xlmig/toolstack/toolstack.h"

#include "xlmig/base/loop.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct toolstack *toolstack_open(const char *spec, struct event_base *base, struct failure *failure)
{
    if (strcmp(spec, "libxl") == 0)
        return toolstack_open_libxl(base, failure);
    if (strncmp(spec, "sim:", 4) == 0 && spec[4])
        return toolstack_open_sim(spec + 4, base, failure);
    failure_set(failure, "there is no toolstack '%s': it is libxl or sim:DIR", spec);
    return NULL;
}

void toolstack_close(struct toolstack *ts)
{
    if (ts)
        ts->ops->close(ts);
}

int toolstack_session_open(struct toolstack_session *session, const char *spec, struct failure *failure)
{
    session->base = loop_new();
    if (!session->base)
        return failure_set(failure, "out of memory");
    session->ts = toolstack_open(spec, session->base, failure);
    if (session->ts)
        return 0;
    event_base_free(session->base);
    return -1;
}

void toolstack_session_close(struct toolstack_session *session)
{
    toolstack_close(session->ts);
    event_base_free(session->base);
}

static void export_limit(const char *name, uint64_t value)
{
    char text[32];

    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    if (value)
        setenv(name, text, 1);
    else
        unsetenv(name);
}

void toolstack_export_limits(const struct toolstack_suspend *how)
{
    export_limit("XLMIG_MAX_ROUNDS", how->max_rounds);
    export_limit("XLMIG_MAX_DOWNTIME_US", how->max_downtime_us);
    export_limit("XLMIG_MAX_BANDWIDTH", how->max_bandwidth);
    export_limit("XLMIG_TIMEOUT_US", how->timeout_us);
    setenv("XLMIG_ON_TIMEOUT", how->force_at_timeout ? "force" : "cancel", 1);
    setenv("XLMIG_THROTTLE", how->throttle ? "auto" : "off", 1);
    export_limit("XLMIG_HOLD", how->hold);
    export_limit("XLMIG_IO_TIMEOUT_S", (how->stall_timeout_us + 999999) / 1000000);
}

static void export_hex(const char *name, const uint8_t *bytes, size_t len)
{
    char hex[2 * 16 + 1];

    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    setenv(name, hex, 1);
}

static void export_channels(const struct toolstack_image *image)
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

void toolstack_export_image(const struct toolstack_image *image)
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

void toolstack_unexport_image(const struct toolstack_image *image)
{
    for (unsigned i = 0; i < image->nr_channels; i++)
        fcntl(image->channels[i], F_SETFD, FD_CLOEXEC);
    unsetenv("XLMIG_CHANNEL_FDS");
    unsetenv("XLMIG_CHANNEL_TOKEN");
}

bool vm_name_is_valid(const char *name)
{
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f || *c == '/')
            return false;
    return name[0] != '\0';
}

const char *vm_type_name(enum vm_type type)
{
    switch (type) {
    case VM_TYPE_PV:
        return "PV";
    case VM_TYPE_PVH:
        return "PVH";
    case VM_TYPE_HVM:
        return "HVM";
    }
    return "?";
}

const char *vm_state_name(enum vm_state state)
{
    switch (state) {
    case VM_RUNNING:
        return "running";
    case VM_PAUSED:
        return "paused";
    case VM_SUSPENDED:
        return "suspended";
    case VM_SHUT_DOWN:
        return "shut down";
    case VM_CRASHED:
        return "crashed";
    case VM_DYING:
        return "being destroyed";
    }
    return "?";
}
