# tests/xlmig: its part of the build
xlmig_unit_tests = \
	tests/xlmig/test-control \
	tests/xlmig/test-cpu-policy \
	tests/xlmig/test-handover \
	tests/xlmig/test-helper-events \
	tests/xlmig/test-options
check_PROGRAMS += $(xlmig_unit_tests) tests/xlmig/list-options
TESTS += $(xlmig_unit_tests) tests/xlmig/manual.tap tests/xlmig/usage.tap
EXTRA_DIST += tests/xlmig/manual.tap tests/xlmig/usage.tap

tests_xlmig_test_control_SOURCES = tests/xlmig/test-control.c
tests_xlmig_test_control_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_test_control_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)

tests_xlmig_test_cpu_policy_SOURCES = tests/xlmig/test-cpu-policy.c
tests_xlmig_test_cpu_policy_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_test_cpu_policy_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)

tests_xlmig_test_handover_SOURCES = tests/xlmig/test-handover.c
tests_xlmig_test_handover_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_test_handover_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)

tests_xlmig_test_helper_events_SOURCES = tests/xlmig/test-helper-events.c
tests_xlmig_test_helper_events_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_test_helper_events_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)

tests_xlmig_test_options_SOURCES = tests/xlmig/test-options.c
tests_xlmig_test_options_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_test_options_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)

tests_xlmig_list_options_SOURCES = tests/xlmig/list-options.c
tests_xlmig_list_options_LDADD = xlmig/libxlmig.la
