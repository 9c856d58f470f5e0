# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/lab: needs root and minutes, so it is run by `quickstart check`, not by make check
EXTRA_DIST += tests/lab/README.md tests/lab/lab tests/lab/dom0 tests/lab/guest tests/lab/image tests/lab/labkit \
	tests/lab/tests
