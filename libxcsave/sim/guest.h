/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A guest of a simulated host (protocol.h), as the engine sees it. */
#ifndef LIBXCSAVE_SIM_GUEST_H
#define LIBXCSAVE_SIM_GUEST_H

#include "libxcsave/xcsave.h"

/* Names the directory of the simulated host for a save helper; unset: the guest is Xen's. */
#define XCSAVE_SIM_HOST_ENV "XLMIG_SIM_HOST"

/* To be saved, or to be restored into.  NULL: see error.  Closing it is the caller's. */
struct xcsave_guest *xcsave_guest_open_sim(const char *dir, uint32_t domid, struct xcsave_error *error);

#endif
