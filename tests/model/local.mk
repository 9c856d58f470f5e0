# tests/model: it wants spin and a minute, so it is run by `quickstart check`, not by make check
EXTRA_DIST += tests/model/handover.pml tests/model/run
