# xlmig: the command.  All but main() is a convenience library, so that tests link it.
bin_PROGRAMS += xlmig/xlmig
noinst_LTLIBRARIES += xlmig/libxlmig.la

xlmig_xlmig_SOURCES = xlmig/main.c
xlmig_xlmig_LDADD = xlmig/libxlmig.la

xlmig_libxlmig_la_CPPFLAGS = $(AM_CPPFLAGS) -DLIBEXECDIR='"$(libexecdir)"' -DXENLIGHT_VERSION='"$(XENLIGHT_VERSION)"'
xlmig_libxlmig_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSONC_CFLAGS) $(OPENSSL_CFLAGS) $(SECCOMP_CFLAGS) $(XENLIGHT_CFLAGS) $(XENGUEST_CFLAGS) $(XENCTRL_CFLAGS) -pthread
xlmig_libxlmig_la_LIBADD = xlmig/simhost/libsimhost.la libxcsave/libother-saver.la libxcsave/libsim-client.la stream-format/libstream.la $(EVENT_LIBS) $(JSONC_LIBS) $(OPENSSL_LIBS) $(SECCOMP_LIBS) $(XENLIGHT_LIBS) $(XENGUEST_LIBS) $(XENCTRL_LIBS) -lm
xlmig_libxlmig_la_SOURCES = \
	xlmig/bounded-call.c \
	xlmig/bounded-call.h \
	xlmig/cap-record.c \
	xlmig/cap-record.h \
	xlmig/channel-hello.c \
	xlmig/channel-hello.h \
	xlmig/check-list.c \
	xlmig/check-list.h \
	xlmig/child.c \
	xlmig/child.h \
	xlmig/control.c \
	xlmig/control.h \
	xlmig/copy-here.c \
	xlmig/copy-here.h \
	xlmig/cpu-features.c \
	xlmig/cpu-features.h \
	xlmig/cpu-policy.c \
	xlmig/cpu-policy.h \
	xlmig/device-check.c \
	xlmig/device-check.h \
	xlmig/display.c \
	xlmig/display.h \
	xlmig/early-devices.c \
	xlmig/early-devices.h \
	xlmig/exit.h \
	xlmig/failure.c \
	xlmig/failure.h \
	xlmig/handover.c \
	xlmig/handover.h \
	xlmig/helper-command.c \
	xlmig/helper-command.h \
	xlmig/helper-events.c \
	xlmig/helper-events.h \
	xlmig/join.c \
	xlmig/join.h \
	xlmig/journal-record.c \
	xlmig/journal-record.h \
	xlmig/journal-store.c \
	xlmig/journal-store.h \
	xlmig/journal.c \
	xlmig/journal.h \
	xlmig/json-fields.c \
	xlmig/json-fields.h \
	xlmig/line-reader.c \
	xlmig/line-reader.h \
	xlmig/loop.c \
	xlmig/loop.h \
	xlmig/negotiate.c \
	xlmig/negotiate.h \
	xlmig/options.c \
	xlmig/parse.c \
	xlmig/peer.c \
	xlmig/peer.h \
	xlmig/preflight.c \
	xlmig/preflight.h \
	xlmig/prepared-disk.c \
	xlmig/prepared-disk.h \
	xlmig/private-dir.c \
	xlmig/private-dir.h \
	xlmig/progress.c \
	xlmig/progress.h \
	xlmig/receive-channels.c \
	xlmig/receive-channels.h \
	xlmig/receive-child.c \
	xlmig/receive-copy.c \
	xlmig/receive-internal.h \
	xlmig/receive.c \
	xlmig/receive.h \
	xlmig/recover-ask.c \
	xlmig/recover-ask.h \
	xlmig/recover-force.c \
	xlmig/recover-one.c \
	xlmig/recover-rules.c \
	xlmig/recover-rules.h \
	xlmig/recover-tell.c \
	xlmig/recover.c \
	xlmig/recover.h \
	xlmig/registry-client.c \
	xlmig/registry.c \
	xlmig/registry.h \
	xlmig/relay.c \
	xlmig/relay.h \
	xlmig/report-data.c \
	xlmig/report-data.h \
	xlmig/report-html.c \
	xlmig/report-html.h \
	xlmig/restore.c \
	xlmig/restore.h \
	xlmig/runtime-dir.c \
	xlmig/runtime-dir.h \
	xlmig/sandbox.c \
	xlmig/sandbox.h \
	xlmig/run-json.c \
	xlmig/run.c \
	xlmig/run.h \
	xlmig/save-file.c \
	xlmig/save-file.h \
	xlmig/save.c \
	xlmig/save.h \
	xlmig/saved-vm.c \
	xlmig/saved-vm.h \
	xlmig/send-channels.c \
	xlmig/send-channels.h \
	xlmig/send-check.c \
	xlmig/send-connect.c \
	xlmig/send-end.c \
	xlmig/send-journal.c \
	xlmig/send-prepare.c \
	xlmig/send-leftover.c \
	xlmig/send-options.c \
	xlmig/send-registry.c \
	xlmig/send.c \
	xlmig/send.h \
	xlmig/settle.c \
	xlmig/settle.h \
	xlmig/state-dir.c \
	xlmig/state-dir.h \
	xlmig/stream-file.c \
	xlmig/stream-file.h \
	xlmig/throttle.c \
	xlmig/throttle.h \
	xlmig/tls-relay.c \
	xlmig/tls-relay.h \
	xlmig/tls.c \
	xlmig/tls.h \
	xlmig/toolstack-libxl-check.c \
	xlmig/toolstack-libxl-child.c \
	xlmig/toolstack-libxl-devices.c \
	xlmig/toolstack-libxl-early-config.c \
	xlmig/toolstack-libxl-early.c \
	xlmig/toolstack-libxl-log.c \
	xlmig/toolstack-libxl-loop.c \
	xlmig/toolstack-libxl-ops.c \
	xlmig/toolstack-libxl-prepare.c \
	xlmig/toolstack-libxl.c \
	xlmig/toolstack-libxl.h \
	xlmig/toolstack-sim-child.c \
	xlmig/toolstack-sim.c \
	xlmig/toolstack-sim.h \
	xlmig/toolstack.c \
	xlmig/toolstack.h \
	xlmig/transport.c \
	xlmig/transport.h \
	xlmig/verb-cancel.c \
	xlmig/verb-check.c \
	xlmig/verb-convert.c \
	xlmig/verb-finish.c \
	xlmig/verb-guard-cap.c \
	xlmig/verb-inspect.c \
	xlmig/verb-receive.c \
	xlmig/verb-recover.c \
	xlmig/verb-report.c \
	xlmig/verb-restore.c \
	xlmig/verb-resume.c \
	xlmig/verb-save.c \
	xlmig/verb-set.c \
	xlmig/verb-top.c \
	xlmig/verb-send.c \
	xlmig/verb-verify.c \
	xlmig/verb-version.c \
	xlmig/verb-xl.c \
	xlmig/verb.h \
	xlmig/verbs.c \
	xlmig/verbs.def \
	xlmig/vm-find.c \
	xlmig/vm-find.h \
	xlmig/way.c \
	xlmig/way.h \
	xlmig/write-bounded.c \
	xlmig/write-bounded.h \
	xlmig/xl-protocol.h

# The helper that libxl forks: the engine behind libxl's message protocol.
libexec_PROGRAMS += xlmig/xlmig-save-helper
xlmig_xlmig_save_helper_CFLAGS = $(AM_CFLAGS) -pthread $(JSONC_CFLAGS) $(SECCOMP_CFLAGS) $(XENLIGHT_CFLAGS) $(EVENT_CFLAGS)
xlmig_xlmig_save_helper_LDADD = libxcsave/libengine.la $(JSONC_LIBS) $(SECCOMP_LIBS)
xlmig_xlmig_save_helper_SOURCES = \
	xlmig/helper-command.c \
	xlmig/helper-command.h \
	xlmig/helper-control.c \
	xlmig/helper-control.h \
	xlmig/helper-image.c \
	xlmig/helper-image.h \
	xlmig/helper-protocol.c \
	xlmig/helper-protocol.h \
	xlmig/helper-report.c \
	xlmig/helper-report.h \
	xlmig/helper-sandbox.c \
	xlmig/helper-sandbox.h \
	xlmig/save-helper.c

# What libxl runs in the place of a disk's hotplug script that has run already: small, as its start is downtime.
libexec_PROGRAMS += xlmig/xlmig-prepared-disk
xlmig_xlmig_prepared_disk_CFLAGS = $(AM_CFLAGS) $(XENSTORE_CFLAGS)
xlmig_xlmig_prepared_disk_LDADD = $(XENSTORE_LIBS)
xlmig_xlmig_prepared_disk_SOURCES = \
	xlmig/failure.c \
	xlmig/failure.h \
	xlmig/prepared-disk-script.c \
	xlmig/prepared-disk.c \
	xlmig/prepared-disk.h

include $(top_srcdir)/xlmig/simhost/local.mk

dist_man_MANS += xlmig/xlmig.8
bashcompletiondir = $(datadir)/bash-completion/completions
EXTRA_DIST += xlmig/xlmig.bash xlmig/xlmig-recover.service.in
install-data-local: install-completion
install-completion:
	$(MKDIR_P) '$(DESTDIR)$(bashcompletiondir)'
	$(INSTALL_DATA) $(srcdir)/xlmig/xlmig.bash '$(DESTDIR)$(bashcompletiondir)/xlmig'
uninstall-local: uninstall-completion
uninstall-completion:
	rm -f '$(DESTDIR)$(bashcompletiondir)/xlmig'

systemdsystemunit_DATA = xlmig/xlmig-recover.service
CLEANFILES += xlmig/xlmig-recover.service
xlmig/xlmig-recover.service: $(srcdir)/xlmig/xlmig-recover.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) xlmig && sed 's|@bindir''@|$(bindir)|' $(srcdir)/xlmig/xlmig-recover.service.in > $@
.PHONY: install-completion uninstall-completion
