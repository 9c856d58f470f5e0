# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/xlmig/peer: its part of the build
check_PROGRAMS += \
	tests/xlmig/peer/mutate-messages \
	tests/xlmig/peer/test-carrier \
	tests/xlmig/peer/test-channels \
	tests/xlmig/peer/test-channels-again \
	tests/xlmig/peer/test-channels-flood \
	tests/xlmig/peer/test-messages \
	tests/xlmig/peer/test-negotiate
TESTS += \
	tests/xlmig/peer/mutate-messages \
	tests/xlmig/peer/test-carrier \
	tests/xlmig/peer/test-channels \
	tests/xlmig/peer/test-channels-again \
	tests/xlmig/peer/test-channels-flood \
	tests/xlmig/peer/test-messages \
	tests/xlmig/peer/test-negotiate

tests_xlmig_peer_test_carrier_SOURCES = tests/xlmig/peer/test-carrier.c
tests_xlmig_peer_test_carrier_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_peer_test_carrier_LDADD = $(peer_room) $(CHECK_LIBS)

tests_xlmig_peer_test_channels_SOURCES = tests/xlmig/peer/test-channels.c tests/xlmig/peer/channels-world.h
tests_xlmig_peer_test_channels_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_peer_test_channels_LDADD = $(peer_room) $(CHECK_LIBS)

tests_xlmig_peer_test_channels_again_SOURCES = tests/xlmig/peer/test-channels-again.c tests/xlmig/peer/channels-world.h
tests_xlmig_peer_test_channels_again_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_peer_test_channels_again_LDADD = $(peer_room) $(CHECK_LIBS)

tests_xlmig_peer_test_channels_flood_SOURCES = tests/xlmig/peer/test-channels-flood.c tests/xlmig/peer/channels-world.h
tests_xlmig_peer_test_channels_flood_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_peer_test_channels_flood_LDADD = $(peer_room) $(CHECK_LIBS)

tests_xlmig_peer_test_messages_SOURCES = tests/xlmig/peer/test-messages.c
tests_xlmig_peer_test_messages_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_peer_test_messages_LDADD = $(peer_room) $(CHECK_LIBS)

tests_xlmig_peer_test_negotiate_SOURCES = tests/xlmig/peer/test-negotiate.c
tests_xlmig_peer_test_negotiate_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_peer_test_negotiate_LDADD = $(peer_room) $(CHECK_LIBS)

tests_xlmig_peer_mutate_messages_SOURCES = tests/xlmig/peer/fuzz-messages.c tests/xlmig/peer/mutate-messages.c
tests_xlmig_peer_mutate_messages_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_peer_mutate_messages_LDADD = $(peer_room) $(handover_room) $(helper_room)

if FUZZERS
check_PROGRAMS += tests/xlmig/peer/fuzz-messages
tests_xlmig_peer_fuzz_messages_SOURCES = tests/xlmig/peer/fuzz-messages.c
tests_xlmig_peer_fuzz_messages_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_peer_fuzz_messages_LDADD = $(peer_room) $(handover_room) $(helper_room)
tests_xlmig_peer_fuzz_messages_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
