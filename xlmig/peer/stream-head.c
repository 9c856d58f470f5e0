/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/peer/stream-head.h"

#include "stream-format/libxl-stream.h"
#include "xlmig/base/failure.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER_BYTES sizeof(struct stream_xl_header)
#define FLAGS (STREAM_XL_FLAG_JSON | STREAM_XL_FLAG_STREAMV2)

struct stream_head {
    struct stream_head_callbacks callbacks;
    struct event *readable;
    char *bytes;            /* `whole` of them, and a NUL */
    size_t have, whole;
};

static uint32_t word(const struct stream_head *head, size_t offset)
{
    return stream_get_le32((const uint8_t *)head->bytes + offset);
}

/* The header is here: how long is all of it?  Only what every xlmig writes: nothing that xl could read in another way. */
static int judge_header(struct stream_head *head, struct failure *failure)
{
    const uint32_t len = word(head, offsetof(struct stream_xl_header, optional_data_len));
    char *grown;

    if (memcmp(head->bytes, STREAM_XL_MAGIC, STREAM_XL_MAGIC_LEN) != 0)
        return failure_set(failure, "what comes is no VM of xl's or xlmig's");
    if (word(head, offsetof(struct stream_xl_header, byteorder)) != STREAM_XL_BYTEORDER ||
        word(head, offsetof(struct stream_xl_header, mandatory_flags)) != FLAGS ||
        word(head, offsetof(struct stream_xl_header, optional_flags)) != 0)
        return failure_set(failure, "what comes is no VM as an xlmig sends it");
    if (len <= sizeof(uint32_t) || len > STREAM_XL_DATA_MAX)
        return failure_set(failure, "the VM's configuration in the stream has an impossible length");
    grown = realloc(head->bytes, HEADER_BYTES + len + 1);
    if (!grown)
        return failure_set(failure, "out of memory");
    head->bytes = grown;
    head->whole = HEADER_BYTES + len;
    return 0;
}

/* All is here. */
static int judge_config(struct stream_head *head, struct failure *failure)
{
    const size_t len = head->whole - HEADER_BYTES - sizeof(uint32_t);
    const char *config = head->bytes + HEADER_BYTES + sizeof(uint32_t);

    head->bytes[head->whole] = '\0';
    if (word(head, HEADER_BYTES) != len || strnlen(config, len) < len - 1)
        return failure_set(failure, "the VM's configuration in the stream is not one text");
    head->callbacks.came(head->callbacks.user, config);
    return 0;
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    struct stream_head *head = user;
    struct failure failure = { 0 };
    ssize_t n = read(fd, head->bytes + head->have, head->whole - head->have);
    int rc = 0;

    (void)what;
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        event_del(head->readable);
        head->callbacks.over(head->callbacks.user);
        return;
    }
    head->have += (size_t)n;
    if (head->have < head->whole)
        return;
    if (head->whole == HEADER_BYTES) {
        rc = judge_header(head, &failure);
    } else {
        event_del(head->readable);
        rc = judge_config(head, &failure);
    }
    if (rc < 0) {
        event_del(head->readable);
        head->callbacks.nonsense(head->callbacks.user, failure.text);
    }
}

struct stream_head *stream_head_read(struct event_base *base, int fd, const struct stream_head_callbacks *callbacks)
{
    struct stream_head *head = calloc(1, sizeof *head);

    if (!head)
        return NULL;
    *head = (struct stream_head){ .callbacks = *callbacks, .whole = HEADER_BYTES };
    head->bytes = malloc(HEADER_BYTES);
    head->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, head);
    if (head->bytes && head->readable && event_add(head->readable, NULL) == 0)
        return head;
    stream_head_close(head);
    return NULL;
}

void stream_head_take(struct stream_head *head, char **bytes, size_t *len)
{
    *bytes = head->bytes;
    *len = head->whole;
    head->bytes = NULL;
}

void stream_head_close(struct stream_head *head)
{
    if (!head)
        return;
    if (head->readable)
        event_free(head->readable);
    free(head->bytes);
    free(head);
}
