/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* xlmig inspect: show what a saved VM, or a stream, consists of. */
#include "stream-format/print/printer.h"
#include "xlmig/base/json-fields.h"
#include "xlmig/base/output.h"
#include "xlmig/base/sandbox.h"
#include "xlmig/saved/read.h"
#include "xlmig/cli/verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct inspect_options {
    bool json;
    bool summary;
    const char *records;
    const char *page;
};

/* Where the printer's text goes, and whether it still can. */
struct inspection {
    struct stream_file file;
    struct stream_printer *printer;
    bool has_v1;
};

static void write_text(void *opaque, const char *text, size_t len)
{
    struct inspection *inspection = opaque;

    /* Nobody reads on: so do not read on either. */
    if (fwrite(text, 1, len, stdout) != len)
        inspection->file.stop = true;
}

static void show_event(void *opaque, const struct stream_event *event)
{
    struct inspection *inspection = opaque;

    inspection->has_v1 |= event->layer == STREAM_LAYER_V1;
    stream_printer_event(inspection->printer, event);
}

static int select_records(struct stream_printer *printer, const char *names)
{
    while (*names) {
        size_t len = strcspn(names, ",");

        if (stream_printer_select(printer, names, len)) {
            fprintf(stderr, "xlmig inspect: --records: there is no record '%.*s'\n", (int)len, names);
            return -1;
        }
        names += len;
        names += *names == ',';
    }
    return 0;
}

static int parse_pfn(const char *text, uint64_t *pfn)
{
    char *end;

    errno = 0;
    *pfn = strtoull(text, &end, 0);
    if (errno || end == text || *end || *text == '-' || *pfn > STREAM_PFN_MASK) {
        fprintf(stderr, "xlmig inspect: --page: '%s' is no pfn\n", text);
        return -1;
    }
    return 0;
}

static int report(struct inspection *inspection, bool json)
{
    bool faulty = inspection->file.fault.code;

    if (faulty && !json && !inspection->file.stop) {
        printf("\n%s: not valid\n", stream_file_name(&inspection->file));
        stream_file_print_fault(stdout, &inspection->file);
    }
    return output_end("xlmig inspect", faulty ? EXIT_INVALID : EXIT_OK, EXIT_FAILED);
}

static int run(struct inspection *inspection, const struct inspect_options *options)
{
    struct failure failure = { "" };
    int rc;

    if (options->records && select_records(inspection->printer, options->records))
        return EXIT_USAGE;
    rc = stream_file_read(&inspection->file, &failure);
    if ((!rc || inspection->file.bytes) && !ferror(stdout))
        stream_printer_end(inspection->printer,
                           inspection->file.fault.code ? &inspection->file.fault : NULL);
    if (rc) {
        fflush(stdout);
        if (options->json)
            fields_print_error(failure.text);
        fprintf(stderr, "xlmig inspect: %s\n", failure.text);
        return EXIT_FAILED;
    }
    /* Its pages are compressed, and may refer to others. */
    if (options->page && inspection->has_v1) {
        fflush(stdout);
        fprintf(stderr, "xlmig inspect: --page is for libxc's image, and this is xlmig's; first: xlmig convert --to libxc "
                        "%s OUT\n", inspection->file.path);
        return EXIT_FAILED;
    }
    return report(inspection, options->json);
}

static int inspect_confined(void *opaque)
{
    const struct verb_call *call = opaque;
    const struct inspect_options *options = call->options;
    struct inspection inspection = {
        .file = { .path = call->argv[0], .who = "xlmig inspect", .event = show_event, .confine = true },
    };
    struct stream_printer_config config = {
        .json = options->json,
        .colour = !options->json && isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
        .summary_only = options->summary,
        .dump_page = options->page,
        .write = write_text,
        .opaque = &inspection,
    };
    int rc;

    if (options->page && parse_pfn(options->page, &config.page))
        return EXIT_USAGE;
    inspection.file.opaque = &inspection;
    inspection.printer = stream_printer_new(&config);
    if (!inspection.printer) {
        fprintf(stderr, "xlmig inspect: no memory\n");
        return EXIT_FAILED;
    }
    rc = run(&inspection, options);
    stream_printer_free(inspection.printer);
    return rc;
}

static int inspect(const struct verb_call *call)
{
    return sandbox_run("xlmig inspect", inspect_confined, (void *)call);
}

static const struct verb_option options[] = {
    { .name = "json", .short_name = 'j', .kind = OPTION_FLAG, .help = "print JSON, an object a line",
      OPTION_INTO(struct inspect_options, json) },
    { .name = "summary", .short_name = 's', .kind = OPTION_FLAG, .help = "print the summary only",
      OPTION_INTO(struct inspect_options, summary) },
    { .name = "records", .short_name = 'r', .kind = OPTION_STRING, .argument = "NAME,...",
      .help = "print only headers and records of these names",
      OPTION_INTO(struct inspect_options, records) },
    { .name = "page", .short_name = 'p', .kind = OPTION_STRING, .argument = "PFN",
      .help = "print the content of that page, each time it was sent",
      OPTION_INTO(struct inspect_options, page) },
    OPTIONS_END,
};

const struct verb verb_inspect = {
    .name = "inspect",
    .arguments = "FILE|-",
    .summary = "show every record of a saved VM, and a summary",
    .details = "Reads what `xl save` and `xlmig save` write, and bare libxl streams and images (libxc's, xlmig's).\n"
               "Exit status: 0 shown and valid, 8 shown up to a fault, 1 could not be read.",
    .min_args = 1,
    .max_args = 1,
    .options = options,
    .options_size = sizeof(struct inspect_options),
    .run = inspect,
};
