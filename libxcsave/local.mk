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
	libxcsave/delta-cache.c \
	libxcsave/delta-cache.h \
	libxcsave/dirty-log.c \
	libxcsave/dirty-log.h \
	libxcsave/error.c \
	libxcsave/extents.c \
	libxcsave/extents.h \
	libxcsave/guest.h \
	libxcsave/guest-sim.c \
	libxcsave/guest-sim.h \
	libxcsave/guest-xen.c \
	libxcsave/guest-xen.h \
	libxcsave/guest-xen-hvm.c \
	libxcsave/guest-xen-pv.c \
	libxcsave/guest-xen-pv.h \
	libxcsave/guest-xen-pv-p2m.c \
	libxcsave/guest-xen-pv-restore.c \
	libxcsave/guest-xen-pv-save.c \
	libxcsave/guest-xen-pv-vcpu.c \
	libxcsave/guest-xen-x86.c \
	libxcsave/imageio.c \
	libxcsave/imageio.h \
	libxcsave/log-guard.c \
	libxcsave/log-guard.h \
	libxcsave/page-sink.c \
	libxcsave/page-sink.h \
	libxcsave/pace.c \
	libxcsave/pace.h \
	libxcsave/pagerecv.c \
	libxcsave/pagerecv.h \
	libxcsave/pfnset.c \
	libxcsave/pfnset.h \
	libxcsave/populate.c \
	libxcsave/populate.h \
	libxcsave/precopy.c \
	libxcsave/ratelimit.c \
	libxcsave/ratelimit.h \
	libxcsave/restore.c \
	libxcsave/restore.h \
	libxcsave/restore-libxc.c \
	libxcsave/restore-v1.c \
	libxcsave/save.c \
	libxcsave/sink-libxc.c \
	libxcsave/sink-v1.c \
	libxcsave/steering.c \
	libxcsave/steering.h \
	libxcsave/v1-channel.c \
	libxcsave/v1-channel.h \
	libxcsave/v1-codec-choice.c \
	libxcsave/v1-decode.c \
	libxcsave/v1-decode.h \
	libxcsave/v1-encode.c \
	libxcsave/v1-encode.h \
	libxcsave/workers.c \
	libxcsave/workers.h

libxcsave_libxcsave_la_SOURCES =
libxcsave_libxcsave_la_LIBADD = libxcsave/libengine.la
libxcsave_libxcsave_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined \
	-export-symbols-regex '^xcsave_(save|restore|guest_open_xen|guest_open_xen_restore|guest_close|precopy_decide|precopy_predict|reason_name|control_[a-z_]+|phase_name|kind_name)$$'

# Of a simulated host, for all that call one.
noinst_LTLIBRARIES += libxcsave/libsim-client.la
libxcsave_libsim_client_la_SOURCES = \
	libxcsave/sim-client.c \
	libxcsave/sim-client.h \
	libxcsave/sim-protocol.h

# Of the processes of this host, for all that must not be in each other's way.
noinst_LTLIBRARIES += libxcsave/libother-saver.la
libxcsave_libother_saver_la_SOURCES = \
	libxcsave/other-saver.c \
	libxcsave/other-saver.h
