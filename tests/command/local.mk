# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/command: its part of the build
check_PROGRAMS += \
	tests/command/fake-receiver \
	tests/command/list-options
TESTS += \
	tests/command/channels.tap \
	tests/command/check.tap \
	tests/command/conf.tap \
	tests/command/confined.tap \
	tests/command/convert.tap \
	tests/command/devices.tap \
	tests/command/faults.tap \
	tests/command/files.tap \
	tests/command/handover.tap \
	tests/command/host.tap \
	tests/command/inspect.tap \
	tests/command/invalid.tap \
	tests/command/invalid-helper.tap \
	tests/command/journals.tap \
	tests/command/json.tap \
	tests/command/limits.tap \
	tests/command/manual.tap \
	tests/command/memory.tap \
	tests/command/order.tap \
	tests/command/owner.tap \
	tests/command/paused.tap \
	tests/command/readme.tap \
	tests/command/receive.tap \
	tests/command/recover-word.tap \
	tests/command/recover.tap \
	tests/command/registry.tap \
	tests/command/rejoin.tap \
	tests/command/report.tap \
	tests/command/sandbox.tap \
	tests/command/save.tap \
	tests/command/send.tap \
	tests/command/signals.tap \
	tests/command/ssh.tap \
	tests/command/terminal.tap \
	tests/command/throttle.tap \
	tests/command/unit.tap \
	tests/command/usage.tap \
	tests/command/verify.tap
EXTRA_DIST += \
	tests/command/channels-lib.bash \
	tests/command/channels.tap \
	tests/command/check.tap \
	tests/command/conf.tap \
	tests/command/confined.tap \
	tests/command/convert.tap \
	tests/command/devices.tap \
	tests/command/faults.tap \
	tests/command/files.tap \
	tests/command/handover.tap \
	tests/command/host.tap \
	tests/command/inspect.tap \
	tests/command/invalid.tap \
	tests/command/invalid-helper.tap \
	tests/command/journals.tap \
	tests/command/json.tap \
	tests/command/lib.bash \
	tests/command/limits.tap \
	tests/command/manual.tap \
	tests/command/memory.tap \
	tests/command/order.tap \
	tests/command/owner.tap \
	tests/command/paused.tap \
	tests/command/cut-channels \
	tests/command/mutate-saved \
	tests/command/readme.tap \
	tests/command/receive.tap \
	tests/command/recover-lib.bash \
	tests/command/recover-word.tap \
	tests/command/recover.tap \
	tests/command/registry.tap \
	tests/command/rejoin.tap \
	tests/command/report.tap \
	tests/command/sandbox.tap \
	tests/command/save.tap \
	tests/command/send.tap \
	tests/command/signals.tap \
	tests/command/ssh.tap \
	tests/command/terminal.tap \
	tests/command/throttle.tap \
	tests/command/unit.tap \
	tests/command/usage.tap \
	tests/command/verify.tap

tests_command_list_options_SOURCES = tests/command/list-options.c
tests_command_list_options_LDADD = $(verbs_room)

tests_command_fake_receiver_SOURCES = tests/command/fake-receiver.c
tests_command_fake_receiver_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
tests_command_fake_receiver_LDADD = $(peer_room) $(stream_reader_room)

# Preloaded, so never with the sanitizers: the process that it is loaded into has them, or not.
check_LTLIBRARIES += tests/command/die-at.la tests/command/poor-disk.la
tests_command_die_at_la_SOURCES = tests/command/die-at.c
tests_command_die_at_la_CFLAGS = $(WARN_CFLAGS)
tests_command_die_at_la_LDFLAGS = -module -avoid-version -shared -rpath $(abs_top_builddir)/tests/command
tests_command_die_at_la_LIBADD = -ldl

tests_command_poor_disk_la_SOURCES = tests/command/poor-disk.c
tests_command_poor_disk_la_CFLAGS = $(WARN_CFLAGS)
tests_command_poor_disk_la_LDFLAGS = -module -avoid-version -shared -rpath $(abs_top_builddir)/tests/command
tests_command_poor_disk_la_LIBADD = -ldl
