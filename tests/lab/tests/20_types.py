# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""For each guest type: xlmig moves it, every mixture of xl and xlmig at the two ends works, and each tool's own verifier
accepts what the other wrote.

xl to xl is Xen alone, nothing of ours, and so tried only before a release: when that fails the lab is broken, when only
others fail xlmig is."""

from labkit import moves
from labkit.outside import Conversation, Ping
from labkit.scenario import scenario
from labkit.settings import LabError

FOLDER = "/var/lib/xen/save"
VERIFY_XEN = "PYTHONPATH=/usr/lib/xen-4.17/lib/python verify-stream-v2 -f xl -i {file}"
VERIFY_OURS = "xlmig verify {file}"


def names(kind):
    """xlmig to xlmig is the send itself, and save and restore by xlmig the first of its square. xl to xl is apart."""
    return [
        f"send-{kind}",
        f"interop-{kind}-send-xlmig-to-xl", f"interop-{kind}-send-xl-to-xlmig",
        f"interop-{kind}-save-xlmig-restore-xlmig", f"interop-{kind}-save-xlmig-restore-xl",
        f"interop-{kind}-save-xl-restore-xlmig",
        f"xen-verifies-our-{kind}-send", f"xen-verifies-our-{kind}-save",
        f"we-verify-xl-{kind}-send", f"we-verify-xl-{kind}-save",
    ]


def names_of_xl(kind):
    return [f"interop-{kind}-send-xl-to-xl", f"interop-{kind}-save-xl-restore-xl"]


def cut_farewell(host, file):
    """What xl's sender says after the stream ("domain is yours…") is recorded with it, and is no part of it."""
    size = int(host.run(f"stat -c %s {file}"))
    tail = min(size, 400)
    found = host.run(f"tail -c {tail} {file} | LC_ALL=C grep -abo 'domain is yours' | cut -d: -f1", check=False).split()
    if found:
        host.run(f"truncate -s {size - tail + int(found[0])} {file}")


def sends_under_observation(lab, guest):
    with Ping(guest) as ping, Conversation(guest) as talk:
        moves.send(lab, guest)
        talk.check()
        # The tick after the switch carries the gap; it must be in the log before the log is read.
        guest.await_tick(after=guest.last_tick().number)
    own = max(tick.gap_ms for tick in guest.ticks())
    print(f"    away for {own} ms by its own clock, {ping.longest_gap_ms} ms by ping, {talk.longest_s * 1000:.0f} ms "
          "on its TCP connection", flush=True)
    if ping.longest_gap_ms is None:
        raise LabError("no ping was answered")


def verify(lab, name, host, command, file):
    with lab.step(name):
        status, output = host.attempt(command.format(file=file), 120)
        if status:
            raise LabError(f"`{command.format(file=file)}` on host {host.name} ended with {status}:\n{output[-2000:]}")
    host.run(f"rm -f {file}")


def empty_folders(lab):
    for host in (lab.a, lab.b):
        host.run(f"mkdir -p {FOLDER} && rm -f {FOLDER}/*")


def xl_alone(lab, kind):
    empty_folders(lab)
    guest = lab.plain
    moves.running(lab, guest, lab.a)
    with lab.step(f"interop-{kind}-send-xl-to-xl"):
        moves.send(lab, guest, "xl", "xl")
    moves.running(lab, guest, guest.host or lab.a)
    with lab.step(f"interop-{kind}-save-xl-restore-xl"):
        moves.save_and_restore(guest, "xl", "xl", f"{FOLDER}/alone")
    empty_folders(lab)


def square(lab, kind):
    empty_folders(lab)
    guest = lab.plain
    moves.running(lab, guest, lab.b)
    sent, sent_by_xl = f"{FOLDER}/sent", f"{FOLDER}/sent-by-xl"
    with lab.step(f"send-{kind}"):
        sends_under_observation(lab, guest)
    moves.running(lab, guest, lab.a)
    with lab.step(f"interop-{kind}-send-xlmig-to-xl"):
        moves.send(lab, guest, "xlmig", "xl", settings=f"LAB_RECORD={sent}")
    moves.running(lab, guest, lab.b)
    with lab.step(f"interop-{kind}-send-xl-to-xlmig"):
        moves.send(lab, guest, "xl", "xlmig", settings=f"LAB_RECORD={sent_by_xl}")
    cut_farewell(lab.a, sent)
    cut_farewell(lab.b, sent_by_xl)
    verify(lab, f"xen-verifies-our-{kind}-send", lab.a, VERIFY_XEN, sent)
    verify(lab, f"we-verify-xl-{kind}-send", lab.b, VERIFY_OURS, sent_by_xl)

    for saver, restorer in (("xlmig", "xlmig"), ("xlmig", "xl"), ("xl", "xlmig")):
        moves.running(lab, guest, lab.a)
        with lab.step(f"interop-{kind}-save-{saver}-restore-{restorer}"):
            lab.a.run(f"rm -f {FOLDER}/{saver}")
            moves.save_and_restore(guest, saver, restorer, f"{FOLDER}/{saver}")
    verify(lab, f"xen-verifies-our-{kind}-save", lab.a, VERIFY_XEN, f"{FOLDER}/xlmig")
    verify(lab, f"we-verify-xl-{kind}-save", lab.a, VERIFY_OURS, f"{FOLDER}/xl")
    return guest


@scenario(*names_of_xl("pv"), guest="pv", deep=True)
def xl_pv(lab):
    xl_alone(lab, "pv")


@scenario(*names("pv"), guest="pv")
def pv(lab):
    square(lab, "pv")


HELPER_NAMES = ["helper-save", "helper-restore", "helper-migrate", "helper-save-shows-progress", "helper-interrupted"]


def under_xl(lab, guest):
    """The distribution's unmodified xl with our save helper underneath."""
    file = f"{FOLDER}/helper"
    moves.running(lab, guest, lab.a)
    with lab.step("helper-interrupted"), moves.untouched(guest, lab.b):
        moves.start(lab.a, moves.send_command(guest, lab.b, "helper", "helper", settings="LAB_RATE=4m"))
        moves.await_copying(lab.a)
        moves.interrupt(lab.a)
        moves.await_end(lab.a, 30)
    moves.running(lab, guest, lab.a)
    with lab.step("helper-migrate"):
        moves.send(lab, guest, "helper", "helper")
    moves.running(lab, guest, lab.b)
    with lab.step("helper-save"):
        output = lab.b.run(moves.SAVE["helper"].format(name=guest.name, file=file), moves.SECONDS)
        if guest.name in moves.domains(lab.b):
            raise LabError(f"{guest.name} is still there after it was saved")
    with lab.step("helper-save-shows-progress"):  # xl migrate hides the progress of its sender
        lab.need("helper-save")
        if "Frames iteration" not in output or "%" not in output:
            raise LabError(f"xl save printed no progress:\n{output}")
    with lab.step("helper-restore"):
        lab.need("helper-save")
        lab.b.run(moves.RESTORE["helper"].format(file=file), moves.SECONDS)
        guest.await_tick(after=guest.await_tick().number)
    lab.b.run(f"rm -f {file}")


@scenario(*names_of_xl("pvh"), guest="pvh", deep=True)
def xl_pvh(lab):
    xl_alone(lab, "pvh")


@scenario(*names("pvh"), *HELPER_NAMES, guest="pvh")
def pvh(lab):
    under_xl(lab, square(lab, "pvh"))


@scenario(*names_of_xl("hvm"), guest="hvm", deep=True)
def xl_hvm(lab):
    xl_alone(lab, "hvm")


@scenario(*names("hvm"), guest="hvm")
def hvm(lab):
    square(lab, "hvm")
