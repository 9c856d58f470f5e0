/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/handover/journal-record.h"

#include "stream-format/crc32c.h"
#include "xlmig/base/json-fields.h"
#include "xlmig/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRAILER "crc32c %08x\n"
#define TRAILER_BYTES 16u
#define NR_MEMBERS 20
#define NR_MEMBERS_1 17
#define NR_MEMBERS_OF_NUMBERS 4

/* ---- states ---- */

static const struct {
    enum journal_side side;
    const char *name;
    unsigned next;        /* bits */
    bool end;
} states[JOURNAL_NR_STATES] = {
#define TO(state) (1u << JOURNAL_##state)
    [JOURNAL_COPYING] = { JOURNAL_SEND, "copying", TO(GO_DECIDED) | TO(ABORTED), false },
    [JOURNAL_GO_DECIDED] = { JOURNAL_SEND, "go-decided", TO(MOVED) | TO(ABORTED), false },
    [JOURNAL_MOVED] = { JOURNAL_SEND, "moved", 0, true },
    [JOURNAL_INCOMING] = { JOURNAL_RECEIVE, "incoming", TO(READY) | TO(ABORTED), false },
    [JOURNAL_READY] = { JOURNAL_RECEIVE, "ready", TO(GO) | TO(ABORTED), false },
    [JOURNAL_GO] = { JOURNAL_RECEIVE, "go", TO(STARTED) | TO(ABORTED), false },
    [JOURNAL_STARTED] = { JOURNAL_RECEIVE, "started", 0, true },
    [JOURNAL_ABORTED] = { JOURNAL_SEND, "aborted", 0, true }, /* of either side */
#undef TO
};

static const char *const side_names[] = { [JOURNAL_SEND] = "send", [JOURNAL_RECEIVE] = "receive" };

const char *journal_side_name(enum journal_side side)
{
    return side_names[side];
}

const char *journal_state_name(enum journal_state state)
{
    return states[state].name;
}

enum journal_state journal_first_state(enum journal_side side)
{
    return side == JOURNAL_SEND ? JOURNAL_COPYING : JOURNAL_INCOMING;
}

bool journal_side_has(enum journal_side side, enum journal_state state)
{
    return state == JOURNAL_ABORTED || states[state].side == side;
}

bool journal_may_follow(enum journal_state from, enum journal_state to)
{
    return (states[from].next >> to & 1) != 0;
}

bool journal_may_end(enum journal_state state)
{
    return states[state].end;
}

/* ---- checking ---- */

static bool offered_fits(const struct journal_record *record)
{
    switch (record->state) {
    case JOURNAL_READY:
    case JOURNAL_GO:
    case JOURNAL_STARTED:
        return record->offered;
    case JOURNAL_ABORTED:
        return !record->offered || record->side == JOURNAL_RECEIVE;
    default:
        return !record->offered;
    }
}

int journal_record_check(const struct journal_record *record, struct failure *failure)
{
    if (!journal_side_has(record->side, record->state) || !offered_fits(record))
        return failure_set(failure, "its state does not fit the rest");
    if (record->generation == 0 || record->generation > INT64_MAX || record->serial == 0 ||
        record->serial > INT64_MAX)
        return failure_set(failure, "its numbers make no sense");
    if (!vm_name_is_valid(record->name))
        return failure_set(failure, "its name is none of a VM");
    if (!record->peer[0] || !text_is_fit(record->peer) || !text_is_fit(record->transport) ||
        !text_is_fit(record->ssh_command) || !text_is_fit(record->boot) || !text_is_fit(record->why))
        return failure_set(failure, "a text in it is missing or no plain text");
    if (record->began_s < 0 || record->changed_s < 0)
        return failure_set(failure, "its times make no sense");
    return 0;
}

/* ---- writing ---- */

static struct json_object *describe(const struct journal_record *r)
{
    struct json_object *object = json_object_new_object();

    fields_add_u64(object, "version", JOURNAL_RECORD_VERSION);
    fields_add_text(object, "side", side_names[r->side]);
    fields_add_text(object, "state", states[r->state].name);
    fields_add_bytes(object, "token", r->token, sizeof r->token);
    fields_add_bytes(object, "uuid", r->uuid, sizeof r->uuid);
    fields_add_u64(object, "generation", r->generation);
    fields_add_u64(object, "serial", r->serial);
    fields_add_text(object, "name", r->name);
    fields_add_text(object, "peer", r->peer);
    fields_add_text(object, "transport", r->transport);
    fields_add_text(object, "ssh_command", r->ssh_command);
    fields_add_text(object, "boot", r->boot);
    fields_add_u64(object, "domid", r->domain.domid);
    fields_add_u64(object, "stood_ns", r->domain.stood_ns);
    fields_add_bool(object, "fenced", r->domain.fenced);
    fields_add_bool(object, "paused", r->paused);
    fields_add_bool(object, "offered", r->offered);
    fields_add_text(object, "why", r->why);
    fields_add_u64(object, "began", (uint64_t)r->began_s);
    fields_add_u64(object, "changed", (uint64_t)r->changed_s);
    return object;
}

/* `object` and the checksum of it; takes the object.  0 octets: too long, or no memory. */
static size_t seal(struct json_object *object, char bytes[JOURNAL_RECORD_MAX])
{
    size_t len = 0;
    const char *text = json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN, &len);

    if (text && len + 1 + TRAILER_BYTES < JOURNAL_RECORD_MAX) {
        memcpy(bytes, text, len);
        bytes[len++] = '\n';
        len += (size_t)snprintf(bytes + len, TRAILER_BYTES + 1, TRAILER, crc32c(0, bytes, len));
    } else {
        len = 0;
    }
    json_object_put(object);
    return len;
}

int journal_record_encode(const struct journal_record *record, char bytes[JOURNAL_RECORD_MAX], size_t *len,
                          struct failure *failure)
{
    struct journal_record again;

    *len = seal(describe(record), bytes);
    return journal_record_decode(bytes, *len, &again, failure);
}

/* ---- reading ---- */

/* 0: the checksum at the end is that of all before it. */
static int check_trailer(const char *bytes, size_t len, struct failure *failure)
{
    char trailer[TRAILER_BYTES + 1];

    if (len > JOURNAL_RECORD_MAX)
        return failure_set(failure, "it is too long");
    if (len < TRAILER_BYTES + 1 || memcmp(bytes + len - TRAILER_BYTES, TRAILER, strlen("crc32c ")) != 0)
        return failure_set(failure, "it does not end as a journal of xlmig does: torn, or not one of xlmig's");
    snprintf(trailer, sizeof trailer, TRAILER, crc32c(0, bytes, len - TRAILER_BYTES));
    if (memcmp(bytes + len - TRAILER_BYTES, trailer, TRAILER_BYTES) != 0 || bytes[len - TRAILER_BYTES - 1] != '\n')
        return failure_set(failure, "it is torn or damaged: its checksum is wrong");
    return 0;
}

/* The place of `name` among `names`, or -1. */
static int place_of(const char *name, size_t nr, const char *(*nth)(size_t))
{
    for (size_t i = 0; i < nr; i++)
        if (strcmp(name, nth(i)) == 0)
            return (int)i;
    return -1;
}

static const char *nth_side(size_t i)
{
    return side_names[i];
}

static const char *nth_state(size_t i)
{
    return states[i].name;
}

static int read_side_and_state(struct json_object *object, struct journal_record *r)
{
    char side[16], state[16];
    int side_at, state_at;

    if (fields_get_text(object, "side", side, sizeof side, true) < 0 ||
        fields_get_text(object, "state", state, sizeof state, true) < 0)
        return -1;
    side_at = place_of(side, 2, nth_side);
    state_at = place_of(state, JOURNAL_NR_STATES, nth_state);
    if (side_at < 0 || state_at < 0)
        return -1;
    r->side = (enum journal_side)side_at;
    r->state = (enum journal_state)state_at;
    return 0;
}

static int read_domain(struct json_object *object, struct journal_domain *domain)
{
    return fields_get_unsigned(object, "domid", &domain->domid) < 0 ||
                   fields_get_u64(object, "stood_ns", &domain->stood_ns) < 0 ||
                   fields_get_bool(object, "fenced", &domain->fenced) < 0
               ? -1 : 0;
}

static int read_members(struct json_object *object, struct journal_record *r)
{
    if (fields_has(object, "domid") && read_domain(object, &r->domain) < 0)
        return -1;
    return read_side_and_state(object, r) < 0 ||
                   fields_get_bytes(object, "token", r->token, sizeof r->token) < 0 ||
                   fields_get_bytes(object, "uuid", r->uuid, sizeof r->uuid) < 0 ||
                   fields_get_u64(object, "generation", &r->generation) < 0 ||
                   fields_get_u64(object, "serial", &r->serial) < 0 ||
                   fields_get_text(object, "name", r->name, sizeof r->name, true) < 0 ||
                   fields_get_text(object, "peer", r->peer, sizeof r->peer, true) < 0 ||
                   fields_get_text(object, "transport", r->transport, sizeof r->transport, true) < 0 ||
                   fields_get_text(object, "ssh_command", r->ssh_command, sizeof r->ssh_command, true) < 0 ||
                   fields_get_text(object, "boot", r->boot, sizeof r->boot, true) < 0 ||
                   fields_get_bool(object, "paused", &r->paused) < 0 ||
                   fields_get_bool(object, "offered", &r->offered) < 0 ||
                   fields_get_text(object, "why", r->why, sizeof r->why, true) < 0 ||
                   fields_get_int(object, "began", 0, INT64_MAX, &r->began_s) < 0 ||
                   fields_get_int(object, "changed", 0, INT64_MAX, &r->changed_s) < 0
               ? -1 : 0;
}

/* The object under a checksum that is right, of a version that is known.  NULL: see failure. */
static struct json_object *unseal(const char *bytes, size_t len, struct failure *failure)
{
    struct json_object *object;
    uint64_t version;

    if (check_trailer(bytes, len, failure) < 0)
        return NULL;
    object = fields_parse(bytes, len - TRAILER_BYTES - 1);
    if (!object || fields_get_u64(object, "version", &version) < 0)
        failure_set(failure, "it is no journal of xlmig's");
    else if (version < 1 || version > JOURNAL_RECORD_VERSION)
        failure_set(failure, "another release of xlmig wrote it (version %llu)", (unsigned long long)version);
    else
        return object;
    json_object_put(object);
    return NULL;
}

static bool has_the_members(struct json_object *object)
{
    uint64_t version;

    return fields_get_u64(object, "version", &version) == 0 &&
           json_object_object_length(object) == (version == 1 ? NR_MEMBERS_1 : NR_MEMBERS);
}

int journal_record_decode(const void *bytes, size_t len, struct journal_record *record, struct failure *failure)
{
    struct json_object *object = unseal(bytes, len, failure);
    int rc = -1;

    *record = (struct journal_record){ 0 };
    if (object && !has_the_members(object))
        failure_set(failure, "a member of it is missing or unknown");
    else if (object && read_members(object, record) < 0)
        failure_set(failure, "a member of it makes no sense");
    else if (object)
        rc = journal_record_check(record, failure);
    json_object_put(object);
    if (rc < 0)
        *record = (struct journal_record){ 0 };
    return rc;
}

/* ---- numbers ---- */

static bool is_same_host(const struct journal_host *a, const struct journal_host *b)
{
    if (a->has_identity != b->has_identity)
        return false;
    return a->has_identity ? memcmp(a->identity, b->identity, sizeof a->identity) == 0 : strcmp(a->name, b->name) == 0;
}

uint64_t journal_numbers_taken(const struct journal_numbers *numbers, const struct journal_host *host)
{
    for (unsigned i = 0; i < numbers->nr_taken; i++)
        if (is_same_host(&numbers->taken[i].host, host))
            return numbers->taken[i].generation;
    return 0;
}

void journal_numbers_take(struct journal_numbers *numbers, const struct journal_host *host, uint64_t generation)
{
    unsigned at = 0;

    while (at < numbers->nr_taken && !is_same_host(&numbers->taken[at].host, host))
        at++;
    if (at == numbers->nr_taken && numbers->nr_taken < JOURNAL_PEERS_MAX)
        numbers->nr_taken++;
    if (at == JOURNAL_PEERS_MAX)
        at--;
    memmove(numbers->taken + 1, numbers->taken, at * sizeof numbers->taken[0]);
    numbers->taken[0].host = *host;
    numbers->taken[0].generation = generation;
}

/* `identity` is a member that releases without one read over. */
static struct json_object *describe_taken(const struct journal_host *host, uint64_t generation)
{
    struct json_object *of = json_object_new_object();

    fields_add_text(of, "peer", host->name);
    fields_add_u64(of, "generation", generation);
    if (host->has_identity)
        fields_add_bytes(of, "identity", host->identity, sizeof host->identity);
    return of;
}

int journal_numbers_encode(const struct journal_numbers *numbers, char bytes[JOURNAL_RECORD_MAX], size_t *len,
                           struct failure *failure)
{
    struct json_object *object = json_object_new_object(), *taken = json_object_new_array();
    struct journal_numbers again;

    fields_add_u64(object, "version", JOURNAL_RECORD_VERSION);
    fields_add_u64(object, "serial", numbers->serial);
    fields_add_u64(object, "given", numbers->given);
    if (numbers->has_salt)
        fields_add_bytes(object, "salt", numbers->salt, sizeof numbers->salt);
    for (unsigned i = 0; i < numbers->nr_taken; i++)
        json_object_array_add(taken, describe_taken(&numbers->taken[i].host, numbers->taken[i].generation));
    json_object_object_add(object, "taken", taken);
    *len = seal(object, bytes);
    return journal_numbers_decode(bytes, *len, &again, failure);
}

static int read_host(struct json_object *of, struct journal_host *host)
{
    host->has_identity = fields_has(of, "identity");
    if (host->has_identity && fields_get_bytes(of, "identity", host->identity, sizeof host->identity) < 0)
        return -1;
    return fields_get_text(of, "peer", host->name, sizeof host->name, true);
}

static int read_taken(struct json_object *object, struct journal_numbers *numbers)
{
    struct json_object *taken;

    if (!json_object_object_get_ex(object, "taken", &taken) || !json_object_is_type(taken, json_type_array) ||
        json_object_array_length(taken) > JOURNAL_PEERS_MAX)
        return -1;
    for (size_t i = 0; i < json_object_array_length(taken); i++) {
        struct json_object *of = json_object_array_get_idx(taken, i);

        if (!json_object_is_type(of, json_type_object) || read_host(of, &numbers->taken[i].host) < 0 ||
            fields_get_u64(of, "generation", &numbers->taken[i].generation) < 0)
            return -1;
        numbers->nr_taken++;
    }
    return 0;
}

static int read_numbers(struct json_object *object, struct journal_numbers *numbers)
{
    numbers->has_salt = fields_has(object, "salt");
    if (json_object_object_length(object) != NR_MEMBERS_OF_NUMBERS + numbers->has_salt ||
        (numbers->has_salt && fields_get_bytes(object, "salt", numbers->salt, sizeof numbers->salt) < 0))
        return -1;
    return fields_get_u64(object, "serial", &numbers->serial) < 0 ||
                   fields_get_u64(object, "given", &numbers->given) < 0 || read_taken(object, numbers) < 0
               ? -1 : 0;
}

int journal_numbers_decode(const void *bytes, size_t len, struct journal_numbers *numbers, struct failure *failure)
{
    struct json_object *object = unseal(bytes, len, failure);
    int rc = object ? 0 : -1;

    *numbers = (struct journal_numbers){ 0 };
    if (object && read_numbers(object, numbers) < 0)
        rc = failure_set(failure, "a member of it is missing, unknown, or makes no sense");
    json_object_put(object);
    if (rc < 0)
        *numbers = (struct journal_numbers){ 0 };
    return rc;
}
