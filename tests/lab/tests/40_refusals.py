# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""What cannot work is refused before the guest is touched, with a message that names the guest and the reason; and a
guest that does not answer is given up. The refusals are tried in the minute that libxl waits for that one."""

import contextlib
import time

from labkit import moves
from labkit.scenario import scenario
from labkit.settings import LabError

# libxl gives a guest 60 s to answer the request to suspend; before it comes the copy, after it the cleaning up.
UNANSWERED_SECONDS = 120
PCI_DEVICE = "0000:00:1f.2"


def placeholder(host, name, memory):
    """A paused domain that only takes up a name, or memory."""
    host.write("/root/placeholder.cfg", f'name = "{name}"\ntype = "pvh"\nkernel = "/lab/vmlinux"\n'
                                        f'memory = {memory}\nvcpus = 1\n')
    host.run("xl create -p /root/placeholder.cfg", 120)


@contextlib.contextmanager
def passed_through(guest):
    """The machine has no IOMMU: the toolstack's record of a device is all there can be, and what xlmig asks for."""
    backend = f"/local/domain/0/backend/pci/{guest.domid()}/0"
    nodes = {"num_devs": 1, "dev-0": PCI_DEVICE, "vdev-0": PCI_DEVICE, "key-0": PCI_DEVICE, "state-0": 3, "state": 4,
             "opts-0": "msitranslate=0,power_mgmt=0,permissive=0,rdm_policy=strict", "online": 1,
             "frontend": f"/local/domain/{guest.domid()}/device/pci/0", "frontend-id": guest.domid()}
    guest.host.run("xenstore-write " + " ".join(f"{backend}/{node} {value}" for node, value in nodes.items()))
    try:
        yield
    finally:
        guest.host.run(f"xenstore-rm {backend}", check=False)


def refusals(lab, guest):
    command = moves.send_command(guest, lab.b)
    with lab.step("refuses-unknown-vm"):
        moves.refused(guest, lab.b, command.replace(guest.name, "nobody"), "nobody")
    with lab.step("refuses-unreachable-host"):
        moves.refused(guest, lab.b, f"xlmig send {guest.name} 10.9.0.77", guest.name, "10.9.0.77", seconds=90)
    with lab.step("refuses-name-taken-there"):
        placeholder(lab.b, guest.name, 96)
        try:
            moves.refused(guest, lab.b, command, guest.name, "name")
        finally:
            lab.b.run(f"xl destroy {guest.name}", check=False)
    with lab.step("refuses-too-little-memory-there"):
        free_mib = int(lab.b.run("xl info free_memory"))
        placeholder(lab.b, "hog", free_mib - 100)
        try:
            moves.refused(guest, lab.b, command, guest.name, "memory")
        finally:
            lab.b.run("xl destroy hog", check=False)
    with lab.step("refuses-passed-through-device"), passed_through(guest):
        moves.refused(guest, lab.b, command, guest.name, PCI_DEVICE, "pci-detach")


@scenario("refuses-unknown-vm", "refuses-unreachable-host", "refuses-name-taken-there",
          "refuses-too-little-memory-there", "refuses-passed-through-device", "send-suspend-not-answered", guest="pv")
def no_answer(lab):
    # Its kernel is told to leave out the part that listens to the toolstack's requests.
    deaf = lab.guest("pvh", options="initcall_blacklist=xen_setup_shutdown_event").create(lab.a)
    guest = lab.plain
    moves.running(lab, guest, lab.a)
    with lab.step("send-suspend-not-answered"), moves.untouched(deaf, lab.b):
        end = time.monotonic() + UNANSWERED_SECONDS
        moves.start(lab.a, moves.send_command(deaf, lab.b))
        refusals(lab, guest)
        status = moves.await_end(lab.a, end - time.monotonic())
        output = lab.a.run("cat /tmp/move.output")
        if status == 0 or deaf.name not in output:
            raise LabError(f"the send of a guest that does not answer ended with {status}:\n{output}")
