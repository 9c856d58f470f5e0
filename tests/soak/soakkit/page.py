# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""The page that is shared with the injector; tests/soak/inject.h has the same."""

import mmap
import struct

ROLES = ("send", "suspend", "save", "receive", "xl", "restore", "recover")
PLACES = ("wire", "pipe", "host", "journal")
BYTES = 4096
HEAD = struct.Struct("Ii16s16s16s16s")
COUNT = struct.Struct("QQQ")
COUNTS_AT = 72  # aligned as the compiler does it
NR_PIDS_AT = COUNTS_AT + len(ROLES) * len(PLACES) * COUNT.size
PIDS_AT = NR_PIDS_AT + 8
MAX_PIDS = 64


class Page:
    def __init__(self, path):
        with open(path, "w+b") as file:
            file.truncate(BYTES)
            self._bytes = mmap.mmap(file.fileno(), BYTES)

    def close(self):
        self._bytes.close()

    def set_hosts(self, pids):
        """Those of the two hosts themselves."""
        struct.pack_into("2I", self._bytes, NR_PIDS_AT, 1, 1)
        for side, pid in enumerate(pids):
            struct.pack_into("i", self._bytes, PIDS_AT + side * MAX_PIDS * 4, pid)

    def fired(self):
        """The process that had the fault, or 0."""
        fired, pid = struct.unpack_from("Ii", self._bytes)
        return pid if fired else 0

    def rearm(self):
        """For a second fault."""
        struct.pack_into("Ii", self._bytes, 0, 0, 0)

    def step(self):
        """What the journals of both sides said when the fault came."""
        return self._in_words(*HEAD.unpack_from(self._bytes)[4:6])

    def step_now(self):
        return self._in_words(*HEAD.unpack_from(self._bytes)[2:4])

    @staticmethod
    def _in_words(source, destination):
        said = (text.split(b"\0")[0].decode().replace("-", "_").upper() for text in (source, destination))
        return " / ".join(state or "–" for state in said)

    def counts(self):
        at = COUNTS_AT
        for role in ROLES:
            for place in PLACES:
                yield role, place, *COUNT.unpack_from(self._bytes, at)
                at += COUNT.size
