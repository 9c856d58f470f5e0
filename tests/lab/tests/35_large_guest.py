"""A guest of more than 1 GiB gets its extents of 1 GiB back. The hosts of an ordinary run are too small for that:
`lab up --memory 7168` first, on a machine with 16 GiB to spare, then `lab run 'extents-*'`."""

import re

from labkit import moves
from labkit.scenario import Skip, scenario
from labkit.settings import LabError

GUEST_MIB = 2560  # [0, 2 GiB) is two extents
NEEDED_MIB = GUEST_MIB + 64


@scenario("extents-of-1-gib-are-rebuilt", "extents-of-1-gib-come-home")
def large(lab):
    with lab.step("extents-of-1-gib-are-rebuilt"):
        for host in (lab.a, lab.b):
            free = int(host.run("xl info free_memory"))
            if free < NEEDED_MIB:
                raise Skip(f"host {host.name} has {free} MiB free, {NEEDED_MIB} needed: lab up --memory 7168")
        guest = lab.guest("pvh", memory=GUEST_MIB).create(lab.a)
        move(lab, guest)
    with lab.step("extents-of-1-gib-come-home"):
        if lab.outcomes["extents-of-1-gib-are-rebuilt"].kind == "skip":
            raise Skip("as the former")
        lab.need("extents-of-1-gib-are-rebuilt")
        move(lab, guest)


def move(lab, guest):
    output = moves.send(lab, guest, options="-v")
    said = re.search(r"in (\d+) of (\d+) extents of 1 GiB, (\d+) of 2 MiB and (\d+) of 4 KiB", output)
    if not said:
        raise LabError(f"nothing is said of the memory there:\n{output}")
    given, named = int(said[1]), int(said[2])
    if named != 2 or given < 1:
        raise LabError(f"2 extents of 1 GiB expected: {said[0]}")
