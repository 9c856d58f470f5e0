# xlmig/send: a VM moved; its part of the build
noinst_LTLIBRARIES += xlmig/send/libsend.la
send_room = xlmig/send/libsend.la $(base_room) $(vm_room) $(watch_room) $(peer_room) $(handover_room) $(domain_room) $(recover_room) $(toolstack_room) $(stream_room)

xlmig_send_libsend_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSONC_CFLAGS)
xlmig_send_libsend_la_LIBADD = $(EVENT_LIBS) $(JSONC_LIBS)
xlmig_send_libsend_la_SOURCES = \
	xlmig/send/checks.c \
	xlmig/send/connect.c \
	xlmig/send/console.c \
	xlmig/send/journal.c \
	xlmig/send/leftover.c \
	xlmig/send/outcome.c \
	xlmig/send/prepare.c \
	xlmig/send/send.c \
	xlmig/send/send.h
