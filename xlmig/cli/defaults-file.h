/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The host's own defaults: /etc/xlmig.conf, xlmig.conf(5).  A YAML mapping whose keys are names of options, each with
 * what the command line would give to it.  It is read, and checked as a whole, before every verb that has such an
 * option; the command line stands above it.
 *
 * The parser is libyaml (MIT, in every distribution): its nodes have lines, and their values are texts, so that no "no"
 * becomes a false.  libcyaml, which stands on it, names mistakes in words of its own; TOML has no library in Debian 12.
 */
#ifndef XLMIG_CLI_DEFAULTS_FILE_H
#define XLMIG_CLI_DEFAULTS_FILE_H

#include "xlmig/base/failure.h"
#include "xlmig/cli/verb.h"

#define DEFAULTS_FILE "/etc/xlmig.conf"
#define DEFAULTS_FILE_ENV "XLMIG_CONF"
#define DEFAULTS_KEYS_MAX 64u

struct defaults_file {
    char *texts[DEFAULTS_KEYS_MAX]; /* that values point into */
    unsigned nr;
};

/*
 * Overlays `values`, which are `verb`'s, with what the file says to its options.  `all` is the table of verbs: a key must
 * be an option of one of them.  `path` NULL: the file of the environment, else the host's, which may be missing.  -1: a
 * mistake, named with file, line and the way out.  `file` must outlive `values`.
 */
int defaults_file_read(struct defaults_file *file, const char *path, const struct verb *const *all, const struct verb *verb,
                       void *values, struct failure *failure);
/* Idempotent. */
void defaults_file_dispose(struct defaults_file *file);

#endif
