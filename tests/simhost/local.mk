# tests/simhost: its part of the build
check_PROGRAMS += tests/simhost/test-guest tests/simhost/test-config tests/simhost/test-guest-sim
TESTS += tests/simhost/test-guest tests/simhost/test-config tests/simhost/test-guest-sim

tests_simhost_test_guest_SOURCES = tests/simhost/test-guest.c
tests_simhost_test_guest_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_simhost_test_guest_LDADD = xlmig/simhost/libsimhost.la libxcsave/libsim-client.la $(CHECK_LIBS)

tests_simhost_test_config_SOURCES = tests/simhost/test-config.c
tests_simhost_test_config_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_simhost_test_config_LDADD = xlmig/simhost/libsimhost.la libxcsave/libsim-client.la $(CHECK_LIBS)

tests_simhost_test_guest_sim_SOURCES = tests/simhost/test-guest-sim.c
tests_simhost_test_guest_sim_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_simhost_test_guest_sim_LDADD = xlmig/simhost/libsimhost.la libxcsave/libengine.la $(CHECK_LIBS)

simhost_scripts = \
	tests/simhost/channels.tap \
	tests/simhost/check.tap \
	tests/simhost/confined.tap \
	tests/simhost/devices.tap \
	tests/simhost/faults.tap \
	tests/simhost/host.tap \
	tests/simhost/journals.tap \
	tests/simhost/limits.tap \
	tests/simhost/recover-word.tap \
	tests/simhost/recover.tap \
	tests/simhost/registry.tap \
	tests/simhost/save.tap \
	tests/simhost/send.tap \
	tests/simhost/throttle.tap
TESTS += $(simhost_scripts)
EXTRA_DIST += $(simhost_scripts) tests/simhost/lib.bash tests/simhost/recover-lib.bash

# Preloaded, so never with the sanitizers: the process that it is loaded into has them, or not.
check_LTLIBRARIES += tests/simhost/die-at.la
tests_simhost_die_at_la_SOURCES = tests/simhost/die-at.c
tests_simhost_die_at_la_CFLAGS = $(WARN_CFLAGS)
tests_simhost_die_at_la_LDFLAGS = -module -avoid-version -shared -rpath $(abs_top_builddir)/tests/simhost
tests_simhost_die_at_la_LIBADD = -ldl
