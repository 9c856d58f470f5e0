# tests/xlmig: its part of the build
xlmig_unit_tests = \
	tests/xlmig/test-channels \
	tests/xlmig/test-check-list \
	tests/xlmig/test-control \
	tests/xlmig/test-cpu-features \
	tests/xlmig/test-cpu-policy \
	tests/xlmig/test-device-check \
	tests/xlmig/test-early-config \
	tests/xlmig/test-handover \
	tests/xlmig/test-helper-command \
	tests/xlmig/test-helper-events \
	tests/xlmig/test-helper-sandbox \
	tests/xlmig/test-journal \
	tests/xlmig/test-journal-hostile \
	tests/xlmig/test-journal-power-loss \
	tests/xlmig/test-libxl-devices \
	tests/xlmig/test-negotiate \
	tests/xlmig/test-options \
	tests/xlmig/test-prepared-disk \
	tests/xlmig/test-recover-rules \
	tests/xlmig/test-registry \
	tests/xlmig/test-run \
	tests/xlmig/test-sandbox \
	tests/xlmig/test-throttle \
	tests/xlmig/mutate-messages
xlmig_scripts = \
	tests/xlmig/handover.tap \
	tests/xlmig/manual.tap \
	tests/xlmig/receive.tap \
	tests/xlmig/report.tap \
	tests/xlmig/sandbox.tap \
	tests/xlmig/unit.tap \
	tests/xlmig/usage.tap
check_PROGRAMS += $(xlmig_unit_tests) tests/xlmig/fake-receiver tests/xlmig/list-options
TESTS += $(xlmig_unit_tests) $(xlmig_scripts)
EXTRA_DIST += $(xlmig_scripts)

tests_xlmig_test_channels_SOURCES = tests/xlmig/test-channels.c
tests_xlmig_test_channels_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_test_channels_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)

tests_xlmig_test_control_SOURCES = tests/xlmig/test-control.c
tests_xlmig_test_control_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_test_control_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)

tests_xlmig_test_check_list_SOURCES = tests/xlmig/test-check-list.c
tests_xlmig_test_check_list_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_test_check_list_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)

tests_xlmig_test_cpu_features_SOURCES = tests/xlmig/test-cpu-features.c
tests_xlmig_test_cpu_features_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JSONC_CFLAGS) $(XENLIGHT_CFLAGS)
tests_xlmig_test_cpu_features_LDADD = xlmig/libxlmig.la $(CHECK_LIBS) $(JSONC_LIBS) $(XENLIGHT_LIBS)

tests_xlmig_test_device_check_SOURCES = tests/xlmig/test-device-check.c
tests_xlmig_test_device_check_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_test_device_check_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)

tests_xlmig_test_early_config_SOURCES = tests/xlmig/test-early-config.c
tests_xlmig_test_early_config_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) $(XENLIGHT_CFLAGS) -DLIBEXECDIR='"$(libexecdir)"'
tests_xlmig_test_early_config_LDADD = xlmig/libxlmig.la $(CHECK_LIBS) $(XENLIGHT_LIBS)

tests_xlmig_test_cpu_policy_SOURCES = tests/xlmig/test-cpu-policy.c
tests_xlmig_test_cpu_policy_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_test_cpu_policy_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)

tests_xlmig_test_handover_SOURCES = tests/xlmig/test-handover.c
tests_xlmig_test_handover_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_test_handover_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)

tests_xlmig_test_helper_command_SOURCES = tests/xlmig/test-helper-command.c xlmig/helper/listener.c
tests_xlmig_test_helper_command_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) -pthread
tests_xlmig_test_helper_command_LDADD = xlmig/libxlmig.la libxcsave/libengine.la $(CHECK_LIBS)

tests_xlmig_test_helper_events_SOURCES = tests/xlmig/test-helper-events.c
tests_xlmig_test_helper_events_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_test_helper_events_LDADD = xlmig/libxlmig.la libxcsave/libengine.la $(CHECK_LIBS)

tests_xlmig_test_helper_sandbox_SOURCES = \
	tests/xlmig/test-helper-sandbox.c \
	xlmig/helper/libxl-protocol.c \
	xlmig/helper/sandbox.c
tests_xlmig_test_helper_sandbox_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SECCOMP_CFLAGS) $(XENLIGHT_CFLAGS) $(EVENT_CFLAGS) -pthread
tests_xlmig_test_helper_sandbox_LDADD = $(CHECK_LIBS) $(SECCOMP_LIBS)

tests_xlmig_test_journal_SOURCES = \
	tests/xlmig/journal-case.c \
	tests/xlmig/journal-case.h \
	tests/xlmig/test-journal.c
tests_xlmig_test_journal_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_test_journal_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)

tests_xlmig_test_journal_hostile_SOURCES = \
	tests/xlmig/journal-case.c \
	tests/xlmig/journal-case.h \
	tests/xlmig/test-journal-hostile.c
tests_xlmig_test_journal_hostile_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_test_journal_hostile_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)

# The calls between which and the disk disk-shim.c stands.
disk_shim_calls = -Wl,--wrap=open,--wrap=openat,--wrap=close,--wrap=write,--wrap=fsync,--wrap=fdatasync,--wrap=rename,--wrap=renameat,--wrap=unlink,--wrap=unlinkat,--wrap=mkdir
tests_xlmig_test_journal_power_loss_SOURCES = \
	tests/xlmig/disk-model.c \
	tests/xlmig/disk-model.h \
	tests/xlmig/disk-shim.c \
	tests/xlmig/disk-shim.h \
	tests/xlmig/test-journal-power-loss.c
tests_xlmig_test_journal_power_loss_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_test_journal_power_loss_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)
tests_xlmig_test_journal_power_loss_LDFLAGS = $(AM_LDFLAGS) $(disk_shim_calls)

tests_xlmig_test_libxl_devices_SOURCES = tests/xlmig/test-libxl-devices.c
tests_xlmig_test_libxl_devices_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) $(XENLIGHT_CFLAGS)
tests_xlmig_test_libxl_devices_LDADD = xlmig/libxlmig.la $(CHECK_LIBS) $(XENLIGHT_LIBS)

tests_xlmig_test_negotiate_SOURCES = tests/xlmig/test-negotiate.c
tests_xlmig_test_negotiate_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_test_negotiate_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)

tests_xlmig_test_options_SOURCES = tests/xlmig/test-options.c
tests_xlmig_test_options_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_test_options_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)

tests_xlmig_test_prepared_disk_SOURCES = tests/xlmig/test-prepared-disk.c xlmig/base/failure.c xlmig/toolstack/prepared-disk.c
tests_xlmig_test_prepared_disk_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(XENSTORE_CFLAGS)
tests_xlmig_test_prepared_disk_LDADD = $(CHECK_LIBS)

tests_xlmig_test_recover_rules_SOURCES = tests/xlmig/test-recover-rules.c
tests_xlmig_test_recover_rules_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_test_recover_rules_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)

tests_xlmig_test_registry_SOURCES = tests/xlmig/test-registry.c
tests_xlmig_test_registry_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) $(JSONC_CFLAGS)
tests_xlmig_test_registry_LDADD = xlmig/libxlmig.la $(CHECK_LIBS) $(JSONC_LIBS) $(EVENT_LIBS)

tests_xlmig_test_run_SOURCES = tests/xlmig/test-run.c
tests_xlmig_test_run_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) $(JSONC_CFLAGS)
tests_xlmig_test_run_LDADD = xlmig/libxlmig.la $(CHECK_LIBS) $(JSONC_LIBS)

tests_xlmig_test_sandbox_SOURCES = tests/xlmig/test-sandbox.c
tests_xlmig_test_sandbox_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JSONC_CFLAGS) $(SECCOMP_CFLAGS)
tests_xlmig_test_sandbox_LDADD = xlmig/libxlmig.la $(CHECK_LIBS) $(JSONC_LIBS) $(SECCOMP_LIBS)

tests_xlmig_test_throttle_SOURCES = tests/xlmig/test-throttle.c
tests_xlmig_test_throttle_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_test_throttle_LDADD = xlmig/libxlmig.la $(CHECK_LIBS)

tests_xlmig_list_options_SOURCES = tests/xlmig/list-options.c
tests_xlmig_list_options_LDADD = xlmig/libxlmig.la

tests_xlmig_fake_receiver_SOURCES = tests/xlmig/fake-receiver.c
tests_xlmig_fake_receiver_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_fake_receiver_LDADD = xlmig/libxlmig.la

tests_xlmig_mutate_messages_SOURCES = tests/xlmig/fuzz-messages.c tests/xlmig/mutate-messages.c
tests_xlmig_mutate_messages_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_mutate_messages_LDADD = xlmig/libxlmig.la

if FUZZERS
check_PROGRAMS += tests/xlmig/fuzz-messages
tests_xlmig_fuzz_messages_SOURCES = tests/xlmig/fuzz-messages.c
tests_xlmig_fuzz_messages_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_fuzz_messages_LDADD = xlmig/libxlmig.la
tests_xlmig_fuzz_messages_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
