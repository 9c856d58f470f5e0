# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""Whose the guest is besides ours: a VM that its administrator paused is moved and saved, and stays paused; and what others
do to a guest between its suspension and GO, when it stands still and its state is read already, never makes two of it, nor an
old one.

Each send of the second kind stands still at one record of a journal while the others act (labkit/faults.py)."""

import time

from labkit import faults, moves
from labkit.outcomes import Fault
from labkit.scenario import scenario
from labkit.settings import LabError

END_SECONDS = 90
ASKED_SECONDS = 30
HELD_SECONDS = 1.5
FILE = "/var/lib/xen/save/owner"


# ---- paused ----

def state(guest, host):
    """As `xl list` has it: "--p---"."""
    for line in host.run("xl list").splitlines()[1:]:
        words = line.split()
        if words and words[0] == guest.name:
            return words[4]
    return ""


def is_paused(guest, host):
    """It is, under its own name, and does not run."""
    used = []
    for _ in range(2):
        if "p" not in state(guest, host):
            raise LabError(f"{guest.name} is not paused on host {host.name}:\n" + host.run("xl list"))
        used.append(host.run(f"xl list {guest.name} | tail -1").split()[5])
        time.sleep(HELD_SECONDS)
    if used[0] != used[1]:
        raise LabError(f"{guest.name} ran from {used[0]} s to {used[1]} s on host {host.name} although it was paused")


def says(output, *texts):
    if missing := [text for text in texts if text not in output]:
        raise LabError(f"it does not say {', '.join(missing)}:\n{output}")


def paused_and_sent(lab, guest):
    source, target = guest.host, lab.other(guest.host)
    before = guest.await_tick()
    source.run(f"xl pause {guest.name}")
    output = source.run(moves.send_command(guest, target), moves.SECONDS)
    says(output, f"{guest.name} is on host{target.name}, paused", "before and after")
    print("    " + "; ".join(line.strip() for line in output.splitlines() if "paused" in line), flush=True)
    is_paused(guest, target)
    target.run(f"xl unpause {guest.name}")
    moves.arrived(guest, source, target, before)


def paused_and_saved(lab, guest):
    source, target = guest.host, lab.other(guest.host)
    before = guest.await_tick()
    for host in (source, target):
        host.run(f"mkdir -p {FILE.rpartition('/')[0]} && rm -f {FILE}")
    source.run(f"xl pause {guest.name}")
    says(source.run(f"xlmig save --checkpoint {guest.name} {FILE}", moves.SECONDS), "it stays paused")
    is_paused(guest, source)
    source.run(f"xl destroy {guest.name} && xlmig verify {FILE} && scp -q {FILE} host{target.name}:{FILE} && rm {FILE}",
               moves.SECONDS)
    says(target.run(f"xlmig restore {FILE} && rm {FILE}", moves.SECONDS), f"{guest.name} is restored, paused")
    is_paused(guest, target)
    target.run(f"xl unpause {guest.name}")
    moves.arrived(guest, source, target, before)


# ---- between its suspension and GO ----

def stands_at(fault, guest, wish):
    """A send of it has come to that record, and stands there."""
    faults.send_until(guest, fault.target, wish)
    fault.comes()


def goes_on(fault):
    """How the send ends, and what it says."""
    fault.target.run("pkill -CONT -f '[x]lmig receive'", check=False)
    fault.source.run("pkill -CONT -f '^[x]lmig send'", check=False)
    status = moves.await_end(fault.source, END_SECONDS)
    output = fault.source.run("cat /tmp/move.output")
    faults.await_receiver_gone(fault.target)
    return status, output


def ends_undone(fault, *said):
    status, output = goes_on(fault)
    if status != 1:
        raise LabError(f"the send ended with {status}:\n{output}")
    says(output, *said)


def saved_and_resumed(source, guest):
    """`xl save -c`. A guest that stands still takes no request: xl waits a minute for that, and then does without; the wait is
    cut short here by the word that it waits for."""
    node = f"/local/domain/{guest.domid()}/control/shutdown"
    source.run(f"setsid xl save -c {guest.name} {FILE} > /tmp/saved.output 2>&1 < /dev/null & echo $! > /tmp/saved.pid")
    end = time.monotonic() + ASKED_SECONDS
    while source.attempt(f"xenstore-read {node}")[1].strip() != "suspend":
        if time.monotonic() > end:
            raise LabError("xl did not ask it to suspend:\n" + source.run("cat /tmp/saved.output; xl list"))
        time.sleep(0.2)
    source.run(f"xenstore-write {node} ''")
    end = time.monotonic() + END_SECONDS
    while source.attempt("kill -0 $(cat /tmp/saved.pid) 2>/dev/null")[0] == 0:
        if time.monotonic() > end:
            raise LabError("xl save does not end:\n" + source.run("cat /tmp/saved.output; xl list"))
        time.sleep(0.3)
    source.run(f"rm -f {FILE}")


def crossed_by_save(fault, guest):
    before, domid = guest.await_tick(), guest.domid()
    stands_at(fault, guest, "receive:after:ready")
    saved_and_resumed(fault.source, guest)
    guest.await_tick(after=before.number)
    ends_undone(fault, "somebody resumed it", "runs on this host as before")
    faults.stayed(guest, fault.target, before, domid)
    fault.came_to()


def crossed_by_unpause(fault, guest):
    before = guest.await_tick()
    stands_at(fault, guest, "send:before:go-decided")
    fault.source.run(f"xl unpause {guest.name}--migratedaway")
    time.sleep(HELD_SECONDS)
    status, output = goes_on(fault)
    if status:
        raise LabError(f"the send ended with {status}:\n{output}")
    moves.arrived(guest, fault.source, fault.target, before)
    faults.nothing_is_left(guest, fault.source, fault.target)
    fault.came_to()


def crossed_by_destroy(fault, guest):
    stands_at(fault, guest, "receive:after:ready")
    fault.source.run(f"xl destroy {guest.name}")
    ends_undone(fault, "somebody destroyed it", "is gone from this host")
    for host in (fault.source, fault.target):
        if left := [name for name in moves.domains(host) if name.startswith(guest.name)]:
            raise LabError(f"host {host.name} has {', '.join(left)}")
    faults.nothing_is_left(guest, fault.source, fault.target)
    guest.host = None
    fault.came_to("not moved; gone, as asked")


def names(kind):
    return [f"paused-{kind}-sent", f"paused-{kind}-saved", f"xl-save-before-go-{kind}", f"xl-unpause-before-go-{kind}",
            f"xl-destroy-before-go-{kind}"]


def others_have_it(lab, kind):
    guest = lab.plain
    sent, saved, save, unpause, destroy = names(kind)

    def begin(name=None, text=""):
        source, target = faults.begin(lab, guest)
        guest.await_tick(after=guest.await_tick().number)
        return Fault(lab, name, guest, target, text) if name else source

    with lab.step(sent):
        begin()
        paused_and_sent(lab, guest)
    with lab.step(saved):
        begin()
        paused_and_saved(lab, guest)
    faults.install_die_at(lab)
    with lab.step(save):
        crossed_by_save(begin(save, "`xl save -c` of it"), guest)
    with lab.step(unpause):
        crossed_by_unpause(begin(unpause, "`xl unpause` of it"), guest)
    with lab.step(destroy):
        crossed_by_destroy(begin(destroy, "`xl destroy` of it"), guest)


@scenario(*names("pvh"), guest="pvh")
def pvh(lab):
    others_have_it(lab, "pvh")


@scenario(*names("pv"), guest="pv", deep=True)
def pv(lab):
    others_have_it(lab, "pv")


@scenario(*names("hvm"), guest="hvm", deep=True)
def hvm(lab):
    others_have_it(lab, "hvm")
