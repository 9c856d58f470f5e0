# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/model: it wants spin and a minute, so it is run by `quickstart check`, not by make check
EXTRA_DIST += tests/model/handover.pml tests/model/run
