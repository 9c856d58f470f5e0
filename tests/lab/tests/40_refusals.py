"""What cannot work is refused before the guest is touched, with a message that names the guest and the reason."""

from labkit import moves
from labkit.scenario import scenario

PCI_DEVICE = "0000:00:1f.2"


def placeholder(host, name, memory):
    """A paused domain that only takes up a name, or memory."""
    host.write("/root/placeholder.cfg", f'name = "{name}"\ntype = "pvh"\nkernel = "/lab/vmlinux"\n'
                                        f'memory = {memory}\nvcpus = 1\n')
    host.run("xl create -p /root/placeholder.cfg", 120)


def pretend_passed_through(guest):
    """The emulated machine has no IOMMU: the toolstack's record of a device is all there is, and what xlmig asks for."""
    backend = f"/local/domain/0/backend/pci/{guest.domid()}/0"
    nodes = {"num_devs": 1, "dev-0": PCI_DEVICE, "vdev-0": PCI_DEVICE, "key-0": PCI_DEVICE, "state-0": 3, "state": 4,
             "opts-0": "msitranslate=0,power_mgmt=0,permissive=0,rdm_policy=strict", "online": 1,
             "frontend": f"/local/domain/{guest.domid()}/device/pci/0", "frontend-id": guest.domid()}
    guest.host.run("xenstore-write " + " ".join(f"{backend}/{node} {value}" for node, value in nodes.items()))


@scenario("refuses-unknown-vm", "refuses-unreachable-host", "refuses-name-taken-there", "refuses-too-little-memory-there",
          "refuses-passed-through-device")
def refusals(lab):
    guest = lab.guest("pv").create(lab.a)
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
    with lab.step("refuses-passed-through-device"):
        pretend_passed_through(guest)
        moves.refused(guest, lab.b, command, guest.name, PCI_DEVICE, "pci-detach")
