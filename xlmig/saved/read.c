/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/saved/read.h"

#include "xlmig/base/input-file.h"
#include "xlmig/base/sandbox.h"
#include "xlmig/saved/foreign.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES (1u << 20)
#define BUFFER_ALIGNMENT 4096
#define PROGRESS_PERIOD_MS 500

/* One reading of a file. */
struct reading {
    struct stream_file *file;
    struct stream_reader *reader;
    uint8_t *buffer;
    int fd;

    bool show_progress;
    off_t size;           /* 0: not known */
    const char *foreign;
    bool has_begun;
    uint64_t shown_ms;
};

const char *stream_file_name(const struct stream_file *file)
{
    return input_name(file->path);
}

/* ---- progress, for people who wait ------------------------------------- */

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void show_progress(struct reading *reading)
{
    uint64_t bytes = stream_reader_offset(reading->reader);
    uint64_t now = now_ms();

    if (!reading->show_progress || now - reading->shown_ms < PROGRESS_PERIOD_MS)
        return;
    reading->shown_ms = now;
    fprintf(stderr, "\r%s: %" PRIu64 " MiB read", reading->file->who, bytes >> 20);
    if (reading->size > 0)
        fprintf(stderr, " (%" PRIu64 " %%)", bytes * 100 / (uint64_t)reading->size);
    fputs("\033[K", stderr);
}

static void clear_progress(const struct reading *reading)
{
    if (reading->show_progress)
        fputs("\r\033[K", stderr);
}

/* ---- reading ----------------------------------------------------------- */

static int open_file(struct reading *reading, struct failure *failure)
{
    struct stat st;

    reading->fd = input_open(reading->file->path, reading->file->who, failure);
    if (reading->fd < 0)
        return -1;
    if (fstat(reading->fd, &st) == 0 && S_ISREG(st.st_mode))
        reading->size = st.st_size;
    /* Output that goes to a terminal shows by itself that something happens. */
    reading->show_progress = isatty(STDERR_FILENO) && (!reading->file->event || !isatty(STDOUT_FILENO));
    reading->shown_ms = now_ms();
    return 0;
}

static int read_all(struct reading *reading, struct failure *failure)
{
    while (!reading->file->stop) {
        ssize_t n = read(reading->fd, reading->buffer, BUFFER_BYTES);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failure_set(failure, "cannot read %s: %s", stream_file_name(reading->file), strerror(errno));
        if (n == 0) {
            stream_reader_end(reading->reader);
            return 0;
        }
        if (!reading->has_begun)
            reading->foreign = foreign_name(reading->buffer, (size_t)n);
        reading->has_begun = true;
        if (reading->file->keep && reading->file->keep(reading->file->opaque, reading->buffer, (size_t)n))
            return failure_set(failure, "no memory to keep the head of %s", stream_file_name(reading->file));
        if (stream_reader_push(reading->reader, reading->buffer, (size_t)n))
            return 0;
        show_progress(reading);
    }
    return 0;
}

static void keep_result(struct reading *reading)
{
    const struct stream_fault *fault = stream_reader_fault(reading->reader);

    reading->file->fault = (struct stream_fault){ .code = STREAM_FAULT_NONE };
    if (fault)
        reading->file->fault = *fault;
    reading->file->foreign = reading->file->fault.code == STREAM_FAULT_UNRECOGNISED ? reading->foreign : NULL;
    reading->file->bytes = stream_reader_offset(reading->reader);
    reading->file->digest_checked = stream_reader_digest_checked(reading->reader);
}

int stream_file_read(struct stream_file *file, struct failure *failure)
{
    struct reading reading = { .file = file, .fd = -1 };
    const struct stream_reader_config config = { .event = file->event, .opaque = file->opaque };
    int rc = -1;

    reading.reader = stream_reader_new(&config);
    /* malloc() begins 16 octets into a page, and into such a buffer some CPUs copy at a quarter of their speed. */
    reading.buffer = aligned_alloc(BUFFER_ALIGNMENT, BUFFER_BYTES);
    if (!reading.reader || !reading.buffer) {
        failure_set(failure, "no memory");
        goto out;
    }
    if (open_file(&reading, failure) || (file->confine && sandbox_enter(file->who, failure)))
        goto out;
    rc = read_all(&reading, failure);
    clear_progress(&reading);
    keep_result(&reading);
 out:
    if (!file->leave_open)
        input_close(reading.fd);
    file->fd = file->leave_open ? reading.fd : -1;
    free(reading.buffer);
    stream_reader_free(reading.reader);
    return rc;
}

/* ---- the same, of octets that somebody else reads ------------------------ */

struct stream_judge {
    struct reading reading;
};

struct stream_judge *stream_judge_new(struct stream_file *file)
{
    struct stream_judge *judge = calloc(1, sizeof(*judge));
    const struct stream_reader_config config = { .event = file->event, .opaque = file->opaque };

    if (!judge)
        return NULL;
    judge->reading = (struct reading){ .file = file, .fd = -1 };
    judge->reading.reader = stream_reader_new(&config);
    if (judge->reading.reader)
        return judge;
    free(judge);
    return NULL;
}

static int verdict(struct stream_judge *judge, int rc)
{
    if (!rc)
        return 0;
    keep_result(&judge->reading);
    return -1;
}

int stream_judge_push(struct stream_judge *judge, const void *bytes, size_t len)
{
    return verdict(judge, stream_reader_push(judge->reading.reader, bytes, len));
}

int stream_judge_end(struct stream_judge *judge)
{
    return verdict(judge, stream_reader_end(judge->reading.reader));
}

void stream_judge_free(struct stream_judge *judge)
{
    if (!judge)
        return;
    stream_reader_free(judge->reading.reader);
    free(judge);
}

bool stream_event_release(const struct stream_event *event, char *release, size_t size)
{
    bool is_libxc = event->kind == STREAM_EVENT_HEADER && event->info->id == STREAM_ID_LIBXC_DOMAIN_HEADER;
    bool is_v1 = event->kind == STREAM_EVENT_HEAD && event->info && event->info->id == STREAM_ID_V1_DOMAIN;
    unsigned major, minor;

    if (!is_libxc && !is_v1)
        return false;
    major = stream_get_u32(event->data + offsetof(struct stream_domain_header, xen_major), event->big_endian);
    minor = stream_get_u32(event->data + offsetof(struct stream_domain_header, xen_minor), event->big_endian);
    if (major == 0) /* converted from a stream of old, which did not say */
        return false;
    snprintf(release, size, "Xen %u.%u", major, minor);
    return true;
}

void stream_file_print_fault(FILE *to, const struct stream_file *file)
{
    const struct stream_fault *fault = &file->fault;

    fprintf(to, "at byte %" PRIu64 " (0x%" PRIx64 "), in the %s layer", fault->offset, fault->offset,
            stream_layer_name(fault->layer));
    if (fault->record && !fault->in_header && fault->layer != STREAM_LAYER_XL)
        fprintf(to, ", record %" PRIu64, fault->record_index);
    if (fault->record)
        fprintf(to, ", %s, which starts at byte %" PRIu64, fault->record, fault->record_offset);
    fprintf(to, "\nfault    %s: %s\nexpected %s\nfound    %s\n", stream_fault_name(fault->code),
            stream_fault_text(fault->code), fault->expected, fault->found);
    if (file->foreign)
        fprintf(to, "it is    %s\n", file->foreign);
}
