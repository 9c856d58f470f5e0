/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include "libxcsave/save/v1-encode.h"

/* No codec looks at content faster than this. */
#define BEST_NS_A_BYTE 0.4
/* Content changes along a guest's memory: what was of no use may be by now. */
#define TRY_AGAIN_AFTER 16u

static bool reader_has(uint64_t features, enum image1_codec_id id)
{
    return features & (id == IMAGE1_CODEC_LZ4 ? IMAGE1_FEATURE_LZ4 : IMAGE1_FEATURE_ZSTD);
}

enum image1_codec_id v1_codec_to_try(const struct v1_codec_facts *facts)
{
    if (facts->write_ns_a_byte <= BEST_NS_A_BYTE)
        return IMAGE1_CODEC_NONE;
    for (enum image1_codec_id id = IMAGE1_CODEC_LZ4; id < IMAGE1_NR_CODECS; id++) {
        const struct v1_codec_trial *t = &facts->trials[id];

        if (reader_has(facts->features, id) && (!t->ns_a_byte || t->age >= TRY_AGAIN_AFTER))
            return id;
    }
    return IMAGE1_CODEC_NONE;
}

enum image1_codec_id v1_choose_codec(const struct v1_codec_facts *facts)
{
    enum image1_codec_id best = IMAGE1_CODEC_NONE;
    double best_ns = facts->write_ns_a_byte;

    if (best_ns <= BEST_NS_A_BYTE)
        return IMAGE1_CODEC_NONE;
    for (enum image1_codec_id id = IMAGE1_CODEC_LZ4; id < IMAGE1_NR_CODECS; id++) {
        const struct v1_codec_trial *t = &facts->trials[id];
        double ns = t->ns_a_byte + t->ratio * facts->write_ns_a_byte;

        if (reader_has(facts->features, id) && t->ns_a_byte && ns < best_ns) {
            best = id;
            best_ns = ns;
        }
    }
    return best;
}
