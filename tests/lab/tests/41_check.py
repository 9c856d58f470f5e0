# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""What a VM needs at the destination is looked for there: `xlmig check` names each thing, and `xlmig send` refuses with
the same words before the guest is touched. What a poorer CPU lacks is in 70_without_shadow_paging.py."""

import contextlib
import json

from labkit import moves
from labkit.host import SHARED_DISKS
from labkit.scenario import scenario
from labkit.settings import LabError

OTHER_BRIDGE = "xenbr7"
SUBJECTS = ["vm", "live", "destination", "release", "image", "name", "uuid", "memory", "cpu", "disk xvda", "network 0",
            "kernel", "ramdisk"]


@contextlib.contextmanager
def moved_away(host, path):
    host.run(f"mv {path} {path}.away")
    try:
        yield
    finally:
        host.run(f"mv {path}.away {path}")


def check_all_is_well(guest, target):
    output = moves.checked(guest, target, 0, options="--json")
    found = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    results = {entry["subject"]: entry["result"] for entry in found[:-1]}
    if results != {subject: "ok" for subject in SUBJECTS} or not found[-1]["can_move"]:
        raise LabError(f"not everything is well:\n{output}")


def stands_in_the_way(guest, target, *said):
    moves.checked(guest, target, moves.REFUSED, *said)
    moves.refused(guest, target, moves.send_command(guest, target), *said)


@scenario("check-finds-nothing-in-the-way", "check-warns-of-a-kernel-that-is-not-there", "refuses-disk-not-there",
          "refuses-disk-of-another-size", "refuses-bridge-not-there", "goes-with-ignore-devices", guest="pvh", deep=True)
def devices(lab):
    # The bridge is a name in the configuration only: the lab's script puts every interface on the one that there is.
    bridged = lab.guest("pv")
    bridged.configuration = bridged.configuration.replace("bridge=xenbr0", f"bridge={OTHER_BRIDGE}")
    lab.a.run(f"ip link add {OTHER_BRIDGE} type bridge")
    bridged.create(lab.a)
    guest = lab.plain
    moves.running(lab, guest, lab.a)
    disk = SHARED_DISKS[guest.kind]
    with lab.step("check-finds-nothing-in-the-way"):
        check_all_is_well(guest, lab.b)
    with lab.step("check-warns-of-a-kernel-that-is-not-there"), moved_away(lab.b, "/lab/vmlinux"):
        moves.checked(guest, lab.b, 0, "warning", "/lab/vmlinux is not on hostb")
    with lab.step("refuses-disk-not-there"), moved_away(lab.b, disk):
        stands_in_the_way(guest, lab.b, f"{disk} is not on hostb", "--ignore-devices")
    with lab.step("refuses-disk-of-another-size"), moved_away(lab.b, disk):
        lab.b.run(f"cp -a {SHARED_DISKS['boot']} {disk}")
        try:
            stands_in_the_way(guest, lab.b, f"{disk} is another disk on hostb")
        finally:
            lab.b.run(f"rm {disk}")
    with lab.step("refuses-bridge-not-there"):
        stands_in_the_way(bridged, lab.b, f"no bridge {OTHER_BRIDGE} on hostb")
    with lab.step("goes-with-ignore-devices"):
        moves.checked(bridged, lab.b, 0, "warning", f"no bridge {OTHER_BRIDGE} on hostb", options="--ignore-devices")
        moves.send(lab, bridged, options="--ignore-devices")
