/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/cli/defaults-file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

#define WHERE_MAX 400

/* One reading of it. */
struct reading {
    struct defaults_file *file;
    const char *path;
    const struct verb *const *all;
    const struct verb *verb;
    void *values;
    struct failure *failure;
    yaml_document_t document;
};

__attribute__((format(printf, 3, 4)))
static int mistake(struct reading *r, size_t line, const char *format, ...)
{
    char text[WHERE_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return failure_set(r->failure, "%s, line %zu: %s", r->path, line + 1, text);
}

/* ---- which options there are ---- */

static const struct verb_option *option_of(const struct verb *verb, const char *name)
{
    for (const struct verb_option *option = verb->options; option && option->name; option++)
        if (strcmp(option->name, name) == 0)
            return option;
    return NULL;
}

/* How much one would have to type anew: letters that are not the same from the front, and from the back. */
static size_t difference(const char *a, const char *b)
{
    size_t len_a = strlen(a), len_b = strlen(b), front = 0, back = 0;

    while (front < len_a && front < len_b && a[front] == b[front])
        front++;
    while (back < len_a - front && back < len_b - front && a[len_a - 1 - back] == b[len_b - 1 - back])
        back++;
    return (len_a > len_b ? len_a : len_b) - front - back;
}

/* NULL: nothing is near. */
static const char *nearest_key(const struct reading *r, const char *key)
{
    const char *nearest = NULL;
    size_t best = 4;

    for (size_t i = 0; r->all[i]; i++)
        for (const struct verb_option *o = r->all[i]->options; o && o->name; o++)
            if (o->in_file && difference(o->name, key) < best) {
                best = difference(o->name, key);
                nearest = o->name;
            }
    return nearest;
}

static int no_such_key(struct reading *r, size_t line, const char *key)
{
    const char *nearest = nearest_key(r, key);

    for (size_t i = 0; r->all[i]; i++)
        if (option_of(r->all[i], key))
            return mistake(r, line, "'%.100s' is for the command line only; take it out here", key);
    if (nearest)
        return mistake(r, line, "there is no key '%.100s'; is '%s' meant", key, nearest);
    return mistake(r, line, "there is no key '%.100s'; xlmig.conf(5) has those that there are", key);
}

/* ---- values ---- */

static int keep_text(struct defaults_file *file, const char *text, const char **kept)
{
    if (file->nr == DEFAULTS_KEYS_MAX || !(file->texts[file->nr] = strdup(text)))
        return -1;
    *kept = file->texts[file->nr++];
    return 0;
}

/* A flag can only be set by a command line; here, a no is said as well. */
static int store_flag(const struct verb_option *option, const char *text, void *values)
{
    bool yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0 || strcmp(text, "on") == 0;

    if (!yes && strcmp(text, "no") != 0 && strcmp(text, "false") != 0 && strcmp(text, "off") != 0)
        return -1;
    *(bool *)((char *)values + option->offset) = yes;
    return 0;
}

static int store(struct reading *r, size_t line, const struct verb_option *option, const char *text, void *values)
{
    char wants[128];

    if (option->kind == OPTION_FLAG)
        return store_flag(option, text, values) == 0 ? 0 : mistake(r, line, "%s is yes or no, not '%.100s'", option->name, text);
    if (option_store(option, text, values) == 0)
        return 0;
    return mistake(r, line, "%s %s, not '%.100s'", option->name, option_wants(option, text, wants, sizeof wants), text);
}

/* To every verb that has the option, so that a mistake shows whatever is called; what is kept is this verb's. */
static int apply(struct reading *r, size_t line, const char *key, const char *text)
{
    bool known = false;
    int rc = 0;

    for (size_t i = 0; r->all[i] && rc == 0; i++) {
        const struct verb *verb = r->all[i];
        const struct verb_option *option = option_of(verb, key);
        void *scratch;

        if (!option || !option->in_file)
            continue;
        known = true;
        scratch = calloc(1, verb->options_size);
        if (!scratch)
            return mistake(r, line, "out of memory");
        rc = store(r, line, option, text, verb == r->verb ? r->values : scratch);
        free(scratch);
    }
    return known ? rc : no_such_key(r, line, key);
}

/* ---- the document ---- */

static const char *scalar(const yaml_node_t *node)
{
    return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

static int look_for_twice(struct reading *r, const yaml_node_t *root, const yaml_node_pair_t *pair)
{
    const yaml_node_t *key = yaml_document_get_node(&r->document, pair->key);

    for (const yaml_node_pair_t *p = root->data.mapping.pairs.start; p < pair; p++) {
        const yaml_node_t *other = yaml_document_get_node(&r->document, p->key);

        if (strcmp(scalar(other), scalar(key)) == 0)
            return mistake(r, key->start_mark.line, "'%.100s' is on line %zu already; take one of them out", scalar(key),
                           other->start_mark.line + 1);
    }
    return 0;
}

static int read_pair(struct reading *r, const yaml_node_t *root, const yaml_node_pair_t *pair)
{
    const yaml_node_t *key = yaml_document_get_node(&r->document, pair->key);
    const yaml_node_t *value = yaml_document_get_node(&r->document, pair->value);
    const char *text;

    if (!scalar(key))
        return mistake(r, key ? key->start_mark.line : 0, "a key is one word; write: KEY: VALUE");
    if (look_for_twice(r, root, pair) < 0)
        return -1;
    if (!scalar(value))
        return mistake(r, key->start_mark.line, "%.100s has one value; write: %.100s: VALUE", scalar(key), scalar(key));
    if (strlen(scalar(value)) != value->data.scalar.length || keep_text(r->file, scalar(value), &text) < 0)
        return mistake(r, key->start_mark.line, "%.100s cannot have that value; take out what is no text", scalar(key));
    return apply(r, key->start_mark.line, scalar(key), text);
}

static int read_document(struct reading *r)
{
    const yaml_node_t *root = yaml_document_get_root_node(&r->document);

    if (!root)
        return 0; /* nothing but comments */
    if (root->type != YAML_MAPPING_NODE)
        return mistake(r, root->start_mark.line, "this is no list of keys; write on each line: KEY: VALUE");
    for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top; pair++)
        if (read_pair(r, root, pair) < 0)
            return -1;
    return 0;
}

static int parse(struct reading *r, FILE *from)
{
    yaml_parser_t parser;
    int rc;

    if (!yaml_parser_initialize(&parser))
        return failure_set(r->failure, "out of memory");
    yaml_parser_set_input_file(&parser, from);
    if (!yaml_parser_load(&parser, &r->document)) {
        rc = mistake(r, parser.problem_mark.line, "%s; write on each line: KEY: VALUE",
                     parser.problem ? parser.problem : "this is no YAML");
    } else {
        rc = read_document(r);
        yaml_document_delete(&r->document);
    }
    yaml_parser_delete(&parser);
    return rc;
}

/* It names a command (ssh-command) that root runs. */
static int check_owner(const char *path, FILE *file, struct failure *failure)
{
    struct stat found;

    if (fstat(fileno(file), &found) < 0 || S_ISDIR(found.st_mode))
        return failure_set(failure, "%s cannot be read: %s", path, strerror(S_ISDIR(found.st_mode) ? EISDIR : errno));
    if (S_ISREG(found.st_mode) && (found.st_mode & S_IWOTH))
        return failure_set(failure, "%s can be written by everybody; type: chmod o-w %s", path, path);
    return 0;
}

int defaults_file_read(struct defaults_file *file, const char *path, const struct verb *const *all, const struct verb *verb,
                       void *values, struct failure *failure)
{
    const char *named = path ? path : getenv(DEFAULTS_FILE_ENV);
    struct reading r = {
        .file = file, .path = named && *named ? named : DEFAULTS_FILE, .all = all, .verb = verb, .values = values,
        .failure = failure,
    };
    FILE *from = fopen(r.path, "re");
    int rc;

    if (!from) {
        if (errno == ENOENT && !(named && *named))
            return 0;
        return failure_set(failure, "%s cannot be read: %s", r.path, strerror(errno));
    }
    rc = check_owner(r.path, from, failure);
    if (rc == 0)
        rc = parse(&r, from);
    fclose(from);
    return rc;
}

void defaults_file_dispose(struct defaults_file *file)
{
    for (unsigned i = 0; i < file->nr; i++)
        free(file->texts[i]);
    file->nr = 0;
}
