# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""`bench scan`: the engine's tests for zeros and for changes beside reading memory and doing nothing with it; and a
whole save of a guest that costs nothing, into a sink that costs nothing: the engine's own speed."""

import json
import os

from .processes import output_of
from .results import Goal, median, publish, table

MIB, QUICK_MIB = 1024, 64
GOAL = 0.9


def measure(build, mib, runs, threads):
    return json.loads(output_of([build.memory_speed, mib, runs, threads], 600))


def measure_all(build, mib, runs, threads):
    """{name: [GB/s, ...]}"""
    engine = json.loads(output_of([build.engine_speed, mib, runs, threads], 600))
    return measure(build, mib, runs, threads)["gb_per_s"] | engine["gb_per_s"]


def ratio(speeds, name):
    """To plain reading, run by run: what disturbed one disturbed the other."""
    return median([a / b for a, b in zip(speeds[name], speeds["read"], strict=True)])


def run(build, arguments):
    mib = QUICK_MIB if arguments.quick else MIB
    runs = arguments.runs or (1 if arguments.quick else 9)
    measure(build, mib, 1, 1)  # memory that this machine has not touched yet is slow the first time
    counts = sorted({1, len(os.sched_getaffinity(0))})
    taken = {threads: measure_all(build, mib, runs, threads) for threads in counts}
    rows, goals = [], []
    for name in taken[1]:
        cells = []
        for speeds in taken.values():
            cells += [f"{median(speeds[name]):.1f}", f"{ratio(speeds, name):.2f}"]
        rows.append([name, *cells])
    for name in ("zero scan", "change scan"):
        goals += [Goal(f"{name} to read bandwidth, {threads} thread{'s' * (threads > 1)}", ratio(speeds, name), GOAL)
                  for threads, speeds in taken.items()]
    titles = ["what"]
    for threads in counts:
        titles += [f"GB/s, {threads} thread{'s' * (threads > 1)}", "to read"]
    text = f"Buffers of {mib} MiB, median of {runs} run{'s' * (runs > 1)}.\n\n{table(titles, rows)}"
    publish("scan", text, goals, {"mib": mib, "gb_per_s": taken}, arguments.json)
    return 0
