# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
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


@scenario("check-names-what-a-poorer-cpu-lacks", "refuses-poorer-cpu", "check-knows-the-line-against-it",
          "pvh-without-shadow-paging-moves-live", xen="current")
def cpu(lab):
    guest = lab.guest("pv").create(lab.a)
    line = f'cpuid="host,{MISSING_FEATURE}=0"'
    with lab.step("check-names-what-a-poorer-cpu-lacks"):
        moves.checked(guest, lab.b, moves.REFUSED, f"the CPU of hostb does not have: {MISSING_FEATURE}", line,
                      options="--no-live")
    with lab.step("refuses-poorer-cpu"):
        moves.refused(guest, lab.b, moves.send_command(guest, lab.b, options="--no-live"), MISSING_FEATURE, line)
    guest.destroy()
    guest = lab.guest("pvh", configuration=line + "\n").create(lab.a)
    with lab.step("check-knows-the-line-against-it"):
        moves.checked(guest, lab.b, 0)
    with lab.step("pvh-without-shadow-paging-moves-live"):
        moves.send(lab, guest)
