# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""kill -9 of each process of a send in the middle of its copy: the guest runs on where it was, and nothing is left of the
attempt once recover has run on both hosts."""

from labkit import moves
from labkit.outcomes import Fault
from labkit.scenario import scenario
from labkit.settings import LabError

SLOW = "LAB_RATE=1m"
IMAGE = "--image=libxc"  # so that the copy takes as long as it is meant to
END_SECONDS = 60
RECOVER_SECONDS = 120

# What is killed: on which side, the pattern of its command line, and what it is called.
PROCESSES = {
    "send": ("source", "^xlmig [s]end", "`xlmig send`"),
    "save-helper": ("source", "[-]-save-domain", "the save helper"),
    "receive": ("target", "xlmig [r]eceive", "`xlmig receive`"),
    "xl-there": ("target", "xl .*[m]igrate-receive", "xl at the destination"),
    "restore-helper": ("target", "[-]-restore-domain", "the restore helper"),
}


def kill_midway(fault, guest, side, pattern):
    source, target = fault.source, fault.target
    moves.start(source, moves.send_command(guest, target, settings=SLOW, options=IMAGE))
    moves.await_copying(source)
    fault.comes()
    (source if side == "source" else target).run(f"pkill -KILL -f '{pattern}'")
    status = moves.await_end(source, END_SECONDS)
    if status == 0:
        raise LabError("the send says that it succeeded:\n" + source.run("cat /tmp/move.output"))
    fault.is_over()
    for host in (source, target):
        ended, output = host.attempt("xlmig recover --all", RECOVER_SECONDS)
        if ended:
            raise LabError(f"recover on host {host.name} ended with {ended}:\n{output}")
        if moves.journals(guest, host):
            raise LabError(f"left on host {host.name}: {moves.journals(guest, host)}")
        host.run("xlmig top")  # which clears away where a killed send was to be talked to


@scenario(*(f"killed-midway-{name}" for name in PROCESSES), guest="pvh")
def killed(lab):
    guest = lab.plain
    for process, (side, pattern, what) in PROCESSES.items():
        moves.running(lab, guest, guest.host or lab.a)
        target = lab.other(guest.host)
        with lab.step(name := f"killed-midway-{process}"):
            fault = Fault(lab, name, guest, target, f"{what} is killed")
            with moves.untouched(guest, target):
                kill_midway(fault, guest, side, pattern)
            fault.came_to()
