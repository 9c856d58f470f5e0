/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The members of one JSON object, as messages and files of ours hold them.
 *
 * What is read is hostile: a member that is missing, of another type, out of
 * range or too long is -1, never half a value.
 */
#ifndef XLMIG_BASE_JSON_FIELDS_H
#define XLMIG_BASE_JSON_FIELDS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL: not one JSON object, nested four deep at most, and nothing else. */
struct json_object *fields_parse(const void *text, size_t len);

bool fields_has(struct json_object *object, const char *name);
/* Cut off at `size`; with `whole`, -1 where it is longer or has a NUL inside. */
int fields_get_text(struct json_object *object, const char *name, char *out, size_t size, bool whole);
int fields_get_int(struct json_object *object, const char *name, int64_t min, int64_t max, int64_t *out);
int fields_get_u64(struct json_object *object, const char *name, uint64_t *out); /* up to INT64_MAX */
int fields_get_unsigned(struct json_object *object, const char *name, unsigned *out); /* up to UINT32_MAX */
int fields_get_bool(struct json_object *object, const char *name, bool *out);
/* Exactly that many, in hexadecimal; at most FIELDS_BYTES_MAX. */
int fields_get_bytes(struct json_object *object, const char *name, uint8_t *bytes, size_t len);
#define FIELDS_BYTES_MAX 32u

/* On standard output: that, and why, a verb with --json has no more to say.  Its schema: docs/json/. */
void fields_print_error(const char *text);

void fields_add_text(struct json_object *object, const char *name, const char *text);
void fields_add_u64(struct json_object *object, const char *name, uint64_t value);
void fields_add_bool(struct json_object *object, const char *name, bool value);
/* Of any length. */
void fields_add_bytes(struct json_object *object, const char *name, const void *bytes, size_t len);

#endif
