# xlmig/receive: a VM taken in; its part of the build
noinst_LTLIBRARIES += xlmig/receive/libreceive.la
receive_room = xlmig/receive/libreceive.la $(base_room) $(vm_room) $(helper_room) $(peer_room) $(handover_room) $(domain_room) $(toolstack_room)

xlmig_receive_libreceive_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
xlmig_receive_libreceive_la_LIBADD = $(EVENT_LIBS)
xlmig_receive_libreceive_la_SOURCES = \
	xlmig/receive/child.c \
	xlmig/receive/holding.c \
	xlmig/receive/internal.h \
	xlmig/receive/receive.c \
	xlmig/receive/receive.h
