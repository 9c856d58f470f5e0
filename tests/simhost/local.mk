# tests/simhost: its part of the build
check_PROGRAMS += tests/simhost/test-guest tests/simhost/test-config
TESTS += tests/simhost/test-guest tests/simhost/test-config

tests_simhost_test_guest_SOURCES = tests/simhost/test-guest.c
tests_simhost_test_guest_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_simhost_test_guest_LDADD = xlmig/simhost/libsimhost.la libxcsave/libsim-client.la $(CHECK_LIBS)

tests_simhost_test_config_SOURCES = tests/simhost/test-config.c
tests_simhost_test_config_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_simhost_test_config_LDADD = xlmig/simhost/libsimhost.la libxcsave/libsim-client.la $(CHECK_LIBS)

TESTS += tests/simhost/send.tap tests/simhost/faults.tap tests/simhost/save.tap
EXTRA_DIST += tests/simhost/lib.bash tests/simhost/send.tap tests/simhost/faults.tap tests/simhost/save.tap
