/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A verb: what `xlmig NAME ...` does.
 *
 * Each verb has its own file, verbs/NAME.c, which defines `const struct verb
 * verb_NAME` and nothing else that is visible (but for `help`, which is about
 * the table, and with the table in verbs.c).  verbs.def lists them.  The
 * options are data: getopt_long's table, --help and the shell completion are
 * made from it, and the man page is tested against it.
 *
 * A verb with options declares a struct for their values, and each option says
 * where its value goes:
 *
 *     struct save_options { bool force; uint64_t max_downtime_us; };
 *
 *     static const struct verb_option options[] = {
 *         { .name = "force", .short_name = 'f', .kind = OPTION_FLAG,
 *           .help = "overwrite FILE", OPTION_INTO(struct save_options, force) },
 *         OPTIONS_END,
 *     };
 *
 *     static const struct save_options defaults = { .max_downtime_us = 300000 };
 *
 *     static int save(const struct verb_call *call)
 *     {
 *         const struct save_options *o = call->options;
 *         ... call->argv[0] is the first argument that is no option
 *     }
 *
 *     const struct verb verb_save = {
 *         .name = "save", .arguments = "VM FILE", .summary = "save a VM to a file",
 *         .min_args = 2, .max_args = 2, .options = options,
 *         .defaults = &defaults, .options_size = sizeof defaults, .run = save,
 *     };
 */
#ifndef XLMIG_CLI_VERB_H
#define XLMIG_CLI_VERB_H

#include "xlmig/base/exit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* How the argument of an option is read, and the type of the field it goes to. */
enum option_kind {
    OPTION_FLAG,     /* no argument; bool, becomes true */
    OPTION_STRING,   /* const char * */
    OPTION_NUMBER,   /* unsigned */
    OPTION_BYTES,    /* uint64_t; 512, 64K, 1.5G: powers of 1024 */
    OPTION_DURATION, /* uint64_t, microseconds; 300ms, 2s, 1.5m; a bare number is seconds */
};

struct verb_option {
    const char *name;     /* without the dashes; NULL ends a table */
    char short_name;      /* 0: none */
    enum option_kind kind;
    const char *argument; /* name of the argument in the help; NULL for a flag */
    const char *help;     /* lower case, no full stop; the printer breaks the lines */
    const char *values;   /* those that completion offers, separated by blanks; NULL: none */
    bool not_zero;        /* a time of 0 makes no sense */
    size_t offset;
    bool in_file;         /* it may have a default in the host's file, see defaults-file.h */
    bool (*fits)(const char *text); /* NULL: whatever the kind allows */
    const char *wants;    /* with `fits`: "auto, none, lz4 or zstd" */
};

#define OPTION_INTO(type, field) .offset = offsetof(type, field)
#define OPTIONS_END { .name = NULL }

struct verb_call {
    const struct verb *verb;
    const void *options;   /* the verb's own struct, its defaults overlaid with what was given */
    const void *defaults;  /* what `options` would be if nothing was given: with what the host's file says */
    int argc;              /* arguments that are no options */
    char **argv;
    const char *toolstack; /* of --toolstack or XLMIG_TOOLSTACK: "libxl" or "sim:DIR" */
    /* For the one that is about all of them: the table, NULL ends it, and the options before the verb. */
    const struct verb *const *all;
    const struct verb_option *before;
};

struct verb {
    const char *name;
    const char *arguments; /* "VM HOST"; "" for none */
    const char *summary;   /* one line, lower case, no full stop */
    const char *details;   /* more for --help, whose lines the printer breaks; may be NULL */
    int min_args, max_args; /* max_args -1: any number */
    bool passes_everything; /* whatever follows the verb is its arguments, dashes and all */
    bool hidden;            /* not for people: left out of `xlmig --help` */
    const struct verb_option *options; /* may be NULL */
    const void *defaults;
    size_t options_size;
    int (*run)(const struct verb_call *call); /* returns an enum exit_status */
};

/* All verbs, in the order of the help; NULL ends it. */
extern const struct verb *const verbs[];
/* NULL: no such verb. */
const struct verb *verb_find(const char *name);

/* Options that stand before the verb. */
extern const struct verb_option global_options[];
struct global_options {
    const char *toolstack;
    bool version;
};

/*
 * Read options into `values` (already holding the defaults), up to the first
 * argument that is no option when `stop_early`.  Returns how much of argv was
 * used, or -1 after a line on stderr, or 0 when --help was asked for (*help).
 */
int options_read(const char *who, const struct verb_option *options, int argc, char **argv, bool stop_early,
                 void *values, bool *help);

/* Store what one option is given.  -1: it is not what the option takes. */
int option_store(const struct verb_option *option, const char *argument, void *values);
/* Why it did not: "takes a number", "is off or auto". */
const char *option_wants(const struct verb_option *option, const char *argument, char *text, size_t size);
/* Is the file of defaults read before this verb? */
bool verb_has_file(const struct verb *verb);

/* Strict: the whole of `text` or -1. */
int parse_number(const char *text, unsigned *value);
int parse_bytes(const char *text, uint64_t *value);
int parse_duration_us(const char *text, uint64_t *value);

/* The help of one verb, or of all. */
void print_verb_help(FILE *to, const struct verb *verb);
void print_help(FILE *to);
/* One line: xlmig's version, and the commit that it was built from. */
void print_version(FILE *to);
/* `text` beside `left`, on as many lines as it needs. */
void print_help_line(FILE *to, const char *left, const char *text);
/* Each of them, and --help; 80 columns at most. */
void print_options(FILE *to, const struct verb_option *options);

#endif
