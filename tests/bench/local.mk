# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/bench: the driver is Python and is run by hand; what it measures with is built here
noinst_PROGRAMS += tests/bench/memory-speed tests/bench/engine-speed tests/bench/guest-memory

tests_bench_engine_speed_SOURCES = \
	tests/bench/engine-speed.c \
	tests/libxcsave/null-guest.c \
	tests/libxcsave/null-guest.h
tests_bench_engine_speed_CFLAGS = $(AM_CFLAGS) -pthread
tests_bench_engine_speed_LDADD = $(engine_rooms)

tests_bench_memory_speed_SOURCES = tests/bench/memory-speed.c
tests_bench_memory_speed_CFLAGS = $(AM_CFLAGS) -pthread
tests_bench_memory_speed_LDADD = $(simhost_room)

tests_bench_guest_memory_SOURCES = tests/bench/guest-memory.c
tests_bench_guest_memory_LDADD = $(simhost_room)

TESTS += tests/bench/bench.tap
EXTRA_DIST += tests/bench/bench tests/bench/bench.tap tests/bench/benchkit \
	tests/bench/README.md
