/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/saved/head.h"

#include "stream-format/libxl-stream.h"
#include "xlmig/base/input-file.h"
#include "xlmig/base/text.h"
#include "xlmig/saved/read.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

struct head {
    struct stream_file file;
    struct saved_vm *saved;
    size_t room;
    char *config;
    size_t len;
    bool complete, no_memory;
};

static uint32_t optional_flags(const struct stream_event *event)
{
    const uint8_t *at = event->data + offsetof(struct stream_xl_header, optional_flags);

    return event->big_endian ? stream_get_be32(at) : stream_get_le32(at);
}

static void on_event(void *opaque, const struct stream_event *event)
{
    struct head *head = opaque;
    char *grown;

    if (event->layer != STREAM_LAYER_XL) {
        head->complete = true;
        head->file.stop |= stream_event_release(event, head->saved->release, sizeof head->saved->release) ||
                           (event->layer == STREAM_LAYER_LIBXC && event->kind == STREAM_EVENT_RECORD) ||
                           (event->layer == STREAM_LAYER_V1 && event->kind == STREAM_EVENT_RECORD_END);
        return;
    }
    if (event->info->id == STREAM_ID_XL_SAVE_HEADER && event->len >= sizeof(struct stream_xl_header))
        head->saved->paused = optional_flags(event) & STREAM_XL_OPT_PAUSED;
    if (event->info->id != STREAM_ID_XL_CONFIG || event->kind != STREAM_EVENT_BLOB)
        return;
    /* The reader has held the length against STREAM_XL_DATA_MAX. */
    grown = realloc(head->config, head->len + event->len + 1);
    if (!grown) {
        head->no_memory = head->file.stop = true;
        return;
    }
    head->config = grown;
    memcpy(grown + head->len, event->data, event->len);
    head->len += event->len;
    grown[head->len] = '\0';
}

/* What was taken from a pipe cannot be read again. */
static int keep(void *opaque, const void *bytes, size_t len)
{
    struct head *head = opaque;
    struct saved_vm *saved = head->saved;

    if (head->room - saved->first_len < len) {
        size_t room = 2 * (saved->first_len + len);
        uint8_t *grown = realloc(saved->first, room);

        if (!grown)
            return -1;
        saved->first = grown;
        head->room = room;
    }
    memcpy(saved->first + saved->first_len, bytes, len);
    saved->first_len += len;
    return 0;
}

static const char *text_of(struct json_object *object, const char *name)
{
    struct json_object *field;

    return json_object_object_get_ex(object, name, &field) && json_object_is_type(field, json_type_string)
               ? json_object_get_string(field) : "";
}

static int hex_value(char c)
{
    if (!isxdigit((unsigned char)c))
        return -1;
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static int parse_uuid(const char *text, uint8_t uuid[16])
{
    size_t n = 0;

    for (; *text; text++) {
        if (*text == '-')
            continue;
        if (n == 32 || hex_value(*text) < 0)
            return -1;
        uuid[n / 2] = (uint8_t)(uuid[n / 2] << 4 | hex_value(*text));
        n++;
    }
    return n == 32 ? 0 : -1;
}

static enum vm_type type_from(const char *name)
{
    if (strcmp(name, "pv") == 0)
        return VM_TYPE_PV;
    return strcmp(name, "pvh") == 0 ? VM_TYPE_PVH : VM_TYPE_HVM;
}

/* The toolstack judges the configuration as a whole when it makes the VM; here, only what the checks need. */
static int read_config(struct head *head, struct candidate *vm, struct failure *failure)
{
    struct json_object *config = json_tokener_parse(head->config), *info;
    int rc = -1;

    if (config && json_object_object_get_ex(config, "c_info", &info) && json_object_is_type(info, json_type_object)) {
        snprintf(vm->name, sizeof vm->name, "%s", text_of(info, "name"));
        vm->type = type_from(text_of(info, "type"));
        rc = vm_name_is_valid(vm->name) ? parse_uuid(text_of(info, "uuid"), vm->uuid) : -1;
        make_text_fit(vm->name);
    }
    json_object_put(config);
    if (rc < 0)
        return failure_set(failure, "%s holds a configuration without a VM's UUID and a name that can be shown",
                           input_name(head->file.path));
    vm->config_json = head->config;
    head->config = NULL;
    return 0;
}

int saved_vm_open(const char *path, struct saved_vm *saved, struct candidate *vm, struct failure *failure)
{
    struct head head = {
        .file = { .path = path, .who = "xlmig restore", .event = on_event, .keep = keep, .leave_open = true },
        .saved = saved,
    };
    const char *name = input_name(path);
    char word[SHELL_WORD_SIZE];
    int rc = -1;

    *saved = (struct saved_vm){ .fd = -1 };
    *vm = (struct candidate){ 0 };
    head.file.opaque = &head;
    if (stream_file_read(&head.file, failure) < 0)
        ;
    else if (head.no_memory)
        failure_set(failure, "out of memory");
    else if (head.file.foreign)
        failure_set(failure, "%s is no saved VM: it is %s", name, head.file.foreign);
    else if (head.file.fault.code && !head.complete)
        failure_set(failure, "%s is not a saved VM, or a damaged one; look with: xlmig verify %s", name,
                    shell_word(path, word, sizeof word));
    else if (!head.config)
        failure_set(failure, "%s holds no configuration of a VM", name);
    else
        rc = read_config(&head, vm, failure);
    free(head.config);
    saved->fd = head.file.fd;
    return rc;
}

void saved_vm_close(struct saved_vm *saved)
{
    input_close(saved->fd);
    free(saved->first);
    *saved = (struct saved_vm){ .fd = -1 };
}
