/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include "xlmig/watch/page.h"
#include "xlmig/base/input-file.h"
#include "xlmig/base/whole-file.h"
#include "xlmig/cli/verb.h"
#include "xlmig/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPORT_MAX (16u << 20)
#define DEPTH_MAX 8

struct report_options {
    bool force;
};

static const struct verb_option options[] = {
    { .name = "force", .short_name = 'f', .kind = OPTION_FLAG, .help = "overwrite FILE.html if it exists",
      OPTION_INTO(struct report_options, force) },
    OPTIONS_END,
};

static const struct report_options defaults = { .force = false };

/* All of a small file, or NULL; the caller's. */
static char *read_text(const char *path, size_t *len, struct failure *failure)
{
    int fd = input_open(path, "xlmig report", failure);
    char *text = fd < 0 ? NULL : malloc(REPORT_MAX);
    ssize_t n = -1;

    for (*len = 0; text && *len < REPORT_MAX; *len += (size_t)n) {
        do
            n = read(fd, text + *len, REPORT_MAX - *len);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
            break;
    }
    if (text && *len == REPORT_MAX)
        failure_set(failure, "%s: it is too large for a report", input_name(path));
    else if (n < 0)
        failure_set(failure, "%s: %s", input_name(path), strerror(errno));
    input_close(fd);
    if (failure->text[0]) {
        free(text);
        return NULL;
    }
    return text;
}

static struct json_object *read_report(const char *path, struct failure *failure)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    struct json_object *report = NULL;
    size_t len;
    char *text = tokener ? read_text(path, &len, failure) : NULL;

    if (text)
        report = json_tokener_parse_ex(tokener, text, (int)len);
    if (!report)
        failure_set(failure, "%s: it is no report, as `xlmig send --report' writes them", input_name(path));
    free(text);
    if (tokener)
        json_tokener_free(tokener);
    return report;
}

static int write_page(struct json_object *report, struct whole_file *file, struct failure *failure)
{
    int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 3);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    int rc;

    if (!out) {
        if (fd >= 0)
            close(fd);
        return failure_set(failure, "%s: %s", whole_file_name(file), strerror(errno));
    }
    rc = report_html_write(report, out, failure);
    if (fflush(out) == EOF || ferror(out))
        rc = failure_set(failure, "%s: %s", whole_file_name(file), strerror(errno));
    fclose(out);
    return rc < 0 ? -1 : whole_file_commit(file, failure);
}

static int run_report(const struct verb_call *call)
{
    const struct report_options *o = call->options;
    struct failure failure = { 0 };
    struct whole_file file = { .fd = -1 };
    const struct whole_file_request page = {
        .path = call->argv[1], .overwrite = o->force, .how = "--force", .mode = 0644, .text = true,
    };
    struct json_object *report = read_report(call->argv[0], &failure);
    int rc = EXIT_FAILED;

    if (report && whole_file_open(&file, &page, &failure) == 0) {
        whole_file_guard(&file, "xlmig report");
        rc = write_page(report, &file, &failure) == 0 ? EXIT_OK : EXIT_FAILED;
    }
    if (rc != EXIT_OK)
        fprintf(stderr, "xlmig report: %s%s\n", failure.text, text_stop(failure.text));
    whole_file_close(&file);
    json_object_put(report);
    return rc;
}

const struct verb verb_report = {
    .name = "report",
    .arguments = "RUN.json|- FILE.html|-",
    .summary = "draw what a move did, from what send --report wrote",
    .details = "One self-contained page: figures, throughput, how fast the VM wrote, predicted downtime, memory by\n"
               "the way it went, rounds.",
    .min_args = 2,
    .max_args = 2,
    .options = options,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .run = run_report,
};
