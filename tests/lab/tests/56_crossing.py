# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""What others do to a VM while it is sent: the guest itself, and the administrator at the next terminal.

However it ends, there is one copy at most, unharmed, and what the other one asked for was done or refused aloud."""

import time

from labkit import moves
from labkit.outcomes import Fault
from labkit.scenario import scenario
from labkit.settings import LabError

SLOW = "LAB_RATE=1m"
IMAGE = "--image=libxc"  # so that the copy takes as long as it is meant to
END_SECONDS = 90
SETTLE_SECONDS = 60
SMALLER_MIB = 88
NEW_MAC = "00:16:3e:0a:09:77"


def disturbed(fault, guest, disturb):
    """Start a send, disturb it in the middle of its copy, and let it run to its end: its status, and what it said."""
    source, target = fault.source, fault.target
    moves.start(source, moves.send_command(guest, target, settings=SLOW, options=IMAGE))
    moves.await_copying(source)
    fault.comes()
    try:
        disturb(source)
    finally:
        moves.hurry(source)
        status = moves.await_end(source, END_SECONDS)
    return status, source.run("cat /tmp/move.output")


def await_domains(host, guest, wanted):
    """Wait until a host has these domains of the guest's name, and no other."""
    give_up = time.monotonic() + SETTLE_SECONDS
    while (found := [name for name in moves.domains(host) if name.startswith(guest.name)]) != wanted:
        if time.monotonic() > give_up:
            raise LabError(f"host {host.name} has {found} of {guest.name}, not {wanted}:\n" +
                           host.run("xl list; cat /tmp/move.output"))
        time.sleep(0.5)


def not_moved(status, output):
    if status in (0, -1):
        raise LabError(f"the send ended with {status}:\n{output}")


def arrives(fault, guest, disturb, then=""):
    """Disturbed midway, it arrives all the same."""
    before = guest.await_tick()
    status, output = disturbed(fault, guest, disturb)
    if status != 0:
        raise LabError(f"it did not arrive:\n{output}")
    moves.arrived(guest, fault.source, fault.target, before)
    fault.came_to("runs there" + then)


def begins_anew(fault, guest, disturb):
    """Disturbed midway, the guest is booted anew by xl, at the source, and nowhere else."""
    source, target = fault.source, fault.target
    domid = guest.domid()
    not_moved(*disturbed(fault, guest, disturb))
    give_up = time.monotonic() + SETTLE_SECONDS
    while guest.domid() in (domid, None):
        if time.monotonic() > give_up:
            raise LabError(f"{guest.name} did not come back:\n" + source.run("xl list; cat /tmp/move.output"))
        time.sleep(0.5)
    guest.await_tick(seconds=SETTLE_SECONDS)
    await_domains(source, guest, [guest.name])
    await_domains(target, guest, [])
    fault.came_to("not moved; begins anew here")


def ends(fault, guest, disturb):
    """Disturbed midway, the guest is gone, on both hosts."""
    source, target = fault.source, fault.target
    not_moved(*disturbed(fault, guest, disturb))
    await_domains(source, guest, [])
    await_domains(target, guest, [])
    guest.host = None
    fault.came_to("not moved; ends, as asked")


def new_vcpu(guest):
    """Give it one more, and wait until that works."""
    guest.host.run(f"xl vcpu-set --ignore-host {guest.name} 2")
    await_vcpus(guest, 2)


def await_vcpus(guest, wanted):
    """Wait until so many of its vCPUs work, by its own word and by Xen's."""
    give_up = time.monotonic() + SETTLE_SECONDS
    while True:
        listed = [line.split() for line in guest.host.run(f"xl vcpu-list {guest.name}").splitlines()[1:]]
        online = sum(words[3] != "-" for words in listed)
        if (guest.last_tick().cpus, online) == (wanted, wanted):
            return
        if time.monotonic() > give_up:
            raise LabError(f"{guest.last_tick().cpus} vCPUs of {guest.name} work and {online} are there, not {wanted}")
        time.sleep(0.5)


def interfaces(guest):
    return [line.split()[2] for line in guest.host.run(f"xl network-list {guest.name}").splitlines()[1:]]


def new_interface(guest):
    guest.host.run(f"xl network-attach {guest.name} mac={NEW_MAC} bridge=xenbr0 script=/etc/xen/scripts/vif-bridge")
    if interfaces(guest) != [guest.mac, NEW_MAC]:
        raise LabError(f"{guest.name} has the interfaces {interfaces(guest)}")


@scenario("guest-balloons-midway", "vcpu-comes-midway", "interface-comes-midway", "guest-reboots-midway",
          "guest-crashes-midway", deep=True)
def guest_acts(lab):
    guest = lab.guest("pv", memory=104, options="sysrq_always_enabled=1 lab.hotplug=1",
                      configuration='maxvcpus = 2\non_crash = "restart"\n').create(lab.a)

    def fault(name, text):
        return Fault(lab, name, guest, lab.other(guest.host), text)

    with lab.step(name := "guest-balloons-midway"):
        arrives(fault(name, "the guest balloons"), guest, lambda source: source.run(f"xl mem-set {guest.name} {SMALLER_MIB}"))
    with lab.step(name := "vcpu-comes-midway"):
        # Its state is in the stream, though not in the configuration that went ahead.
        arrives(fault(name, "the guest gets a vCPU"), guest, lambda source: new_vcpu(guest), ", with it")
        await_vcpus(guest, 2)
    with lab.step(name := "interface-comes-midway"):
        arrives(fault(name, "the guest gets a network interface"), guest, lambda source: new_interface(guest), ", without it")
        if interfaces(guest) != [guest.mac]:
            raise LabError(f"{guest.name} came with the interfaces {interfaces(guest)}")
    with lab.step(name := "guest-reboots-midway"):
        begins_anew(fault(name, "the guest reboots"), guest, lambda source: source.run(f"xl reboot {guest.name}"))
    with lab.step(name := "guest-crashes-midway"):
        begins_anew(fault(name, "the guest crashes"), guest, lambda source: source.run(f"xl sysrq {guest.name} c"))


def refused(host, command):
    status, output = host.attempt(command, END_SECONDS)
    if status != moves.REFUSED:
        raise LabError(f"`{command}` ended with {status}:\n{output}")


def crossed(fault, guest, other, undo=None):
    """Another tool takes the guest at the same time: one of both gets it, and there is one copy, which ticks on."""
    source, target = fault.source, fault.target
    before = guest.await_tick()
    others = []
    status, output = disturbed(fault, guest,
                               lambda host: others.append(host.attempt(other.format(name=guest.name), END_SECONDS)))
    other_status, other_output = others[0]
    print(f"    the other ended with {other_status}, the send with {status}", flush=True)
    if other_status == 0 and status == 0:
        raise LabError(f"both claim to have it:\n{output}\n{other_output}")
    if undo and other_status == 0:
        await_domains(source, guest, [])
        source.run(undo, END_SECONDS)
    give_up = time.monotonic() + SETTLE_SECONDS
    while True:
        here, there = ([name for name in moves.domains(host) if name.startswith(guest.name)] for host in (source, target))
        if sorted(here + there) == [guest.name]:
            break
        if time.monotonic() > give_up:
            raise LabError(f"host {source.name} has {here}, host {target.name} {there}:\n{output}\n{other_output}")
        time.sleep(0.5)
    guest.host = source if here else target
    guest.await_tick(after=before.number)
    guest.await_tick(after=guest.await_tick().number)
    fault.came_to("one of both has it")


@scenario("two-sends-at-once", "save-crosses-send", "xl-migrate-crosses-send", "shutdown-crosses-send",
          "destroy-crosses-send", guest="pv")
def crossing(lab):
    guest = lab.plain

    def fault(name, text, host=None):
        moves.running(lab, guest, host or guest.host or lab.a)
        return Fault(lab, name, guest, lab.other(guest.host), text)

    with lab.step(name := "two-sends-at-once"):
        arrives(fault(name, "a second `xlmig send` of it"), guest,
                lambda source: refused(source, moves.send_command(guest, lab.other(source), options=IMAGE)),
                "; the second is refused")
    with lab.step(name := "save-crosses-send"):
        crossed(fault(name, "`xl save` of it"), guest, "xl save {name} /tmp/crossing", "xl restore /tmp/crossing")
    with lab.step(name := "xl-migrate-crosses-send"):
        crossing_fault = fault(name, "`xl migrate` of it")
        crossed(crossing_fault, guest, moves.SEND["xl", "xl"].format(name=guest.name, dial="/lab/dial",
                                                                     host=f"host{crossing_fault.target.name}"))
    with lab.step(name := "shutdown-crosses-send"):
        ends(fault(name, "`xl shutdown` of it"), guest, lambda source: source.run(f"xl shutdown {guest.name}"))
    with lab.step(name := "destroy-crosses-send"):
        ends(fault(name, "`xl destroy` of it", lab.a), guest, lambda source: source.run(f"xl destroy {guest.name}"))
