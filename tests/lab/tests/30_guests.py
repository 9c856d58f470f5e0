# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""Guests that are not the plain case: several vCPUs, half their memory ballooned out, memory that comes back while it is
copied."""

import time

from labkit import moves
from labkit.scenario import scenario
from labkit.settings import LabError

MEMORY_MIB, HALF_MIB, VCPUS = 192, 96, 2
SLOW = "LAB_RATE=2m"  # so that the guest grows while its memory is copied
SLACK_MIB = 4
BALLOON_SECONDS = 60


def listed_mib(guest):
    return int(guest.host.run(f"xl list {guest.name} | tail -1").split()[2])


def balloon(guest, mib):
    guest.host.run(f"xl mem-set {guest.name} {mib}")
    await_size(guest, mib)


def await_size(guest, mib):
    end = time.monotonic() + BALLOON_SECONDS
    while abs(listed_mib(guest) - mib) > SLACK_MIB:
        if time.monotonic() > end:
            raise LabError(f"{guest.name} does not balloon to {mib} MiB: it has {listed_mib(guest)}")
        time.sleep(0.5)


def all_vcpus_work(guest):
    guest.await_tick(after=guest.await_tick().number + 1)
    for _ in range(20):
        if guest.last_tick().cpus == VCPUS:
            return
        time.sleep(0.3)
    raise LabError(f"{guest.name} works on {guest.last_tick().cpus} of its {VCPUS} vCPUs")


def set_cap(guest, host, percent):
    """How much of a CPU it gets; 0: no limit."""
    host.run(f"xl sched-credit2 -d {guest.name} -c {percent}")


def variants(lab, kind):
    guest = lab.guest(kind, memory=MEMORY_MIB, vcpus=VCPUS).create(lab.a)
    with lab.step(f"send-{kind}-2-vcpus-ballooned-to-half"):
        all_vcpus_work(guest)
        balloon(guest, HALF_MIB)
        moves.send(lab, guest)
        if abs(listed_mib(guest) - HALF_MIB) > SLACK_MIB:
            raise LabError(f"{guest.name} was {HALF_MIB} MiB and came as {listed_mib(guest)} MiB")
        all_vcpus_work(guest)
    with lab.step(f"send-{kind}-growing-midway"):
        lab.need(f"send-{kind}-2-vcpus-ballooned-to-half")
        before = guest.await_tick()
        set_cap(guest, lab.b, 1)  # so that it grows later than it is asked to
        lab.b.run(f"xl mem-set {guest.name} {MEMORY_MIB}")
        moves.start(lab.b, moves.send_command(guest, lab.a, settings=SLOW))
        moves.await_copying(lab.b)
        if listed_mib(guest) > MEMORY_MIB - SLACK_MIB:
            raise LabError(f"{guest.name} has grown before its memory is copied: the test shows nothing")
        set_cap(guest, lab.b, 0)
        await_size(guest, MEMORY_MIB)  # here still, and in the stream
        moves.hurry(lab.b)
        status = moves.await_end(lab.b, moves.SECONDS)
        if status:
            raise LabError(f"the send ended with {status}:\n" + lab.b.run("cat /tmp/move.output"))
        set_cap(guest, lab.a, 0)  # the cap was in the configuration that went ahead
        moves.arrived(guest, lab.b, lab.a, before)
        if abs(listed_mib(guest) - MEMORY_MIB) > SLACK_MIB:
            raise LabError(f"{guest.name} grew to {MEMORY_MIB} MiB and came as {listed_mib(guest)} MiB")
        guest.await_tick(after=guest.await_tick().number + 2)


@scenario("send-pv-2-vcpus-ballooned-to-half", "send-pv-growing-midway", deep=True)
def pv(lab):
    variants(lab, "pv")


@scenario("send-pvh-2-vcpus-ballooned-to-half", "send-pvh-growing-midway")
def pvh(lab):
    variants(lab, "pvh")
