/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/saved/read.h"

#include "xlmig/base/input-file.h"
#include "xlmig/base/sandbox.h"
#include "xlmig/saved/foreign.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES (1u << 20)
#define BUFFER_ALIGNMENT 4096
#define JSON_DEPTH_MAX 64
#define PROGRESS_PERIOD_MS 500

/* One reading of a file. */
struct reading {
    struct stream_file *file;
    struct stream_reader *reader;
    uint8_t *buffer;
    int fd;
    bool no_memory;

    bool json;            /* the save header says so */
    char *config;
    uint32_t config_len;
    uint32_t config_have;
    uint64_t config_offset;
    struct stream_fault config_fault;

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

/* ---- the configuration ------------------------------------------------- */

static void set_config_fault(struct reading *reading, uint64_t at, const char *found)
{
    struct stream_fault *fault = &reading->config_fault;

    *fault = (struct stream_fault){
        .code = STREAM_FAULT_BAD_TEXT,
        .offset = reading->config_offset + at,
        .layer = STREAM_LAYER_XL,
        .record = "CONFIG",
        .record_offset = reading->config_offset - 4,
        .expected = "a JSON object",
    };
    snprintf(fault->found, sizeof fault->found, "%s", found);
}

/* The reader has seen to it that the text ends in its only NUL. */
static void check_json(struct reading *reading)
{
    struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
    struct json_object *object;
    enum json_tokener_error error;

    if (!tokener) {
        reading->no_memory = true;
        return;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    object = json_tokener_parse_ex(tokener, reading->config, (int)reading->config_len);
    error = json_tokener_get_error(tokener);
    if (error != json_tokener_success)
        set_config_fault(reading, json_tokener_get_parse_end(tokener), json_tokener_error_desc(error));
    else if (!json_object_is_type(object, json_type_object))
        set_config_fault(reading, 0, json_type_to_name(json_object_get_type(object)));
    json_object_put(object);
    json_tokener_free(tokener);
}

static void begin_config(struct reading *reading, const struct stream_event *event)
{
    reading->config_len = stream_get_u32(event->data, event->big_endian);
    reading->config_offset = event->offset + 4;
    reading->config = malloc(reading->config_len ? reading->config_len : 1);
    if (!reading->config)
        reading->no_memory = true;
}

static void add_config(struct reading *reading, const struct stream_event *event)
{
    size_t room = reading->config_len - reading->config_have;
    size_t n = event->len < room ? event->len : room;

    memcpy(reading->config + reading->config_have, event->data, n);
    reading->config_have += (uint32_t)n;
}

static void note_config(struct reading *reading, const struct stream_event *event)
{
    if (event->info->id == STREAM_ID_XL_SAVE_HEADER) {
        reading->json = stream_get_u32(event->data + 36, event->big_endian) & STREAM_XL_FLAG_JSON;
        return;
    }
    if (event->info->id != STREAM_ID_XL_CONFIG || !reading->json)
        return;
    if (event->kind == STREAM_EVENT_HEAD)
        begin_config(reading, event);
    else if (event->kind == STREAM_EVENT_BLOB && reading->config)
        add_config(reading, event);
    else if (event->kind == STREAM_EVENT_RECORD_END && reading->config)
        check_json(reading);
}

static void take_event(void *opaque, const struct stream_event *event)
{
    struct reading *reading = opaque;

    if (reading->config_fault.code)
        return;
    if (event->layer == STREAM_LAYER_XL)
        note_config(reading, event);
    if (reading->file->event)
        reading->file->event(reading->file->opaque, event);
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

/* json-c takes its first random number, from wherever this system has some, when it keeps its first name. */
static int confine(const struct reading *reading, struct failure *failure)
{
    struct json_object *first = json_tokener_parse("{\"\":0}");

    if (!first)
        return failure_set(failure, "no memory");
    json_object_put(first);
    return sandbox_enter(reading->file->who, failure);
}

static int read_all(struct reading *reading, struct failure *failure)
{
    while (!reading->file->stop && !reading->config_fault.code) {
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
        if (reading->no_memory)
            return failure_set(failure, "no memory to keep the configuration of %s", stream_file_name(reading->file));
        show_progress(reading);
    }
    return 0;
}

static void keep_result(struct reading *reading)
{
    const struct stream_fault *fault = stream_reader_fault(reading->reader);

    if (reading->config_fault.code)
        fault = &reading->config_fault;
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
    const struct stream_reader_config config = { .event = take_event, .opaque = &reading };
    int rc = -1;

    reading.reader = stream_reader_new(&config);
    /* malloc() begins 16 octets into a page, and into such a buffer some CPUs copy at a quarter of their speed. */
    reading.buffer = aligned_alloc(BUFFER_ALIGNMENT, BUFFER_BYTES);
    if (!reading.reader || !reading.buffer) {
        failure_set(failure, "no memory");
        goto out;
    }
    if (open_file(&reading, failure) || (file->confine && confine(&reading, failure)))
        goto out;
    rc = read_all(&reading, failure);
    clear_progress(&reading);
    keep_result(&reading);
 out:
    if (!file->leave_open)
        input_close(reading.fd);
    file->fd = file->leave_open ? reading.fd : -1;
    free(reading.config);
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
    struct stream_reader_config config = { .event = take_event };

    if (!judge)
        return NULL;
    judge->reading = (struct reading){ .file = file, .fd = -1 };
    config.opaque = &judge->reading;
    judge->reading.reader = stream_reader_new(&config);
    if (judge->reading.reader)
        return judge;
    free(judge);
    return NULL;
}

static int verdict(struct stream_judge *judge, int rc)
{
    if (!rc && !judge->reading.config_fault.code && !judge->reading.no_memory)
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
    free(judge->reading.config);
    stream_reader_free(judge->reading.reader);
    free(judge);
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
