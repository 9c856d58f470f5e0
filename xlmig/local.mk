# xlmig: the command.  All but main() is a convenience library, so that tests link it.
bin_PROGRAMS += xlmig/xlmig
noinst_LTLIBRARIES += xlmig/libxlmig.la

xlmig_xlmig_SOURCES = xlmig/main.c
xlmig_xlmig_LDADD = xlmig/libxlmig.la

xlmig_libxlmig_la_CPPFLAGS = $(AM_CPPFLAGS) -DLIBEXECDIR='"$(libexecdir)"'
xlmig_libxlmig_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSONC_CFLAGS) $(XENLIGHT_CFLAGS) $(XENCTRL_CFLAGS)
xlmig_libxlmig_la_LIBADD = $(EVENT_LIBS) $(JSONC_LIBS) $(XENLIGHT_LIBS) $(XENGUEST_LIBS) $(XENCTRL_LIBS) -lm
xlmig_libxlmig_la_SOURCES = \
	xlmig/exit.h \
	xlmig/failure.c \
	xlmig/failure.h \
	xlmig/helper-events.c \
	xlmig/helper-events.h \
	xlmig/options.c \
	xlmig/parse.c \
	xlmig/toolstack.h \
	xlmig/verb-version.c \
	xlmig/verb.h \
	xlmig/verbs.c \
	xlmig/verbs.def
