/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* xlmig verify: is a saved VM, or a stream, what the specification says it must be? */
#include "xlmig/base/sandbox.h"
#include "xlmig/saved/read.h"
#include "xlmig/cli/verb.h"
#include "xlmig/verbs/session.h"
#include "xlmig/vm/release.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define XEN_BUS "/proc/xen" /* there in dom0, and in other guests of Xen */

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
    char release[32]; /* of Xen, that it was saved on; "": it does not say */
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

    stream_event_release(event, counts->release, sizeof counts->release);
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

static void print_valid(const struct stream_file *file, const struct counts *counts, const char *own_release)
{
    printf("%s: valid (", stream_file_name(file));
    if (counts->release[0])
        printf("saved on %s, ", counts->release);
    printf("%" PRIu64 " bytes, %" PRIu64 " records, %" PRIu64 " pages", file->bytes, counts->records, counts->pages);
    if (counts->without)
        printf(" and %" PRIu64 " without content", counts->without);
    if (counts->has_digest)
        printf("%s", file->digest_checked ? ", digest right" : "; the digest could not be compared");
    if (counts->is_v1 && counts->has_more && !counts->is_sealed)
        printf("; no checksum covers what is around the image");
    printf(")\n");
    if (release_is_older(own_release, counts->release))
        printf("%s: %s here is older than that: Xen does not promise that a guest goes back\n", stream_file_name(file),
               own_release);
}

struct verification {
    const struct verb_call *call;
    char own_release[64]; /* "": there is no Xen here */
};

static int verify_confined(void *opaque)
{
    const struct verification *verification = opaque;
    const struct verb_call *call = verification->call;
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
        print_valid(&file, &counts, verification->own_release);
    return EXIT_OK;
}

/* Files are verified on machines without Xen, too: then there is nothing to compare with. */
static void ask_own_release(const char *toolstack, char *release, size_t size)
{
    struct toolstack_session session;
    struct failure failure = { 0 };
    struct vm_host host;

    if (access(XEN_BUS, F_OK) < 0 && strncmp(toolstack, "sim:", 4) != 0)
        return;
    if (toolstack_session_open(&session, toolstack, &failure) < 0)
        return;
    if (session.ts->ops->ask.host(session.ts, &host, &failure) == 0)
        snprintf(release, size, "%s", host.hypervisor);
    toolstack_session_close(&session);
}

static int verify(const struct verb_call *call)
{
    struct verification verification = { .call = call };
    const struct verify_options *options = call->options;

    if (!options->quiet)
        ask_own_release(call->toolstack, verification.own_release, sizeof verification.own_release);
    return sandbox_run("xlmig verify", verify_confined, &verification);
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
