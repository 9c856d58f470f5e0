# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""A VM's disks and network are set up at the destination while its memory is copied, not while it runs nowhere."""

import time

from labkit import moves
from labkit.scenario import scenario
from labkit.settings import LabError

SLOW = "LAB_RATE=4m"
DEVICES_SECONDS = 30
END_SECONDS = 90
REBOOT_SECONDS = 120
SCRIPT = "/etc/xen/scripts/vif-bridge"
BACKENDS = {"pv": ("vbd/{domid}/51712", "vif/{domid}/0"),
            "hvm": ("vbd/{domid}/prepared-xvda", "vbd/{domid}/prepared-xvdb", "vif/{domid}/0")}
BACKEND_ROOT = "/local/domain/0/backend"
DISK_SCRIPT = "/etc/xen/scripts/block"


def await_devices(guest, target):
    """Wait until every backend of the arriving guest, or what is prepared of it, has had its hotplug script."""
    end = time.monotonic() + DEVICES_SECONDS
    while True:
        status, domid = target.attempt(f"xl domid {guest.name}--incoming")
        paths = [f"{BACKEND_ROOT}/{path.format(domid=domid.strip())}/hotplug-status" for path in BACKENDS[guest.kind]]
        if not status and target.attempt(f"xenstore-read {' '.join(paths)}")[1].split() == ["connected"] * len(paths):
            return
        if time.monotonic() > end:
            raise LabError(f"no devices of {guest.name} on host {target.name} after {DEVICES_SECONDS} s:\n" +
                           target.run(f"xenstore-ls {BACKEND_ROOT}; tail -20 /var/log/xen/receive-8003.log"))
        time.sleep(0.3)


@scenario("devices-come-before-the-guest-stops", "devices-that-cannot-come-are-told-before-it-stops", guest="pv")
def early_devices(lab):
    guest = lab.plain
    moves.running(lab, guest, guest.host or lab.a)
    with lab.step("devices-come-before-the-guest-stops"):
        source, target = guest.host, lab.other(guest.host)
        before = guest.await_tick()
        moves.start(source, moves.send_command(guest, target, settings=SLOW, options="--image=libxc --max-rounds 50"))
        await_devices(guest, target)
        guest.await_tick(after=guest.await_tick().number)  # it runs on where it was
        moves.hurry(source)
        if moves.await_end(source, END_SECONDS) != 0:
            raise LabError("it did not arrive:\n" + source.run("cat /tmp/move.output"))
        moves.arrived(guest, source, target, before)
        configuration = target.run(f"xl list -l {guest.name}")
        for what in ('"pdev_path"', guest.mac):
            if what not in configuration:
                raise LabError(f"{what} is not in the configuration of {guest.name} any more:\n{configuration}")
    moves.running(lab, guest, guest.host)
    with lab.step("devices-that-cannot-come-are-told-before-it-stops"):
        source, target = guest.host, lab.other(guest.host)
        # There, so that it is not missed beforehand (41_check.py), and of no use.
        target.run(f"mv {SCRIPT} {SCRIPT}.away; printf '#!/bin/sh\\nexit 1\\n' > {SCRIPT}; chmod +x {SCRIPT}")
        try:
            with moves.untouched(guest, target):
                status, output = source.attempt(moves.send_command(guest, target), END_SECONDS)
            gaps = [tick.gap_ms for tick in guest.ticks()[-10:]]
        finally:
            target.run(f"mv {SCRIPT}.away {SCRIPT}")
        if status != 1 or "cannot set up its network interface 0" not in output:
            raise LabError(f"it ended with {status}:\n{output}")
        if max(gaps) > moves.STANDSTILL_MS:
            raise LabError(f"{guest.name} stood still for {max(gaps)} ms")


@scenario("a-backend-that-is-late-is-tried-again", guest="pv", deep=True)
def late_backend(lab):
    guest = lab.plain
    moves.running(lab, guest, guest.host or lab.a)
    with lab.step("a-backend-that-is-late-is-tried-again"):
        source, target = guest.host, lab.other(guest.host)
        before = guest.await_tick()
        target.run("modprobe -r xen_netback; setsid sh -c 'sleep 20; modprobe xen_netback' > /dev/null 2>&1 < /dev/null &")
        try:
            moves.start(source, moves.send_command(guest, target))
            status = moves.await_end(source, END_SECONDS)
        finally:
            target.run("modprobe xen_netback")
        if status != 0:
            raise LabError("it did not arrive:\n" + source.run("cat /tmp/move.output"))
        if "trying again" not in target.run("cat /var/log/xen/receive-8003.log"):
            raise LabError("its interface was set up at once: the test shows nothing")
        moves.arrived(guest, source, target, before)


def is_as_if_made_late(guest, host):
    """Its disks have the scripts that they were given, and nothing of what was prepared is left."""
    domid = host.run(f"xl domid {guest.name}").strip()
    nodes = host.run(f"xenstore-ls -f {BACKEND_ROOT}; xenstore-ls -f /libxl/{domid}; xl list -l {guest.name}")
    if "prepared" in nodes:
        raise LabError(f"what was prepared of {guest.name} is still there:\n{nodes}")
    for node in (f"{BACKEND_ROOT}/vbd/{domid}/51712/script", f"/libxl/{domid}/device/vbd/51728/script"):
        if host.run(f"xenstore-read {node}").strip() != DISK_SCRIPT:
            raise LabError(f"{node} is not {DISK_SCRIPT}:\n{nodes}")
    if guest.mac not in nodes or f'"script": "{DISK_SCRIPT}"' not in nodes:
        raise LabError(f"the configuration of {guest.name} is not what it was:\n{nodes}")


@scenario("hvm-disks-are-prepared-before-the-guest-stops", "hvm-reboots-where-it-arrived",
          "hvm-disks-that-cannot-be-prepared-are-told-before-it-stops", guest="hvm")
def prepared_disks(lab):
    guest = lab.plain
    moves.running(lab, guest, guest.host or lab.a)
    with lab.step("hvm-disks-are-prepared-before-the-guest-stops"):
        source, target = guest.host, lab.other(guest.host)
        before = guest.await_tick()
        moves.start(source, moves.send_command(guest, target, settings=SLOW, options="--image=libxc --max-rounds 50"))
        await_devices(guest, target)
        guest.await_tick(after=guest.await_tick().number)
        # From now on the disk is this guest's: nobody else on that host gets it.
        status, output = target.attempt("xl block-attach 0 'vdev=xvdz,access=w,script=/lab/xen-scripts/block,target=/dev/vdd'", 60)
        if not status:
            raise LabError(f"the disk of {guest.name} was given to another domain:\n{output}")
        moves.hurry(source)
        if moves.await_end(source, END_SECONDS) != 0:
            raise LabError("it did not arrive:\n" + source.run("cat /tmp/move.output"))
        moves.arrived(guest, source, target, before)
        is_as_if_made_late(guest, target)
    with lab.step("hvm-reboots-where-it-arrived"):
        lab.need("hvm-disks-are-prepared-before-the-guest-stops")
        before = guest.await_tick(after=guest.await_tick().number)
        guest.host.run(f"xl reboot {guest.name}")
        end = time.monotonic() + REBOOT_SECONDS
        while (tick := guest.last_tick()) is None or tick.number >= before.number:
            if time.monotonic() > end:
                raise LabError(f"{guest.name} was told to reboot and did not:\n" +
                               guest.host.run("xl list; tail -20 /var/log/xen/xl-*.log"))
            time.sleep(0.5)
        guest.await_tick(after=tick.number)
        is_as_if_made_late(guest, guest.host)
    moves.running(lab, guest, guest.host)
    with lab.step("hvm-disks-that-cannot-be-prepared-are-told-before-it-stops"):
        source, target = guest.host, lab.other(guest.host)
        target.run(f"mv {DISK_SCRIPT} {DISK_SCRIPT}.away; printf '#!/bin/sh\\nexit 1\\n' > {DISK_SCRIPT}; chmod +x {DISK_SCRIPT}")
        try:
            with moves.untouched(guest, target):
                status, output = source.attempt(moves.send_command(guest, target), END_SECONDS)
            gaps = [tick.gap_ms for tick in guest.ticks()[-10:]]
        finally:
            target.run(f"mv {DISK_SCRIPT}.away {DISK_SCRIPT}")
        if status != 1 or "cannot set up its disk xvda" not in output:
            raise LabError(f"it ended with {status}:\n{output}")
        if max(gaps) > moves.STANDSTILL_MS:
            raise LabError(f"{guest.name} stood still for {max(gaps)} ms")
        if "prepared" in target.run(f"xenstore-ls -f {BACKEND_ROOT}", check=False):
            raise LabError(f"what was prepared of {guest.name} is still there")
