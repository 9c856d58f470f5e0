# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""The ways to move a guest, and what must be true afterwards, whichever was used.

`xl` is the distribution's own, with libxl's own helper; `xlmig` is our command; `helper` is the distribution's xl with
our save helper underneath (LIBXL_SAVE_HELPER)."""

import contextlib
import time

from .settings import LabError

REFUSED = 3  # xlmig's exit status for it (xlmig(8))
STANDSTILL_MS = 1000
LATELY_SECONDS = 5
HELPER = "LIBXL_SAVE_HELPER=/usr/libexec/xlmig-save-helper"
SECONDS = 180

SAVE = {"xl": "xl save {name} {file}", "xlmig": "xlmig save {name} {file}", "helper": HELPER + " xl save {name} {file}"}
RESTORE = {"xl": "xl restore {file}", "xlmig": "xlmig restore {file}", "helper": HELPER + " xl restore {file}"}
# (sender, receiver): the port says who receives (dom0/root/lab/receive).
SEND = {
    ("xl", "xl"): "xl migrate -s '' {name} '{dial} {host} 8001'",
    ("xl", "xlmig"): "xl migrate -s '' {name} '{dial} {host} 8002'",
    ("xlmig", "xl"): "xlmig send --transport 'exec:{dial} {host} 8001' {options} {name} {host}",
    ("xlmig", "xlmig"): "xlmig send --transport 'exec:{dial} {host} 8003' {options} {name} {host}",
    ("helper", "helper"): HELPER + " xl migrate -s '' {name} '{dial} {host} 8004'",
}

CHECK = "xlmig check --transport 'exec:/lab/dial {host} 8003' {options} {name} {host}"


def send_command(guest, target, sender="xlmig", receiver="xlmig", options="", settings=""):
    """The command that moves a guest; settings are /lab/dial's (LAB_RATE=4m …)."""
    dial = f"env {settings} /lab/dial" if settings else "/lab/dial"
    return SEND[sender, receiver].format(name=guest.name, dial=dial, host=f"host{target.name}", options=options)


def identity(guest, host):
    """UUID and MAC address, as the toolstack of a host knows them."""
    output = host.run(f"xl list -v {guest.name} | tail -1; xl network-list {guest.name} | tail -n +2")
    for what, value in (("UUID", guest.uuid), ("MAC address", guest.mac)):
        if value not in output:
            raise LabError(f"{guest.name} has not its {what} {value} on host {host.name}:\n{output}")


def domains(host):
    """Names of the domains on a host, dom0 apart."""
    return [line.split()[0] for line in host.run("xl list").splitlines()[1:] if line.split()[1:2] != ["0"] and line]


def journals(guest, host):
    """What a host has still to remember of the migrations of a guest."""
    uuid = guest.uuid.replace("-", "")
    found = host.run(f"grep -ls {uuid} /var/lib/xlmig/journal/*-send /var/lib/xlmig/journal/*-receive || true")
    return found.split()


def arrived(guest, source, target, before):
    """After a migration: the guest goes on at the target, unharmed, as itself, and nothing of it is left behind."""
    guest.host = target
    guest.await_tick(after=before.number)
    identity(guest, target)
    rest = [name for name in domains(source) if name.startswith(guest.name)]
    rest += [name for name in domains(target) if name.startswith(guest.name) and name != guest.name]
    if rest:
        raise LabError(f"left behind by the migration of {guest.name}: {', '.join(rest)}")
    for host in (source, target):
        if journals(guest, host):
            raise LabError(f"journals left behind on host {host.name}: {journals(guest, host)}")


def send(lab, guest, sender="xlmig", receiver="xlmig", **details):
    """Migrate a guest to the other host and check it there: what the command printed."""
    source = guest.host
    target = lab.other(source)
    before = guest.await_tick()
    output = source.run(send_command(guest, target, sender, receiver, **details), SECONDS)
    arrived(guest, source, target, before)
    return output


def save_and_restore(guest, saver, restorer, file, host=None):
    """Save a guest, restore it on the same host or another, and check that it goes on."""
    source = guest.host
    before = guest.await_tick()
    source.run(SAVE[saver].format(name=guest.name, file=file), SECONDS)
    if guest.name in domains(source):
        raise LabError(f"{guest.name} is still there after it was saved")
    target = host or source
    target.run(RESTORE[restorer].format(file=file), SECONDS)
    guest.host = target
    # The console log goes on in the same file, so whatever it holds by now, there must come more.
    guest.await_tick(after=guest.await_tick().number)
    if guest.last_tick().number <= before.number:
        raise LabError(f"{guest.name} fell back from {before} to {guest.last_tick()}")
    identity(guest, target)


def still_runs(guest, before, domid):
    """After a move that must not have happened: the same domain ticks on at the source."""
    if guest.domid() != domid:
        raise LabError(f"{guest.name} is domain {guest.domid()} on host {guest.host.name}, and was {domid}")
    guest.await_tick(after=before.number + 2)
    identity(guest, guest.host)


@contextlib.contextmanager
def untouched(guest, target, seconds=30):
    """The body must leave a guest where it is, running, and nothing of it at the target some seconds later."""
    domid, before = guest.domid(), guest.await_tick()
    yield
    guest.await_tick(after=guest.last_tick().number)  # it ticks now, not only until lately
    still_runs(guest, before, domid)
    end = time.monotonic() + seconds
    while rest := [name for name in domains(target) if name.startswith(guest.name + "--")]:
        if time.monotonic() > end:
            raise LabError(f"the failed migration left {', '.join(rest)} on host {target.name}")
        time.sleep(0.5)


def refused(guest, target, command, *said, seconds=60):
    """The command ends as refused, says every one of `said`, and the guest ran on all the while."""
    with untouched(guest, target):
        status, output = guest.host.attempt(command, seconds)
    missing = [text for text in said if text.lower() not in output.lower()]
    if status != REFUSED:
        raise LabError(f"`{command}` ended with {status}, not {REFUSED}:\n{output}")
    if missing:
        raise LabError(f"`{command}` does not say {', '.join(missing)}:\n{output}")
    largest_gap_ms = max(tick.gap_ms for tick in guest.ticks()[-5:])
    if largest_gap_ms > STANDSTILL_MS:
        raise LabError(f"{guest.name} stood still for {largest_gap_ms} ms although the send was refused")


def checked(guest, target, status, *said, options=""):
    """`xlmig check` ends with that status, says every one of `said`, and touches nothing: what it printed."""
    command = CHECK.format(name=guest.name, host=f"host{target.name}", options=options)
    with untouched(guest, target):
        ended, output = guest.host.attempt(command, 60)
    missing = [text for text in said if text.lower() not in output.lower()]
    if ended != status or missing:
        raise LabError(f"`{command}` ended with {ended}, not {status}, or does not say {', '.join(missing)}:\n{output}")
    return output


# Migrations that a test watches from beside: started in a session of their own, one at a time on a host.

def start(host, command):
    host.run("rm -f /tmp/move.*")
    host.write("/tmp/move.command", command + "\necho $? > /tmp/move.status\n")
    host.run("setsid env --default-signal=INT bash /tmp/move.command > /tmp/move.output 2>&1 < /dev/null & echo $! > /tmp/move.pid")


def await_copying(host, seconds=30):
    """Wait until memory has been under way for a moment: a helper that saves exists, and time for some megabytes."""
    end = time.monotonic() + seconds
    while host.attempt("pgrep -f '[-]-save-domain'")[0]:
        if time.monotonic() > end:
            raise LabError("no migration got under way:\n" + host.run("cat /tmp/move.output; ps axf | tail -30"))
        time.sleep(0.3)
    time.sleep(2)


def hurry(host):
    """Lift the limit that LAB_RATE set."""
    host.run("for p in $(pidof pv); do pv -R $p -q -L 1g; done")


def interrupt(host):
    """What Ctrl-C does: SIGINT to everything that the command started in the foreground."""
    host.run("kill -INT -- -$(cat /tmp/move.pid)")


def await_end(host, seconds):
    """Wait until the migration started last has ended: its exit status."""
    end = time.monotonic() + seconds
    while True:
        gone, output = host.attempt("kill -0 $(< /tmp/move.pid) 2>/dev/null; gone=$?; "
                                    "[ ! -e /tmp/move.status ] || cat /tmp/move.status; exit $gone")
        if output.strip():
            return int(output)
        if gone:
            return -1  # the shell was interrupted with it
        if time.monotonic() > end:
            raise LabError(f"it has not ended after {seconds} s:\n" + host.run("cat /tmp/move.output; ps axf | tail -30"))
        time.sleep(0.5)


def running(lab, guest, host):
    """Make sure of a running guest on a host: start it anew unless it ticks there."""
    if guest.host is host:
        if time.monotonic() - guest.ticked_at < LATELY_SECONDS:
            return
        with contextlib.suppress(LabError):
            guest.await_tick(after=guest.await_tick().number)
            return
    lab.pair.destroy(guest)
    guest.create(host)
