# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""Many VMs at once between two hosts, half of them each way: six, and ten before a release."""

import time

from labkit import moves
from labkit.scenario import scenario
from labkit.settings import LabError

FIRST_NUMBER = 20  # below are the guests of the other tests
MEMORY_MIB = 96
END_SECONDS = 400


def begin(guest, target, log):
    """Start a send in the background; it leaves its output, and at its end its status, in files."""
    command = moves.send_command(guest, target, options="--stall-timeout 2m")
    guest.host.write(f"{log}.command", command + f"\necho $? > {log}.status\n")
    guest.host.run(f"rm -f {log}.status; setsid bash {log}.command > {log}.output 2>&1 < /dev/null &")


def await_all(begun):
    end = time.monotonic() + END_SECONDS
    for guest, source, _, log in begun:
        while not (status := source.run(f"cat {log}.status 2>/dev/null || true").strip()):
            if time.monotonic() > end:
                raise LabError(f"{guest.name} is still under way:\n" + source.run(f"cat {log}.output; ps axf | tail -40"))
            time.sleep(1)
        if status != "0":
            raise LabError(f"{guest.name}: {status}\n" + source.run(f"cat {log}.output"))


def many(lab, name, each_way):
    guests = []
    for i in range(2 * each_way):
        guest = lab.guest("pv", name=f"many{i}", number=FIRST_NUMBER + i, memory=MEMORY_MIB, dirty_mb=1, static_mb=4,
                          rate_ms=1000)
        guests.append(guest)
    with lab.step(name):
        for i, guest in enumerate(guests):
            guest.create(lab.a if i < each_way else lab.b)
        before = [guest.await_tick() for guest in guests]
        begun = [(guest, guest.host, lab.other(guest.host), f"/tmp/{guest.name}") for guest in guests]
        started = time.monotonic()
        for guest, _, target, log in begun:
            begin(guest, target, log)
        await_all(begun)
        print(f"    {len(begun)} moves in {time.monotonic() - started:.0f} s", flush=True)
        for (guest, source, target, _), tick in zip(begun, before):
            moves.arrived(guest, source, target, tick)


@scenario("six-at-once")
def six(lab):
    many(lab, "six-at-once", 3)


@scenario("ten-at-once", deep=True)
def ten(lab):
    many(lab, "ten-at-once", 5)
