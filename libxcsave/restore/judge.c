/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "libxcsave/restore/judge.h"
#include "stream-format/libxc-image.h"
#include "stream-format/reader/reader.h"

struct judge {
    struct stream_reader *reader;
    pthread_mutex_t lock;
};

struct judge *judge_new(void)
{
    const struct stream_reader_config config = { .start = STREAM_START_LIBXC };
    struct judge *j = calloc(1, sizeof(*j));

    if (!j)
        return NULL;
    j->reader = stream_reader_new(&config);
    if (!j->reader) {
        free(j);
        return NULL;
    }
    pthread_mutex_init(&j->lock, NULL);
    return j;
}

void judge_free(struct judge *j)
{
    if (!j)
        return;
    stream_reader_free(j->reader);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

static int say(const struct judge *j, int rc, struct xcsave_error *error)
{
    const struct stream_fault *fault = stream_reader_fault(j->reader);

    if (!rc || !fault)
        return rc;
    return xcsave_fail(error, fault->code == STREAM_FAULT_NO_MEMORY ? ENOMEM : 0, "%s: %s (expected %s, found %s)",
                       stream_fault_name(fault->code), stream_fault_text(fault->code), fault->expected, fault->found);
}

int judge_take(struct judge *j, const void *octets, size_t len_bytes, struct xcsave_error *error)
{
    int rc;

    pthread_mutex_lock(&j->lock);
    rc = say(j, stream_reader_push(j->reader, octets, len_bytes), error);
    pthread_mutex_unlock(&j->lock);
    return rc;
}

int judge_pass(struct judge *j, size_t len_bytes, struct xcsave_error *error)
{
    int rc;

    pthread_mutex_lock(&j->lock);
    rc = say(j, stream_reader_pass(j->reader, len_bytes), error);
    pthread_mutex_unlock(&j->lock);
    return rc;
}

int judge_begin(struct judge *j, const struct guest_identity *identity, struct xcsave_error *error)
{
    uint8_t headers[24 + 16];

    stream_encode_image_header(headers, STREAM_IMAGE_VERSION);
    stream_encode_domain_header(headers + 24, identity->type, identity->xen_major, identity->xen_minor);
    return judge_take(j, headers, sizeof(headers), error);
}

int judge_record(struct judge *j, uint32_t type, const void *body, uint32_t length, struct xcsave_error *error)
{
    static const uint8_t zeros[STREAM_RECORD_ALIGN];
    uint8_t header[8];

    stream_encode_record_header(header, type, length);
    return judge_take(j, header, sizeof(header), error) || judge_take(j, body, length, error) ||
                   judge_take(j, zeros, stream_record_padded(length) - length, error)
               ? -1 : 0;
}

int judge_pages(struct judge *j, uint64_t pfn, uint64_t count, uint32_t type, struct xcsave_error *error)
{
    int rc;

    pthread_mutex_lock(&j->lock);
    rc = say(j, stream_reader_note_pages(j->reader, pfn, count, type), error);
    pthread_mutex_unlock(&j->lock);
    return rc;
}

int judge_end(struct judge *j, struct xcsave_error *error)
{
    int rc;

    pthread_mutex_lock(&j->lock);
    rc = say(j, stream_reader_end(j->reader), error);
    pthread_mutex_unlock(&j->lock);
    return rc;
}
