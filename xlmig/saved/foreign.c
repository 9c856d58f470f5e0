/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/saved/foreign.h"

#include <string.h>

#define UNPACK(program) "compressed; unpack it into a pipe: " program " FILE | xlmig restore -"

/* `len` octets of `magic`; a NUL may be among them. */
static const struct {
    const char *magic;
    size_t len;
    const char *name;
} foreigners[] = {
    { "\x1f\x8b", 2, UNPACK("gzip -dc") },
    { "\xfd" "7zXZ\0", 6, UNPACK("xz -dc") },
    { "\x28\xb5\x2f\xfd", 4, UNPACK("zstd -dc") },
    { "\x04\x22\x4d\x18", 4, UNPACK("lz4 -dc") },
    { "\x89LZO\0", 5, UNPACK("lzop -dc") },
    { "BZh", 3, UNPACK("bzip2 -dc") },
    { "PK\x03\x04", 4, "a zip archive; unpack it first" },
    { "QFI\xfb", 4, "a disk in qcow2: a VM's disk, and no saved VM" },
    { "KDMV", 4, "a disk in VMDK: a VM's disk, and no saved VM" },
    { "conectix", 8, "a disk in VHD: a VM's disk, and no saved VM" },
    { "vhdxfile", 8, "a disk in VHDX: a VM's disk, and no saved VM" },
    { "\x7f" "ELF", 4, "an ELF file: a kernel, a program or the core of a VM (xl dump-core), which nothing restores" },
    { "libvirt-xml\n", 12, "what libvirt saved from Xen; restore it where it came from, with: virsh restore FILE" },
    { "LibvirtQemud", 12, "what libvirt saved from QEMU or KVM, which is no VM of Xen's" },
    { "QEVM", 4, "the state of a device model (QEMU), which is a part of a saved VM only" },
    { "XenSavedDom", 11, "what XenServer or XCP-ng suspended; resume it there, with: xe vm-resume" },
    { "LinuxGuestRecord", 16, "what xend saved; only the Xen of that time (4.4 and before) restores it" },
    { "<domain", 7, "a configuration of libvirt's, without the VM's memory" },
};

const char *foreign_name(const void *first, size_t len)
{
    for (size_t i = 0; i < sizeof foreigners / sizeof foreigners[0]; i++)
        if (len >= foreigners[i].len && memcmp(first, foreigners[i].magic, foreigners[i].len) == 0)
            return foreigners[i].name;
    return NULL;
}
