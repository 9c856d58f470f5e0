/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "xlmig/helper/libxl-protocol.h"

/* Strings are cut so that a message always fits its 16-bit length. */
#define MAX_STRING 8192u
#define CONTEXT "xlmig"
#define NO_ERRNO (-1) /* libxl's logger adds strerror() of everything else, 0 included */

struct message {
    uint16_t len_bytes;         /* of number and arguments */
    uint8_t body[2 * MAX_STRING + 64];
} __attribute__((packed));

static void begin(struct message *m, enum helper_message number)
{
    uint16_t n = (uint16_t)number;

    memcpy(m->body, &n, sizeof(n));
    m->len_bytes = sizeof(n);
}

static void put(struct message *m, const void *value, size_t len_bytes)
{
    memcpy(m->body + m->len_bytes, value, len_bytes);
    m->len_bytes = (uint16_t)(m->len_bytes + len_bytes);
}

static void put_u32(struct message *m, uint32_t value)
{
    put(m, &value, sizeof(value));
}

static void put_u64(struct message *m, uint64_t value)
{
    put(m, &value, sizeof(value));
}

static void put_string(struct message *m, const char *text)
{
    size_t len = strnlen(text, MAX_STRING - 1);

    put_u32(m, (uint32_t)len + 1);
    put(m, text, len);
    put(m, "", 1);
}

static int send_message(const struct message *m)
{
    const uint8_t *at = (const uint8_t *)m;
    size_t left = sizeof(m->len_bytes) + m->len_bytes;

    while (left) {
        ssize_t r = write(STDOUT_FILENO, at, left);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return -1;
        at += r;
        left -= (size_t)r;
    }
    return 0;
}

static int receive_answer(int *answer)
{
    uint8_t *at = (uint8_t *)answer;
    size_t left = sizeof(*answer);

    while (left) {
        ssize_t r = read(STDIN_FILENO, at, left);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return -1;
        at += r;
        left -= (size_t)r;
    }
    return 0;
}

static int ask(const struct message *m, int *answer)
{
    return send_message(m) || receive_answer(answer) ? -1 : 0;
}

void helper_log(xentoollog_level level, const char *text)
{
    struct message m;

    begin(&m, HELPER_LOG);
    put_u32(&m, (uint32_t)level);
    put_u32(&m, (uint32_t)NO_ERRNO);
    put_string(&m, CONTEXT);
    put_string(&m, text);
    (void)send_message(&m);
}

void helper_progress(const char *doing_what, unsigned long done, unsigned long total)
{
    struct message m;

    begin(&m, HELPER_PROGRESS_REPORT);
    put_string(&m, CONTEXT);
    put_string(&m, doing_what);
    put_u64(&m, done);
    put_u64(&m, total);
    (void)send_message(&m);
}

int helper_suspend(int *answer)
{
    struct message m;

    begin(&m, HELPER_SUSPEND);
    return ask(&m, answer);
}

int helper_switch_qemu_logdirty(uint32_t domid, bool enable, int *answer)
{
    struct message m;

    begin(&m, HELPER_SWITCH_QEMU_LOGDIRTY);
    put_u32(&m, domid);
    put_u32(&m, enable);
    return ask(&m, answer);
}

int helper_static_data_done(unsigned missing, int *answer)
{
    struct message m;

    begin(&m, HELPER_STATIC_DATA_DONE);
    put_u32(&m, missing);
    return ask(&m, answer);
}

void helper_restore_results(uint64_t store_gfn, uint64_t console_gfn)
{
    struct message m;

    begin(&m, HELPER_RESTORE_RESULTS);
    put_u64(&m, store_gfn);
    put_u64(&m, console_gfn);
    (void)send_message(&m);
}

int helper_complete(int retval, int errnum)
{
    struct message m;
    int answer;

    begin(&m, HELPER_COMPLETE);
    put_u32(&m, (uint32_t)retval);
    put_u32(&m, (uint32_t)errnum);
    return ask(&m, &answer);
}
