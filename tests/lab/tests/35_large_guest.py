# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""A guest of more than 1 GiB gets its extents of 1 GiB back."""

import re

from labkit import moves
from labkit.scenario import scenario
from labkit.settings import LabError

GUEST_MIB = 2560  # of its two extents the first has holes, where Linux gave memory back
HOST_MIB = 4608


@scenario("extents-of-1-gib-are-rebuilt", "extents-of-1-gib-come-home", memory_mib=HOST_MIB, deep=True)
def large(lab):
    guest = lab.guest("pvh", memory=GUEST_MIB).create(lab.a)
    for name in lab.names:
        with lab.step(name):
            move(lab, guest)


def move(lab, guest):
    output = moves.send(lab, guest, options="-v")
    said = re.search(r"in (\d+) of (\d+) extents of 1 GiB, (\d+) of 2 MiB and (\d+) of 4 KiB", output)
    if not said:
        raise LabError(f"nothing is said of the memory there:\n{output}")
    given, named = int(said[1]), int(said[2])
    if not named or given != named:
        raise LabError(f"1 extent of 1 GiB expected, at least: {said[0]}")
