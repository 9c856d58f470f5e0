# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""What a test does to a migration at one step of the handover, and what recover must come to then.

A process dies, or stands still, at one record of its journal: tests/command/die-at.c, preloaded, where every record has
its turn."""

import contextlib
import pathlib
import subprocess
import tempfile
import time

from . import moves
from .settings import CHECKOUT, LabError

DIE_AT = "/usr/lib/xlmig-lab/die-at.so"
MARK = "/tmp/stands"
# As the dial notices it when its other end is gone, so does the sender.
NOTICES = "LAB_LINGER=1"
KILLED, IN_DOUBT, NEEDS_HAND, WAITS = 137, 4, 6, 9 # exit statuses
RECOVER_SECONDS = 120
RECEIVER_SECONDS = 30
STANDS_SECONDS = 60


def install_die_at(lab):
    with tempfile.TemporaryDirectory() as folder:
        library = pathlib.Path(folder + DIE_AT)
        library.parent.mkdir(parents=True)
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, CHECKOUT / "tests/command/die-at.c", "-ldl"],
                       check=True, timeout=60)
        lab.pair.install(folder)


def dying(wish):
    return f"DIE_AT='{wish}' LD_PRELOAD={DIE_AT}"


def standing_still(wish):
    return f"{dying(wish)} DIE_STOPS=1 DIE_MARK={MARK}"


@contextlib.contextmanager
def receivers_have(target, settings):
    """What the target runs for a sender has these in its environment."""
    if not settings:  # a line without them would have each receiver say all of its environment to its sender
        yield
        return
    target.run(f"cp /lab/environment /lab/environment.kept; echo \"export {settings}\" >> /lab/environment")
    try:
        yield
    finally:
        target.run("mv /lab/environment.kept /lab/environment")


def begin(lab, guest, host=None):
    """A guest that runs, and none of what a step before this one may have left: its hosts."""
    for known in (lab.a, lab.b):
        lab.pair.await_back(known)
    for known in (lab.a, lab.b):
        if left := moves.journals(guest, known):
            lab.pair.destroy(guest)
            known.run(f"rm -f {' '.join(left)}")
    moves.running(lab, guest, host or guest.host or lab.a)
    return guest.host, lab.other(guest.host)


def await_receiver_gone(host):
    """It ends by itself once it knows that its sender is gone; until then the VM is its own."""
    end = time.monotonic() + RECEIVER_SECONDS
    while host.attempt("pgrep -f 'xlmig [r]eceive'")[0] == 0:
        if time.monotonic() > end:
            raise LabError(f"the receiver on host {host.name} lives on:\n" + host.run("ps axf | tail -30"))
        time.sleep(0.3)


def send_until(guest, target, wish, options="", receiver=""):
    """Start a send that stands still, on the side of the wish, at a record of its journal, and wait until it does."""
    source = guest.host
    here = wish.startswith("send:")
    stands = source if here else target
    command = moves.send_command(guest, target, settings=NOTICES, options=options)
    if here:
        command = f"env {standing_still(wish)} {command}"
    else:
        receiver = f"{receiver} {standing_still(wish)}"
    stands.run(f"rm -f {MARK}")
    with receivers_have(target, receiver):
        moves.start(source, command)
        end = time.monotonic() + STANDS_SECONDS
        while stands.attempt(f"grep -q . {MARK} 2>/dev/null")[0]:
            if time.monotonic() > end:
                raise LabError(f"it did not come to {wish}:\n" + source.run("cat /tmp/move.output; ps axf | tail -30"))
            time.sleep(0.2)


def go_on(host):
    """A send that stands still."""
    host.run("pkill -CONT -f '^xlmig [s]end'")


def recover(host, status, *said, options="--all", patience=0):
    """It ends so, and says that; with `patience`, as its unit does: again, as long as it says that it waits."""
    end = time.monotonic() + patience
    while True:
        ended, output = host.attempt(f"xlmig recover {options}", RECOVER_SECONDS)
        if ended == status or ended != WAITS or time.monotonic() > end:
            break
        time.sleep(1)
    missing = [text for text in said if text.lower() not in output.lower()]
    if ended != status or missing:
        raise LabError(f"recover on host {host.name} ended with {ended}, not {status}, or does not say "
                       f"{', '.join(missing)}:\n{output}")
    for line in output.splitlines():
        print(f"    {host.name}: {line.strip()}", flush=True)


def nothing_is_left(guest, *hosts):
    for host in hosts:
        rest = [name for name in moves.domains(host) if name.startswith(guest.name + "--")]
        if rest or moves.journals(guest, host):
            raise LabError(f"left on host {host.name}: {rest} {moves.journals(guest, host)}")
        recover(host, 0)
        host.run("xlmig top")  # which clears away where a killed send was to be talked to


def stayed(guest, target, before, domid):
    """It goes on where it was, and nothing of the attempt is left."""
    moves.still_runs(guest, before, domid)
    if guest.domid(target) is not None:
        raise LabError(f"{guest.name} is on host {target.name}, too")
    nothing_is_left(guest, guest.host, target)
