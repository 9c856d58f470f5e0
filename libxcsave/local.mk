# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# libxcsave: the engine; its part of the build
#
# The shared library exports what xcsave.h declares; tests and the helper link the rooms, which have everything.
lib_LTLIBRARIES += libxcsave/libxcsave.la
include_HEADERS += libxcsave/xcsave.h
pkgconfig_DATA += libxcsave/xcsave.pc

noinst_LTLIBRARIES += libxcsave/libcore.la
xcsave_core_room = libxcsave/libcore.la $(stream_image1_room)
engine_rooms = libxcsave/save/libsave.la libxcsave/restore/librestore.la libxcsave/xen/libxen.la \
	libxcsave/sim/libsim.la libxcsave/libcore.la stream-format/reader/libreader.la \
	stream-format/image1/libimage1.la stream-format/libstream.la

libxcsave_libcore_la_CFLAGS = $(AM_CFLAGS) -pthread
libxcsave_libcore_la_SOURCES = \
	libxcsave/bitmap.h \
	libxcsave/clock.h \
	libxcsave/content-map.c \
	libxcsave/content-map.h \
	libxcsave/error.c \
	libxcsave/guest.h \
	libxcsave/imageio.c \
	libxcsave/imageio.h \
	libxcsave/knobs.c \
	libxcsave/knobs.h \
	libxcsave/other-saver.c \
	libxcsave/other-saver.h \
	libxcsave/pfnset.c \
	libxcsave/pfnset.h \
	libxcsave/ratelimit.c \
	libxcsave/ratelimit.h \
	libxcsave/xcsave.h

libxcsave_libxcsave_la_SOURCES =
libxcsave_libxcsave_la_LIBADD = $(engine_rooms)
libxcsave_libxcsave_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined \
	-export-symbols-regex '^xcsave_(save|restore|guest_open_xen|guest_open_xen_restore|guest_close|precopy_decide|precopy_predict|reason_name|control_[a-z_]+|phase_name|kind_name)$$'

EXTRA_DIST += libxcsave/README.md

include $(top_srcdir)/libxcsave/save/local.mk
include $(top_srcdir)/libxcsave/restore/local.mk
include $(top_srcdir)/libxcsave/xen/local.mk
include $(top_srcdir)/libxcsave/sim/local.mk
