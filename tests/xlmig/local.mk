# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/xlmig: its part of the build, a folder a room
include $(top_srcdir)/tests/xlmig/base/local.mk
include $(top_srcdir)/tests/xlmig/cli/local.mk
include $(top_srcdir)/tests/xlmig/domain/local.mk
include $(top_srcdir)/tests/xlmig/handover/local.mk
include $(top_srcdir)/tests/xlmig/helper/local.mk
include $(top_srcdir)/tests/xlmig/peer/local.mk
include $(top_srcdir)/tests/xlmig/send/local.mk
include $(top_srcdir)/tests/xlmig/simhost/local.mk
include $(top_srcdir)/tests/xlmig/toolstack/local.mk
include $(top_srcdir)/tests/xlmig/toolstack/libxl/local.mk
include $(top_srcdir)/tests/xlmig/verbs/local.mk
include $(top_srcdir)/tests/xlmig/vm/local.mk
include $(top_srcdir)/tests/xlmig/watch/local.mk
