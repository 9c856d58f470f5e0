# tests/bench: the driver is Python and is run by hand; what it measures with is built here
noinst_PROGRAMS += tests/bench/memory-speed

tests_bench_memory_speed_SOURCES = tests/bench/memory-speed.c
tests_bench_memory_speed_CFLAGS = $(AM_CFLAGS) -pthread
tests_bench_memory_speed_LDADD = xlmig/simhost/libsimhost.la stream-format/libstream.la
