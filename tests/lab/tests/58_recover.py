"""`xlmig recover` between real hosts: send and receive are killed at one record of their journals (tests/simhost/die-at.c,
where every record has its turn), then recover runs, and the guest must go on in one place with its state unharmed."""

import contextlib
import pathlib
import subprocess
import tempfile
import time

from labkit import moves, segment
from labkit.scenario import scenario
from labkit.settings import CHECKOUT, LabError

DIE_AT = "/usr/lib/xlmig-lab/die-at.so"
KILLED = 137
IN_DOUBT = 4
WAITS = 9
RECOVER_SECONDS = 120
RECEIVER_SECONDS = 30


def install_die_at(lab):
    with tempfile.TemporaryDirectory() as folder:
        library = pathlib.Path(folder + DIE_AT)
        library.parent.mkdir(parents=True)
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, CHECKOUT / "tests/simhost/die-at.c", "-ldl"],
                       check=True, timeout=60)
        lab.pair.install(folder)


def dying(wish):
    return f"DIE_AT='{wish}' LD_PRELOAD={DIE_AT}"


@contextlib.contextmanager
def dying_receiver(target, wish):
    """What the target runs for a sender dies at a record of its journal."""
    target.run(f"cp /lab/environment /lab/environment.kept; echo \"export {dying(wish)}\" >> /lab/environment")
    try:
        yield
    finally:
        target.run("mv /lab/environment.kept /lab/environment")


def begin(lab, guest):
    """A guest that runs, and none of what a step before this one may have left: its hosts."""
    for host in (lab.a, lab.b):
        if moves.journals(guest, host):
            lab.pair.destroy(guest)
            host.run(f"rm -f {' '.join(moves.journals(guest, host))}")
    moves.running(lab, guest, guest.host or lab.a)
    return guest.host, lab.other(guest.host)


def await_receiver_gone(host):
    """It ends by itself once it knows that its sender is gone; until then the VM is its own."""
    end = time.monotonic() + RECEIVER_SECONDS
    while host.attempt("pgrep -f 'xlmig [r]eceive'")[0] == 0:
        if time.monotonic() > end:
            raise LabError(f"the receiver on host {host.name} lives on:\n" + host.run("ps axf | tail -30"))
        time.sleep(0.3)


def interrupted(guest, target, status, wish=""):
    """A send that ends before its time."""
    command = moves.send_command(guest, target)
    command = f"env {dying(wish)} {command}" if wish else command
    ended, output = guest.host.attempt(command, moves.SECONDS)
    if ended != status:
        raise LabError(f"`{command}` ended with {ended}, not {status}:\n{output}")
    await_receiver_gone(target)


def recover(host, status, *said, options="--all"):
    ended, output = host.attempt(f"xlmig recover {options}", RECOVER_SECONDS)
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


@scenario("recover-send-killed-before-go", "recover-send-killed-after-go", "recover-both-killed-when-all-is-there",
          "recover-receive-killed-after-go", "recover-cannot-reach-the-target", guest="pvh")
def recovers(lab):
    guest = lab.plain
    install_die_at(lab)
    with lab.step("recover-send-killed-before-go"):
        source, target = begin(lab, guest)
        before, domid = guest.await_tick(), guest.domid()
        interrupted(guest, target, KILLED, "send:before:go-decided")
        recover(target, WAITS, "waiting for")
        recover(source, 0, "goes on here")
        stayed(guest, target, before, domid)
    with lab.step("recover-send-killed-after-go"):
        source, target = begin(lab, guest)
        before = guest.await_tick()
        interrupted(guest, target, KILLED, "send:after:go-decided")
        recover(source, 0, "was started on")
        moves.arrived(guest, source, target, before)
        nothing_is_left(guest, source, target)
    with lab.step("recover-both-killed-when-all-is-there"):
        source, target = begin(lab, guest)
        before, domid = guest.await_tick(), guest.domid()
        with dying_receiver(target, "receive:after:ready"):
            interrupted(guest, target, KILLED, "send:before:aborted")
        recover(target, WAITS, "waiting for")
        recover(source, 0, "goes on here")
        stayed(guest, target, before, domid)
    with lab.step("recover-receive-killed-after-go"):
        source, target = begin(lab, guest)
        before = guest.await_tick()
        with dying_receiver(target, "receive:after:go"):
            interrupted(guest, target, IN_DOUBT)
        recover(target, WAITS, "it is started")
        recover(source, 0, "was started on")
        moves.arrived(guest, source, target, before)
        nothing_is_left(guest, source, target)
    with lab.step("recover-cannot-reach-the-target"):
        source, target = begin(lab, guest)
        before = guest.await_tick()
        interrupted(guest, target, KILLED, "send:after:go-decided")
        segment.set_link(target.name, "down")
        try:
            recover(source, WAITS, "no answer", "waiting for", options="--all --timeout 5s")
        finally:
            segment.set_link(target.name, "up")
        recover(source, 0, "was started on")
        moves.arrived(guest, source, target, before)
        nothing_is_left(guest, source, target)
