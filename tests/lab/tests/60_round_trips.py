# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""There and back three times, or ten before a release: the guest stays well, and neither host keeps anything of it.

The first trip apart, each host sees at least two arrivals and two departures. What is counted must not be one more after
them, so that whatever a single move leaves shows; of the memory, two MiB for each."""

import re
import time

from labkit import moves
from labkit.scenario import scenario
from labkit.settings import LabError

# Linux's netfront loses its 256 receive buffers at every resume, whoever migrates it: a MiB for each move.
MEMORY_MIB = 96
MIB_A_TRIP = 2
MEMORY_SLACK_MIB = 4
SETTLE_SECONDS = 5

# Numbers in names differ from one migration to the next (domain ids, pids); what they count must not.
INVENTORY = """
echo '== domains'; xl list | tail -n +2 | awk '{print $1}'
echo '== xenstore nodes'; xenstore-ls -f | sed 's/ = .*//'
echo '== files'; find /tmp /run /var/lib/xen /var/run/xen /dev/shm -xdev | grep -v '/tmp/move'
echo '== processes'; ps -eo args | grep -vE '^\\[|/lab/agent|^ps |^timeout |^bash -c|^sort|^sleep'
echo '== descriptors of daemons'; for p in $(pidof xenstored xenconsoled); do ls /proc/$p/fd | wc -l; done
"""


def inventories(lab):
    """Of both hosts, once what a migration leaves to end by itself has ended."""
    time.sleep(SETTLE_SECONDS)
    return {host.name: inventory(host) for host in (lab.a, lab.b)}


def inventory(host):
    """What is there, section by section, as counted lines with the numbers taken out."""
    sections, section = {}, None
    for line in host.run(INVENTORY).splitlines():
        if line.startswith("== "):
            section = line[3:]
            sections[section] = {}
        elif line and section:
            key = line if section.startswith("descriptors") else re.sub(r"\d+", "N", line)
            sections[section][key] = sections[section].get(key, 0) + 1
    return sections


def difference(before, after):
    lines = []
    for section in before:
        for key in sorted({*before[section], *after[section]}):
            was, now = before[section].get(key, 0), after[section].get(key, 0)
            if was != now:
                lines.append(f"{section}: {key}: {was} before, {now} after")
    return lines


def round_trips(lab, trips, names):
    there_and_back, leave_nothing = names
    guest = lab.guest("pv", memory=MEMORY_MIB + MIB_A_TRIP * trips, dirty_mb=4, static_mb=4).create(lab.a)
    with lab.step(there_and_back):
        trip(lab, guest)
        # What a first migration creates for good is not a leak.
        before = inventories(lab)
        free = {host.name: int(host.run("xl info free_memory")) for host in (lab.a, lab.b)}
        for _ in range(trips - 1):
            trip(lab, guest)
        moves.identity(guest, lab.a)
    with lab.step(leave_nothing):
        lab.need(there_and_back)
        lines, after = [], inventories(lab)
        for host in (lab.a, lab.b):
            lines += [f"host {host.name}, {line}" for line in difference(before[host.name], after[host.name])]
            now = int(host.run("xl info free_memory"))
            if now < free[host.name] - MEMORY_SLACK_MIB:
                lines.append(f"host {host.name}: {free[host.name]} MiB were free, {now} are")
        if lines:
            raise LabError("not as before:\n" + "\n".join(lines[:60]))


THREE = ("three-round-trips", "three-round-trips-leave-nothing")
TEN = ("ten-round-trips", "ten-round-trips-leave-nothing")


@scenario(*THREE)
def three(lab):
    round_trips(lab, 3, THREE)


@scenario(*TEN, deep=True)
def ten(lab):
    round_trips(lab, 10, TEN)


def trip(lab, guest):
    for target in (lab.b, lab.a):
        # Linux forgets a request to suspend that comes before it has finished the last resume; a tick says that it has.
        before = guest.await_tick()
        guest.host.run(moves.send_command(guest, target), moves.SECONDS)
        guest.host = target
        guest.await_tick(after=before.number)
