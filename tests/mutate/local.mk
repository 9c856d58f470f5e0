# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/mutate: it builds the tree once for each rule, so it is run by `quickstart check --deep', not by make check; that what it
# changes is still there is seen at once
TESTS += tests/mutate/mutate.tap
EXTRA_DIST += tests/mutate/mutate.tap tests/mutate/mutations.py tests/mutate/run
