/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * xlmig image v1: which record may come when, on one channel.
 *
 *   phase     channel 0                     other channels   ends with
 *   OPENING   DOMAIN, KEY, static data      nothing          ROUND of round 0
 *   MEMORY    MEMORY, P2M frames            MEMORY           ROUND with LAST
 *   CLOSING   state, DIGEST, INDEX          nothing          END
 *
 * Each ROUND ends the round at hand. Optional records may come anywhere, but
 * for EXTENTS, which is for before the first page.
 */
#include "stream-format/image1/fail.h"
#include "stream-format/records.h"

void image1_channel_init(struct image1_channel *c, uint16_t channel, uint64_t features)
{
    *c = (struct image1_channel){ .channel = channel, .features = features };
}

static int out_of_order(struct image1_fault *fault, const char *expected, uint32_t type)
{
    return image1_fail(fault, STREAM_FAULT_OUT_OF_ORDER, 0, expected, type);
}

static int take_domain(struct image1_channel *c, struct image1_fault *fault)
{
    if (c->domain_seen)
        return image1_fail(fault, STREAM_FAULT_DUPLICATE_RECORD, 0, "one DOMAIN", IMAGE1_REC_DOMAIN);
    c->domain_seen = true;
    return 0;
}

/* Before the first page, on whatever channel. */
static int take_key(struct image1_channel *c, struct image1_fault *fault)
{
    if (!(c->features & IMAGE1_FEATURE_KEYED))
        return image1_fail(fault, STREAM_FAULT_BAD_FEATURE, 0, "a record of the image's features", IMAGE1_REC_KEY);
    if (c->phase != IMAGE1_PHASE_OPENING)
        return out_of_order(fault, "KEY before the first ROUND", IMAGE1_REC_KEY);
    if (c->key_seen)
        return image1_fail(fault, STREAM_FAULT_DUPLICATE_RECORD, 0, "one KEY", IMAGE1_REC_KEY);
    c->key_seen = true;
    return 0;
}

/* DIGEST and INDEX: announced, once, after the last round. */
static int take_closing(struct image1_channel *c, uint32_t type, bool *seen, uint64_t feature,
                        struct image1_fault *fault)
{
    if (!(c->features & feature))
        return image1_fail(fault, STREAM_FAULT_BAD_FEATURE, 0, "a record of the image's features", type);
    if (c->phase != IMAGE1_PHASE_CLOSING)
        return out_of_order(fault, "the last ROUND before it", type);
    if (*seen)
        return image1_fail(fault, STREAM_FAULT_DUPLICATE_RECORD, 0, "one of its kind", type);
    *seen = true;
    return 0;
}

static int take_end(struct image1_channel *c, struct image1_fault *fault)
{
    if (c->phase != IMAGE1_PHASE_CLOSING)
        return out_of_order(fault, "the last ROUND before it", IMAGE1_REC_END);
    if (c->channel == 0 && (c->features & IMAGE1_FEATURE_DIGEST) && !c->digest_seen)
        return image1_fail(fault, STREAM_FAULT_MISSING_RECORD, 0, "DIGEST before END", IMAGE1_REC_END);
    if (c->channel == 0 && (c->features & IMAGE1_FEATURE_INDEX) && !c->index_seen)
        return image1_fail(fault, STREAM_FAULT_MISSING_RECORD, 0, "INDEX before END", IMAGE1_REC_END);
    c->phase = IMAGE1_PHASE_ENDED;
    return 0;
}

static bool is_for_channel_0(uint32_t type)
{
    return type == IMAGE1_REC_DOMAIN || type == IMAGE1_REC_LIBXC || type == IMAGE1_REC_DIGEST ||
           type == IMAGE1_REC_INDEX || type == IMAGE1_REC_KEY;
}

static int take_known(struct image1_channel *c, uint32_t type, struct image1_fault *fault)
{
    if (c->channel && is_for_channel_0(type))
        return image1_fail(fault, STREAM_FAULT_BAD_CHANNEL, 0, "MEMORY, ROUND or END", type);
    if (!c->channel && !c->domain_seen && type != IMAGE1_REC_DOMAIN)
        return out_of_order(fault, "DOMAIN first", type);
    switch (type) {
    case IMAGE1_REC_DOMAIN:
        return take_domain(c, fault);
    case IMAGE1_REC_KEY:
        return take_key(c, fault);
    case IMAGE1_REC_MEMORY:
        if (c->phase == IMAGE1_PHASE_OPENING)
            return out_of_order(fault, "no memory in round 0", type);
        return c->phase == IMAGE1_PHASE_MEMORY ? 0 : out_of_order(fault, "no memory after the last round", type);
    case IMAGE1_REC_ROUND:
        return c->phase <= IMAGE1_PHASE_MEMORY ? 0 : out_of_order(fault, "no round after the last one", type);
    case IMAGE1_REC_DIGEST:
        return take_closing(c, type, &c->digest_seen, IMAGE1_FEATURE_DIGEST, fault);
    case IMAGE1_REC_INDEX:
        return take_closing(c, type, &c->index_seen, IMAGE1_FEATURE_INDEX, fault);
    case IMAGE1_REC_END:
        return take_end(c, fault);
    default:
        return 0; /* LIBXC: its body tells */
    }
}

static int take_extents(struct image1_channel *c, struct image1_fault *fault)
{
    if (c->channel)
        return image1_fail(fault, STREAM_FAULT_BAD_CHANNEL, 0, "EXTENTS on channel 0", IMAGE1_REC_EXTENTS);
    if (c->phase != IMAGE1_PHASE_OPENING || !c->static_ended)
        return out_of_order(fault, "EXTENTS between STATIC_DATA_END and the first ROUND", IMAGE1_REC_EXTENTS);
    if (c->extents_seen)
        return image1_fail(fault, STREAM_FAULT_DUPLICATE_RECORD, 0, "one EXTENTS", IMAGE1_REC_EXTENTS);
    c->extents_seen = true;
    return 0;
}

int image1_channel_take(struct image1_channel *c, const struct image1_record *record,
                        struct image1_fault *fault)
{
    if (c->phase == IMAGE1_PHASE_ENDED)
        return out_of_order(fault, "nothing after END", record->type);
    if (record->seq != c->next_seq)
        return image1_fail(fault, STREAM_FAULT_BAD_SEQUENCE, 8, "the number after the last record's", record->seq);
    c->next_seq++;
    if (record->type == IMAGE1_REC_EXTENTS)
        return take_extents(c, fault);
    return record->type & STREAM_REC_OPTIONAL ? 0 : take_known(c, record->type, fault);
}

int image1_channel_libxc(struct image1_channel *c, uint32_t libxc_type, struct image1_fault *fault)
{
    const struct stream_record_info *info;

    if (libxc_type & STREAM_REC_OPTIONAL)
        return 0;
    info = stream_record_find(STREAM_LAYER_LIBXC, libxc_type);
    switch (info->phase) {
    case STREAM_PHASE_STATIC:
        if (c->phase != IMAGE1_PHASE_OPENING || c->static_ended)
            return out_of_order(fault, "no more static data", libxc_type);
        c->static_ended = libxc_type == STREAM_REC_STATIC_DATA_END;
        return 0;
    case STREAM_PHASE_MEMORY:
        if (!c->static_ended)
            return out_of_order(fault, "STATIC_DATA_END first", libxc_type);
        return c->phase != IMAGE1_PHASE_CLOSING ? 0 : out_of_order(fault, "nothing of memory after the last round",
                                                                   libxc_type);
    default:
        return c->phase == IMAGE1_PHASE_CLOSING ? 0 : out_of_order(fault, "the last ROUND before state", libxc_type);
    }
}

int image1_channel_memory(struct image1_channel *c, const struct image1_memory *memory,
                          const struct image1_tally *tally, struct image1_fault *fault)
{
    if (memory->round != c->round)
        return image1_fail(fault, STREAM_FAULT_BAD_ROUND, 0, "the round at hand", memory->round);
    c->round_pages += tally->nr_pages;
    return 0;
}

int image1_channel_round(struct image1_channel *c, const struct image1_round *round,
                         struct image1_fault *fault)
{
    bool last = round->flags & IMAGE1_ROUND_LAST;

    if (round->round != c->round)
        return image1_fail(fault, STREAM_FAULT_BAD_ROUND, 0, "the round at hand", round->round);
    if (round->pages != c->round_pages)
        return image1_fail(fault, STREAM_FAULT_BAD_COUNT, 8, "the pages that came in this round", round->pages);
    if (!c->round && last)
        return image1_fail(fault, STREAM_FAULT_BAD_FLAGS, 4, "a round with memory before the end", round->flags);
    if (!c->channel && !c->static_ended)
        return image1_fail(fault, STREAM_FAULT_MISSING_RECORD, 0, "STATIC_DATA_END in round 0", round->round);
    if (!c->channel && c->features & IMAGE1_FEATURE_KEYED && !c->key_seen)
        return image1_fail(fault, STREAM_FAULT_MISSING_RECORD, 0, "KEY in round 0", round->round);
    if (!last && c->round == UINT32_MAX)
        return image1_fail(fault, STREAM_FAULT_BAD_ROUND, 0, "a last round", round->round);
    c->phase = last ? IMAGE1_PHASE_CLOSING : IMAGE1_PHASE_MEMORY;
    c->round += !last;
    c->round_pages = 0;
    return 0;
}
