# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""What arrived is left as xl leaves it: its reboot and its shutdown are looked after."""

import time

from labkit import moves
from labkit.scenario import scenario
from labkit.settings import LabError


@scenario("arrives-over-ssh", "arrived-guest-reboots", "arrived-guest-shuts-down", guest="pv")
def arrived(lab):
    guest = lab.plain
    moves.running(lab, guest, lab.a)
    with lab.step("arrives-over-ssh"):
        before = guest.await_tick()
        lab.a.run(f"xlmig send {guest.name} hostb", moves.SECONDS)
        moves.arrived(guest, lab.a, lab.b, before)
    with lab.step("arrived-guest-reboots"):
        lab.need("arrives-over-ssh")
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
