/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What this host is, and how much memory it has for another VM. */
#include "xlmig/toolstack/libxl/libxl.h"

#include <libxlutil.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What dom0 keeps when xl makes room for a VM: libxl refuses to shrink it further. */
#define DOM0_MIN_KB (128u * 1024)
#define PAGE_KB 4u /* of those that Xen counts */
#define XL_CONF "/etc/xen/xl.conf"

/* Would xl shrink dom0 to make room?  As xl.conf says, and where it says "auto": unless Xen was told dom0's size. */
static bool dom0_gives_memory(const libxl_version_info *version)
{
    XLU_Config *config = xlu_cfg_init(stderr, XL_CONF);
    const char *value = NULL;
    bool automatic = true, gives = false;

    if (config && access(XL_CONF, R_OK) == 0 && xlu_cfg_readfile(config, XL_CONF) == 0 &&
        xlu_cfg_get_string(config, "autoballoon", &value, 1) == 0) {
        gives = strcmp(value, "on") == 0 || strcmp(value, "1") == 0;
        automatic = !gives && strcmp(value, "off") != 0 && strcmp(value, "0") != 0;
    }
    if (automatic)
        gives = !version || !version->commandline || !strstr(version->commandline, "dom0_mem=");
    if (config)
        xlu_cfg_destroy(config);
    return gives;
}

/* What dom0 holds, not what it is to hold: while it shrinks, a page is its own until it is free, and counts once. */
static uint64_t dom0_memory_kb(struct libxl_toolstack *lx)
{
    uint64_t kb = 0;
    libxl_dominfo info;

    libxl_dominfo_init(&info);
    if (libxl_domain_info(lx->ctx, &info, 0) == 0)
        kb = info.current_memkb;
    libxl_dominfo_dispose(&info);
    return kb;
}

/* VMs that are being made with a claim on memory (xl's claim_mode) have not taken all of it yet. */
static uint64_t free_memory_kb(struct libxl_toolstack *lx, const libxl_version_info *version,
                               const libxl_physinfo *physinfo)
{
    const uint64_t claimed_kb = physinfo->outstanding_pages * PAGE_KB;
    uint64_t free_kb = 0, dom0_kb;

    if (libxl_get_free_memory(lx->ctx, &free_kb) != 0)
        free_kb = 0;
    dom0_kb = dom0_gives_memory(version) ? dom0_memory_kb(lx) : 0;
    if (dom0_kb > DOM0_MIN_KB)
        free_kb += dom0_kb - DOM0_MIN_KB;
    return free_kb > claimed_kb ? free_kb - claimed_kb : 0;
}

int libxl_op_host(struct toolstack *ts, struct vm_host *out, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    const libxl_version_info *version = libxl_get_version_info(lx->ctx);
    libxl_physinfo physinfo;
    int rc;

    *out = (struct vm_host){ 0 };
    libxl_log_forget(&lx->log);
    libxl_physinfo_init(&physinfo);
    rc = libxl_get_physinfo(lx->ctx, &physinfo);
    if (rc == 0 && version) {
        gethostname(out->name, sizeof out->name - 1);
        snprintf(out->hypervisor, sizeof out->hypervisor, "Xen %d.%d%s", version->xen_version_major,
                 version->xen_version_minor, version->xen_version_extra);
        snprintf(out->toolstack, sizeof out->toolstack, "libxl, built against %s", XENLIGHT_VERSION);
        out->cpus = physinfo.nr_cpus;
        out->free_bytes = free_memory_kb(lx, version, &physinfo) * 1024;
        out->log_dirty_pv = physinfo.cap_shadow;
        out->log_dirty_hvm = physinfo.cap_hap || physinfo.cap_shadow;
    }
    libxl_physinfo_dispose(&physinfo);
    return rc == 0 && version ? 0 : libxl_failed(lx, rc, "cannot ask Xen about this host", failure);
}
