# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""The verbs of `lab`."""

import sys
import time

from . import images, measure, outcomes, pair, runner, segment, tree
from .guest import Guest
from .settings import MEMORY_MIB, NAMESPACE, RUN, LabError


def build(arguments):
    print("\n".join(map(str, images.build(arguments.xen or "shadow"))))
    return 0


def up(arguments):
    started = time.monotonic()
    with pair.lock():
        hosts = pair.up(arguments.xen or "shadow", arguments.memory or MEMORY_MIB)
        images.say(f"both hosts are up after {time.monotonic() - started:.0f} s: `lab shell a`, `lab shell b`; "
                   f"state in {RUN}")
        return 0 if hosts else 1


def down(_arguments):
    with pair.lock(wait=True):
        pair.down()
    return 0


def status(_arguments):
    known = pair.load()
    if not known:
        print("no pair is up" + (f" (a stale namespace {NAMESPACE} is left)" if segment.exists() else ""))
        return 0
    for host in known.hosts.values():
        print(f"host {host.name}: {'up' if host.alive() else 'gone'}, hypervisor {known.hypervisor}, pid {host.pid}, "
              f"console log {host.serial}")
    return 0


def shell(arguments):
    host = pair.attach().hosts[arguments.host]
    if not arguments.command:
        return pair.interactive_shell(host)
    code, output = host.attempt(" ".join(arguments.command), arguments.seconds)
    sys.stdout.write(output if not output or output.endswith("\n") else output + "\n")
    return code


def install(arguments):
    folder = arguments.destdir or tree.build()
    pair.attach().install(folder)
    return 0


def guest_settings(texts):
    settings = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise LabError(f"{text} is not KEY=VALUE")
        settings[key] = int(value) if value.isdigit() else value
    return settings


def create(arguments):
    try:
        guest = Guest(arguments.type, **guest_settings(arguments.setting))
    except TypeError as error:
        raise LabError(str(error)) from error
    guest.create(pair.attach().hosts[arguments.host])
    print(f"{guest.name} runs on host {arguments.host}, address {guest.ip}: {guest.last_tick()}")
    return 0


def list_tests(_arguments):
    for name in runner.names():
        print(name)
    return 0


def run(arguments):
    return runner.run(arguments.test, arguments.destdir, arguments.deep)


def fault_outcomes(arguments):
    if arguments.write:
        outcomes.write_page()
    else:
        sys.stdout.write(outcomes.table())
    return 0


def measure_moves(arguments):
    with pair.lock():
        folder = arguments.destdir or tree.build()
        known = pair.load()
        running = known and known.alive()
        hosts = pair.attach() if running else pair.up("shadow")
        try:
            hosts.install(folder)
            measure.report(hosts, arguments.types.split(","), arguments.workloads.split(","), arguments.runs,
                           guest_settings(arguments.setting), arguments.send_options, arguments.json)
        finally:
            if not running:
                pair.down()
    return 0
