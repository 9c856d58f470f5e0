/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Options: from the tables of verb.h to values and to help. */
#include "xlmig/cli/verb.h"

#include <getopt.h>
#include <string.h>

#define OPTIONS_MAX 48
#define HELP_VALUE 256 /* of --help in getopt_long's table, apart from all indices and characters */
#define FIRST_VALUE 300

static size_t count_options(const struct verb_option *options)
{
    size_t n = 0;

    while (options && options[n].name)
        n++;
    return n;
}

int option_store(const struct verb_option *option, const char *argument, void *values)
{
    void *field = (char *)values + option->offset;

    if (option->fits && !option->fits(argument))
        return -1;
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return 0;
    case OPTION_STRING:
        *(const char **)field = argument;
        return 0;
    case OPTION_NUMBER:
        return parse_number(argument, field);
    case OPTION_BYTES:
        return parse_bytes(argument, field);
    case OPTION_DURATION:
        return parse_duration_us(argument, field) < 0 || (option->not_zero && *(uint64_t *)field == 0) ? -1 : 0;
    }
    return -1;
}

static const char *kind_wants(const struct verb_option *option)
{
    if (option && option->not_zero)
        return "a time of more than 0, such as 300ms or 2s";
    switch (option ? option->kind : OPTION_STRING) {
    case OPTION_NUMBER:
        return "a number";
    case OPTION_BYTES:
        return "a size such as 512K or 1.5G";
    case OPTION_DURATION:
        return "a time such as 300ms or 2s";
    default:
        return "an argument";
    }
}

const char *option_wants(const struct verb_option *option, const char *argument, char *text, size_t size)
{
    if (option && option->fits && argument && !option->fits(argument))
        snprintf(text, size, "is %s", option->wants);
    else
        snprintf(text, size, "takes %s", kind_wants(option));
    return text;
}

/* Fill in getopt_long's two tables. */
static void make_tables(const struct verb_option *options, size_t n, bool stop_early, struct option *longs,
                        char *shorts)
{
    size_t at = 0;

    shorts[at++] = stop_early ? '+' : ':';
    if (stop_early)
        shorts[at++] = ':';
    shorts[at++] = 'h';
    for (size_t i = 0; i < n; i++) {
        longs[i] = (struct option){ .name = options[i].name,
                                    .has_arg = options[i].kind == OPTION_FLAG ? no_argument : required_argument,
                                    .val = FIRST_VALUE + (int)i };
        if (options[i].short_name) {
            shorts[at++] = options[i].short_name;
            if (options[i].kind != OPTION_FLAG)
                shorts[at++] = ':';
        }
    }
    shorts[at] = '\0';
    longs[n] = (struct option){ .name = "help", .has_arg = no_argument, .val = HELP_VALUE };
    longs[n + 1] = (struct option){ 0 };
}

static const struct verb_option *find_by_value(const struct verb_option *options, size_t n, int value)
{
    if (value >= FIRST_VALUE)
        return (size_t)(value - FIRST_VALUE) < n ? &options[value - FIRST_VALUE] : NULL;
    for (size_t i = 0; i < n; i++)
        if (options[i].short_name == value)
            return &options[i];
    return NULL;
}

int options_read(const char *who, const struct verb_option *options, int argc, char **argv, bool stop_early,
                 void *values, bool *help)
{
    size_t n = count_options(options);
    struct option longs[OPTIONS_MAX + 2];
    char shorts[2 * OPTIONS_MAX + 4], wants[128];
    int value;

    if (n > OPTIONS_MAX)
        return -1;
    make_tables(options, n, stop_early, longs, shorts);
    optind = 0; /* glibc: start anew, this is not the only table of this run */
    opterr = 0;
    while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        const struct verb_option *option;

        if (value == 'h' || value == HELP_VALUE) {
            *help = true;
            return 0;
        }
        if (value == '?' || value == ':') {
            fprintf(stderr, "%s: %s: '%s'\nTry: %s --help\n", who,
                    value == ':' ? "this option needs an argument" : "no such option, or not with an argument",
                    argv[optind - 1], who);
            return -1;
        }
        option = find_by_value(options, n, value);
        if (!option || option_store(option, optarg, values) < 0) {
            fprintf(stderr, "%s: --%s %s, not '%s'\n", who, option ? option->name : "?",
                    option_wants(option, optarg, wants, sizeof wants), optarg ? optarg : "");
            return -1;
        }
    }
    return optind;
}

bool verb_has_file(const struct verb *verb)
{
    for (const struct verb_option *option = verb->options; option && option->name; option++)
        if (option->in_file)
            return true;
    return false;
}

/* ---- help ---- */

#define HELP_COLUMNS 79u
#define HELP_LEFT 31u

/* The words of `text`; `at` is where the cursor stands, and further lines begin at `indent`. */
static void print_words(FILE *to, unsigned indent, unsigned at, const char *text)
{
    bool begins = true;

    for (text += strspn(text, " \n"); *text; text += strspn(text, " \n")) {
        unsigned len = (unsigned)strcspn(text, " \n");

        if (!begins && at + 1 + len > HELP_COLUMNS) {
            fprintf(to, "\n%*s", (int)indent, "");
            at = indent;
            begins = true;
        }
        fprintf(to, "%s%.*s", begins ? "" : " ", (int)len, text);
        at += len + !begins;
        begins = false;
        text += len;
    }
    fputc('\n', to);
}

void print_help_line(FILE *to, const char *left, const char *text)
{
    unsigned len = (unsigned)strlen(left);

    if (len + 3 > HELP_LEFT)
        fprintf(to, "  %s\n%*s", left, (int)HELP_LEFT, "");
    else
        fprintf(to, "  %-*s", (int)HELP_LEFT - 2, left);
    print_words(to, HELP_LEFT, HELP_LEFT, text);
}

static void print_option(FILE *to, const struct verb_option *option)
{
    char left[64], shortly[8] = "    ";

    if (option->short_name)
        snprintf(shortly, sizeof shortly, "-%c, ", option->short_name);
    snprintf(left, sizeof left, "%s--%s%s%s", shortly, option->name, option->argument ? "=" : "",
             option->argument ? option->argument : "");
    print_help_line(to, left, option->help);
}

void print_options(FILE *to, const struct verb_option *options)
{
    for (; options && options->name; options++)
        print_option(to, options);
    print_help_line(to, "-h, --help", "this text");
}

void print_verb_help(FILE *to, const struct verb *verb)
{
    unsigned at;

    fprintf(to, "usage: xlmig %s%s%s%s\n\n", verb->name, verb->passes_everything ? "" : " [OPTION]...",
            *verb->arguments ? " " : "", verb->arguments);
    at = (unsigned)fprintf(to, "%s: ", verb->name);
    print_words(to, 0, at, verb->summary);
    if (verb->details) {
        fputc('\n', to);
        print_words(to, 0, 0, verb->details);
    }
    fputs("\n", to);
    print_options(to, verb->options);
}
