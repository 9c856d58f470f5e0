/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A receiver that misbehaves at one step, for tests of the sender.
 *
 *     fake-receiver [frames|journal] STEP
 *
 * Speaks xl's protocol, or with `frames` the control protocol, with `journal`
 * as one that keeps journals; takes the stream as one that means well, and at
 * STEP does what its name says.
 */
#include "stream-format/reader/reader.h"
#include "xlmig/peer/messages.h"
#include "xlmig/peer/xl-protocol.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *step;
static bool frames, journal;

static bool at(const char *name)
{
    return strcmp(step, name) == 0;
}

static void say(const void *bytes, size_t len)
{
    if (write(STDOUT_FILENO, bytes, len) != (ssize_t)len)
        exit(9);
}

static void say_frame(enum message_type type, bool flag, const char *text)
{
    struct message_simple simple = { .flag = flag };
    unsigned char *frame;
    size_t len;

    snprintf(simple.text, sizeof simple.text, "%s", text);
    frame = message_encode_simple(type, &simple, &len);
    say(frame, len);
    free(frame);
}

static void hear(void *bytes, size_t len)
{
    size_t have = 0;

    while (have < len) {
        ssize_t r = read(STDIN_FILENO, (char *)bytes + have, len - have);

        if (r <= 0)
            exit(8);
        have += (size_t)r;
    }
}

static enum message_type hear_any_frame(void)
{
    unsigned char raw[MESSAGE_HEADER_BYTES];
    struct message_header header;
    char *payload;

    hear(raw, sizeof raw);
    if (message_header_decode(raw, &header) < 0)
        exit(7);
    payload = malloc(header.len + 1);
    hear(payload, header.len);
    free(payload);
    return header.type;
}

static void hear_frame(enum message_type type)
{
    if (hear_any_frame() != type)
        exit(7);
}

/* Silent, with nothing taken any more, until the sender hangs up: it would wait for this process otherwise. */
static void stand_still(void)
{
    struct pollfd sender = { .fd = STDIN_FILENO }; /* its end is told, whatever there is to read still */

    poll(&sender, 1, 60000);
    exit(3);
}

/* What the test wants done just then. */
static void do_at(const char *variable)
{
    const char *command = getenv(variable);

    if (command && *command && system(command) != 0)
        exit(4);
}

/* A new connection, for a word of the handover. */
static void answer_word(enum message_type type)
{
    if (at("run-all-the-same")) {
        say_frame(MESSAGE_REPORT, true, "");
        exit(0);
    }
    if (at("hang-up-at-take-back") && type == MESSAGE_TAKE_BACK) {
        say_frame(MESSAGE_ABORTED, false, "");
        hear_frame(MESSAGE_ABORT);
    } else if (at("never-close") || (type != MESSAGE_ABORT && type != MESSAGE_CONFIRM))
        exit(5);
    do_at("AT_WORD");
    say_frame(MESSAGE_CLOSED, false, "");
    exit(0);
}

static void say_hello(void)
{
    const struct message_hello hello = { .min_version = at("be-too-new") ? 2 : 1, .max_version = at("be-too-new") ? 3 : 1,
                                   .program = "fake", .host = "nowhere", .hypervisor = "none",
                                   .max_channels = 1, .data = 1u << MESSAGE_DATA_INLINE, .handover = journal };
    size_t len;
    unsigned char *frame = message_encode_hello(&hello, &len);

    say(frame, len);
    free(frame);
}

static void on_event(void *opaque, const struct stream_event *event)
{
    if (event->layer == STREAM_LAYER_LIBXL && event->info && event->info->id == STREAM_ID_LIBXL_END &&
        event->kind == STREAM_EVENT_RECORD_END)
        *(bool *)opaque = true;
}

static void take_stream(void)
{
    bool over = false;
    const struct stream_reader_config config = { .start = STREAM_START_XL, .event = on_event, .opaque = &over };
    struct stream_reader *reader = stream_reader_new(&config);
    char bytes[65536];

    if (at("take-nothing"))
        sleep(60); /* nor does it end by itself once it is given up */
    while (!over) {
        ssize_t r = read(STDIN_FILENO, bytes, sizeof bytes);

        if (r <= 0 || stream_reader_push(reader, bytes, (size_t)r) < 0)
            exit(6);
        if (at("greet-twice")) {
            say_hello();
            stand_still();
        }
        if (at("fail-in-the-middle")) {
            say_frame(MESSAGE_FAILED, false, "the roof fell in");
            stand_still();
        }
    }
    stream_reader_free(reader);
}

static void greet(void)
{
    const struct candidate_answer answer = { .only_refusals = at("be-older") };
    enum message_type first;
    unsigned char *frame;
    size_t len;

    if (at("say-nothing"))
        stand_still();
    if (at("say-something-else"))
        say("Welcome, today is the day of the cat\n", 37);
    if (!frames) {
        say(XL_BANNER, strlen(XL_BANNER));
        return;
    }
    say(MESSAGE_BANNER, strlen(MESSAGE_BANNER));
    hear_frame(MESSAGE_HELLO);
    say_hello();
    first = hear_any_frame();
    if (first != MESSAGE_PREFLIGHT)
        answer_word(first);
    if (at("answer-rubbish"))
        say("rubbish, and more than a header of it", 37);
    if (at("answer-nothing"))
        stand_still();
    frame = message_encode_answer(&answer, &len);
    say(frame, len);
    if (at("answer-twice"))
        say(frame, len);
    free(frame);
    hear_frame(MESSAGE_BEGIN);
    do_at("AT_BEGIN");
    say_frame(MESSAGE_LISTENING, false, "");
}

static void be_ready(void)
{
    if (at("hang-up-before-ready") || at("run-all-the-same"))
        exit(0);
    do_at("AT_READY");
    if (at("never-be-ready"))
        stand_still();
    if (at("be-ready-in-other-words"))
        say("all fine over here, please go ahead now", 39);
    if (at("stop-listening"))
        close(STDIN_FILENO);
    if (frames)
        say_frame(MESSAGE_RECEIVED, false, "");
    else
        say(XL_READY, sizeof XL_READY);
    if (at("stop-listening"))
        sleep(5);
}

/* The source could not record GO_DECIDED. */
static void be_asked_back(void)
{
    if (at("hang-up-at-take-back"))
        exit(0);
    if (at("keep-it")) {
        say_frame(MESSAGE_BUSY, false, "not now");
        stand_still();
    }
    say_frame(MESSAGE_ABORTED, false, "");
    hear_frame(MESSAGE_ABORT);
    say_frame(MESSAGE_CLOSED, false, "");
    exit(0);
}

static void take_go(void)
{
    char go[sizeof XL_GO];
    enum message_type word;

    if (frames) {
        word = hear_any_frame();
        if (journal && word == MESSAGE_TAKE_BACK)
            be_asked_back();
        if (word != MESSAGE_GO)
            exit(7);
        do_at("AT_GO");
    }
    if (!frames)
        hear(go, sizeof go);
    if (at("hang-up-after-go"))
        exit(0);
    if (at("say-nothing-after-go"))
        stand_still();
}

/* As docs/handover.md has it. */
static void report_and_close(void)
{
    bool started = !at("not-start") && !at("start-late");

    say_frame(MESSAGE_REPORT, started, "no");
    if (!started) {
        hear_frame(MESSAGE_TAKE_BACK);
        if (at("start-late"))
            say_frame(MESSAGE_REPORT, true, "");
        else
            say_frame(MESSAGE_ABORTED, false, "");
    }
    hear_frame(at("not-start") ? MESSAGE_ABORT : MESSAGE_CONFIRM);
    do_at("AT_LAST_WORD");
    if (at("hang-up-before-closed") || at("never-close"))
        exit(0);
    say_frame(MESSAGE_CLOSED, false, "");
}

static void report(void)
{
    bool started = !at("not-start") && !at("not-start-nor-release");

    if (frames) {
        say_frame(MESSAGE_REPORT, started, "no");
        return;
    }
    say(XL_REPORT, sizeof XL_REPORT);
    say(started ? "\0" : "\3", 1);
    if (at("not-start"))
        say(XL_GO, sizeof XL_GO);
}

int main(int argc, char **argv)
{
    journal = argc == 3 && strcmp(argv[1], "journal") == 0;
    frames = journal || (argc == 3 && strcmp(argv[1], "frames") == 0);
    step = argc > 1 ? argv[argc - 1] : "";
    greet();
    take_stream();
    be_ready();
    take_go();
    if (journal)
        report_and_close();
    else
        report();
    return 0;
}
