"""A PV guest on a Xen that cannot log its writes (Debian's security update): refused live, moved when stopped for it."""

from labkit import moves
from labkit.scenario import scenario
from labkit.settings import LabError

REFUSED = 3


@scenario("pv-without-shadow-paging-refused-live", "pv-without-shadow-paging-moves-stopped",
          "pvh-without-shadow-paging-moves-live", xen="current")
def without_shadow_paging(lab):
    guest = lab.guest("pv").create(lab.a)
    with lab.step("pv-without-shadow-paging-refused-live"):
        command = moves.send_command(guest, lab.b)
        with moves.untouched(guest, lab.b):
            status, output = lab.a.attempt(command, 60)
        if status != REFUSED or guest.name not in output or "--no-live" not in output:
            raise LabError(f"`{command}` ended with {status}, where {REFUSED} and the way out were expected:\n{output}")
    with lab.step("pv-without-shadow-paging-moves-stopped"):
        moves.send(lab, guest, options="--no-live")
    with lab.step("pvh-without-shadow-paging-moves-live"):
        moves.send(lab, lab.guest("pvh").create(lab.a))
