/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The fuzz target: any bytes through every decoder of what a peer or a helper
 * sends, and of what a journal holds.  The first byte chooses the decoder.  Nothing may crash, and no text
 * that comes out may hold a control character.
 *
 * With --enable-fuzzers this becomes fuzz-messages (libFuzzer); otherwise
 * mutate-messages feeds it damaged good messages.
 */
#include "stream-format/crc32c.h"
#include "xlmig/peer/messages.h"
#include "xlmig/vm/cpu-features.h"
#include "xlmig/helper/events.h"
#include "xlmig/handover/journal-record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c < ' ' || *c == 0x7f)
            abort();
}

static void header(const uint8_t *data, size_t size)
{
    struct message_header out;

    if (size >= MESSAGE_HEADER_BYTES && message_header_decode(data, &out) == 0 && out.len > MESSAGE_PAYLOAD_MAX)
        abort();
}

static void hello(const uint8_t *data, size_t size)
{
    struct message_hello out;

    if (message_decode_hello(data, size, &out) == 0) {
        check_text(out.program);
        check_text(out.host);
        check_text(out.hypervisor);
    }
}

static void preflight(const uint8_t *data, size_t size)
{
    struct candidate out;

    if (message_decode_preflight(data, size, &out) == 0) {
        check_text(out.name);
        if (strchr(out.name, '/') || !out.config_json || out.cpu_policy.len > CPU_POLICY_MAX_BYTES ||
            out.nr_disks > VM_DISKS_MAX)
            abort();
    }
    candidate_dispose(&out);
}

static void answer(const uint8_t *data, size_t size)
{
    struct candidate_answer out;

    if (message_decode_answer(data, size, &out) == 0)
        for (unsigned i = 0; i < out.found.nr; i++) {
            check_text(out.found.checks[i].subject);
            check_text(out.found.checks[i].text);
            check_text(out.found.checks[i].remedy);
        }
    if (out.found.nr > CHECKS_MAX)
        abort();
    candidate_answer_dispose(&out);
}

static void simple(const uint8_t *data, size_t size)
{
    struct message_simple out;

    if (message_decode_simple(data, size, &out) == 0)
        check_text(out.text);
}

static void begin(const uint8_t *data, size_t size)
{
    struct message_begin out;

    if (message_decode_begin(data, size, &out) == 0) {
        check_text(out.address);
        if (out.nr_channels == 0 || out.nr_channels > MESSAGE_CHANNELS_MAX || out.data >= MESSAGE_NR_DATA)
            abort();
    }
}

static void channels(const uint8_t *data, size_t size)
{
    struct message_channels out;

    if (message_decode_channels(data, size, &out) == 0)
        check_text(out.address);
}

static void join(const uint8_t *data, size_t size)
{
    struct message_join out;

    if (message_decode_join(data, size, &out) == 0 && (out.channel == 0 || out.channel >= MESSAGE_CHANNELS_MAX))
        abort();
}

static void word(const uint8_t *data, size_t size)
{
    struct message_word out;

    if (message_decode_word(MESSAGE_GO, data, size, &out) < 0)
        return;
    for (size_t i = 0; i < sizeof out.token; i++)
        if (out.token[i] && !out.generation)
            abort();
}

static void event(const uint8_t *data, size_t size)
{
    struct helper_event out;

    if (helper_event_parse((const char *)data, size, &out) == 0) {
        check_text(out.text);
        check_text(out.phase);
    }
}

static bool knows_word(const char *word)
{
    return word[0] != 'a';
}

static void policy(const uint8_t *data, size_t size)
{
    struct cpu_facts out;
    struct cpu_difference difference;

    if (cpu_facts_decode(data, size, &out) == 0) {
        const struct cpu_facts none = { 0 };

        cpu_features_compare(&out, &none, knows_word, &difference);
        check_text(difference.missing);
        check_text(difference.line);
        check_text(difference.wordless);
        check_text(difference.weaker);
        if (difference.line[0] && difference.line[strlen(difference.line) - 1] != '"')
            abort();
    }
    cpu_facts_dispose(&out);
}

/* What is believed can be written, and is read as the same. */
static void journal(const uint8_t *data, size_t size)
{
    char bytes[JOURNAL_RECORD_MAX], again[JOURNAL_RECORD_MAX];
    struct journal_record record, read_again;
    struct failure failure = { 0 };
    size_t len, again_len;

    if (journal_record_decode(data, size, &record, &failure) < 0) {
        check_text(failure.text);
        return;
    }
    check_text(record.name);
    check_text(record.peer);
    check_text(record.transport);
    check_text(record.why);
    if (journal_record_encode(&record, bytes, &len, &failure) < 0 ||
        journal_record_decode(bytes, len, &read_again, &failure) < 0 ||
        journal_record_encode(&read_again, again, &again_len, &failure) < 0 || again_len != len ||
        memcmp(again, bytes, len) != 0)
        abort();
}

/* The same with a checksum that is right, which no fuzzer finds. */
static void journal_summed(const uint8_t *data, size_t size)
{
    uint8_t bytes[JOURNAL_RECORD_MAX + 32];

    if (size > JOURNAL_RECORD_MAX)
        return;
    memcpy(bytes, data, size);
    bytes[size++] = '\n';
    size += (size_t)snprintf((char *)bytes + size, 17, "crc32c %08x\n", crc32c(0, bytes, size));
    journal(bytes, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const decoders[])(const uint8_t *, size_t) = { header, hello, preflight, answer, simple, event,
                                                                 policy, begin, channels, join, journal,
                                                                 journal_summed, word };
    uint8_t *copy;

    if (size < 2)
        return 0;
    copy = malloc(size - 1); /* its end is the end of the allocation: the sanitizers see a byte too far */
    memcpy(copy, data + 1, size - 1);
    decoders[data[0] % (sizeof decoders / sizeof decoders[0])](copy, size - 1);
    free(copy);
    return 0;
}
