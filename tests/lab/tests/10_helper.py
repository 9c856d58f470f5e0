"""The distribution's unmodified xl with our save helper underneath."""

from labkit import moves
from labkit.scenario import scenario
from labkit.settings import LabError

FILE = "/var/lib/xen/save/helper"


@scenario("helper-save", "helper-restore", "helper-migrate", "helper-save-shows-progress", "helper-interrupted")
def helper(lab):
    lab.a.run("mkdir -p /var/lib/xen/save")
    guest = lab.guest("pvh").create(lab.a)
    with lab.step("helper-interrupted"):
        with moves.untouched(guest, lab.b):
            moves.start(lab.a, moves.send_command(guest, lab.b, "helper", "helper", settings="LAB_RATE=4m"))
            moves.await_copying(lab.a)
            moves.interrupt(lab.a)
            moves.await_end(lab.a, 30)
    moves.running(lab, guest, lab.a)
    with lab.step("helper-migrate"):
        moves.send(lab, guest, "helper", "helper")
    moves.running(lab, guest, lab.b)
    with lab.step("helper-save"):
        output = lab.b.run(f"mkdir -p /var/lib/xen/save; {moves.HELPER} xl save {guest.name} {FILE}", moves.SECONDS)
        if guest.name in moves.domains(lab.b):
            raise LabError(f"{guest.name} is still there after it was saved")
    with lab.step("helper-save-shows-progress"):  # xl migrate hides the progress of its sender
        lab.need("helper-save")
        if "Frames iteration" not in output or "%" not in output:
            raise LabError(f"xl save printed no progress:\n{output}")
    with lab.step("helper-restore"):
        lab.need("helper-save")
        lab.b.run(f"{moves.HELPER} xl restore {FILE}", moves.SECONDS)
        guest.await_tick(after=guest.await_tick().number)
    lab.b.run(f"rm -f {FILE}")
