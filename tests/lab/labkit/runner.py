# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""`lab run`: bring up what the chosen tests need, run them, and say how each went."""

import contextlib
import importlib.util
import time
import traceback

from . import images, outcomes, pair, tree
from .guest import Guest
from .host import cpu_seconds_of
from .scenario import ALL, Lab, Outcome
from .settings import CACHE, LAB, RUN, LabError

TIMES = CACHE / "last-run.txt"
# An effect of software emulation: Xen's clock jumps, and with it the guests'. Such a run proves nothing either way.
GLITCH = "Platform timer appears to have unexpectedly wrapped"


def load_tests():
    if not ALL:
        for file in sorted((LAB / "tests").glob("*.py")):
            specification = importlib.util.spec_from_file_location(f"labtests.{file.stem}", file)
            specification.loader.exec_module(importlib.util.module_from_spec(specification))
    return ALL


def names():
    return [name for declared in load_tests() for name in declared.names]


def glitches(hosts):
    count = 0
    for host in hosts.hosts.values():
        with contextlib.suppress(LabError):
            count += host.run("xl dmesg").count(GLITCH)
    return count


class Report:
    """Every outcome of a run; the last one of a name counts."""

    def __init__(self):
        self.outcomes = {}
        self.seen = {}
        self.spent = {}  # scenario -> (seconds, seconds of CPU of both hosts)
        self.started = time.monotonic()

    def __call__(self, outcome):
        self.outcomes[outcome.name] = outcome
        if outcome.kind == "skip":
            print(f"skip {outcome.name}: {outcome.text}", flush=True)
            return
        print(f"{outcome.kind} {outcome.name} ({outcome.seconds:.0f} s)", flush=True)
        if outcome.kind == "FAIL":
            print("    " + outcome.text.strip().replace("\n", "\n    "), flush=True)

    def all_of(self, declared, kind, text):
        for name in declared.names:
            self(Outcome(name, kind, 0, text))

    def count(self, kind):
        return sum(outcome.kind == kind for outcome in self.outcomes.values())

    def compare(self, whole):
        """The faults' outcomes with the page that tells of them; `whole`: every test was to run."""
        if not self.seen:
            return
        outcomes.keep(self.seen, whole)
        whole = whole and not self.count("FAIL") and not self.count("skip")
        text = "\n".join(outcomes.difference(self.seen, whole))
        self(Outcome(outcomes.CHECK, "FAIL" if text else "ok", 0, text + "\nto write them down: lab outcomes --write"))

    def close(self):
        lines = [f"{outcome.seconds:7.1f} s  {outcome.kind:4}  {outcome.name}" for outcome in self.outcomes.values()]
        lines += ["", "scenarios: seconds, seconds of CPU of both hosts, the first of their tests"]
        lines += [f"{wall:7.1f} s {cpu:7.1f} s  {name}" for name, (wall, cpu) in self.spent.items()]
        TIMES.write_text("\n".join(lines) + "\n")
        print(f"times of each test: {TIMES}; all together {time.monotonic() - self.started:.0f} s")
        print(f"{self.count('ok')} passed, {self.count('FAIL')} failed, {self.count('skip')} skipped")
        return 1 if self.count("FAIL") or not self.outcomes else 0


def attempt(declared, hosts, report, plain):
    """Run one scenario: whether all of it passed."""
    lab = Lab(hosts, declared.names, report, plain)
    reason = "not reached"
    try:
        declared.function(lab)
    except LabError as error:
        reason = f"not reached: {error}"
    except Exception:
        reason = f"not reached: {traceback.format_exc()}"
    if lab.failed() or reason != "not reached":
        print(f"    logs of both hosts: {pair.keep_logs(hosts, declared.names[0])}", flush=True)
    lab.finish(reason)
    report.seen.update({name: row for name, row in lab.seen.items() if lab.outcomes[name].kind == "ok"})
    return not lab.failed()


def cpu_seconds(hosts):
    return sum(cpu_seconds_of(host.pid) for host in hosts.hosts.values())


def run_scenario(declared, hosts, report, plain):
    before, started, used = glitches(hosts), time.monotonic(), cpu_seconds(hosts)
    if not attempt(declared, hosts, report, plain) and glitches(hosts) > before:
        print(f"retry {' '.join(declared.names)}: the emulated platform timer jumped in that run", flush=True)
        attempt(declared, hosts, report, plain)
    report.spent[declared.names[0]] = time.monotonic() - started, max(0, cpu_seconds(hosts) - used)


def in_order(chosen):
    """Those that share a plain guest follow each other."""
    kinds = [declared.guest for declared in chosen]
    return sorted(chosen, key=lambda declared: kinds.index(declared.guest))


def run_all(chosen, hosts, folder, report):
    if folder:
        hosts.install(folder)
    plain = None
    for declared in in_order(chosen):
        if plain and plain.kind != declared.guest:
            hosts.destroy(plain)
            plain = None
        if declared.guest and not plain:
            plain = Guest(declared.guest)
        if not hosts.alive():
            report.all_of(declared, "FAIL", f"a host is gone (see {RUN}/*.qemu.log, {RUN}/*.serial)")
        elif declared.xen != hosts.hypervisor:
            report.all_of(declared, "skip", f"needs `lab up --xen {declared.xen}`; the pair that is up has another")
        elif declared.memory_mib > hosts.memory_mib:
            report.all_of(declared, "skip", f"needs `lab up --memory {declared.memory_mib}`; the pair that is up has less")
        else:
            run_scenario(declared, hosts, report, plain)
    if plain:
        hosts.destroy(plain)


def kinds_of(chosen):
    """The pairs that are needed, (MiB, hypervisor), the one that most share first."""
    kinds = {(declared.memory_mib, declared.xen) for declared in chosen}
    return sorted(kinds, key=lambda kind: -sum((declared.memory_mib, declared.xen) == kind for declared in chosen))


def run_pairs(chosen, folder, report):
    """A pair of each kind after the other."""
    for memory_mib, hypervisor in kinds_of(chosen):
        fitting = [declared for declared in chosen if (declared.memory_mib, declared.xen) == (memory_mib, hypervisor)]
        try:
            hosts = pair.up(hypervisor, memory_mib)
            images.say(f"both hosts are up (hypervisor {hypervisor}, {memory_mib} MiB)")
            run_all(fitting, hosts, folder, report)
        finally:
            pair.down()


def run(patterns, destdir, deep=False):
    chosen = [declared for declared in load_tests() if declared.matches(patterns) and (patterns or deep or not declared.deep)]
    if not chosen:
        raise LabError(f"no test matches {' '.join(patterns)}; see: lab list")
    with pair.lock():
        report = Report()
        folder = destdir or tree.build()
        known = pair.load()
        if known and known.alive():
            run_all(chosen, pair.attach(), folder, report)
        else:
            for hypervisor in {declared.xen for declared in chosen}:
                images.build(hypervisor)  # now: the segment, where the hosts start, leads to no package server
            run_pairs(chosen, folder, report)
        report.compare(deep and not patterns)
        return report.close()
