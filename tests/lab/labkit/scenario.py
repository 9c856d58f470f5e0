# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""How a test is written.

A scenario is a function over a running pair. It reports one or more behaviours, each by its own name, with `step`:

    @scenario("pvh-boots", "pvh-migrates")
    def pvh(lab):
        with lab.step("pvh-boots"):
            guest = lab.guest("pvh").create(lab.a)
        with lab.step("pvh-migrates"):
            ...

A step that raises is a failed test, and the scenario goes on; a step that cannot be tried without an earlier one says
so with lab.need(NAME). What a scenario creates with lab.guest() is destroyed when it ends.

A scenario that takes a guest as it comes says so, `@scenario(..., guest="pv")`, and finds it as lab.plain. Those that
take the same follow each other and share it, so that it boots once; moves.running() makes sure of it.
"""

import contextlib
import fnmatch
import time
import traceback

from .guest import Guest
from .settings import MEMORY_MIB, LabError

ALL = []


class Skip(Exception):
    """This machine cannot show this behaviour; the text says why."""


class Declared:
    def __init__(self, function, names, xen, guest, memory_mib, deep):
        self.function, self.names, self.xen, self.guest = function, names, xen, guest
        self.memory_mib, self.deep = memory_mib, deep

    def matches(self, patterns):
        return not patterns or any(fnmatch.fnmatchcase(name, pattern) for name in self.names for pattern in patterns)


def scenario(*names, xen="shadow", guest=None, memory_mib=MEMORY_MIB, deep=False):
    """Declare a scenario that reports these names; `xen` is the hypervisor that it needs, `guest` the type of the plain
    guest that it shares with others, `memory_mib` what each host has to have. One that is `deep` runs by its name, or
    before a release only (`lab run --deep`)."""

    def declare(function):
        ALL.append(Declared(function, names, xen, guest, memory_mib, deep))
        return function

    return declare


class Outcome:
    def __init__(self, name, kind, seconds, text=""):
        self.name, self.kind, self.seconds, self.text = name, kind, seconds, text


class Lab:
    """What a scenario is given: the hosts, guests, and steps to report."""

    def __init__(self, pair, names, report, plain=None):
        self.pair, self.a, self.b = pair, pair.a, pair.b
        self.names = names
        self.plain = plain
        self.outcomes = {}
        self.seen = {}
        self._report = report
        self._guests = []

    def guest(self, kind, **settings):
        guest = Guest(kind, **settings)
        self._guests.append(guest)
        return guest

    def other(self, host):
        return self.pair.other(host)

    @contextlib.contextmanager
    def step(self, name):
        """Report what the body does under a name of the scenario."""
        assert name in self.names and name not in self.outcomes, name
        started = time.monotonic()
        kind, text = "ok", ""
        try:
            yield
        except Skip as reason:
            kind, text = "skip", str(reason)
        except LabError as error:
            kind, text = "FAIL", str(error)
        except Exception:  # a mistake in the test itself is a failed test, not the end of the run
            kind, text = "FAIL", traceback.format_exc()
        self.record(Outcome(name, kind, time.monotonic() - started, text))

    def need(self, name):
        if name not in self.outcomes or self.outcomes[name].kind != "ok":
            raise LabError(f"not tried, since {name} did not pass")

    def record(self, outcome):
        self.outcomes[outcome.name] = outcome
        self._report(outcome)

    def saw(self, name, row):
        """What a fault came to (labkit/outcomes.py), by the name of the step that saw it."""
        self.seen[name] = row

    def failed(self):
        return any(outcome.kind == "FAIL" for outcome in self.outcomes.values())

    def finish(self, reason="not reached"):
        """Report what the scenario did not come to, and clear up its guests."""
        for name in self.names:
            if name not in self.outcomes:
                self.record(Outcome(name, "FAIL", 0, reason))
        for guest in self._guests:
            self.pair.destroy(guest)
        if self.plain and self.failed():
            self.pair.destroy(self.plain)
