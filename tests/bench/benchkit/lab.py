# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""`bench lab`: `xlmig send` beside `xl migrate`, the same guests and the same two Xen hosts, in one run (tests/lab)."""

import json
import signal
import subprocess
import sys
import tempfile

from .build import CHECKOUT
from .processes import BenchError
from .results import Goal, median, publish

WORKLOADS = ("idle", "half-zero", "mixed", "outrun")
LAB = CHECKOUT / "tests/lab/lab"
HOURS = 4

# Of `xlmig send` to `xl migrate`, at most: workload, what of it, its key, the goal.
GOALS = (("idle", "total time", "total_s", 1 / 3), ("idle", "bytes", "mib", 1 / 4),
         ("idle", "downtime by the guest's clock", "own_gap_ms", 1 / 3),
         ("outrun", "downtime by the guest's clock", "own_gap_ms", 1 / 10))


def goals_of(results):
    goals = []
    for kind, workloads in results.items():
        for workload, text, key, bound in GOALS:
            if workload in workloads:
                ours, theirs = (median([run[key] for run in workloads[workload][tool]]) for tool in ("xlmig", "xl"))
                goals.append(Goal(f"{kind.upper()}, {workload}: {text} to xl's", ours / theirs, bound, at_least=False))
    return goals


def measure(arguments, file):
    command = [LAB, "measure", "--json", file, "--types", arguments.types, "--workloads", arguments.workloads,
               f"--send-options={arguments.send_options}", "--runs", str(arguments.runs),
               f"scripts={arguments.scripts}"]
    # In our own session and foreground: it may ask for a password, and takes its hosts down when it is interrupted.
    lab = subprocess.Popen(command)
    try:
        if lab.wait(HOURS * 3600):
            raise BenchError(f"`lab measure` ended with {lab.returncode}")
    except subprocess.TimeoutExpired:
        raise BenchError(f"`lab measure` took more than {HOURS} hours") from None
    finally:
        if lab.poll() is None:
            lab.send_signal(signal.SIGINT)
            lab.wait(120)


def run(_build, arguments):
    arguments.runs = arguments.runs or (1 if arguments.quick else 3)
    if arguments.quick:
        arguments.types, arguments.workloads = "pvh", "idle"
    sys.stdout.flush()
    with tempfile.NamedTemporaryFile(prefix="xlmig-bench-", suffix=".json") as file:
        measure(arguments, file.name)
        with open(file.name) as taken:
            told = json.load(taken)
    publish("lab", "The table is above.", goals_of(told["runs"]), told, arguments.json)
    return 0
