/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include "xlmig/simhost/guest-config.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char *const content_names[PATTERN_NR_CONTENTS] = { "mixed", "zero", "text", "random" };

#define KIB_PER_PAGE 4u

/* ---- JSON ---- */

static struct json_object *section(struct json_object *root, const char *name)
{
    struct json_object *o = json_object_object_get(root, name);

    return json_object_is_type(o, json_type_object) ? o : NULL;
}

/* -1: it is there and no number in [0, max]. */
static int get_number(struct json_object *o, const char *name, uint64_t max, uint64_t *value)
{
    struct json_object *field = o ? json_object_object_get(o, name) : NULL;

    if (!field)
        return 0;
    if (!json_object_is_type(field, json_type_int) || json_object_get_int64(field) < 0)
        return -1;
    *value = json_object_get_uint64(field);
    return *value <= max ? 0 : -1;
}

static const char *get_text(struct json_object *o, const char *name)
{
    struct json_object *field = o ? json_object_object_get(o, name) : NULL;

    return json_object_is_type(field, json_type_string) ? json_object_get_string(field) : "";
}

static int read_uuid(const char *text, uint8_t uuid[16])
{
    unsigned n = 0;

    for (; *text; text++) {
        unsigned byte;
        if (*text == '-')
            continue;
        if (n == 16 || strspn(text, "0123456789abcdefABCDEF") < 2 || sscanf(text, "%2x", &byte) != 1)
            return -1;
        uuid[n++] = (uint8_t)byte;
        text++;
    }
    return n == 16 ? 0 : -1;
}

static void write_uuid(const uint8_t *u, char text[37])
{
    snprintf(text, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2], u[3],
             u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

static int find_content(const char *name, uint32_t *content)
{
    for (uint32_t i = 0; i < PATTERN_NR_CONTENTS; i++) {
        if (strcmp(name, content_names[i]) == 0) {
            *content = i;
            return 0;
        }
    }
    return -1;
}

bool simhost_name_is_valid(const char *name)
{
    const size_t length = strlen(name);

    if (length == 0 || length > SIM_NAME_MAX)
        return false;
    for (; *name; name++)
        if ((unsigned char)*name < ' ' || *name == 0x7f || *name == '/')
            return false;
    return true;
}

static int read_program(struct json_object *sim, struct simguest_config *config)
{
    uint64_t content_given = json_object_object_get(sim, "content") != NULL;
    uint64_t balloon = 0, grow = 0, holes = 0;
    struct simguest_program *p = &config->program;

    if (get_number(sim, "seed", INT64_MAX, &p->seed) ||
        get_number(sim, "pages_per_s", SIMGUEST_MAX_PFNS, &p->pages_per_s) ||
        get_number(sim, "working_set", SIMGUEST_MAX_PFNS, &p->working_set) ||
        get_number(sim, "balloon_ticks", UINT32_MAX, &balloon) || get_number(sim, "grow_ticks", UINT32_MAX, &grow) ||
        get_number(sim, "holes_percent", 90, &holes))
        return -1;
    p->balloon_ticks = (uint32_t)balloon;
    p->grow_ticks = (uint32_t)grow;
    config->holes_percent = (unsigned)holes;
    return content_given ? find_content(get_text(sim, "content"), &p->content) : 0;
}

static int read_devices(struct json_object *sim, struct simguest_config *config)
{
    uint64_t ms = 0, broken = 0;

    if (get_number(sim, "devices_ms", SIMGUEST_MAX_DEVICES_MS, &ms) || get_number(sim, "devices_broken", 1, &broken))
        return -1;
    config->devices_ms = (unsigned)ms;
    config->devices_broken = broken;
    return 0;
}

/* -1: too long. */
static int read_path(const char *text, char path[SIMGUEST_PATH_MAX + 1])
{
    if (strlen(text) > SIMGUEST_PATH_MAX)
        return -1;
    strcpy(path, text);
    return 0;
}

static int read_paths(struct json_object *sim, struct simguest_config *config)
{
    return read_path(get_text(sim, "disk"), config->disk) || read_path(get_text(sim, "bridge"), config->bridge) ||
                   read_path(get_text(sim, "kernel"), config->kernel)
               ? -1 : 0;
}

static int read_config(struct json_object *root, struct simguest_config *config, const char **why)
{
    struct json_object *c = section(root, "c_info"), *b = section(root, "b_info"), *sim = section(root, "sim");
    struct json_object *sched = b ? section(b, "sched_params") : NULL;
    uint64_t vcpus = 1, cap = 0, max_kib = 0, target_kib = 0;
    const char *name = get_text(c, "name"), *type = get_text(c, "type");

    *why = "c_info.name is missing or no name";
    if (!simhost_name_is_valid(name))
        return -1;
    strcpy(config->name, name);
    *why = "c_info.uuid is missing or no UUID";
    if (read_uuid(get_text(c, "uuid"), config->uuid))
        return -1;
    *why = "c_info.type is neither hvm nor pvh";
    config->has_emulator = strcmp(type, "hvm") == 0;
    if (!config->has_emulator && strcmp(type, "pvh") != 0)
        return -1;
    *why = "b_info has no memory size, or one that is not possible";
    if (get_number(b, "max_vcpus", SIM_MAX_VCPUS, &vcpus) ||
        get_number(b, "max_memkb", SIMGUEST_MAX_PFNS * KIB_PER_PAGE, &max_kib) ||
        get_number(b, "target_memkb", max_kib, &target_kib))
        return -1;
    *why = "b_info.sched_params has a cap that is not possible";
    if (sched && get_number(sched, "cap", SIM_MAX_VCPUS * 100, &cap))
        return -1;
    config->cap = (unsigned)cap;
    config->nr_vcpus = (unsigned)vcpus;
    *why = "b_info has a memory size that is not possible";
    config->max_pfns = max_kib / KIB_PER_PAGE;
    config->boot_pfns = target_kib ? target_kib / KIB_PER_PAGE : config->max_pfns;
    if (config->nr_vcpus < 1 || config->boot_pfns < SIMGUEST_MIN_PFNS)
        return -1;
    *why = "sim holds a value that is not possible";
    return sim && (read_program(sim, config) || read_devices(sim, config) || read_paths(sim, config)) ? -1 : 0;
}

int simhost_config_read(const char *json, size_t bytes, struct simguest_config *config, char why[128])
{
    struct json_tokener *tokener = json_tokener_new_ex(8);
    struct json_object *root = NULL;
    const char *reason = "it is no JSON object";
    int rc = -1;

    memset(config, 0, sizeof *config);
    if (tokener && bytes && bytes <= SIMHOST_CONFIG_MAX)
        root = json_tokener_parse_ex(tokener, json, (int)bytes);
    if (json_object_is_type(root, json_type_object))
        rc = read_config(root, config, &reason);
    if (rc)
        snprintf(why, 128, "%s", reason);
    json_object_put(root);
    if (tokener)
        json_tokener_free(tokener);
    return rc;
}

static void add_number(struct json_object *o, const char *name, uint64_t value)
{
    json_object_object_add(o, name, json_object_new_int64((int64_t)value));
}

static void add_text(struct json_object *o, const char *name, const char *value)
{
    json_object_object_add(o, name, json_object_new_string(value));
}

char *simhost_config_write(const struct simguest_config *config)
{
    const struct simguest_program *p = &config->program;
    struct json_object *root = json_object_new_object(), *c = json_object_new_object(),
                       *b = json_object_new_object(), *sched = json_object_new_object(),
                       *sim = json_object_new_object();
    char uuid[37];

    write_uuid(config->uuid, uuid);
    add_text(c, "type", config->has_emulator ? "hvm" : "pvh");
    add_text(c, "name", config->name);
    add_text(c, "uuid", uuid);
    add_number(b, "max_vcpus", config->nr_vcpus);
    add_number(b, "max_memkb", config->max_pfns * KIB_PER_PAGE);
    add_number(b, "target_memkb", config->boot_pfns * KIB_PER_PAGE);
    add_number(sched, "cap", config->cap);
    json_object_object_add(b, "sched_params", sched);
    add_number(sim, "seed", p->seed);
    add_number(sim, "pages_per_s", p->pages_per_s);
    add_number(sim, "working_set", p->working_set);
    add_text(sim, "content", content_names[p->content]);
    add_number(sim, "balloon_ticks", p->balloon_ticks);
    add_number(sim, "grow_ticks", p->grow_ticks);
    add_number(sim, "holes_percent", config->holes_percent);
    add_number(sim, "devices_ms", config->devices_ms);
    add_number(sim, "devices_broken", config->devices_broken);
    add_text(sim, "disk", config->disk);
    add_text(sim, "bridge", config->bridge);
    add_text(sim, "kernel", config->kernel);
    json_object_object_add(root, "c_info", c);
    json_object_object_add(root, "b_info", b);
    json_object_object_add(root, "sim", sim);
    char *text = strdup(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN));
    json_object_put(root);
    return text;
}

static void merge(struct json_object *into, struct json_object *from)
{
    json_object_object_foreach(from, name, value) {
        struct json_object *old = json_object_object_get(into, name);

        if (json_object_is_type(old, json_type_object) && json_object_is_type(value, json_type_object))
            merge(old, value);
        else
            json_object_object_add(into, name, json_object_get(value));
    }
}

char *simhost_config_merge(const char *json, const char *more)
{
    struct json_object *into = json_tokener_parse(json), *from = json_tokener_parse(more);
    char *text = NULL;

    if (json_object_is_type(into, json_type_object) && json_object_is_type(from, json_type_object)) {
        merge(into, from);
        text = strdup(json_object_to_json_string_ext(into, JSON_C_TO_STRING_PLAIN));
    }
    json_object_put(into);
    json_object_put(from);
    return text;
}

/* ---- the command line ---- */

void simhost_config_default(struct simguest_config *config, const char *name)
{
    *config = (struct simguest_config){
        .nr_vcpus = 2,
        .boot_pfns = 64u << 8,
        .max_pfns = 64u << 8,
        .program = { .seed = 1, .pages_per_s = 16u << 8 },
    };
    snprintf(config->name, sizeof config->name, "%s", name);
    if (getrandom(config->uuid, sizeof config->uuid, 0) != sizeof config->uuid)
        memset(config->uuid, 1, sizeof config->uuid);
}

/* 12, 64K, 1G. */
static int read_bytes(const char *text, uint64_t *value)
{
    char *end;

    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || end == text || *text == '-')
        return -1;
    const char *const units = "KMG", *unit = *end ? strchr(units, *end) : NULL;
    if (*end && (!unit || end[1]))
        return -1;
    const unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    *value = (uint64_t)n << shift;
    return n > (UINT64_MAX >> shift) ? -1 : 0;
}

static int set_number(struct simguest_config *config, const char *name, const char *text)
{
    struct simguest_program *p = &config->program;
    uint64_t n;

    if (read_bytes(text, &n) || n > INT64_MAX)
        return -1;
    if (strcmp(name, "memory") == 0)
        config->boot_pfns = config->max_pfns = n / PATTERN_PAGE_SIZE;
    else if (strcmp(name, "maxmem") == 0)
        config->max_pfns = n / PATTERN_PAGE_SIZE;
    else if (strcmp(name, "vcpus") == 0)
        config->nr_vcpus = n <= SIM_MAX_VCPUS ? (unsigned)n : 0;
    else if (strcmp(name, "cap") == 0)
        config->cap = n <= SIM_MAX_VCPUS * 100 ? (unsigned)n : 0;
    else if (strcmp(name, "seed") == 0)
        p->seed = n;
    else if (strcmp(name, "rate") == 0)
        p->pages_per_s = n / PATTERN_PAGE_SIZE;
    else if (strcmp(name, "working-set") == 0)
        p->working_set = n / PATTERN_PAGE_SIZE;
    else if (strcmp(name, "holes") == 0)
        config->holes_percent = n <= 90 ? (unsigned)n : 91;
    else if (strcmp(name, "devices") == 0 && n <= SIMGUEST_MAX_DEVICES_MS)
        config->devices_ms = (unsigned)n;
    else if (strcmp(name, "devices-broken") == 0 && n <= 1)
        config->devices_broken = n;
    else if (strcmp(name, "balloon") == 0)
        p->balloon_ticks = (uint32_t)n;
    else if (strcmp(name, "grow") == 0)
        p->grow_ticks = (uint32_t)n;
    else
        return -1;
    return 0;
}

int simhost_config_set(struct simguest_config *config, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    char name[32];

    if (!equals || (size_t)(equals - assignment) >= sizeof name)
        return -1;
    memcpy(name, assignment, (size_t)(equals - assignment));
    name[equals - assignment] = '\0';
    if (strcmp(name, "content") == 0)
        return find_content(equals + 1, &config->program.content);
    if (strcmp(name, "uuid") == 0)
        return read_uuid(equals + 1, config->uuid);
    if (strcmp(name, "type") == 0) {
        config->has_emulator = strcmp(equals + 1, "hvm") == 0;
        return config->has_emulator || strcmp(equals + 1, "pvh") == 0 ? 0 : -1;
    }
    if (strcmp(name, "disk") == 0)
        return read_path(equals + 1, config->disk);
    if (strcmp(name, "bridge") == 0)
        return read_path(equals + 1, config->bridge);
    if (strcmp(name, "kernel") == 0)
        return read_path(equals + 1, config->kernel);
    return set_number(config, name, equals + 1);
}
