/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A memfd gets huge pages only where an administrator has said so for the whole
 * system, which is rare, while private memory, as QEMU's guests have it, gets
 * them for the asking.  So that a simulated guest's memory is no slower than
 * theirs it lies in a tmpfs of its own, mounted nowhere, which root may make.
 */
#include "config.h"

#include "xlmig/simhost/memory-file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

/* The root of a tmpfs that no mount namespace has; it goes with the last file in it. */
static int make_tmpfs(void)
{
    const int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
    int mount = -1;

    if (fs < 0)
        return -1;
    /* Pages in a mapping with MADV_HUGEPAGE; and no limit but the host's own. */
    if (fsconfig(fs, FSCONFIG_SET_STRING, "huge", "advise", 0) == 0 &&
        fsconfig(fs, FSCONFIG_SET_STRING, "size", "0", 0) == 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mount = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    close(fs);
    return mount;
}

static int open_huge(void)
{
    const int mount = make_tmpfs();

    if (mount < 0)
        return -1;
    const int fd = openat(mount, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    close(mount);
    return fd;
}

int simhost_memory_file(size_t bytes)
{
    int fd = open_huge();

    if (fd < 0)
        fd = memfd_create("sim-memory", MFD_CLOEXEC);
    if (fd >= 0 && ftruncate(fd, (off_t)bytes)) {
        const int errnum = errno;
        close(fd);
        errno = errnum;
        return -1;
    }
    return fd;
}
