# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""`bench engine`: a guest's memory from one simulated host to another over TCP on loopback, and QEMU's likewise.

Each round has every contestant once, so that what disturbs the machine disturbs all. Total time is from the start of
the sender until the receiver has everything. CPU time is that of both sides, the simulated hosts included. Memory is
what each side needs besides its guest's, which is new to the receiver in each run.
"""

import contextlib
import os

from . import loopback, qemu
from .processes import BenchError, need
from .results import Goal, median, medians, publish, table
from .scan import measure as measure_memory
from .simhosts import Hosts
from .warm import Warm

MEMORY_MIB, QUICK_MIB = 4096, 512
CONTENTS = ("zero", "text", "random")
ENGINE, SEND, QEMU, IPERF = "engine", "send", "qemu", "iperf3"
SERIAL = "image v1, 1 channel, 1 thread, no codec"


class Contestant:
    """One row: `run(at_start)` moves a guest once, and calls at_start() just before it begins."""

    def __init__(self, group, name, run):
        self.group, self.name, self.run = group, name, run


def v1(compress, threads=0):
    return {"XLMIG_IMAGE": "v1", "XLMIG_COMPRESS": compress, "XLMIG_THREADS": str(threads)}


def engine_settings(channels):
    """Name, environment of the helper, number of channels."""
    return [("libxc image, 1 channel", {"XLMIG_IMAGE": "libxc"}, 1),
            (SERIAL, v1("none", 1), 1),
            *[(f"image v1, {channels} channels, {codec}", v1(codec), channels)
              for codec in ("none", "lz4", "zstd", "auto")]]


def room_for(memory_mib):
    """The source's memory of both kinds, one destination's (kept warm before), and some to spare."""
    needed = 3 * memory_mib + memory_mib // 4 + 1024
    with open("/proc/meminfo") as file:
        available = next(int(line.split()[1]) for line in file if line.startswith("MemAvailable")) // 1024
    if available < needed:
        raise BenchError(f"this needs {needed} MiB of free memory, and {available} are free: see --memory")


def contestants(arguments, hosts, content, memory_mib):
    chosen, channels = arguments.only, arguments.channels
    if ENGINE in chosen:
        for name, environment, count in engine_settings(channels):
            yield Contestant(ENGINE, name, lambda at_start, e=environment, c=count: hosts.move(e, c, at_start))
    if SEND in chosen:
        for way in ("tcp", "tcp --rejoin-timeout=0s", "tls", "tls --rejoin-timeout=0s"):
            options = (*f"--transport={way}".split(), f"--channels={channels}")
            yield Contestant(SEND, f"`xlmig send --transport={way}`",
                             lambda at_start, o=options: hosts.send(o, at_start))
    if QEMU in chosen:
        for mode in qemu.MODES:
            name = f"QEMU {mode}" + (f", {channels} channels" if qemu.MODES[mode] else "")
            yield Contestant(QEMU, name,
                             lambda at_start, m=mode: qemu.move(content, memory_mib, m, channels, at_start))


def measure_content(build, arguments, memory_mib, runs, kind):
    """{name: [run, ...]} of all that move a guest."""
    taken = {}
    for_qemu = qemu.Content(build, memory_mib, kind) if QEMU in arguments.only else contextlib.nullcontext()
    with for_qemu as content, Hosts(build, memory_mib, kind) as hosts:
        for number in range(runs):
            for contestant in contestants(arguments, hosts, content, memory_mib):
                with Warm(memory_mib + memory_mib // 8) as warm:
                    result = contestant.run(warm.start) | {"group": contestant.group}
                taken.setdefault(contestant.name, []).append(result)
                print(f"{kind}, run {number + 1}, {contestant.name}: {result['total_s']:.2f} s", flush=True)
    return taken


def rows_of(taken, memory_mib):
    for name, runs in taken.items():
        middle = medians([{key: value for key, value in run.items() if not isinstance(value, (str, list))}
                          for run in runs])
        gigabytes = memory_mib * 2**20 / 1e9
        yield [name, f"{middle['total_s']:.2f} s", f"{gigabytes / middle['total_s']:.2f}",
               f"{gigabytes / middle['cpu_s']:.2f}" if middle["cpu_s"] else None,
               f"{middle['wire_bytes'] / 2**20:.0f} MiB",
               *[f"{middle[key]:.0f} MiB" if key in middle else None for key in ("sender_mib", "receiver_mib")]]


def best(taken, group, key="total_s", among=None):
    """The smallest median among the rows of a group."""
    values = [median([run[key] for run in runs]) for name, runs in taken.items()
              if runs[0]["group"] == group and (among is None or among in name)]
    return min(values) if values else None


def to_iperf(taken, memory_mib, streams, among, speeds):
    """The goal of those rows without a codec, beside iperf3 with as many streams; nothing where one of them is missing."""
    ours, theirs = best(taken, ENGINE, among=among), speeds.get(iperf_name(streams))
    if not ours or not theirs:
        return []
    return [Goal(f"random, not compressed: GB/s to iperf3's, {streams} stream{'s' * (streams > 1)}",
                 memory_mib * 2**20 / 1e9 / ours / theirs, 0.9)]


def goals_of(results, memory_mib, channels, speeds):
    goals = []
    for kind, taken in results.items():
        ours, theirs = best(taken, ENGINE), best(taken, QEMU)
        if ours and theirs:
            goals.append(Goal(f"{kind}: total time to QEMU's best", ours / theirs, 0.5, at_least=False))
    random = results.get("random", {})
    goals += to_iperf(random, memory_mib, 1, SERIAL, speeds)
    goals += to_iperf(random, memory_mib, channels, f"image v1, {channels} channels, none", speeds)
    needs = [run["sender_mib"] for taken in results.values() for runs in taken.values() for run in runs
             if run["group"] == ENGINE]
    if needs:
        goals.append(Goal("sender's memory to 64 MiB + 1/64 of the guest's", max(needs) / (64 + memory_mib / 64), 1,
                          at_least=False))
    return goals


def iperf_name(streams):
    return f"iperf3, {streams} stream{'s' * (streams > 1)}"


def measure_bare(build, arguments, seconds, runs):
    """What the machine can: {name: GB/s}, {name: GB a CPU second}."""
    speeds, per_core = {}, {}
    copies = measure_memory(build, 256, 3, 1)["gb_per_s"]["memcpy"]
    speeds["memcpy, 1 thread"] = per_core["memcpy, 1 thread"] = median(copies)
    if IPERF in arguments.only:
        for streams in sorted({1, arguments.channels}):
            taken = [loopback.measure(streams, seconds) for _ in range(runs)]
            name = iperf_name(streams)
            speeds[name] = median([run["bytes"] / 1e9 / run["total_s"] for run in taken])
            per_core[name] = median([run["bytes"] / 1e9 / run["cpu_s"] for run in taken])
    return speeds, per_core


def run(build, arguments):
    memory_mib = arguments.memory or (QUICK_MIB if arguments.quick else MEMORY_MIB)
    runs = arguments.runs or (1 if arguments.quick else 3)
    arguments.channels = arguments.channels or max(2, len(os.sched_getaffinity(0)))
    need(*[program for name, program in ((QEMU, qemu.PROGRAM), (IPERF, loopback.PROGRAM)) if name in arguments.only])
    room_for(memory_mib)
    speeds, per_core = measure_bare(build, arguments, 1 if arguments.quick else 5, runs)
    results = {kind: measure_content(build, arguments, memory_mib, runs, kind) for kind in arguments.contents}
    parts = [f"A guest of {memory_mib} MiB; median of {runs} run{'s' * (runs > 1)}.",
             table(["the machine itself", "GB/s", "GB a core-second"],
                   [[name, f"{speeds[name]:.2f}", f"{per_core[name]:.2f}"] for name in speeds])]
    titles = ["total", "GB/s", "GB a core-second", "on the wire", "sender's memory", "receiver's memory"]
    parts += [table([f"{kind} content", *titles], rows_of(taken, memory_mib)) for kind, taken in results.items()]
    goals = goals_of(results, memory_mib, arguments.channels, speeds)
    publish("engine", "\n\n".join(parts), goals, {"memory_mib": memory_mib, "channels": arguments.channels,
                                                  "machine_gb_per_s": speeds, "runs": results}, arguments.json)
    return 0
