# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""Limits of a send, and what is told to it under way: on real Xen, with the dirty log and the scheduler as they are."""

import json
import time

from labkit import moves
from labkit.scenario import scenario
from labkit.settings import LabError

# The plain guest writes all of its region in less time than this takes to carry it; not so what xlmig's image makes of it.
SLOW = "LAB_RATE=4m"
# Less than the guest writes at a tenth of its speed.
SLOWER = "LAB_RATE=2m"
IMAGE = "--image=libxc"
OWN_CAP = 90
CAPPED_SECONDS = 90
GIVEN_BACK_SECONDS = 30
END_SECONDS = 90


def cap(guest, host):
    return int(host.run(f"xl sched-credit2 -d {guest.name} | tail -1").split()[-1])


def await_cap(guest, host, wanted, seconds):
    """Wait until the cap is one that satisfies."""
    end = time.monotonic() + seconds
    while not wanted(found := cap(guest, host)):
        if time.monotonic() > end:
            raise LabError(f"{guest.name} has the cap {found} on host {host.name} after {seconds} s:\n" +
                           host.run("cat /tmp/move.output; ls -l /run/xlmig; ps axf | tail -20"))
        time.sleep(0.3)


def start_slowly(guest, target, options, settings=SLOW):
    source = guest.host
    moves.start(source, moves.send_command(guest, target, settings=settings, options=f"{IMAGE} {options}"))
    moves.await_copying(source)


def top(host):
    return [json.loads(line) for line in host.run("xlmig top --json").splitlines()]


@scenario("downtime-is-predicted", "send-times-out", "send-is-cancelled-from-outside", "send-finishes-when-told",
          "throttled-guest-has-its-cap-back", guest="pvh")
def limits(lab):
    guest = lab.plain
    moves.running(lab, guest, guest.host or lab.a)
    with lab.step("downtime-is-predicted"):
        source = guest.host
        output = moves.send(lab, guest, options="--json --report /tmp/run.json")
        report = [json.loads(line) for line in output.splitlines() if line.startswith('{"event":"report"')][-1]
        print(f"    predicted {report['predicted']['downtime_us'] / 1000:.0f} ms, was "
              f"{report['downtime_us'] / 1000:.0f} ms; {report['rounds']} rounds, then {report['reason']}", flush=True)
        if not any(json.loads(line).get("dirty_per_s") for line in output.splitlines() if '"progress"' in line):
            raise LabError(f"no look at the dirty log found the guest writing:\n{output}")
        source.run("rm -f /tmp/run.html; xlmig report /tmp/run.json /tmp/run.html")
    moves.running(lab, guest, guest.host)
    source, target = guest.host, lab.other(guest.host)
    with lab.step("send-times-out"), moves.untouched(guest, target):
        status, output = source.attempt(moves.send_command(guest, target, settings=SLOW, options=f"{IMAGE} --timeout 5s"), 60)
        if status != 1 or "the guest dirties" not in output:
            raise LabError(f"it ended with {status}:\n{output}")
    with lab.step("send-is-cancelled-from-outside"), moves.untouched(guest, target):
        start_slowly(guest, target, "--timeout 5m")
        running = top(source)
        if [move["vm"] for move in running] != [guest.name] or not running[0]["bytes"]:
            raise LabError(f"xlmig top shows {running}")
        source.run(f"xlmig cancel {guest.name}")
        if moves.await_end(source, END_SECONDS) != 5:
            raise LabError("it did not end as cancelled:\n" + source.run("cat /tmp/move.output"))
    moves.running(lab, guest, source)
    with lab.step("send-finishes-when-told"):
        before = guest.await_tick()
        start_slowly(guest, target, "--timeout 5m --max-downtime 1ms")
        source.run(f"xlmig set {guest.name} max-bandwidth 3M && xlmig set {guest.name} max-bandwidth 0")
        source.run(f"xlmig finish {guest.name}")
        moves.hurry(source)
        if moves.await_end(source, END_SECONDS) != 0:
            raise LabError("it did not finish:\n" + source.run("cat /tmp/move.output"))
        moves.arrived(guest, source, target, before)
    moves.running(lab, guest, guest.host)
    source, target = guest.host, lab.other(guest.host)
    with lab.step("throttled-guest-has-its-cap-back"):
        source.run(f"xl sched-credit2 -d {guest.name} -c {OWN_CAP}")
        before = guest.await_tick()
        start_slowly(guest, target, "--throttle auto")
        await_cap(guest, source, lambda found: found != OWN_CAP, CAPPED_SECONDS)
        moves.hurry(source)
        if moves.await_end(source, END_SECONDS) != 0:
            raise LabError("it did not arrive:\n" + source.run("cat /tmp/move.output"))
        moves.arrived(guest, source, target, before)
        await_cap(guest, target, lambda found: found == OWN_CAP, 1)
    guest.host.run(f"xl sched-credit2 -d {guest.name} -c 0")


@scenario("killed-sender-leaves-no-cap", guest="pvh", deep=True)
def killed_sender(lab):
    guest = lab.plain
    moves.running(lab, guest, guest.host or lab.a)
    source, target = guest.host, lab.other(guest.host)
    with lab.step("killed-sender-leaves-no-cap"), moves.untouched(guest, target):
        source.run(f"xl sched-credit2 -d {guest.name} -c {OWN_CAP}")
        # So that it is not stopped yet, however much it is slowed.
        start_slowly(guest, target, "--throttle auto --timeout 5m --max-downtime 1ms", SLOWER)
        await_cap(guest, source, lambda found: found != OWN_CAP, CAPPED_SECONDS)
        source.run("pkill -KILL -x xlmig")
        await_cap(guest, source, lambda found: found == OWN_CAP, GIVEN_BACK_SECONDS)
        left = source.run("ls /run/xlmig/cap-* 2>/dev/null || true").strip()
        if left:
            raise LabError(f"the record of the cap is still there: {left}")
    guest.host.run(f"xl sched-credit2 -d {guest.name} -c 0")
