# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""Sends that fail on the way: in bounded time, with the guest running on at the source and nothing left at the target."""

import time

from labkit import moves, segment
from labkit.outcomes import Fault
from labkit.scenario import scenario
from labkit.settings import LabError

SLOW = "LAB_RATE=1m"
CUT_BYTES = 12 << 20  # twelve seconds: before that its journals are read
CUT_SECONDS = 60
FULL_DISK = "/run/full"
FULL_DISK_SECONDS = 30
STALL = "--stall-timeout 8s"  # the default is a minute
PULLED_SECONDS = 60
# The target learns of it when the cable is back, by TCP's next retransmission.
CLEANED_UP_SECONDS = 60


def fails_midway(fault, guest, seconds, disturb, settings=SLOW, options=""):
    """A send that is disturbed while memory is copied fails in bounded time; the guest runs on: what it said."""
    source = fault.source
    moves.start(source, moves.send_command(guest, fault.target, settings=settings, options=options))
    moves.await_copying(source)
    fault.comes()
    disturb()
    status = moves.await_end(source, seconds)
    if status == 0:
        raise LabError("the send succeeded:\n" + source.run("cat /tmp/move.output"))
    return source.run("cat /tmp/move.output")


def fails_within(host, command, seconds, *said):
    started = time.monotonic()
    status, output = host.attempt(command, seconds)
    if status == 0:
        raise LabError(f"`{command}` succeeded:\n{output}")
    if status == 124:
        raise LabError(f"`{command}` had not failed after {seconds} s:\n{output}")
    for text in said:
        if text.lower() not in output.lower():
            raise LabError(f"`{command}` does not say {text}:\n{output}")
    print(f"    failed with status {status} after {time.monotonic() - started:.0f} s", flush=True)


@scenario("send-cut-off-midway", "send-interrupted", "save-to-full-disk", "send-cable-pulled-midway",
          "send-again-after-failures", guest="pvh")
def failures(lab):
    guest = lab.plain
    moves.running(lab, guest, guest.host or lab.a)
    source, target = guest.host, lab.other(guest.host)
    with lab.step(name := "send-cut-off-midway"):
        fault = Fault(lab, name, guest, target, "the connection ends")
        with moves.untouched(guest, target):
            said = fails_midway(fault, guest, CUT_SECONDS, lambda: None, f"{SLOW} LAB_CUT={CUT_BYTES}", "--image=libxc")
        if guest.name not in said:
            raise LabError(f"it does not name {guest.name}:\n{said}")
        fault.came_to()
    moves.running(lab, guest, source)
    with lab.step(name := "send-interrupted"):
        fault = Fault(lab, name, guest, target, "Ctrl-C")
        with moves.untouched(guest, target):
            fails_midway(fault, guest, 30, lambda: moves.interrupt(source))
        fault.came_to()
    moves.running(lab, guest, source)
    with lab.step("save-to-full-disk"):
        source.run(f"mkdir -p {FULL_DISK} && mount -t tmpfs -o size=20m none {FULL_DISK}")
        # xlmig looks first, the helper under xl meets the end of the disk.
        for saver, said in (("xlmig", "there are 20 MiB free"), ("helper", "no space left")):
            with moves.untouched(guest, target):
                command = moves.SAVE[saver].format(name=guest.name, file=f"{FULL_DISK}/file")
                fails_within(source, command, FULL_DISK_SECONDS, said)
        source.run(f"umount {FULL_DISK}")
    moves.running(lab, guest, source)
    with lab.step(name := "send-cable-pulled-midway"):
        fault = Fault(lab, name, guest, target, "the wire is cut, and healed after the send has failed")
        with moves.untouched(guest, target, CLEANED_UP_SECONDS):
            try:
                fails_midway(fault, guest, PULLED_SECONDS, lambda: segment.set_link(target.name, "down"), options=STALL)
            finally:
                segment.set_link(target.name, "up")
        fault.came_to()
    moves.running(lab, guest, source)
    with lab.step("send-again-after-failures"):
        moves.send(lab, guest)
