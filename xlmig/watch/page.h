/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A report (move_report_json() with its history) drawn as one HTML page: figures,
 * charts as inline SVG, no script, nothing that is loaded from elsewhere.
 */
#ifndef XLMIG_WATCH_PAGE_H
#define XLMIG_WATCH_PAGE_H

#include "xlmig/base/failure.h"

#include <json-c/json.h>
#include <stdio.h>

/* The report may come from anybody: all that is drawn is a number or escaped.  -1: it is no report. */
int report_html_write(struct json_object *report, FILE *out, struct failure *failure);

/* Text as HTML has it, quotes included; control characters and what is no UTF-8 become '?'. */
void html_text(FILE *out, const char *text);

#endif
