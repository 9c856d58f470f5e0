/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* xlmig convert: a saved VM with its memory in the other format. */
#include "stream-format/convert/convert.h"
#include "stream-format/names.h"
#include "xlmig/base/input-file.h"
#include "xlmig/base/sandbox.h"
#include "xlmig/base/whole-file.h"
#include "xlmig/saved/read.h"
#include "xlmig/cli/verb.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct convert_options {
    const char *to;
    const char *codec;
    unsigned level;
    bool force;
    bool quiet;
};

/* What the process that reads FILE tells the one that gives OUT its name. */
struct outcome {
    uint64_t bytes_read, bytes_written;
    unsigned to_v1; /* no bool: whatever it holds, it is one number or another */
};

struct conversion {
    struct stream_file in;
    struct whole_file out;
    struct stream_convert *convert;
    struct failure failure;
    uint64_t written;
    struct outcome *outcome; /* in memory that both processes have */
};

/* ---- the library's hands --------------------------------------------------- */

static int write_out(void *opaque, const void *data, size_t len)
{
    struct conversion *c = opaque;
    const char *p = data;

    while (len) {
        ssize_t n = write(c->out.fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failure_set(&c->failure, "cannot write %s: %s", whole_file_name(&c->out), strerror(errno));
        p += n;
        len -= (size_t)n;
        c->written += (size_t)n;
    }
    return 0;
}

static int read_back(void *opaque, uint64_t offset, void *data, size_t len)
{
    struct conversion *c = opaque;
    char *p = data;

    while (len) {
        ssize_t n = pread(c->out.fd, p, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return failure_set(&c->failure, "cannot read %s: %s", whole_file_name(&c->out), n ? strerror(errno) : "it is too short");
        p += n;
        len -= (size_t)n;
        offset += (size_t)n;
    }
    return 0;
}

static void take_event(void *opaque, const struct stream_event *event)
{
    struct conversion *c = opaque;

    stream_convert_event(c->convert, event);
    if (stream_convert_error(c->convert))
        c->in.stop = true;
}

/* ---- the verb --------------------------------------------------------------- */

static bool options_make_sense(const struct convert_options *o, struct stream_convert_config *config)
{
    unsigned codec = 0;

    if (o->to && strcmp(o->to, "libxc") && strcmp(o->to, "v1")) {
        fprintf(stderr, "xlmig convert: --to: there is no format '%s', but libxc and v1\n", o->to);
        return false;
    }
    if (o->to)
        config->target = strcmp(o->to, "v1") ? STREAM_CONVERT_TO_LIBXC : STREAM_CONVERT_TO_V1;
    while (codec < IMAGE1_NR_CODECS && strcmp(o->codec, image1_codec_name(codec)))
        codec++;
    if (codec == IMAGE1_NR_CODECS) {
        fprintf(stderr, "xlmig convert: --codec: there is no codec '%s', but none, lz4 and zstd\n", o->codec);
        return false;
    }
    config->codec = (enum image1_codec_id)codec;
    if (o->level < 1 || o->level > 19) {
        fprintf(stderr, "xlmig convert: --level: %u is not from 1 to 19\n", o->level);
        return false;
    }
    config->level = (int)o->level;
    return true;
}

/* What the library says, where the reader and the files had nothing to say. */
static int convert_file(struct conversion *c)
{
    if (stream_file_read(&c->in, &c->failure))
        return -1;
    if (c->in.fault.code && !stream_convert_error(c->convert))
        return 0;
    if (stream_convert_end(c->convert))
        return failure_set(&c->failure, "%s cannot be converted: %s", stream_file_name(&c->in),
                           stream_convert_error(c->convert));
    return 0;
}

static int convert_confined(void *opaque)
{
    struct conversion *c = opaque;

    if (convert_file(c)) {
        fprintf(stderr, "xlmig convert: %s\n", c->failure.text);
        return EXIT_FAILED;
    }
    if (c->in.fault.code) {
        fprintf(stderr, "xlmig convert: %s: not valid\n", stream_file_name(&c->in));
        stream_file_print_fault(stderr, &c->in);
        return EXIT_INVALID;
    }
    *c->outcome = (struct outcome){
        .bytes_read = c->in.bytes,
        .bytes_written = c->written,
        .to_v1 = stream_convert_target(c->convert) == STREAM_CONVERT_TO_V1,
    };
    return EXIT_OK;
}

/* On standard output, unless the image went there. */
static void tell(const struct conversion *c)
{
    const char *from = c->outcome->to_v1 ? "libxc" : "xlmig", *to = c->outcome->to_v1 ? "xlmig" : "libxc";

    fprintf(names_stdio(c->out.path, STDOUT_FILENO) ? stderr : stdout,
            "%s: %s image, %" PRIu64 " bytes; %s: %s image, %" PRIu64 " bytes\n", stream_file_name(&c->in), from,
            c->outcome->bytes_read, whole_file_name(&c->out), to, c->outcome->bytes_written);
}

static int run(struct conversion *c, const struct convert_options *o)
{
    int rc;

    whole_file_guard(&c->out, "xlmig convert");
    rc = sandbox_run("xlmig convert", convert_confined, c);
    if (rc)
        return rc;
    if (whole_file_commit(&c->out, &c->failure)) {
        fprintf(stderr, "xlmig convert: %s\n", c->failure.text);
        return EXIT_FAILED;
    }
    if (!o->quiet)
        tell(c);
    return EXIT_OK;
}

/* A pipe cannot be read back; the library then refuses what would need that. */
static void make_converter(struct conversion *c, struct stream_convert_config *config)
{
    if (!c->out.readable)
        config->read_back = NULL;
    c->convert = stream_convert_new(config);
    if (!c->convert)
        failure_set(&c->failure, "no memory");
}

static int convert(const struct verb_call *call)
{
    const struct convert_options *o = call->options;
    struct conversion c = {
        .in = { .path = call->argv[0], .who = "xlmig convert", .event = take_event, .confine = true },
        .out.fd = -1,
    };
    struct stream_convert_config config = { .write = write_out, .read_back = read_back, .opaque = &c };
    const struct whole_file_request out = { .path = call->argv[1], .overwrite = o->force, .how = "--force" };
    int rc = EXIT_FAILED;

    if (!options_make_sense(o, &config))
        return EXIT_USAGE;
    c.in.opaque = &c;
    c.outcome = mmap(NULL, sizeof(*c.outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (c.outcome == MAP_FAILED)
        failure_set(&c.failure, "no memory");
    else if (whole_file_open(&c.out, &out, &c.failure) == 0)
        make_converter(&c, &config);
    if (c.failure.text[0])
        fprintf(stderr, "xlmig convert: %s\n", c.failure.text);
    else
        rc = run(&c, o);
    whole_file_close(&c.out);
    stream_convert_free(c.convert);
    if (c.outcome != MAP_FAILED)
        munmap(c.outcome, sizeof(*c.outcome));
    return rc;
}

static const struct verb_option options[] = {
    { .name = "to", .short_name = 't', .kind = OPTION_STRING, .argument = "libxc|v1", .values = "libxc v1",
      .help = "to this format; to the other one than FILE has, if not given",
      OPTION_INTO(struct convert_options, to) },
    { .name = "codec", .short_name = 'c', .kind = OPTION_STRING, .argument = "none|lz4|zstd", .values = "none lz4 zstd",
      .help = "how memory is compressed in v1 (zstd)", OPTION_INTO(struct convert_options, codec) },
    { .name = "level", .short_name = 'l', .kind = OPTION_NUMBER, .argument = "N",
      .help = "level of zstd, 1 to 19, or acceleration of lz4 (1)", OPTION_INTO(struct convert_options, level) },
    { .name = "force", .short_name = 'f', .kind = OPTION_FLAG, .help = "overwrite OUT if it exists, or if it is a disk",
      OPTION_INTO(struct convert_options, force) },
    { .name = "quiet", .short_name = 'q', .kind = OPTION_FLAG, .help = "say nothing unless it fails",
      OPTION_INTO(struct convert_options, quiet) },
    OPTIONS_END,
};

static const struct convert_options defaults = { .codec = "zstd", .level = 1 };

const struct verb verb_convert = {
    .name = "convert",
    .arguments = "FILE|- OUT|-",
    .summary = "write a saved VM with its memory in xlmig's format, or in libxc's",
    .details = "libxc's image is what every Xen tool reads; xlmig's is compressed and checked.  Nothing is\n"
               "lost either way.  OUT appears only when it is complete and on disk; a pipe or a device is written\n"
               "into as it is.\n"
               "Exit status: 0 converted, 8 FILE is not valid, 1 it could not be done.",
    .min_args = 2,
    .max_args = 2,
    .options = options,
    .defaults = &defaults,
    .options_size = sizeof(struct convert_options),
    .run = convert,
};
