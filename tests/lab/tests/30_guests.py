"""Guests that are not the plain case: several vCPUs, half their memory ballooned out, a reboot and a shutdown after they
arrived, ssh as the way between the hosts."""

import time

from labkit import moves
from labkit.scenario import scenario
from labkit.settings import LabError

MEMORY_MIB, HALF_MIB, VCPUS = 192, 96, 4
SLACK_MIB = 4
BALLOON_SECONDS = 60


def listed_mib(guest):
    return int(guest.host.run(f"xl list {guest.name} | tail -1").split()[2])


def balloon(guest, mib):
    guest.host.run(f"xl mem-set {guest.name} {mib}")
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


def variants(lab, kind):
    guest = lab.guest(kind, memory=MEMORY_MIB, vcpus=VCPUS).create(lab.a)
    with lab.step(f"send-{kind}-ballooned-to-half"):
        balloon(guest, HALF_MIB)
        moves.send(lab, guest)
        if abs(listed_mib(guest) - HALF_MIB) > SLACK_MIB:
            raise LabError(f"{guest.name} was {HALF_MIB} MiB and came as {listed_mib(guest)} MiB")
    moves.running(lab, guest, lab.b)
    with lab.step(f"send-{kind}-4-vcpus"):
        all_vcpus_work(guest)
        moves.send(lab, guest)
        all_vcpus_work(guest)
    with lab.step(f"send-{kind}-ballooned-grows-again"):
        lab.need(f"send-{kind}-ballooned-to-half")
        balloon(guest, MEMORY_MIB)
        guest.await_tick(after=guest.await_tick().number + 2)


@scenario("send-pv-ballooned-to-half", "send-pv-4-vcpus", "send-pv-ballooned-grows-again")
def pv(lab):
    variants(lab, "pv")


@scenario("send-pvh-ballooned-to-half", "send-pvh-4-vcpus", "send-pvh-ballooned-grows-again")
def pvh(lab):
    variants(lab, "pvh")


@scenario("send-over-ssh", "arrived-guest-reboots", "arrived-guest-shuts-down")
def arrived(lab):
    guest = lab.guest("pv").create(lab.a)
    with lab.step("send-over-ssh"):
        before = guest.await_tick()
        lab.a.run(f"xlmig send {guest.name} hostb", moves.SECONDS)
        moves.arrived(guest, lab.a, lab.b, before)
    with lab.step("arrived-guest-reboots"):
        lab.need("send-over-ssh")
        domid = guest.domid()
        lab.b.run(f"xl reboot {guest.name}")
        end = time.monotonic() + 60
        while guest.domid() in (domid, None):
            if time.monotonic() > end:
                raise LabError(f"{guest.name} was told to reboot and did not:\n" + lab.b.run("xl list"))
            time.sleep(0.5)
        guest.await_tick(seconds=60)
    with lab.step("arrived-guest-shuts-down"):
        lab.need("arrived-guest-reboots")
        lab.b.run(f"xl shutdown -w {guest.name}", 60)
        end = time.monotonic() + 60  # xl's monitor takes the devices away before the domain
        while guest.name in moves.domains(lab.b):
            if time.monotonic() > end:
                raise LabError(f"{guest.name} was shut down and is still there:\n" + lab.b.run("xl list"))
            time.sleep(0.5)
