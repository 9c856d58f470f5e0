# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""xlmig as it is measured: an optimised build of this checkout, in build/bench unless another is named."""

import os
from pathlib import Path

from .processes import BenchError, output_of

CHECKOUT = Path(__file__).resolve().parents[3]
DEFAULT = CHECKOUT / "build/bench"
PROGRAMS = ("xlmig/xlmig", "xlmig/xlmig-simhost", "xlmig/xlmig-save-helper", "tests/bench/memory-speed",
            "tests/bench/engine-speed", "tests/bench/guest-memory")


class Build:
    """Paths of what a build directory has."""

    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        missing = [name for name in PROGRAMS if not os.access(self.folder / name, os.X_OK)]
        if missing:
            raise BenchError(f"{self.folder} has no {', '.join(missing)}: is it a build directory, and built?")
        self.xlmig, self.simhost, self.helper, self.memory_speed, self.engine_speed, self.guest_memory = (
            self.folder / name for name in PROGRAMS)


def _make():
    DEFAULT.mkdir(parents=True, exist_ok=True)
    if not (CHECKOUT / "configure").exists():
        output_of(["autoreconf", "-fi"], 300, cwd=CHECKOUT)
    if not (DEFAULT / "config.status").exists():
        output_of([CHECKOUT / "configure"], 300, cwd=DEFAULT)
    output_of(["make", f"-j{len(os.sched_getaffinity(0))}"], 900, cwd=DEFAULT)


def find(folder):
    if folder:
        return Build(folder)
    print(f"building {DEFAULT.relative_to(CHECKOUT)}", flush=True)
    _make()
    return Build(DEFAULT)
