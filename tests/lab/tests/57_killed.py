"""kill -9 of each process of a send in the middle of its copy: the guest runs on where it was, and nothing is left of the
attempt once recover has run on both hosts."""

from labkit import moves
from labkit.scenario import scenario
from labkit.settings import LabError

SLOW = "LAB_RATE=1m"
IMAGE = "--image=libxc"  # so that the copy takes as long as it is meant to
END_SECONDS = 60
RECOVER_SECONDS = 120

# What is killed: on which side, and the pattern of its command line.
PROCESSES = {
    "send": ("source", "^xlmig [s]end"),
    "save-helper": ("source", "[-]-save-domain"),
    "receive": ("target", "xlmig [r]eceive"),
    "xl-there": ("target", "xl .*[m]igrate-receive"),
    "restore-helper": ("target", "[-]-restore-domain"),
}


def kill_midway(lab, guest, side, pattern):
    source, target = guest.host, lab.other(guest.host)
    moves.start(source, moves.send_command(guest, target, settings=SLOW, options=IMAGE))
    moves.await_copying(source)
    (source if side == "source" else target).run(f"pkill -KILL -f '{pattern}'")
    status = moves.await_end(source, END_SECONDS)
    if status == 0:
        raise LabError("the send says that it succeeded:\n" + source.run("cat /tmp/move.output"))
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
    for name, (side, pattern) in PROCESSES.items():
        moves.running(lab, guest, guest.host or lab.a)
        with lab.step(f"killed-midway-{name}"), moves.untouched(guest, lab.other(guest.host)):
            kill_midway(lab, guest, side, pattern)
