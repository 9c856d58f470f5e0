/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/vm/screens.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VNC_FIRST_PORT 5900u
#define PORT_MAX 65535u

struct screens {
    struct vm_screen *all;
    unsigned nr;
};

static struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *field;

    return json_object_is_type(object, json_type_object) && json_object_object_get_ex(object, name, &field) ? field : NULL;
}

static const char *text_of(struct json_object *object, const char *name)
{
    struct json_object *field = member(object, name);

    return json_object_is_type(field, json_type_string) ? json_object_get_string(field) : "";
}

/* libxl writes "True" and "False", and nothing where its default holds. */
static bool is_set(struct json_object *object, const char *name, bool otherwise)
{
    struct json_object *field = member(object, name);

    if (json_object_is_type(field, json_type_boolean))
        return json_object_get_boolean(field);
    return *text_of(object, name) ? strcmp(text_of(object, name), "True") == 0 : otherwise;
}

static unsigned number_of(struct json_object *object, const char *name)
{
    struct json_object *field = member(object, name);
    int64_t value = json_object_is_type(field, json_type_int) ? json_object_get_int64(field) : 0;

    return value > 0 && value <= PORT_MAX ? (unsigned)value : 0;
}

static void add(struct screens *s, const char *kind, const char *address, size_t address_len, unsigned port)
{
    struct vm_screen *screen = &s->all[s->nr];

    if (s->nr == VM_SCREENS_MAX || port == 0 || port > PORT_MAX || address_len >= sizeof screen->address)
        return;
    *screen = (struct vm_screen){ .kind = kind, .port = port };
    memcpy(screen->address, address, address_len);
    s->nr++;
}

/* `listen` may have the display behind it: "0.0.0.0:3". */
static void add_vnc(struct screens *s, struct json_object *vnc, bool enabled)
{
    const char *listen = *text_of(vnc, "listen") ? text_of(vnc, "listen") : "127.0.0.1", *colon = strrchr(listen, ':');
    unsigned long display = colon ? strtoul(colon + 1, NULL, 10) : number_of(vnc, "display");

    if (is_set(vnc, "enable", enabled) && !is_set(vnc, "findunused", true) && display <= PORT_MAX)
        add(s, "VNC", listen, colon ? (size_t)(colon - listen) : strlen(listen), VNC_FIRST_PORT + (unsigned)display);
}

static void add_spice(struct screens *s, struct json_object *spice)
{
    const char *host = *text_of(spice, "host") ? text_of(spice, "host") : "0.0.0.0";

    if (!is_set(spice, "enable", false))
        return;
    add(s, "SPICE", host, strlen(host), number_of(spice, "port"));
    add(s, "SPICE", host, strlen(host), number_of(spice, "tls_port"));
}

unsigned vm_screens(const char *config_json, struct vm_screen screens[VM_SCREENS_MAX])
{
    struct json_object *config = json_tokener_parse(config_json), *hvm = member(member(config, "b_info"), "type.hvm");
    struct json_object *vfbs = member(config, "vfbs");
    struct screens s = { .all = screens };

    if (hvm) {
        add_vnc(&s, member(hvm, "vnc"), true);
        add_spice(&s, member(hvm, "spice"));
    } else if (json_object_is_type(vfbs, json_type_array)) { /* an HVM guest's are the same screen once more */
        for (size_t i = 0; i < json_object_array_length(vfbs); i++)
            add_vnc(&s, member(json_object_array_get_idx(vfbs, i), "vnc"), true);
    }
    json_object_put(config);
    return s.nr;
}
