"""Sends that fail on the way: in bounded time, with the guest running on at the source and nothing left at the target."""

import time

from labkit import moves, segment
from labkit.scenario import scenario
from labkit.settings import LabError

SLOW = "LAB_RATE=1m"
CUT_SECONDS = 60
FULL_DISK = "/run/full"
FULL_DISK_SECONDS = 30
STALL = "--stall-timeout 8s"  # the default is a minute
PULLED_SECONDS = 60
# The target learns of it when the cable is back, by TCP's next retransmission.
CLEANED_UP_SECONDS = 60


def fails_within(host, command, seconds, *said):
    started = time.monotonic()
    status, output = host.attempt(command, seconds)
    if status == 0:
        raise LabError(f"`{command}` succeeded:\n{output}")
    if status == 124:
        raise LabError(f"`{command}` had not failed after {seconds} s:\n{output}")
    for text in said:
        if text.lower() not in output.lower():
            raise LabError(f"`{command}` does not say {text}:\n{output}")
    print(f"    failed with status {status} after {time.monotonic() - started:.0f} s", flush=True)


@scenario("send-cut-off-midway", "send-interrupted", "save-to-full-disk", "send-cable-pulled-midway",
          "send-again-after-failures", guest="pvh")
def failures(lab):
    guest = lab.plain
    moves.running(lab, guest, guest.host or lab.a)
    source, target = guest.host, lab.other(guest.host)
    with lab.step("send-cut-off-midway"):
        command = moves.send_command(guest, target, settings=f"LAB_CUT={12 << 20}")
        with moves.untouched(guest, target):
            fails_within(source, command, CUT_SECONDS, guest.name)
    moves.running(lab, guest, source)
    with lab.step("send-interrupted"), moves.untouched(guest, target):
        moves.start(source, moves.send_command(guest, target, settings=SLOW))
        moves.await_copying(source)
        moves.interrupt(source)
        moves.await_end(source, 30)
    moves.running(lab, guest, source)
    with lab.step("save-to-full-disk"):
        source.run(f"mkdir -p {FULL_DISK} && mount -t tmpfs -o size=20m none {FULL_DISK}")
        # xlmig looks first, the helper under xl meets the end of the disk.
        for saver, said in (("xlmig", "there are 20 MiB free"), ("helper", "no space left")):
            with moves.untouched(guest, target):
                command = moves.SAVE[saver].format(name=guest.name, file=f"{FULL_DISK}/file")
                fails_within(source, command, FULL_DISK_SECONDS, said)
        source.run(f"umount {FULL_DISK}")
    moves.running(lab, guest, source)
    with lab.step("send-cable-pulled-midway"), moves.untouched(guest, target, CLEANED_UP_SECONDS):
        moves.start(source, moves.send_command(guest, target, settings=SLOW, options=STALL))
        moves.await_copying(source)
        segment.set_link(target.name, "down")
        try:
            status = moves.await_end(source, PULLED_SECONDS)
            if status == 0:
                raise LabError("the send succeeded although the cable was pulled")
        finally:
            segment.set_link(target.name, "up")
    moves.running(lab, guest, source)
    with lab.step("send-again-after-failures"):
        moves.send(lab, guest)
