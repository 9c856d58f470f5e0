/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The checks, the journal and what is removed after a failure all go by what PREFLIGHT announced.  So it is held to
 * the configuration in the stream, as the toolstack reads it, before the toolstack has an octet of that.
 *
 * Name and UUID are those that PREFLIGHT says itself.  The rest is in the configuration that came with it: what memory
 * the VM has at the moment is not the same number as what it can have, and earlier releases say of a PVH guest what
 * libxl_domain_info() told them, HVM, so that of the type that PREFLIGHT says only PV or not counts.
 */
#include "config.h"
#include "xlmig/receive/announced.h"

#include "xlmig/base/json-fields.h"
#include "xlmig/base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Add "WHAT 'ANNOUNCED', not 'CAME'" to the list. */
static void add(char *list, size_t size, const char *what, const char *announced, const char *came)
{
    size_t len = strlen(list);

    snprintf(list + len, size - len, "%sthe %s %s, not %s", len ? "; " : "", what, announced, came);
}

static void add_bytes(char *list, size_t size, const char *what, uint64_t announced, uint64_t came)
{
    char texts[2][32];

    snprintf(texts[0], sizeof texts[0], "%" PRIu64 " KiB", announced / 1024);
    snprintf(texts[1], sizeof texts[1], "%" PRIu64 " KiB", came / 1024);
    if (announced != came)
        add(list, size, what, texts[0], texts[1]);
}

static void compare(const struct candidate *vm, const struct vm *announced, const struct vm *came, char *list,
                    size_t size)
{
    char texts[2][2 * sizeof vm->uuid + 1];

    if (strcmp(vm->name, came->name) != 0)
        add(list, size, "name", vm->name, came->name);
    if (memcmp(vm->uuid, came->uuid, sizeof vm->uuid) != 0) {
        hex_encode(vm->uuid, sizeof vm->uuid, texts[0]);
        hex_encode(came->uuid, sizeof came->uuid, texts[1]);
        add(list, size, "UUID", texts[0], texts[1]);
    }
    if (announced->type != came->type)
        add(list, size, "type", vm_type_name(announced->type), vm_type_name(came->type));
    else if ((vm->type == VM_TYPE_PV) != (came->type == VM_TYPE_PV))
        add(list, size, "type", vm_type_name(vm->type), vm_type_name(came->type));
    add_bytes(list, size, "memory", announced->memory_bytes, came->memory_bytes);
    add_bytes(list, size, "greatest memory", announced->max_memory_bytes, came->max_memory_bytes);
    snprintf(texts[0], sizeof texts[0], "%u", announced->vcpus);
    snprintf(texts[1], sizeof texts[1], "%u", came->vcpus);
    if (announced->vcpus != came->vcpus)
        add(list, size, "number of vCPUs", texts[0], texts[1]);
}

int receive_is_announced(struct receiver *r, const char *config_json, struct failure *failure)
{
    const struct candidate *vm = &r->order.vm;
    struct vm announced, came;
    char list[900] = "";

    if (r->ts->ops->destination.describe(r->ts, vm->config_json, &announced, failure) < 0 ||
        r->ts->ops->destination.describe(r->ts, config_json, &came, failure) < 0)
        return -1;
    make_text_fit(came.name);
    compare(vm, &announced, &came, list, sizeof list);
    if (!list[0])
        return 0;
    return failure_set(failure, "the stream brings another VM than the one that was announced, %s: it was to have %s. "
                       "Nothing was made of it", vm->name, list);
}
