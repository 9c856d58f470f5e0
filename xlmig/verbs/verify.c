/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* xlmig verify: is a saved VM, or a stream, what the specification says it must be? */
#include "xlmig/base/sandbox.h"
#include "xlmig/saved/read.h"
#include "xlmig/cli/verb.h"

#include <inttypes.h>

struct verify_options {
    bool quiet;
};

/* What the answer mentions besides "valid". */
struct counts {
    uint64_t records;
    uint64_t pages;   /* with content */
    uint64_t without; /* told of, and without: given up, broken, or not worth sending */
    bool has_digest;
    bool is_v1, is_sealed;
    bool has_more;    /* than an image */
};

static void count_page(struct counts *counts, unsigned type, uint64_t nr)
{
    *(stream_page_type_has_data(type) ? &counts->pages : &counts->without) += nr;
}

static void count_header(struct counts *counts, const struct stream_event *event)
{
    counts->is_v1 |= event->info->id == STREAM_ID_V1_IMAGE_HEADER;
    counts->is_sealed |= event->info->id == STREAM_ID_V1_SEAL;
    counts->has_more |= event->layer == STREAM_LAYER_XL || event->layer == STREAM_LAYER_LIBXL;
}

static void count(void *opaque, const struct stream_event *event)
{
    struct counts *counts = opaque;

    if (event->kind == STREAM_EVENT_HEADER)
        count_header(counts, event);
    if (event->kind == STREAM_EVENT_RECORD)
        counts->records++;
    if (event->kind == STREAM_EVENT_ELEMENT && event->info->id == STREAM_ID_LIBXC_PAGE_DATA)
        count_page(counts, stream_entry_type(stream_get_u64(event->data, event->big_endian)), 1);
    if (event->kind == STREAM_EVENT_ELEMENT && event->info->id == STREAM_ID_V1_MEMORY)
        count_page(counts, event->data[13] & 15, stream_get_le32(event->data + 8));
    if (event->kind == STREAM_EVENT_HEAD && event->info->id == STREAM_ID_V1_DIGEST)
        counts->has_digest = true;
}

static void print_valid(const struct stream_file *file, const struct counts *counts)
{
    printf("%s: valid (%" PRIu64 " bytes, %" PRIu64 " records, %" PRIu64 " pages", stream_file_name(file), file->bytes,
           counts->records, counts->pages);
    if (counts->without)
        printf(" and %" PRIu64 " without content", counts->without);
    if (counts->has_digest)
        printf("%s", file->digest_checked ? ", digest right" : "; the digest could not be compared");
    if (counts->is_v1 && counts->has_more && !counts->is_sealed)
        printf("; no checksum covers what is around the image");
    printf(")\n");
}

static int verify_confined(void *opaque)
{
    const struct verb_call *call = opaque;
    const struct verify_options *options = call->options;
    struct counts counts = { 0 };
    struct stream_file file = {
        .path = call->argv[0], .who = "xlmig verify", .event = count, .opaque = &counts, .confine = true,
    };
    struct failure failure = { "" };

    if (stream_file_read(&file, &failure)) {
        fprintf(stderr, "xlmig verify: %s\n", failure.text);
        return EXIT_FAILED;
    }
    if (file.fault.code) {
        if (!options->quiet) {
            printf("%s: not valid\n", stream_file_name(&file));
            stream_file_print_fault(stdout, &file);
        }
        return EXIT_INVALID;
    }
    if (!options->quiet)
        print_valid(&file, &counts);
    return EXIT_OK;
}

static int verify(const struct verb_call *call)
{
    return sandbox_run("xlmig verify", verify_confined, (void *)call);
}

static const struct verb_option options[] = {
    { .name = "quiet", .short_name = 'q', .kind = OPTION_FLAG, .help = "say nothing; the exit status tells",
      OPTION_INTO(struct verify_options, quiet) },
    OPTIONS_END,
};

const struct verb verb_verify = {
    .name = "verify",
    .arguments = "FILE|-",
    .summary = "say whether a saved VM is valid, or what is wrong with it first",
    .details = "Reads what `xl save` and `xlmig save` write, and bare libxl streams and images (libxc's, xlmig's).\n"
               "Exit status: 0 valid, 8 not valid, 1 could not be read.",
    .min_args = 1,
    .max_args = 1,
    .options = options,
    .options_size = sizeof(struct verify_options),
    .run = verify,
};
