# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""A host that loses its power in a migration, and boots again; and one that runs out of memory.

A process stands still at a record of its journal (labkit/faults.py) until the power is gone, so that it goes at just that
step. Both journals are on the hosts' own disks. After the boot recover runs as its unit does."""

import time

from labkit import faults, moves
from labkit.faults import IN_DOUBT, NEEDS_HAND, WAITS, recover
from labkit.outcomes import Fault, copies
from labkit.scenario import scenario
from labkit.settings import LabError

SLOW = "LAB_RATE=1m"
IMAGE = "--image=libxc"  # so that the copy takes as long as it is meant to
NO_REPORT = "--go-timeout=5s"  # where none will come
# How long a receiver waits for the word of a source that is gone: longer than one stands still here on purpose, and not
# much longer than a host boots. And how long for memory.
FOR_WORD, FOR_MEMORY = "LAB_RECEIVE='--idle-timeout=20s'", "XLMIG_IO_TIMEOUT_S=12"
UNANSWERED_SECONDS = 60
BUSY_SECONDS = 60
END_SECONDS = 90
LEFT_MIB = 60
LOST_MIB = 8
GIVEN_BACK_SECONDS = 20


def lose_power(lab, fault, host):
    fault.comes()
    print(f"    host {host.name} loses its power at {fault.step}", flush=True)
    lab.pair.lose_power(host)


def ends_in_doubt(source):
    """A send whose other host is gone, once it goes on."""
    status = moves.await_end(source, UNANSWERED_SECONDS)
    if status != IN_DOUBT:
        raise LabError(f"the send ended with {status}:\n" + source.run("cat /tmp/move.output"))


def nowhere(guest, *hosts):
    """No copy of it may run, whatever there is."""
    for host in hosts:
        if any(copies(guest, host).values()) or guest.name in copies(guest, host):
            raise LabError(f"host {host.name} has {copies(guest, host)} of {guest.name}")


def gone(guest, *hosts):
    """It died with its host, and nobody waits for it."""
    for host in hosts:
        if copies(guest, host) or moves.journals(guest, host):
            raise LabError(f"host {host.name} has {copies(guest, host)} of {guest.name}, {moves.journals(guest, host)}")
    guest.host = None


def there_before_go(lab, guest, name):
    """The source gave GO to a host that is dead, and takes its guest back once that is there again."""
    source, target = faults.begin(lab, guest)
    fault = Fault(lab, name, guest, target, "the destination's host loses power")
    before, domid = guest.await_tick(), guest.domid()
    faults.send_until(guest, target, "send:before:go-decided", NO_REPORT)
    lose_power(lab, fault, target)
    faults.go_on(source)
    ends_in_doubt(source)
    lab.pair.await_back(target)
    fault.is_over()
    nowhere(guest, source, target)
    recover(target, WAITS, "was not moved", "waiting for")
    recover(source, 0, "goes on here")
    faults.stayed(guest, target, before, domid)
    fault.came_to()


def there_after_go(lab, guest, name):
    """It had begun to run there: no older state of it is started by itself."""
    source, target = faults.begin(lab, guest)
    fault = Fault(lab, name, guest, target, "the destination's host loses power")
    before = guest.await_tick()
    faults.send_until(guest, target, "receive:before:started", NO_REPORT)
    guest.await_tick(after=before.number, host=target)
    lose_power(lab, fault, target)
    ends_in_doubt(source)
    lab.pair.await_back(target)
    fault.is_over()
    recover(target, NEEDS_HAND, "went down with the host")
    recover(source, NEEDS_HAND, "is gone there", "--force-there")
    nowhere(guest, source, target)
    recover(source, 0, "is given to", options=f"--force-there --yes {guest.name}")
    gone(guest, source, target)
    fault.came_to("died with its host: a human decides")


def here_before_go(lab, guest, name):
    """All of it is there; whether it ran on here before the power went, only a human may say."""
    source, target = faults.begin(lab, guest)
    fault = Fault(lab, name, guest, target, "the source's host loses power")
    before = guest.await_tick()
    faults.send_until(guest, target, "send:before:go-decided", receiver=FOR_WORD)
    lose_power(lab, fault, source)
    lab.pair.await_back(source)
    fault.is_over()
    nowhere(guest, source, target)
    recover(source, NEEDS_HAND, "nobody can tell whether it ran on here", patience=BUSY_SECONDS)
    recover(source, 0, "is given to", options=f"--force-there --yes {guest.name}")
    moves.arrived(guest, source, target, before)
    faults.nothing_is_left(guest, source, target)
    fault.came_to("a human decides, and has it run there")


def here_after_go(lab, guest, name):
    """It runs there all the while."""
    source, target = faults.begin(lab, guest)
    fault = Fault(lab, name, guest, target, "the source's host loses power")
    before = guest.await_tick()
    faults.send_until(guest, target, "send:before:moved", receiver=FOR_WORD)
    lose_power(lab, fault, source)
    guest.await_tick(after=before.number, host=target)
    lab.pair.await_back(source)
    fault.is_over()
    recover(source, 0, "was started on", patience=BUSY_SECONDS)
    moves.arrived(guest, source, target, before)
    faults.nothing_is_left(guest, source, target)
    fault.came_to()


def here_midway(lab, guest, name):
    """Half of it is there, which is of no use to anybody: the receiver notices by itself that no more comes."""
    source, target = faults.begin(lab, guest)
    fault = Fault(lab, name, guest, target, "the source's host loses power")
    with faults.receivers_have(target, FOR_MEMORY):
        moves.start(source, moves.send_command(guest, target, settings=SLOW, options=IMAGE))
        moves.await_copying(source)
    lose_power(lab, fault, source)
    lab.pair.await_back(source)
    faults.await_receiver_gone(target)
    fault.is_over()
    recover(source, 0, "ended with this host")
    recover(target, 0, "no migration of this host is unfinished")
    gone(guest, source, target)
    fault.came_to("died with its host")


# Each boots a host again, and nothing else runs meanwhile. What is deep ends as a process does that is killed there (57, 58).
POWER = {
    "destination-loses-power-after-go": there_after_go,
    "source-loses-power-before-go": here_before_go,
    "source-loses-power-after-go": here_after_go,
}
DEEP_POWER = {
    "destination-loses-power-before-go": there_before_go,
    "source-loses-power-midway": here_midway,
}


@scenario(*POWER, guest="pvh")
def power(lab):
    lose_each(lab, POWER)


@scenario(*DEEP_POWER, guest="pvh", deep=True)
def deep_power(lab):
    lose_each(lab, DEEP_POWER)


def lose_each(lab, losses):
    faults.install_die_at(lab)
    try:
        for name, lose in losses.items():
            with lab.step(name):
                lose(lab, lab.plain, name)
    finally:
        for host in (lab.a, lab.b):
            lab.pair.await_back(host)


# ---- hosts that go on ----

def take_memory(host):
    """Another VM takes nearly all of what is free; it never runs."""
    mib = int(host.run("xl info free_memory")) - LEFT_MIB
    host.write("/root/hog.cfg", f'name = "hog"\ntype = "pvh"\nkernel = "/lab/vmlinux"\nmemory = {mib}\nvcpus = 1\n')
    host.run("xl create -p /root/hog.cfg", 120)


def await_memory(host, mib):
    end = time.monotonic() + GIVEN_BACK_SECONDS
    while (free_mib := int(host.run("xl info free_memory"))) < mib:
        if time.monotonic() > end:
            raise LabError(f"host {host.name} has {free_mib} MiB left, and had {mib}")
        time.sleep(0.5)


def memory_is_taken(lab, guest, name):
    source, target = faults.begin(lab, guest)
    fault = Fault(lab, name, guest, target, "the destination's host runs out of memory")
    free_mib = int(target.run("xl info free_memory"))
    try:
        with moves.untouched(guest, target):
            moves.start(source, moves.send_command(guest, target, settings=SLOW, options=IMAGE))
            moves.await_copying(source)
            fault.comes()
            take_memory(target)
            moves.hurry(source)
            status, output = moves.await_end(source, END_SECONDS), source.run("cat /tmp/move.output")
    finally:
        target.run("xl destroy hog", check=False)
    if status != 1 or "no memory" not in output:
        raise LabError(f"the send ended with {status}:\n{output}")
    faults.nothing_is_left(guest, source, target)
    await_memory(target, free_mib - LOST_MIB)
    fault.came_to()


HOSTS = {"memory-is-taken-midway": memory_is_taken}


@scenario(*HOSTS, guest="pv", deep=True)
def hosts(lab):
    for name, disturb in HOSTS.items():
        with lab.step(name):
            disturb(lab, lab.plain, name)
