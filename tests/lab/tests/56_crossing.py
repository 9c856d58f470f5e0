"""What others do to a VM while it is sent: the guest itself, and the administrator at the next terminal.

However it ends, there is one copy at most, unharmed, and what the other one asked for was done or refused aloud."""

import time

from labkit import moves
from labkit.scenario import scenario
from labkit.settings import LabError

SLOW = "LAB_RATE=1m"
IMAGE = "--image=libxc"  # so that the copy takes as long as it is meant to
END_SECONDS = 90
SETTLE_SECONDS = 60
SMALLER_MIB = 80


def disturbed(lab, guest, disturb):
    """Start a send, disturb it in the middle of its copy, and let it run to its end: its status, and what it said."""
    source, target = guest.host, lab.other(guest.host)
    moves.start(source, moves.send_command(guest, target, settings=SLOW, options=IMAGE))
    moves.await_copying(source)
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


def arrives(lab, guest, disturb):
    """Disturbed midway, it arrives all the same."""
    source, target = guest.host, lab.other(guest.host)
    before = guest.await_tick()
    status, output = disturbed(lab, guest, disturb)
    if status != 0:
        raise LabError(f"it did not arrive:\n{output}")
    moves.arrived(guest, source, target, before)


def begins_anew(lab, guest, disturb):
    """Disturbed midway, the guest is booted anew by xl, at the source, and nowhere else."""
    source, target = guest.host, lab.other(guest.host)
    domid = guest.domid()
    not_moved(*disturbed(lab, guest, disturb))
    give_up = time.monotonic() + SETTLE_SECONDS
    while guest.domid() in (domid, None):
        if time.monotonic() > give_up:
            raise LabError(f"{guest.name} did not come back:\n" + source.run("xl list; cat /tmp/move.output"))
        time.sleep(0.5)
    guest.await_tick(seconds=SETTLE_SECONDS)
    await_domains(source, guest, [guest.name])
    await_domains(target, guest, [])


def ends(lab, guest, disturb):
    """Disturbed midway, the guest is gone, on both hosts."""
    source, target = guest.host, lab.other(guest.host)
    not_moved(*disturbed(lab, guest, disturb))
    await_domains(source, guest, [])
    await_domains(target, guest, [])
    guest.host = None


@scenario("guest-balloons-midway", "vcpu-comes-midway", "interface-comes-midway", "guest-reboots-midway",
          "guest-crashes-midway")
def guest_acts(lab):
    guest = lab.guest("pv", options="sysrq_always_enabled=1",
                      configuration='maxvcpus = 2\non_crash = "restart"\n').create(lab.a)
    with lab.step("guest-balloons-midway"):
        arrives(lab, guest, lambda source: source.run(f"xl mem-set {guest.name} {SMALLER_MIB}"))
    with lab.step("vcpu-comes-midway"):
        arrives(lab, guest, lambda source: source.run(f"xl vcpu-set --ignore-host {guest.name} 2"))
    with lab.step("interface-comes-midway"):
        arrives(lab, guest, lambda source: source.run(
            f"xl network-attach {guest.name} mac=00:16:3e:0a:09:77 bridge=xenbr0 script=/lab/scripts/vif-bridge"))
    with lab.step("guest-reboots-midway"):
        begins_anew(lab, guest, lambda source: source.run(f"xl reboot {guest.name}"))
    with lab.step("guest-crashes-midway"):
        begins_anew(lab, guest, lambda source: source.run(f"xl sysrq {guest.name} c"))


def refused(host, command):
    status, output = host.attempt(command, END_SECONDS)
    if status != moves.REFUSED:
        raise LabError(f"`{command}` ended with {status}:\n{output}")


def crossed(lab, guest, other, undo=None):
    """Another tool takes the guest at the same time: one of both gets it, and there is one copy, which ticks on."""
    source, target = guest.host, lab.other(guest.host)
    before = guest.await_tick()
    others = []
    status, output = disturbed(lab, guest, lambda host: others.append(host.attempt(other.format(name=guest.name), END_SECONDS)))
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


@scenario("two-sends-at-once", "save-crosses-send", "xl-migrate-crosses-send", "shutdown-crosses-send",
          "destroy-crosses-send", guest="pv")
def crossing(lab):
    guest = lab.plain
    moves.running(lab, guest, guest.host or lab.a)
    with lab.step("two-sends-at-once"):
        arrives(lab, guest, lambda source: refused(source, moves.send_command(guest, lab.other(source), options=IMAGE)))
    moves.running(lab, guest, guest.host)
    with lab.step("save-crosses-send"):
        crossed(lab, guest, "xl save {name} /tmp/crossing", "xl restore /tmp/crossing")
    moves.running(lab, guest, guest.host or lab.a)
    with lab.step("xl-migrate-crosses-send"):
        target = lab.other(guest.host)
        crossed(lab, guest, moves.SEND["xl", "xl"].format(name=guest.name, dial="/lab/dial", host=f"host{target.name}"))
    moves.running(lab, guest, guest.host or lab.a)
    with lab.step("shutdown-crosses-send"):
        ends(lab, guest, lambda source: source.run(f"xl shutdown {guest.name}"))
    moves.running(lab, guest, lab.a)
    with lab.step("destroy-crosses-send"):
        ends(lab, guest, lambda source: source.run(f"xl destroy {guest.name}"))
