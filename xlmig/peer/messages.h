/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The control protocol between two xlmigs: bytes only, no I/O.
 * Written down in docs/control-protocol.md.
 *
 * The receiver opens with MESSAGE_BANNER.  Then frames: a header of 12 bytes,
 * little-endian, and a JSON object.  Everything that comes from the peer is
 * hostile: lengths are capped before anything is allocated, text is stripped
 * of control characters before it can reach a terminal.
 */
#ifndef XLMIG_PEER_MESSAGES_H
#define XLMIG_PEER_MESSAGES_H

#include "xlmig/vm/candidate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_BANNER "xlmig receiver 1\n"
#define MESSAGE_VERSION 1u
#define MESSAGE_HEADER_BYTES 12u
#define MESSAGE_PAYLOAD_MAX (2u * 1024 * 1024)

enum message_type {
    MESSAGE_HELLO = 1,      /* both: who I am, what I speak */
    MESSAGE_PREFLIGHT = 2,  /* sender: could you take this VM? */
    MESSAGE_ANSWER = 3,     /* receiver: yes, or why not */
    MESSAGE_BEGIN = 4,      /* sender: I shall send it now */
    MESSAGE_LISTENING = 5,  /* receiver: what you write from now on goes to the restore */
    MESSAGE_RECEIVED = 6,   /* receiver: all is here, the VM waits for GO; frames again both ways */
    MESSAGE_GO = 7,         /* sender: it is yours, start it */
    MESSAGE_REPORT = 8,     /* receiver: it runs, or it does not and is gone again */
    MESSAGE_FAILED = 9,     /* receiver: it went wrong before GO; nothing of the VM is kept here */
    MESSAGE_NOTE = 10,      /* receiver: a line for the administrator */
    MESSAGE_CHANNELS = 11,  /* receiver: the further channels may come now, and where to */
    MESSAGE_JOIN = 12,      /* sender, instead of PREFLIGHT: this connection is a channel of that migration */
    MESSAGE_DEVICES = 13,   /* receiver: the early devices are set up, the guest may be stopped */
    /* docs/handover.md; like GO, the sender's may also begin a new connection, in the place of PREFLIGHT */
    MESSAGE_TAKE_BACK = 14, /* sender: give it back, if it never ran */
    MESSAGE_ABORT = 15,     /* sender: it is not moved; destroy your copy and forget the token */
    MESSAGE_CONFIRM = 16,   /* sender: it is yours, and my copy is gone; forget the token */
    MESSAGE_ASK = 17,       /* sender: what do you have? */
    MESSAGE_ABORTED = 18,   /* receiver: it never ran here and never will */
    MESSAGE_CLOSED = 19,    /* receiver: nothing of this token is here */
    MESSAGE_LOST = 20,      /* receiver: it was mine and is gone, nobody can tell whether it ran */
    MESSAGE_BUSY = 21,      /* receiver: another process is at it, ask again */
};
#define MESSAGE_LAST_TYPE MESSAGE_BUSY

#define MESSAGE_KEY_BYTES 32u
#define MESSAGE_CHANNELS_MAX 64u  /* IMAGE-V1.md */
#define MESSAGE_ADDRESS_MAX 63u   /* numeric, with an IPv6 scope */

/* How the data travels. */
enum message_data {
    MESSAGE_DATA_INLINE,    /* channel 0 on this connection, each other one on a connection of its own that says JOIN */
    MESSAGE_DATA_TCP,       /* all channels on TCP connections */
    MESSAGE_DATA_TLS,       /* ... with TLS 1.3 and a key made for this migration */
    MESSAGE_NR_DATA,
};
/* "inline", "tcp", "tls" */
const char *message_data_name(enum message_data data);

struct message_header {
    enum message_type type;
    uint32_t len;
};

void message_header_encode(unsigned char out[MESSAGE_HEADER_BYTES], enum message_type type, uint32_t len);
/* -1: not a header of ours, of an unknown type, or too long. */
int message_header_decode(const unsigned char in[MESSAGE_HEADER_BYTES], struct message_header *header);

/* Each fits its type of message; text fields hold no control characters. */
struct message_hello {
    unsigned min_version, max_version;
    char program[64];
    char host[256];
    char hypervisor[64];
    /* What its restore can read.  0: nothing but libxc's image. */
    unsigned image_version;
    uint64_t image_features;
    /* A release that says nothing of channels takes one, inline. */
    unsigned max_channels;
    unsigned data;                /* bit (1 << enum message_data) for each way it can go */
    unsigned cpus;                /* 0: it does not say */
    unsigned rejoin;              /* 1: a lost connection of tcp and tls can be replaced in mid-copy; 0: it cannot */
    unsigned handover;            /* 1: it keeps journals, and knows the messages of docs/handover.md; 0: it does not */
};

#define MESSAGE_PORT_MAX 65535u
#define MESSAGE_TEXT_MAX 1024u
#define MESSAGE_SOURCE_BYTES 16u /* the identity of a host that sends */

/* Ports to choose one from; 0 and 0: any. */
struct port_range {
    unsigned first, last;
};

struct message_begin {
    bool paused;
    bool image_v1;                /* xlmig's image; else libxc's */
    unsigned nr_channels;         /* 1 to MESSAGE_CHANNELS_MAX */
    enum message_data data;
    uint8_t token[MIGRATION_TOKEN_BYTES]; /* what each channel but an inline one shows */
    uint8_t key[MESSAGE_KEY_BYTES];     /* tls */
    char address[MESSAGE_ADDRESS_MAX + 1]; /* tcp and tls: where to listen; "": the receiver chooses */
    struct port_range ports;      /* tcp and tls: at which of them */
    bool rejoin;                  /* tcp and tls: a lost connection is replaced by another one */
    uint64_t generation;          /* of the attempt; 0: of a sender that keeps no journal */
    bool has_source;              /* it says who it is, besides its name: */
    uint8_t source[MESSAGE_SOURCE_BYTES];
};

struct message_channels {
    char address[MESSAGE_ADDRESS_MAX + 1]; /* tcp and tls */
    unsigned port;
};

struct message_join {
    uint8_t token[MIGRATION_TOKEN_BYTES];
    unsigned channel;             /* 1 to MESSAGE_CHANNELS_MAX - 1 */
};

/* What a sender says of a migration that was begun: GO, TAKE_BACK, ABORT, CONFIRM, ASK. */
struct message_word {
    uint8_t token[MIGRATION_TOKEN_BYTES];
    uint64_t generation;          /* 0: GO of a sender that keeps no journal, which names no token either */
};

/* REPORT carries `flag` started; the others only text, if any. */
struct message_simple {
    bool flag;
    char text[MESSAGE_TEXT_MAX];
};

/* A whole frame, malloc()ed; NULL: no memory, or too long for a frame. */
unsigned char *message_encode_hello(const struct message_hello *hello, size_t *len);
unsigned char *message_encode_preflight(const struct candidate *preflight, size_t *len);
unsigned char *message_encode_answer(const struct candidate_answer *answer, size_t *len);
unsigned char *message_encode_begin(const struct message_begin *begin, size_t *len);
unsigned char *message_encode_channels(const struct message_channels *channels, size_t *len);
unsigned char *message_encode_join(const struct message_join *join, size_t *len);
unsigned char *message_encode_word(enum message_type type, const struct message_word *word, size_t *len);
unsigned char *message_encode_simple(enum message_type type, const struct message_simple *simple, size_t *len);

/* The payload of a frame.  -1: a field that is needed is missing or makes no sense. */
int message_decode_hello(const void *payload, size_t len, struct message_hello *hello);
int message_decode_preflight(const void *payload, size_t len, struct candidate *preflight);
int message_decode_answer(const void *payload, size_t len, struct candidate_answer *answer);
int message_decode_begin(const void *payload, size_t len, struct message_begin *begin);
int message_decode_channels(const void *payload, size_t len, struct message_channels *channels);
int message_decode_join(const void *payload, size_t len, struct message_join *join);
int message_decode_word(enum message_type type, const void *payload, size_t len, struct message_word *word);
int message_decode_simple(const void *payload, size_t len, struct message_simple *simple);

/* Who says a message. */
enum message_side { MESSAGE_FROM_SENDER = 1, MESSAGE_FROM_RECEIVER = 2 };

/* When the receiver listens for what a sender says.  When the receiver says what, its own states decide. */
enum message_moment {
    MESSAGE_AT_GREETING = 1,      /* nothing was said yet */
    MESSAGE_AT_OPENING = 2,       /* after HELLO: what this connection is for */
    MESSAGE_AT_BEGIN = 4,         /* after ANSWER */
    MESSAGE_AT_GO = 8,            /* after RECEIVED, of a sender that keeps no journal */
    MESSAGE_AT_WORD = 16,         /* after RECEIVED, or another answer to a word, of one that does */
};

/* What a message says; the member is named by the pair of functions of its row. */
union message_body {
    struct message_hello hello;
    struct candidate preflight;
    struct candidate_answer answer;
    struct message_begin begin;
    struct message_channels channels;
    struct message_join join;
    struct message_word word;
    struct message_simple simple;
};

/* A row of the table of messages. */
struct message_kind {
    const char *name;             /* in docs/control-protocol.md */
    unsigned from;                /* of enum message_side */
    unsigned at;                  /* of enum message_moment; 0: a receiver's */
    unsigned char *(*encode)(enum message_type type, const union message_body *in, size_t *len);
    int (*decode)(enum message_type type, const void *payload, size_t len, union message_body *out);
    void (*dispose)(union message_body *body); /* NULL: nothing to be freed */
};
/* NULL: there is no such message. */
const struct message_kind *message_kind(enum message_type type);

/* One of the words that a message_word is for. */
bool message_is_word(enum message_type type);
/* `by` one side; `at` the moments that this may be, which count for what the sender says. */
bool message_may_be_said(enum message_type type, unsigned by, unsigned at);

/* By the table, of a type that there is: as those above.  What was decoded is disposed of by its owner. */
unsigned char *message_encode(enum message_type type, const union message_body *body, size_t *len);
int message_decode(enum message_type type, const void *payload, size_t len, union message_body *body);
void message_dispose(enum message_type type, union message_body *body);

/* The version that both speak, or 0. */
unsigned message_common_version(const struct message_hello *peer);

#endif
