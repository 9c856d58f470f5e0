/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The control protocol between two xlmigs: bytes only, no I/O.
 * Written down in docs/control-protocol.md.
 *
 * The receiver opens with CONTROL_BANNER.  Then frames: a header of 12 bytes,
 * little-endian, and a JSON object.  Everything that comes from the peer is
 * hostile: lengths are capped before anything is allocated, text is stripped
 * of control characters before it can reach a terminal.
 */
#ifndef XLMIG_CONTROL_H
#define XLMIG_CONTROL_H

#include "xlmig/toolstack/toolstack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROL_BANNER "xlmig receiver 1\n"
#define CONTROL_VERSION 1u
#define CONTROL_HEADER_BYTES 12u
#define CONTROL_PAYLOAD_MAX (2u * 1024 * 1024)

enum control_type {
    CONTROL_HELLO = 1,      /* both: who I am, what I speak */
    CONTROL_PREFLIGHT = 2,  /* sender: could you take this VM? */
    CONTROL_ANSWER = 3,     /* receiver: yes, or why not */
    CONTROL_BEGIN = 4,      /* sender: I shall send it now */
    CONTROL_LISTENING = 5,  /* receiver: what you write from now on goes to the restore */
    CONTROL_RECEIVED = 6,   /* receiver: all is here, the VM waits for GO; frames again both ways */
    CONTROL_GO = 7,         /* sender: it is yours, start it */
    CONTROL_REPORT = 8,     /* receiver: it runs, or it does not and is gone again */
    CONTROL_FAILED = 9,     /* receiver: it went wrong before GO; nothing of the VM is kept here */
    CONTROL_NOTE = 10,      /* receiver: a line for the administrator */
    CONTROL_CHANNELS = 11,  /* receiver: the further channels may come now, and where to */
    CONTROL_JOIN = 12,      /* sender, instead of PREFLIGHT: this connection is a channel of that migration */
    CONTROL_DEVICES = 13,   /* receiver: the early devices are set up, the guest may be stopped */
    /* docs/handover.md; like GO, the sender's may also begin a new connection, in the place of PREFLIGHT */
    CONTROL_TAKE_BACK = 14, /* sender: give it back, if it never ran */
    CONTROL_ABORT = 15,     /* sender: it is not moved; destroy your copy and forget the token */
    CONTROL_CONFIRM = 16,   /* sender: it is yours, and my copy is gone; forget the token */
    CONTROL_ASK = 17,       /* sender: what do you have? */
    CONTROL_ABORTED = 18,   /* receiver: it never ran here and never will */
    CONTROL_CLOSED = 19,    /* receiver: nothing of this token is here */
    CONTROL_LOST = 20,      /* receiver: it was mine and is gone, nobody can tell whether it ran */
    CONTROL_BUSY = 21,      /* receiver: another process is at it, ask again */
};
#define CONTROL_LAST_TYPE CONTROL_BUSY

#define CONTROL_TOKEN_BYTES 16u
#define CONTROL_KEY_BYTES 32u
#define CONTROL_CHANNELS_MAX 64u  /* IMAGE-V1.md */
#define CONTROL_ADDRESS_MAX 63u   /* numeric, with an IPv6 scope */

/* How the data travels. */
enum control_data {
    CONTROL_DATA_INLINE,    /* channel 0 on this connection, each other one on a connection of its own that says JOIN */
    CONTROL_DATA_TCP,       /* all channels on TCP connections */
    CONTROL_DATA_TLS,       /* ... with TLS 1.3 and a key made for this migration */
    CONTROL_NR_DATA,
};
/* "inline", "tcp", "tls" */
const char *control_data_name(enum control_data data);

struct control_header {
    enum control_type type;
    uint32_t len;
};

void control_header_encode(unsigned char out[CONTROL_HEADER_BYTES], enum control_type type, uint32_t len);
/* -1: not a header of ours, of an unknown type, or too long. */
int control_header_decode(const unsigned char in[CONTROL_HEADER_BYTES], struct control_header *header);

/* Each fits its type of message; text fields hold no control characters. */
struct control_hello {
    unsigned min_version, max_version;
    char program[64];
    char host[256];
    char hypervisor[64];
    /* What its restore can read.  0: nothing but libxc's image. */
    unsigned image_version;
    uint64_t image_features;
    /* A release that says nothing of channels takes one, inline. */
    unsigned max_channels;
    unsigned data;                /* bit (1 << enum control_data) for each way it can go */
    unsigned cpus;                /* 0: it does not say */
    unsigned handover;            /* 1: it keeps journals, and knows the messages of docs/handover.md; 0: it does not */
};

struct control_preflight {
    char name[VM_NAME_MAX + 1];
    uint8_t uuid[16];
    enum vm_type type;
    uint64_t memory_bytes;
    unsigned vcpus;
    char *config_json;            /* malloc() */
    bool early_devices;           /* the sender takes `config_json` of the answer */
    bool ignore_devices;          /* what is wrong with its disks and networks there refuses nothing */
    unsigned nr_disks;            /* whose sizes the sender knows */
    struct toolstack_disk disks[TOOLSTACK_DISKS_MAX];
    struct cpu_policy cpu_policy; /* malloc(); empty: not to be checked */
};

#define CONTROL_TEXT_MAX 1024u

struct control_answer {
    struct check_list found;      /* it may come unless this refuses */
    bool only_refusals;           /* the receiver is of a release that tells nothing else */
    char *config_json;            /* malloc(); to be sent in the stream in the place of the VM's own; NULL: nothing */
};

struct control_begin {
    bool paused;
    bool image_v1;                /* xlmig's image; else libxc's */
    unsigned nr_channels;         /* 1 to CONTROL_CHANNELS_MAX */
    enum control_data data;
    uint8_t token[CONTROL_TOKEN_BYTES]; /* what each channel but an inline one shows */
    uint8_t key[CONTROL_KEY_BYTES];     /* tls */
    char address[CONTROL_ADDRESS_MAX + 1]; /* tcp and tls: where to listen; "": the receiver chooses */
    uint64_t generation;          /* of the attempt; 0: of a sender that keeps no journal */
};

struct control_channels {
    char address[CONTROL_ADDRESS_MAX + 1]; /* tcp and tls */
    unsigned port;
};

struct control_join {
    uint8_t token[CONTROL_TOKEN_BYTES];
    unsigned channel;             /* 1 to CONTROL_CHANNELS_MAX - 1 */
};

/* What a sender says of a migration that was begun: GO, TAKE_BACK, ABORT, CONFIRM, ASK. */
struct control_word {
    uint8_t token[CONTROL_TOKEN_BYTES];
    uint64_t generation;          /* 0: GO of a sender that keeps no journal, which names no token either */
};
bool control_is_word(enum control_type type);

/* REPORT carries `flag` started; the others only text, if any. */
struct control_simple {
    bool flag;
    char text[CONTROL_TEXT_MAX];
};

/* A whole frame, malloc()ed; NULL: no memory, or too long for a frame. */
unsigned char *control_encode_hello(const struct control_hello *hello, size_t *len);
unsigned char *control_encode_preflight(const struct control_preflight *preflight, size_t *len);
unsigned char *control_encode_answer(const struct control_answer *answer, size_t *len);
unsigned char *control_encode_begin(const struct control_begin *begin, size_t *len);
unsigned char *control_encode_channels(const struct control_channels *channels, size_t *len);
unsigned char *control_encode_join(const struct control_join *join, size_t *len);
unsigned char *control_encode_word(enum control_type type, const struct control_word *word, size_t *len);
unsigned char *control_encode_simple(enum control_type type, const struct control_simple *simple, size_t *len);

/* The payload of a frame.  -1: a field that is needed is missing or makes no sense. */
int control_decode_hello(const void *payload, size_t len, struct control_hello *hello);
int control_decode_preflight(const void *payload, size_t len, struct control_preflight *preflight);
int control_decode_answer(const void *payload, size_t len, struct control_answer *answer);
int control_decode_begin(const void *payload, size_t len, struct control_begin *begin);
int control_decode_channels(const void *payload, size_t len, struct control_channels *channels);
int control_decode_join(const void *payload, size_t len, struct control_join *join);
int control_decode_word(enum control_type type, const void *payload, size_t len, struct control_word *word);
int control_decode_simple(const void *payload, size_t len, struct control_simple *simple);

void control_preflight_dispose(struct control_preflight *preflight);
void control_answer_dispose(struct control_answer *answer);

/* The version that both speak, or 0. */
unsigned control_common_version(const struct control_hello *peer);

/* Replace control characters by blanks and drop an unfinished UTF-8 tail: fit for a terminal. */
void clean_text(char *text);

#endif
