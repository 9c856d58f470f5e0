/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Files that are given for a saved VM and are something else, told by how they begin. */
#ifndef XLMIG_SAVED_FOREIGN_H
#define XLMIG_SAVED_FOREIGN_H

#include <stddef.h>

#define FOREIGN_OCTETS 16

/* What it is and the way out, in words that go on after "it is "; NULL: not known. */
const char *foreign_name(const void *first, size_t len);

#endif
