/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Which devices of a VM that is still arriving are set up while its memory comes.
 *
 * xl and libxl set a VM's devices up when all of its memory is there, which is
 * while it runs nowhere; their hotplug scripts are most of that time.  What a
 * backend needs of the guest, rings and event channels, its frontend brings
 * when it resumes; until then the backend waits.  So a VM is made from a
 * configuration without those devices, and they are attached while memory
 * comes in, as `xl block-attach` and `xl network-attach` would.
 *
 * Only where having them early cannot be told from having them late:
 *   - a disk that is a block device: blkback passes the guest's requests to it
 *     and caches nothing.  A file (a loop device), a qemu or a driver domain
 *     might read, and keep, what the source is about to overwrite.
 *   - a network interface that joins a bridge: until its frontend is there it
 *     has no carrier.  A script that sets routes would take the guest's
 *     packets away from the source.
 *   - whose script is Xen's own: of others nobody knows what they do.
 *
 * Disks, and those network interfaces that are emulated, of a VM with a device
 * model are words on its command line, and libxl starts it when the VM's state
 * is there.  So libxl makes such disks as late as ever, but their scripts, which
 * is what takes time, have run by then (prepared-disk.h).
 */
#include "xlmig/toolstack/libxl/libxl.h"

#include "xlmig/toolstack/prepared-disk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define LOOP_MAJOR 7u                /* Linux, Documentation/admin-guide/devices.txt */

/* By its whole path: a script elsewhere may have the same name. */
static bool script_is(const char *script, const char *const *names)
{
    const size_t len = strlen(XEN_SCRIPT_DIR "/");

    if (!script)
        return true; /* libxl's default, one of `names` */
    if (strncmp(script, XEN_SCRIPT_DIR "/", len) == 0)
        script += len;
    for (; *names; names++)
        if (strcmp(script, *names) == 0)
            return true;
    return false;
}

static bool is_uncached_block_device(const char *path)
{
    struct stat s;

    return path && stat(path, &s) == 0 && S_ISBLK(s.st_mode) && major(s.st_rdev) != LOOP_MAJOR;
}

static bool disk_can_be_early(const libxl_device_disk *disk)
{
    static const char *const scripts[] = { "block", NULL };

#ifdef LIBXL_HAVE_DEVICE_DISK_SPECIFICATION
    if (disk->specification == LIBXL_DISK_SPECIFICATION_VIRTIO)
        return false;
#endif
    return !disk->is_cdrom && !disk->removable && disk->format == LIBXL_DISK_FORMAT_RAW &&
           (disk->backend == LIBXL_DISK_BACKEND_UNKNOWN || disk->backend == LIBXL_DISK_BACKEND_PHY) &&
           disk->backend_domid == 0 && !disk->backend_domname && script_is(disk->script, scripts) &&
           is_uncached_block_device(disk->pdev_path);
}

static bool is_hvm(const libxl_domain_config *config)
{
    return config->c_info.type == LIBXL_DOMAIN_TYPE_HVM;
}

/* A device model in a domain of its own has devices attached to it, too. */
bool libxl_prepares_disks(const libxl_domain_config *config)
{
    const libxl_defbool stubdomain = config->b_info.device_model_stubdomain;

    return is_hvm(config) && (libxl_defbool_is_default(stubdomain) || !libxl_defbool_val(stubdomain));
}

/* One of an HVM guest is emulated, too, unless its configuration says otherwise. */
static bool nic_is_emulated(const libxl_domain_config *config, const libxl_device_nic *nic)
{
    return nic->nictype == LIBXL_NIC_TYPE_VIF_IOEMU ||
           (nic->nictype == LIBXL_NIC_TYPE_UNKNOWN && is_hvm(config));
}

static bool nic_can_be_early(const libxl_domain_config *config, const libxl_device_nic *nic)
{
    static const char *const scripts[] = { "vif-bridge", "vif-openvswitch", NULL };

    return !nic_is_emulated(config, nic) && nic->backend_domid == 0 && !nic->backend_domname &&
           script_is(nic->script, scripts);
}

static bool disks_can_be_early(const libxl_domain_config *config)
{
    for (int i = 0; i < config->num_disks; i++)
        if (!disk_can_be_early(&config->disks[i]))
            return false;
    return config->num_disks > 0;
}

static bool nics_can_be_early(const libxl_domain_config *config)
{
    if (is_hvm(config) && !libxl_prepares_disks(config))
        return false;
    for (int i = 0; i < config->num_nics; i++)
        if (!nic_can_be_early(config, &config->nics[i]))
            return false;
    return config->num_nics > 0;
}

static void drop_disks(libxl_domain_config *config)
{
    for (int i = 0; i < config->num_disks; i++)
        libxl_device_disk_dispose(&config->disks[i]);
    config->num_disks = 0;
}

static void drop_nics(libxl_domain_config *config)
{
    for (int i = 0; i < config->num_nics; i++)
        libxl_device_nic_dispose(&config->nics[i]);
    config->num_nics = 0;
}

/* ---- disks that are made late, with a script that has run ---- */

static bool disk_can_be_prepared(const libxl_device_disk *disk)
{
    char path[PREPARED_DISK_PATH_MAX];

    return disk_can_be_early(disk) && disk->vdev && prepared_disk_path(0, disk->vdev, path);
}

static void keep_prepared_disks(libxl_domain_config *config)
{
    int kept = 0;

    for (int i = 0; i < config->num_disks; i++)
        if (disk_can_be_prepared(&config->disks[i]))
            config->disks[kept++] = config->disks[i];
        else
            libxl_device_disk_dispose(&config->disks[i]);
    config->num_disks = kept;
}

static int set_script(libxl_device_disk *disk, const char *script)
{
    char *copy = script ? strdup(script) : NULL;

    if (script && !copy)
        return -1;
    free(disk->script);
    disk->script = copy;
    return 0;
}

static int replace_scripts(libxl_domain_config *config)
{
    for (int i = 0; i < config->num_disks; i++)
        if (disk_can_be_prepared(&config->disks[i]) && set_script(&config->disks[i], PREPARED_DISK_SCRIPT) < 0)
            return -1;
    return 0;
}

int libxl_restore_scripts(const libxl_domain_config *from, libxl_domain_config *to)
{
    for (int i = 0; i < from->num_disks; i++)
        for (int k = 0; k < to->num_disks; k++)
            if (to->disks[k].vdev && strcmp(from->disks[i].vdev, to->disks[k].vdev) == 0 &&
                set_script(&to->disks[k], from->disks[i].script) < 0)
                return -1;
    return 0;
}

/* ---- the configuration with nothing but its early devices, and without them ---- */

void libxl_keep_early_devices(libxl_domain_config *config)
{
    if (!nics_can_be_early(config))
        drop_nics(config);
    if (libxl_prepares_disks(config))
        keep_prepared_disks(config);
    else if (is_hvm(config) || !disks_can_be_early(config))
        drop_disks(config);
}

int libxl_leave_out_early_devices(libxl_domain_config *config)
{
    if (nics_can_be_early(config))
        drop_nics(config);
    if (libxl_prepares_disks(config))
        return replace_scripts(config);
    if (!is_hvm(config) && disks_can_be_early(config))
        drop_disks(config);
    return 0;
}
