# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""Memory that a virtual machine really has, for who is about to need some.

A virtual machine gives free memory back to its host, here within a second and faster when there is much of it, and then
waits for the host when it wants it again: ten times longer than for memory that it has. That would be most of what is
measured. So as much as a receiver will need is held, and let go piece by piece as it is used up.
"""

import mmap
import threading

PIECE = 128 << 20
AHEAD_KIB = 384 << 10
LOOK_S = 0.004
HUGE_PAGE = 2 << 20


def free_kib():
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemFree"))


class Warm:
    """`start()` when the move begins; what is left is let go at the end of the block."""

    def __init__(self, mib):
        self._bytes = mib << 20
        self._memory = mmap.mmap(-1, self._bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._memory.madvise(mmap.MADV_HUGEPAGE)
        with open("/sys/kernel/mm/transparent_hugepage/enabled") as enabled:
            step = mmap.PAGESIZE if "[never]" in enabled.read() else HUGE_PAGE
        for offset in range(0, self._bytes, step):
            self._memory[offset] = 1
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._let_go, daemon=True)

    def start(self):
        self._wanted_kib = free_kib() + AHEAD_KIB
        self._released = 0
        self._release_some()
        self._thread.start()

    def _release_some(self):
        while self._released < self._bytes and free_kib() < self._wanted_kib:
            self._memory.madvise(mmap.MADV_DONTNEED, self._released, min(PIECE, self._bytes - self._released))
            self._released += PIECE

    def _let_go(self):
        while not self._stop.wait(LOOK_S):
            self._release_some()

    def __enter__(self):
        return self

    def __exit__(self, *_failure):
        self._stop.set()
        if self._thread.ident:
            self._thread.join(10)
        self._memory.close()
