/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices of a VM that is still arriving.
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
 * An HVM guest's devices are words on its device model's command line, which is
 * started when the VM's state is there.
 */
#include "xlmig/toolstack-libxl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define CONFIG_USERDATA "libxl-json" /* libxl.h, "userdata": where libxl keeps a VM's configuration */
#define LOOP_MAJOR 7u                /* Linux, Documentation/admin-guide/devices.txt */

static bool script_is(const char *script, const char *const *names)
{
    const char *slash = script ? strrchr(script, '/') : NULL;

    if (!script)
        return true; /* libxl's default, one of `names` */
    for (; *names; names++)
        if (strcmp(slash ? slash + 1 : script, *names) == 0)
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

static bool nic_can_be_early(const libxl_device_nic *nic)
{
    static const char *const scripts[] = { "vif-bridge", "vif-openvswitch", NULL };

    return nic->nictype != LIBXL_NIC_TYPE_VIF_IOEMU && nic->backend_domid == 0 && !nic->backend_domname &&
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
    for (int i = 0; i < config->num_nics; i++)
        if (!nic_can_be_early(&config->nics[i]))
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

/* The configuration with nothing but its early devices, or without them.  To be disposed of, whatever comes back. */
static int parse(struct libxl_toolstack *lx, const char *json, bool early, libxl_domain_config *config,
                 struct failure *failure)
{
    int rc;

    libxl_domain_config_init(config);
    libxl_log_forget(&lx->log);
    rc = libxl_domain_config_from_json(lx->ctx, config, json);
    if (rc != 0)
        return libxl_failed(lx, rc, "cannot read the VM's configuration", failure);
    bool may = config->c_info.type != LIBXL_DOMAIN_TYPE_HVM;
    bool disks = may && disks_can_be_early(config), nics = may && nics_can_be_early(config);
    if (disks != early)
        drop_disks(config);
    if (nics != early)
        drop_nics(config);
    return 0;
}

int libxl_op_early_devices(struct toolstack *ts, const char *config_json, char **rest_json, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    libxl_domain_config early, rest;
    int rc = parse(lx, config_json, true, &early, failure);

    if (rc == 0 && early.num_disks == 0 && early.num_nics == 0)
        rc = 1;
    libxl_domain_config_dispose(&early);
    if (rc != 0)
        return rc;
    rc = parse(lx, config_json, false, &rest, failure);
    if (rc == 0) {
        *rest_json = libxl_domain_config_to_json(lx->ctx, &rest);
        rc = *rest_json ? 0 : failure_set(failure, "out of memory");
    }
    libxl_domain_config_dispose(&rest);
    return rc;
}

/* ---- the VM's configuration, as libxl keeps it ---- */

static int store_config(struct libxl_toolstack *lx, uint32_t domid, libxl_domain_config *config, struct failure *failure)
{
    char *json = libxl_domain_config_to_json(lx->ctx, config);
    int rc = json ? libxl_userdata_store(lx->ctx, domid, CONFIG_USERDATA, (const uint8_t *)json, (int)strlen(json) + 1)
                  : ERROR_NOMEM;

    free(json);
    return rc ? libxl_failed(lx, rc, "cannot store the VM's configuration", failure) : 0;
}

/*
 * libxl enters a device that it attaches in the VM's configuration, which it
 * writes only once the VM is made: it gets one to do that with.  Nothing in it
 * may ask for a device model, which would have to run already.
 */
static int store_provisional_config(struct libxl_toolstack *lx, uint32_t domid, const libxl_domain_config *like,
                                    struct failure *failure)
{
    libxl_domain_config bare;
    int rc;

    libxl_domain_config_init(&bare);
    libxl_domain_create_info_copy(lx->ctx, &bare.c_info, &like->c_info);
    libxl_domain_build_info_copy(lx->ctx, &bare.b_info, &like->b_info);
    rc = store_config(lx, domid, &bare, failure);
    libxl_domain_config_dispose(&bare);
    return rc;
}

static int load_config(struct libxl_toolstack *lx, uint32_t domid, libxl_domain_config *config, struct failure *failure)
{
    uint8_t *json = NULL;
    int len = 0;
    int rc = libxl_userdata_retrieve(lx->ctx, domid, CONFIG_USERDATA, &json, &len);

    if (rc == 0 && (len <= 0 || json[len - 1] != '\0'))
        rc = ERROR_FAIL;
    if (rc == 0)
        rc = libxl_domain_config_from_json(lx->ctx, config, (const char *)json);
    free(json);
    return rc ? libxl_failed(lx, rc, "cannot read the VM's configuration again", failure) : 0;
}

/* Moves the devices of `from` to the end of those of `to`. */
static int move_devices(libxl_domain_config *from, libxl_domain_config *to)
{
    libxl_device_disk *disks = realloc(to->disks, (size_t)(to->num_disks + from->num_disks + 1) * sizeof *disks);
    libxl_device_nic *nics = realloc(to->nics, (size_t)(to->num_nics + from->num_nics + 1) * sizeof *nics);

    if (disks)
        to->disks = disks;
    if (nics)
        to->nics = nics;
    if (!disks || !nics)
        return -1;
    if (from->num_disks > 0)
        memcpy(disks + to->num_disks, from->disks, (size_t)from->num_disks * sizeof *disks);
    if (from->num_nics > 0)
        memcpy(nics + to->num_nics, from->nics, (size_t)from->num_nics * sizeof *nics);
    to->num_disks += from->num_disks;
    to->num_nics += from->num_nics;
    from->num_disks = from->num_nics = 0;
    return 0;
}

/*
 * xl made the VM from a configuration without them, and libxl has written that
 * over what attaching them left.  A device that is missing there would not move
 * with the VM the next time.
 */
int libxl_op_record_early(struct toolstack *ts, uint32_t domid, const char *config_json, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    libxl_domain_config early, config;
    int rc = parse(lx, config_json, true, &early, failure);

    libxl_domain_config_init(&config);
    if (rc == 0)
        rc = load_config(lx, domid, &config, failure);
    if (rc == 0 && move_devices(&early, &config) < 0)
        rc = failure_set(failure, "out of memory");
    if (rc == 0)
        rc = store_config(lx, domid, &config, failure);
    libxl_domain_config_dispose(&config);
    libxl_domain_config_dispose(&early);
    return rc;
}

/* ---- attaching them, one after the other ---- */

struct attach_op {
    struct libxl_toolstack *lx;
    uint32_t domid;
    libxl_domain_config early;
    int disk, nic;            /* how many are attached */
    int rc;                   /* of the last one */
    struct failure failure;
    toolstack_done *done;
    void *user;
};

static void attach_step(evutil_socket_t fd, short what, void *user);

static void attach_later(struct attach_op *op)
{
    static const struct timeval at_once = { 0, 0 };

    if (event_base_once(op->lx->base, -1, EV_TIMEOUT, attach_step, op, &at_once) < 0)
        abort(); /* out of memory for a few bytes; nothing can be told to anyone any more */
}

static void attach_failed(struct attach_op *op, int rc)
{
    char text[160];

    if (op->nic == 0)
        snprintf(text, sizeof text, "cannot set up its disk %.100s", op->early.disks[op->disk - 1].vdev);
    else
        snprintf(text, sizeof text, "cannot set up its network interface %d", op->early.nics[op->nic - 1].devid);
    libxl_failed(op->lx, rc, text, &op->failure);
}

static void on_attached(libxl_ctx *ctx, int rc, void *user)
{
    struct attach_op *op = user;

    (void)ctx;
    op->rc = rc;
    attach_later(op); /* libxl may call before the function that started it returned */
}

static void attach_next(struct attach_op *op)
{
    const libxl_asyncop_how how = { .callback = on_attached, .u.for_callback = op };
    int rc;

    libxl_log_forget(&op->lx->log);
    if (op->disk < op->early.num_disks)
        rc = libxl_device_disk_add(op->lx->ctx, op->domid, &op->early.disks[op->disk++], &how);
    else
        rc = libxl_device_nic_add(op->lx->ctx, op->domid, &op->early.nics[op->nic++], &how);
    if (rc != 0)
        on_attached(op->lx->ctx, rc, op); /* a start that failed calls nobody back */
}

static void attach_step(evutil_socket_t fd, short what, void *user)
{
    struct attach_op *op = user;

    (void)fd;
    (void)what;
    if (op->rc != 0)
        attach_failed(op, op->rc);
    if (!op->failure.text[0] && (op->disk < op->early.num_disks || op->nic < op->early.num_nics)) {
        attach_next(op);
        return;
    }
    op->done(op->user, op->failure.text[0] ? &op->failure : NULL);
    libxl_domain_config_dispose(&op->early);
    free(op);
}

void libxl_op_attach_early(struct toolstack *ts, uint32_t domid, const char *config_json, toolstack_done *done,
                           void *user)
{
    struct attach_op *op = calloc(1, sizeof *op);

    if (!op)
        abort(); /* as in attach_later() */
    op->lx = to_libxl(ts);
    op->domid = domid;
    op->done = done;
    op->user = user;
    if (parse(op->lx, config_json, true, &op->early, &op->failure) == 0)
        store_provisional_config(op->lx, domid, &op->early, &op->failure);
    attach_later(op);
}
