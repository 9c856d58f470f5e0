/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A simulated guest's configuration as JSON.  c_info and b_info carry the fields
 * that libxl's have by the same names; "sim" says what the guest does and what
 * its memory looks like when it boots.
 */
#ifndef XLMIG_SIMHOST_GUEST_CONFIG_H
#define XLMIG_SIMHOST_GUEST_CONFIG_H

#include "xlmig/simhost/guest.h"

#define SIMHOST_CONFIG_MAX (32u * 1024)

/* Hostile text, `bytes` long.  0, or -1 with the reason in `why`. */
int simhost_config_read(const char *json, size_t bytes, struct simguest_config *config, char why[128]);
bool simhost_name_is_valid(const char *name);
/*
 * `json` with the members of `more`, which stand in the place of its own; in its sections (b_info) member by member.
 * malloc()ed; NULL: one of them is no JSON object.
 */
char *simhost_config_merge(const char *json, const char *more);
/* malloc()ed, or NULL. */
char *simhost_config_write(const struct simguest_config *config);

/* "name=value" of xlmig-simhost create.  0, or -1. */
int simhost_config_set(struct simguest_config *config, const char *assignment);
/* What a guest is when nothing is said. */
void simhost_config_default(struct simguest_config *config, const char *name);

#endif
