# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/xlmig/watch: its part of the build
check_PROGRAMS += \
	tests/xlmig/watch/test-move \
	tests/xlmig/watch/test-socket
TESTS += \
	tests/xlmig/watch/test-move \
	tests/xlmig/watch/test-socket

tests_xlmig_watch_test_socket_SOURCES = tests/xlmig/watch/test-socket.c
tests_xlmig_watch_test_socket_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) $(JSONC_CFLAGS)
tests_xlmig_watch_test_socket_LDADD = $(watch_room) $(CHECK_LIBS) $(JSONC_LIBS) $(EVENT_LIBS)

tests_xlmig_watch_test_move_SOURCES = tests/xlmig/watch/test-move.c
tests_xlmig_watch_test_move_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) $(JSONC_CFLAGS)
tests_xlmig_watch_test_move_LDADD = $(watch_room) $(CHECK_LIBS) $(JSONC_LIBS)
