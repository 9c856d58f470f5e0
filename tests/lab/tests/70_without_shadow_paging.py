"""Debian's security update of Xen, which cannot log a PV guest's writes, on two hosts of which b lacks a feature of the CPU:
what cannot be had is refused with the way out, and the way out works."""

from labkit import moves
from labkit.scenario import scenario
from labkit.settings import MISSING_FEATURE


@scenario("pv-without-shadow-paging-refused-live", "pv-without-shadow-paging-moves-stopped", xen="current")
def pv(lab):
    # On b, since what b promises a guest a can keep.
    guest = lab.guest("pv").create(lab.b)
    with lab.step("pv-without-shadow-paging-refused-live"):
        moves.refused(guest, lab.a, moves.send_command(guest, lab.a), "shadow paging", "--no-live")
    with lab.step("pv-without-shadow-paging-moves-stopped"):
        moves.send(lab, guest, options="--no-live")


@scenario("refuses-poorer-cpu", "pvh-without-shadow-paging-moves-live", xen="current")
def cpu(lab):
    guest = lab.guest("pv").create(lab.a)
    with lab.step("refuses-poorer-cpu"):
        moves.refused(guest, lab.b, moves.send_command(guest, lab.b, options="--no-live"), MISSING_FEATURE, "cpuid=")
    guest.destroy()
    guest = lab.guest("pvh", configuration=f'cpuid = "host,{MISSING_FEATURE}=0"\n').create(lab.a)
    with lab.step("pvh-without-shadow-paging-moves-live"):
        moves.send(lab, guest)
