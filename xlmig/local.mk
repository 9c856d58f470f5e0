# xlmig: the command.  All but main() is a convenience library, so that tests link it.
bin_PROGRAMS += xlmig/xlmig
noinst_LTLIBRARIES += xlmig/libxlmig.la

xlmig_xlmig_SOURCES = xlmig/main.c
xlmig_xlmig_LDADD = xlmig/libxlmig.la

xlmig_libxlmig_la_CPPFLAGS = $(AM_CPPFLAGS) -DLIBEXECDIR='"$(libexecdir)"' -DXENLIGHT_VERSION='"$(XENLIGHT_VERSION)"'
xlmig_libxlmig_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSONC_CFLAGS) $(OPENSSL_CFLAGS) $(SECCOMP_CFLAGS) $(XENLIGHT_CFLAGS) $(XENGUEST_CFLAGS) $(XENCTRL_CFLAGS) -pthread
xlmig_libxlmig_la_LIBADD = xlmig/simhost/libsimhost.la libxcsave/libother-saver.la libxcsave/libsim-client.la stream-format/libstream.la $(EVENT_LIBS) $(JSONC_LIBS) $(OPENSSL_LIBS) $(SECCOMP_LIBS) $(XENLIGHT_LIBS) $(XENGUEST_LIBS) $(XENCTRL_LIBS) -lm
xlmig_libxlmig_la_SOURCES = \
	xlmig/base/bounded-call.c \
	xlmig/base/bounded-call.h \
	xlmig/domain/cap-record.c \
	xlmig/domain/cap-record.h \
	xlmig/peer/channel-hello.c \
	xlmig/peer/channel-hello.h \
	xlmig/vm/check-list.c \
	xlmig/vm/check-list.h \
	xlmig/base/child.c \
	xlmig/base/child.h \
	xlmig/peer/messages.c \
	xlmig/peer/messages.h \
	xlmig/domain/here.c \
	xlmig/domain/here.h \
	xlmig/vm/cpu-features.c \
	xlmig/vm/cpu-features.h \
	xlmig/vm/cpu-policy.c \
	xlmig/vm/cpu-policy.h \
	xlmig/toolstack/device-check.c \
	xlmig/toolstack/device-check.h \
	xlmig/watch/display.c \
	xlmig/watch/display.h \
	xlmig/domain/early-devices.c \
	xlmig/domain/early-devices.h \
	xlmig/base/exit.h \
	xlmig/base/failure.c \
	xlmig/base/failure.h \
	xlmig/handover/handover.c \
	xlmig/handover/handover.h \
	xlmig/helper/command.c \
	xlmig/helper/command.h \
	xlmig/helper/events.c \
	xlmig/helper/events.h \
	xlmig/peer/join.c \
	xlmig/peer/join.h \
	xlmig/handover/journal-record.c \
	xlmig/handover/journal-record.h \
	xlmig/handover/journal-store.c \
	xlmig/handover/journal-store.h \
	xlmig/handover/journal.c \
	xlmig/handover/journal.h \
	xlmig/base/json-fields.c \
	xlmig/base/json-fields.h \
	xlmig/base/line-reader.c \
	xlmig/base/line-reader.h \
	xlmig/base/loop.c \
	xlmig/base/loop.h \
	xlmig/peer/negotiate.c \
	xlmig/peer/negotiate.h \
	xlmig/cli/options.c \
	xlmig/cli/numbers.c \
	xlmig/peer/peer.c \
	xlmig/peer/peer.h \
	xlmig/domain/preflight.c \
	xlmig/domain/preflight.h \
	xlmig/toolstack/prepared-disk.c \
	xlmig/toolstack/prepared-disk.h \
	xlmig/base/private-dir.c \
	xlmig/base/private-dir.h \
	xlmig/watch/progress.c \
	xlmig/watch/progress.h \
	xlmig/peer/channels-in.c \
	xlmig/peer/channels-in.h \
	xlmig/receive/child.c \
	xlmig/receive/holding.c \
	xlmig/receive/internal.h \
	xlmig/receive/receive.c \
	xlmig/receive/receive.h \
	xlmig/recover/ask.c \
	xlmig/recover/ask.h \
	xlmig/recover/force.c \
	xlmig/recover/one.c \
	xlmig/handover/rules.c \
	xlmig/handover/rules.h \
	xlmig/recover/tell.c \
	xlmig/recover/recover.c \
	xlmig/recover/recover.h \
	xlmig/watch/socket-client.c \
	xlmig/watch/socket.c \
	xlmig/watch/socket.h \
	xlmig/base/relay.c \
	xlmig/base/relay.h \
	xlmig/watch/page-data.c \
	xlmig/watch/page-data.h \
	xlmig/watch/page.c \
	xlmig/watch/page.h \
	xlmig/saved/restore.c \
	xlmig/saved/restore.h \
	xlmig/base/runtime-dir.c \
	xlmig/base/runtime-dir.h \
	xlmig/base/sandbox.c \
	xlmig/base/sandbox.h \
	xlmig/watch/move-json.c \
	xlmig/watch/move.c \
	xlmig/watch/move.h \
	xlmig/base/whole-file.c \
	xlmig/base/whole-file.h \
	xlmig/saved/save.c \
	xlmig/saved/save.h \
	xlmig/saved/head.c \
	xlmig/saved/head.h \
	xlmig/peer/channels-out.c \
	xlmig/peer/channels-out.h \
	xlmig/send/checks.c \
	xlmig/send/connect.c \
	xlmig/send/outcome.c \
	xlmig/send/journal.c \
	xlmig/send/prepare.c \
	xlmig/send/leftover.c \
	xlmig/verbs/shared-options.c \
	xlmig/send/console.c \
	xlmig/send/send.c \
	xlmig/send/send.h \
	xlmig/domain/settle.c \
	xlmig/domain/settle.h \
	xlmig/toolstack/state-dir.c \
	xlmig/toolstack/state-dir.h \
	xlmig/saved/read.c \
	xlmig/saved/read.h \
	xlmig/domain/throttle.c \
	xlmig/domain/throttle.h \
	xlmig/peer/tls-relay.c \
	xlmig/peer/tls-relay.h \
	xlmig/peer/tls.c \
	xlmig/peer/tls.h \
	xlmig/toolstack/libxl/check.c \
	xlmig/toolstack/libxl/child.c \
	xlmig/toolstack/libxl/devices.c \
	xlmig/toolstack/libxl/early-config.c \
	xlmig/toolstack/libxl/early.c \
	xlmig/toolstack/libxl/log.c \
	xlmig/toolstack/libxl/loop.c \
	xlmig/toolstack/libxl/ops.c \
	xlmig/toolstack/libxl/prepare.c \
	xlmig/toolstack/libxl/libxl.c \
	xlmig/toolstack/libxl/libxl.h \
	xlmig/toolstack/sim/child.c \
	xlmig/toolstack/sim/sim.c \
	xlmig/toolstack/sim/sim.h \
	xlmig/toolstack/toolstack.c \
	xlmig/toolstack/toolstack.h \
	xlmig/peer/transport.c \
	xlmig/peer/transport.h \
	xlmig/verbs/cancel.c \
	xlmig/verbs/check.c \
	xlmig/verbs/convert.c \
	xlmig/verbs/finish.c \
	xlmig/verbs/guard-cap.c \
	xlmig/verbs/inspect.c \
	xlmig/verbs/receive.c \
	xlmig/verbs/recover.c \
	xlmig/verbs/report.c \
	xlmig/verbs/restore.c \
	xlmig/verbs/resume.c \
	xlmig/verbs/save.c \
	xlmig/verbs/set.c \
	xlmig/verbs/top.c \
	xlmig/verbs/send.c \
	xlmig/verbs/verify.c \
	xlmig/verbs/version.c \
	xlmig/verbs/xl.c \
	xlmig/cli/verb.h \
	xlmig/verbs.c \
	xlmig/verbs.def \
	xlmig/domain/find.c \
	xlmig/domain/find.h \
	xlmig/peer/way.c \
	xlmig/peer/way.h \
	xlmig/base/write-bounded.c \
	xlmig/base/write-bounded.h \
	xlmig/peer/xl-protocol.h

# The helper that libxl forks: the engine behind libxl's message protocol.
libexec_PROGRAMS += xlmig/xlmig-save-helper
xlmig_xlmig_save_helper_CFLAGS = $(AM_CFLAGS) -pthread $(JSONC_CFLAGS) $(SECCOMP_CFLAGS) $(XENLIGHT_CFLAGS) $(EVENT_CFLAGS)
xlmig_xlmig_save_helper_LDADD = libxcsave/libengine.la $(JSONC_LIBS) $(SECCOMP_LIBS)
xlmig_xlmig_save_helper_SOURCES = \
	xlmig/helper/command.c \
	xlmig/helper/command.h \
	xlmig/helper/listener.c \
	xlmig/helper/listener.h \
	xlmig/helper/image.c \
	xlmig/helper/image.h \
	xlmig/helper/libxl-protocol.c \
	xlmig/helper/libxl-protocol.h \
	xlmig/helper/report.c \
	xlmig/helper/report.h \
	xlmig/helper/sandbox.c \
	xlmig/helper/sandbox.h \
	xlmig/helper/main.c

# What libxl runs in the place of a disk's hotplug script that has run already: small, as its start is downtime.
libexec_PROGRAMS += xlmig/xlmig-prepared-disk
xlmig_xlmig_prepared_disk_CFLAGS = $(AM_CFLAGS) $(XENSTORE_CFLAGS)
xlmig_xlmig_prepared_disk_LDADD = $(XENSTORE_LIBS)
xlmig_xlmig_prepared_disk_SOURCES = \
	xlmig/base/failure.c \
	xlmig/base/failure.h \
	xlmig/toolstack/prepared-disk-script.c \
	xlmig/toolstack/prepared-disk.c \
	xlmig/toolstack/prepared-disk.h

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
