/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The fuzz target: any bytes through the reader and a printer, at once and in
 * pieces. The last two bytes choose the size of the pieces and the printer.
 * Whatever they are, there must be no crash, the pieces must not matter, and
 * what is printed must be plain ASCII.
 *
 * With --enable-fuzzers this becomes fuzz-stream (libFuzzer); otherwise
 * replay-stream feeds it the streams of the tests and the seeds.
 */
#include <stdlib.h>
#include <string.h>

#include "stream-format/print/printer.h"
#include "tests/stream-format/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(void *opaque, const char *text, size_t len)
{
    uint64_t *sum = opaque;

    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\n' && (text[i] < 0x20 || text[i] >= 0x7f))
            abort();
        *sum = *sum * 31 + (uint8_t)text[i];
    }
}

static void pass_event(void *opaque, const struct stream_event *event)
{
    stream_printer_event(opaque, event);
}

/* Returns a sum over all that was printed. */
static uint64_t print(const uint8_t *data, size_t size, size_t piece, bool json)
{
    uint64_t sum = 0;
    struct stream_printer_config how = {
        .json = json, .dump_page = true, .page = 1, .write = check_text, .opaque = &sum,
    };
    struct stream_printer *printer = stream_printer_new(&how);
    struct stream_reader *reader =
        stream_reader_new(&(struct stream_reader_config){ .event = pass_event, .opaque = printer });

    if (!printer || !reader)
        abort();
    for (size_t at = 0; at < size; at += piece) {
        if (stream_reader_push(reader, data + at, piece < size - at ? piece : size - at))
            break;
    }
    stream_reader_end(reader);
    stream_printer_end(printer, stream_reader_fault(reader));
    stream_printer_free(printer);
    stream_reader_free(reader);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t piece = size ? 1 + data[size - 1] : 1;
    bool json = size > 1 && data[size - 2] & 1;
    struct outcome whole = run(data, size, 0);
    struct outcome cut = run(data, size, piece);

    if (memcmp(&whole.fault, &cut.fault, sizeof(whole.fault)))
        abort();
    /* A fault may come in the middle of a piece that passes through. */
    if (!whole.fault.code && whole.digest != cut.digest)
        abort();
    if (!whole.fault.code && print(data, size, size + 1, json) != print(data, size, piece, json))
        abort();
    if (whole.fault.code)
        print(data, size, piece, json);
    return 0;
}
