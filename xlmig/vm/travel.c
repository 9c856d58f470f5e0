/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/vm/travel.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct travel {
    struct check_list *found;
    bool ignore_devices;
    unsigned nr; /* what does not travel, or may not */
};

__attribute__((format(printf, 4, 5)))
static struct check *stays(struct travel *t, const char *subject, const char *way_out, const char *format, ...)
{
    char text[CHECK_TEXT_MAX];
    struct check *check;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    t->nr++;
    check = check_add(t->found, t->ignore_devices ? CHECK_WARNING : CHECK_REFUSED, subject, "%s", text);
    check_remedy(check, "%s, or go on all the same with --ignore-devices", way_out);
    return check;
}

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

static unsigned count(struct json_object *object, const char *name)
{
    struct json_object *field = member(object, name);

    return json_object_is_type(field, json_type_array) ? (unsigned)json_object_array_length(field) : 0;
}

/* libxl writes "True"; what is not there is its default, which is no. */
static bool is_true(struct json_object *object, const char *name)
{
    struct json_object *field = member(object, name);

    return json_object_is_type(field, json_type_boolean) ? json_object_get_boolean(field)
                                                         : strcmp(text_of(object, name), "True") == 0;
}

/* ---- devices of Xen's kind ---- */

static const struct {
    const char *list, *subject, *what, *way_out;
} kinds[] = {
    { "p9s", "9pfs", "folders of this host by 9pfs, whose driver in the guest does not survive a move",
      "Have the guest unmount them and start it without p9= in its configuration" },
    { "vtpms", "vtpm", "virtual TPM, whose keys stay in a domain of this host", "Start it without vtpm= in its configuration" },
    { "pvcallsifs", "pvcalls", "PV Calls interface, whose connections end with a move",
      "Start it without pvcalls= in its configuration" },
    { "virtios", "virtio", "virtio device, whose state is kept by a program of this host",
      "Start it without virtio= in its configuration" },
    { "vsnds", "sound", "PV sound card, whose state is kept by a program of this host",
      "Start it without vsnd= in its configuration" },
    { "vdispls", "display", "PV display, whose state is kept by a program of this host",
      "Start it without vdispl= in its configuration" },
};

static void check_kinds(struct travel *t, struct json_object *config)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (count(config, kinds[i].list))
            stays(t, kinds[i].subject, kinds[i].way_out, "it has %u of this kind: %s", count(config, kinds[i].list),
                  kinds[i].what);
}

static void check_disks(struct travel *t, struct json_object *config)
{
    struct json_object *disks = member(config, "disks");
    char subject[CHECK_SUBJECT_MAX];

    for (unsigned i = 0; i < count(config, "disks"); i++) {
        struct json_object *disk = json_object_array_get_idx(disks, i);

        snprintf(subject, sizeof subject, "disk %s", text_of(disk, "vdev"));
        if (strcmp(text_of(disk, "specification"), "virtio") == 0)
            stays(t, subject, "Start it with a disk of Xen's own kind (specification=xen)",
                  "it is a virtio disk, whose queues are kept by a program of this host");
    }
}

/* ---- hardware, and what looks like it ---- */

static void check_hardware(struct travel *t, struct json_object *build)
{
    if (count(build, "ioports") || count(build, "iomem") || count(build, "irqs"))
        stays(t, "hardware", "Start it without ioports=, iomem= and irqs=",
              "it works with hardware of this host: %u ranges of ports, %u of memory, %u interrupts",
              count(build, "ioports"), count(build, "iomem"), count(build, "irqs"));
    if (is_true(build, "nested_hvm") || is_true(member(build, "type.hvm"), "nested_hvm"))
        stays(t, "nested", "Stop the guests inside and start it without nestedhvm=1",
              "it may run guests of its own (nestedhvm=1), and what Xen knows of those does not move: they crash, and "
              "mostly it with them");
}

/* ---- QEMU's own devices ---- */

/* Those of which QEMU (7.2 to 10) says that they cannot be saved, or whose state is outside of it. */
static bool qemu_cannot_save(const char *device, size_t len)
{
    static const char *const names[] = {
        "nvme", "vfio-pci", "usb-audio", "usb-bot", "usb-host", "usb-mtp", "usb-net", "usb-serial", "usb-braille", "usb-uas",
        "usb-u2f", "u2f-emulated", "u2f-passthru", "usb-wacom-tablet", "ivshmem-plain", "ivshmem-doorbell", "vhost-scsi-pci",
        "vhost-user-fs-pci", "virtio-9p-pci", "virtio-gpu-gl-pci", "virtio-vga-gl", "tpm-tis", "tpm-crb", "sd-card", "edu",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i]) == len && memcmp(names[i], device, len) == 0)
            return true;
    return false;
}

static bool is_word_for_outside(const char *word)
{
    static const char *const words[] = { "-virtfs", "-fsdev", "-tpmdev" };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(word, words[i]) == 0 || (strncmp(word, words[i], strlen(words[i])) == 0 && word[strlen(words[i])] == '='))
            return true;
    return false;
}

static const char *string_at(struct json_object *list, unsigned i)
{
    struct json_object *entry = json_object_array_get_idx(list, i);

    return json_object_is_type(entry, json_type_string) ? json_object_get_string(entry) : "";
}

/* What device_model_args= and its kin hand to QEMU. */
static void check_words(struct travel *t, struct json_object *build, const char *name)
{
    static const char way_out[] = "Start it without that device";
    struct json_object *list = member(build, name);
    unsigned nr = count(build, name), before = t->nr;

    for (unsigned i = 0; i < nr; i++) {
        const char *word = string_at(list, i), *device = i + 1 < nr ? string_at(list, i + 1) : "";
        size_t len = strcspn(device, ",");

        if (strcmp(word, "-device") == 0 && qemu_cannot_save(device, len))
            stays(t, "qemu", way_out, "QEMU cannot save its device %.*s, and does not say so", (int)len, device);
        else if (is_word_for_outside(word))
            stays(t, "qemu", way_out, "what %s gives to it is kept by a program of this host", word);
    }
    if (nr && t->nr == before) {
        check_add(t->found, CHECK_UNKNOWN, "qemu", "its configuration has words of its own for QEMU, first %s: whether all "
                  "that they ask for can be saved is not known", string_at(list, 0));
        t->nr++;
    }
}

static void check_usb(struct travel *t, struct json_object *hvm)
{
    struct json_object *list = member(hvm, "usbdevice_list");
    bool has_host = strncmp(text_of(hvm, "usbdevice"), "host:", 5) == 0;

    for (unsigned i = 0; i < count(hvm, "usbdevice_list"); i++)
        has_host |= strncmp(string_at(list, i), "host:", 5) == 0;
    if (has_host)
        stays(t, "usb", "Start it without usbdevice=host:", "QEMU gives it a USB device of this host, whose state cannot move");
}

void travel_check(const char *config_json, bool ignore_devices, struct check_list *found)
{
    struct travel t = { .found = found, .ignore_devices = ignore_devices };
    struct json_object *config = json_tokener_parse(config_json), *build = member(config, "b_info");

    check_kinds(&t, config);
    check_disks(&t, config);
    check_hardware(&t, build);
    check_usb(&t, member(build, "type.hvm"));
    check_words(&t, build, "extra");
    check_words(&t, build, "extra_pv");
    check_words(&t, build, "extra_hvm");
    if (!t.nr)
        check_add(found, CHECK_OK, "devices", "the state of each of them moves with it");
    json_object_put(config);
}
