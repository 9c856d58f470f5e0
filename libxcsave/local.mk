# libxcsave: the engine.  The shared library exports what xcsave.h declares; tests
# and the helper link the convenience library, which has everything.
lib_LTLIBRARIES += libxcsave/libxcsave.la
noinst_LTLIBRARIES += libxcsave/libengine.la
include_HEADERS += libxcsave/xcsave.h
pkgconfig_DATA += libxcsave/xcsave.pc

# Xen's set_xen_guest_handle() does arithmetic on void pointers in its caller's code.
libxcsave_libengine_la_CFLAGS = $(AM_CFLAGS) -pthread -Wno-pointer-arith $(XENCTRL_CFLAGS) $(XENGUEST_CFLAGS)
libxcsave_libengine_la_LIBADD = libxcsave/libother-saver.la libxcsave/libsim-client.la stream-format/libstream.la $(XENCTRL_LIBS) $(XENGUEST_LIBS)
libxcsave_libengine_la_SOURCES = \
	libxcsave/bitmap.h \
	libxcsave/clock.h \
	libxcsave/content-map.c \
	libxcsave/content-map.h \
	libxcsave/control.c \
	libxcsave/control.h \
	libxcsave/save/delta-cache.c \
	libxcsave/save/delta-cache.h \
	libxcsave/save/dirty-log.c \
	libxcsave/save/dirty-log.h \
	libxcsave/error.c \
	libxcsave/save/extents.c \
	libxcsave/save/extents.h \
	libxcsave/guest.h \
	libxcsave/sim/guest.c \
	libxcsave/sim/guest.h \
	libxcsave/xen/guest.c \
	libxcsave/xen/guest.h \
	libxcsave/xen/hvm.c \
	libxcsave/xen/pv.c \
	libxcsave/xen/pv.h \
	libxcsave/xen/pv-p2m.c \
	libxcsave/xen/pv-restore.c \
	libxcsave/xen/pv-save.c \
	libxcsave/xen/pv-vcpu.c \
	libxcsave/xen/x86.c \
	libxcsave/imageio.c \
	libxcsave/imageio.h \
	libxcsave/save/log-guard.c \
	libxcsave/save/log-guard.h \
	libxcsave/save/page-sink.c \
	libxcsave/save/page-sink.h \
	libxcsave/save/pace.c \
	libxcsave/save/pace.h \
	libxcsave/restore/page-receiver.c \
	libxcsave/restore/page-receiver.h \
	libxcsave/pfnset.c \
	libxcsave/pfnset.h \
	libxcsave/restore/populate.c \
	libxcsave/restore/populate.h \
	libxcsave/save/precopy.c \
	libxcsave/ratelimit.c \
	libxcsave/ratelimit.h \
	libxcsave/restore/restore.c \
	libxcsave/restore/restore.h \
	libxcsave/restore/restore-libxc.c \
	libxcsave/restore/restore-v1.c \
	libxcsave/save/save.c \
	libxcsave/save/sink-libxc.c \
	libxcsave/save/sink-v1.c \
	libxcsave/save/steering.c \
	libxcsave/save/steering.h \
	libxcsave/save/v1-channel.c \
	libxcsave/save/v1-channel.h \
	libxcsave/save/v1-codec-choice.c \
	libxcsave/restore/v1-decode.c \
	libxcsave/restore/v1-decode.h \
	libxcsave/save/v1-encode.c \
	libxcsave/save/v1-encode.h \
	libxcsave/save/workers.c \
	libxcsave/save/workers.h

libxcsave_libxcsave_la_SOURCES =
libxcsave_libxcsave_la_LIBADD = libxcsave/libengine.la
libxcsave_libxcsave_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined \
	-export-symbols-regex '^xcsave_(save|restore|guest_open_xen|guest_open_xen_restore|guest_close|precopy_decide|precopy_predict|reason_name|control_[a-z_]+|phase_name|kind_name)$$'

# Of a simulated host, for all that call one.
noinst_LTLIBRARIES += libxcsave/libsim-client.la
libxcsave_libsim_client_la_SOURCES = \
	libxcsave/sim/client.c \
	libxcsave/sim/client.h \
	libxcsave/sim/protocol.h

# Of the processes of this host, for all that must not be in each other's way.
noinst_LTLIBRARIES += libxcsave/libother-saver.la
libxcsave_libother_saver_la_SOURCES = \
	libxcsave/other-saver.c \
	libxcsave/other-saver.h
