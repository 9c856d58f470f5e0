# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig: the command.  Each room is a library of its own and, in its local.mk, names the rooms that it may use.
AM_CPPFLAGS += -DLIBEXECDIR='"$(libexecdir)"'

include $(top_srcdir)/xlmig/base/local.mk
include $(top_srcdir)/xlmig/vm/local.mk
include $(top_srcdir)/xlmig/cli/local.mk
include $(top_srcdir)/xlmig/helper/local.mk
include $(top_srcdir)/xlmig/watch/local.mk
include $(top_srcdir)/xlmig/peer/local.mk
include $(top_srcdir)/xlmig/handover/local.mk
include $(top_srcdir)/xlmig/simhost/local.mk
include $(top_srcdir)/xlmig/toolstack/local.mk
include $(top_srcdir)/xlmig/toolstack/libxl/local.mk
include $(top_srcdir)/xlmig/toolstack/sim/local.mk
include $(top_srcdir)/xlmig/domain/local.mk
include $(top_srcdir)/xlmig/recover/local.mk
include $(top_srcdir)/xlmig/receive/local.mk
include $(top_srcdir)/xlmig/saved/local.mk
include $(top_srcdir)/xlmig/send/local.mk
include $(top_srcdir)/xlmig/verbs/local.mk

# The commit, for one file: `commit.h` changes with it and nothing else does.  A tarball brings its own in `.commit`.
BUILT_SOURCES += commit.h
CLEANFILES += commit.h
commit.h: always
	@commit=; \
	if test -e '$(srcdir)/.git'; then \
	    commit=`git --no-optional-locks -C '$(srcdir)' describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null`; \
	elif test -e '$(srcdir)/.commit'; then \
	    commit=`cat '$(srcdir)/.commit'`; \
	fi; \
	echo "#define BUILT_FROM_COMMIT \"$${commit:-unknown}\"" > $@.new; \
	if cmp -s $@.new $@; then rm -f $@.new; else mv -f $@.new $@; fi
always:
.PHONY: always
version_object = xlmig/verbs/libverbs_la-version.lo
$(version_object): commit.h
dist-hook: commit.h
	sed 's/.*"\(.*\)".*/\1/' commit.h > '$(distdir)/.commit'

bin_PROGRAMS += xlmig/xlmig
xlmig_xlmig_SOURCES = xlmig/main.c
xlmig_xlmig_LDADD = $(verbs_room)

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

dist_man_MANS += xlmig/xlmig.8 xlmig/xlmig.conf.5
EXTRA_DIST += xlmig/xlmig.bash xlmig/xlmig.zsh xlmig/xlmig.fish xlmig/xlmig-recover.service.in
if BASH_COMPLETION
install_bash = '$(DESTDIR)$(bashcompletiondir)/xlmig'
endif
if ZSH_COMPLETION
install_zsh = '$(DESTDIR)$(zshcompletiondir)/_xlmig'
endif
if FISH_COMPLETION
install_fish = '$(DESTDIR)$(fishcompletiondir)/xlmig.fish'
endif
# Each shell looks for a name of its own.
install-data-local: install-completion
uninstall-local: uninstall-completion
install-completion:
	@set -e; put() { \
	    [ -n "$$2" ] || return 0; \
	    echo "install $$1 as $$2"; \
	    $(MKDIR_P) "$${2%/*}"; \
	    $(INSTALL_DATA) "$(srcdir)/xlmig/$$1" "$$2"; \
	}; \
	put xlmig.bash $(install_bash); put xlmig.zsh $(install_zsh); put xlmig.fish $(install_fish)
uninstall-completion:
	rm -f $(install_bash) $(install_zsh) $(install_fish)

# Made in every build, because a test reads it; installed where systemd is.
noinst_DATA += xlmig/xlmig-recover.service
if SYSTEMD_UNIT
systemdsystemunit_DATA = xlmig/xlmig-recover.service
endif
CLEANFILES += xlmig/xlmig-recover.service
xlmig/xlmig-recover.service: $(srcdir)/xlmig/xlmig-recover.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) xlmig && sed 's|@bindir''@|$(bindir)|' $(srcdir)/xlmig/xlmig-recover.service.in > $@
.PHONY: install-completion uninstall-completion

EXTRA_DIST += xlmig/README.md
