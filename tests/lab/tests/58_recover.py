# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""`xlmig recover` between real hosts: send and receive are killed at one record of their journals, then recover runs, and
the guest must go on in one place with its state unharmed."""

from labkit import faults, moves, segment
from labkit.faults import IN_DOUBT, KILLED, WAITS, recover
from labkit.outcomes import Fault
from labkit.scenario import scenario
from labkit.settings import LabError


def interrupted(guest, target, status, wish=""):
    """A send that ends before its time."""
    command = moves.send_command(guest, target, settings=faults.NOTICES)
    command = f"env {faults.dying(wish)} {command}" if wish else command
    ended, output = guest.host.attempt(command, moves.SECONDS)
    if ended != status:
        raise LabError(f"`{command}` ended with {ended}, not {status}:\n{output}")
    faults.await_receiver_gone(target)


def went_there(guest, source, target, before):
    moves.arrived(guest, source, target, before)
    faults.nothing_is_left(guest, source, target)


def is_found(fault):
    """What was killed has left the journals so."""
    fault.comes()
    fault.is_over()


@scenario("recover-send-killed-before-go", "recover-send-killed-after-go", "recover-both-killed-when-all-is-there",
          "recover-receive-killed-after-go", "recover-cannot-reach-the-target", guest="pvh")
def recovers(lab):
    guest = lab.plain
    faults.install_die_at(lab)

    def begin(name, text):
        source, target = faults.begin(lab, guest)
        return Fault(lab, name, guest, target, text), source, target, guest.await_tick(), guest.domid()

    with lab.step(name := "recover-send-killed-before-go"):
        fault, source, target, before, domid = begin(name, "`xlmig send` is killed")
        interrupted(guest, target, KILLED, "send:before:go-decided")
        is_found(fault)
        recover(target, WAITS, "waiting for")
        recover(source, 0, "goes on here")
        faults.stayed(guest, target, before, domid)
        fault.came_to()
    with lab.step(name := "recover-send-killed-after-go"):
        fault, source, target, before, _ = begin(name, "`xlmig send` is killed")
        interrupted(guest, target, KILLED, "send:after:go-decided")
        is_found(fault)
        recover(source, 0, "was started on")
        went_there(guest, source, target, before)
        fault.came_to()
    with lab.step(name := "recover-both-killed-when-all-is-there"):
        fault, source, target, before, domid = begin(name, "`xlmig receive` is killed, and `xlmig send` after it")
        with faults.receivers_have(target, faults.dying("receive:after:ready")):
            interrupted(guest, target, KILLED, "send:before:aborted")
        is_found(fault)
        recover(target, WAITS, "waiting for")
        recover(source, 0, "goes on here")
        faults.stayed(guest, target, before, domid)
        fault.came_to()
    with lab.step(name := "recover-receive-killed-after-go"):
        fault, source, target, before, _ = begin(name, "`xlmig receive` is killed")
        with faults.receivers_have(target, faults.dying("receive:after:go")):
            interrupted(guest, target, IN_DOUBT)
        is_found(fault)
        recover(target, WAITS, "it is started")
        recover(source, 0, "was started on")
        went_there(guest, source, target, before)
        fault.came_to()
    with lab.step(name := "recover-cannot-reach-the-target"):
        fault, source, target, before, _ = begin(name, "`xlmig send` is killed; then the wire is cut, and healed")
        interrupted(guest, target, KILLED, "send:after:go-decided")
        is_found(fault)
        segment.set_link(target.name, "down")
        try:
            recover(source, WAITS, "no answer", "waiting for", options="--all --timeout 5s")
        finally:
            segment.set_link(target.name, "up")
        recover(source, 0, "was started on")
        went_there(guest, source, target, before)
        fault.came_to()
