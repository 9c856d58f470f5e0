"""What cannot work is refused before the guest is touched, with a message that names the guest and the reason."""

from labkit import moves
from labkit.scenario import scenario
from labkit.settings import LabError

REFUSED = 3  # xlmig's exit status for it (xlmig(8))


def refused(guest, target, command, *said, seconds=60):
    """The command ends as refused, says every one of `said`, and the guest ran on all the while."""
    with moves.untouched(guest, target):
        status, output = guest.host.attempt(command, seconds)
    missing = [text for text in said if text.lower() not in output.lower()]
    if status != REFUSED:
        raise LabError(f"`{command}` ended with {status}, not {REFUSED}:\n{output}")
    if missing:
        raise LabError(f"`{command}` does not say {', '.join(missing)}:\n{output}")
    largest_gap = max(tick.gap_ms for tick in guest.ticks()[-5:])
    if largest_gap > 1000:
        raise LabError(f"{guest.name} stood still for {largest_gap} ms although the send was refused")


def placeholder(host, name, memory):
    """A paused domain that only takes up a name, or memory."""
    host.write("/root/placeholder.cfg", f'name = "{name}"\ntype = "pvh"\nkernel = "/lab/vmlinux"\n'
                                        f'memory = {memory}\nvcpus = 1\n')
    host.run("xl create -p /root/placeholder.cfg", 120)


@scenario("refuses-unknown-vm", "refuses-unreachable-host", "refuses-name-taken-there", "refuses-too-little-memory-there")
def refusals(lab):
    guest = lab.guest("pv").create(lab.a)
    command = moves.send_command(guest, lab.b)
    with lab.step("refuses-unknown-vm"):
        refused(guest, lab.b, command.replace(guest.name, "nobody"), "nobody")
    with lab.step("refuses-unreachable-host"):
        refused(guest, lab.b, f"xlmig send {guest.name} 10.9.0.77", guest.name, "10.9.0.77", seconds=90)
    with lab.step("refuses-name-taken-there"):
        placeholder(lab.b, guest.name, 96)
        try:
            refused(guest, lab.b, command, guest.name, "name")
        finally:
            lab.b.run(f"xl destroy {guest.name}", check=False)
    with lab.step("refuses-too-little-memory-there"):
        free_mib = int(lab.b.run("xl info free_memory"))
        placeholder(lab.b, "hog", free_mib - 100)
        try:
            refused(guest, lab.b, command, guest.name, "memory")
        finally:
            lab.b.run("xl destroy hog", check=False)
