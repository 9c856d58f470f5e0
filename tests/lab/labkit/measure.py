# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""`lab measure`: the same guest moved by `xl migrate` and by `xlmig send`, in turns, over the same kind of transport.

Total time is that of the command. The guest's own clock and a ping from the third place each tell how long it was away.
Bytes are what the sending host put on the segment. CPU seconds are dom0's, of both hosts, from just before the command
until the guest ticks at the target. Rounds are what either tool reports of itself.
"""

import json
import re
import statistics
import time
from datetime import datetime, timezone

from . import images, moves, segment
from .guest import Guest, use_scripts
from .outside import Ping
from .settings import LabError

TOOLS = ("xl", "xlmig")
COLUMNS = (("total_s", "total", "{:.1f} s"), ("own_gap_ms", "away, own clock", "{:.0f} ms"),
           ("ping_gap_ms", "away, ping", "{:.0f} ms"), ("mib", "on the wire", "{:.1f} MiB"),
           ("dom0_cpu_s", "CPU of both dom0", "{:.1f} s"), ("rounds", "rounds", "{:.0f}"))

# What a guest does and has in its memory. `usual` is the guest of the tests; the others have memory enough for both
# halves of something, and what outruns rewrites its 40 MiB faster than any connection here carries them.
WORKLOADS = {
    "usual": {},
    "idle": {"memory": 208, "dirty_mb": 0, "static_mb": 0, "rate_ms": 500},
    "half-zero": {"memory": 208, "dirty_mb": 0, "static_mb": 104, "rate_ms": 500},
    "mixed": {"memory": 208, "dirty_mb": 0, "static_mb": 116, "rate_ms": 500, "content": "mixed"},
    "outrun": {"memory": 208, "dirty_mb": 40, "static_mb": 0, "rate_ms": 100},
    "outrun-pages": {"memory": 208, "dirty_mb": 40, "static_mb": 0, "rate_ms": 100, "rewrite": "pages"},
}
# xl has nothing of the kind; who outruns the connection is moved so by xlmig's user.
SEND_OPTIONS = {"outrun": "--throttle=auto", "outrun-pages": "--throttle=auto"}
PING_INTERVAL_MS = 10
SETTLE_SECONDS = 3

# xl hides its sender's progress, and the rounds with it. They are in what the helper says to libxl, which this keeps.
LISTENER = "/root/listening-helper"
HEARD = "/tmp/helper-said"
LISTENING_HELPER = f"""\
#!/bin/bash
exec /usr/lib/xen-4.17/bin/libxl-save-helper "$@" > >(exec tee {HEARD})
"""


def rounds_of(tool, host, output):
    """Stock libxl-save-helper numbers its passes over memory from 0; xlmig's report counts them."""
    if tool == "xl":
        numbers = host.run(f"grep -ao 'Frames iteration [0-9]*' {HEARD} | sort -u", check=False).split()
        return max(int(number) for number in numbers if number.isdigit()) + 1 if numbers else None
    for line in output.splitlines():
        if line.startswith("{") and json.loads(line).get("event") == "report":
            return json.loads(line).get("rounds")
    return None


def dom0_cpu_s(pair):
    """CPU time that the two dom0 have used so far."""
    return sum(float(host.run("xl list Domain-0 | tail -1").split()[-1]) for host in (pair.a, pair.b))


def one_move(pair, guest, tool, send_options=""):
    """Move a guest to the other host: what it cost."""
    source, target = guest.host, pair.other(guest.host)
    command = moves.send_command(guest, target, tool, tool, options=f"--json {send_options}")
    if tool == "xl":
        command = f"LIBXL_SAVE_HELPER={LISTENER} {command}"
    before, used = guest.await_tick(), dom0_cpu_s(pair)
    with Ping(guest, PING_INTERVAL_MS) as ping:
        time.sleep(1)
        bytes_before, started = segment.bytes_from(source.name), time.monotonic()
        output = source.run(command, moves.SECONDS)
        total_s, sent = time.monotonic() - started, segment.bytes_from(source.name) - bytes_before
        moves.arrived(guest, source, target, before)
        used = dom0_cpu_s(pair) - used
        guest.await_tick(after=guest.await_tick().number)
        time.sleep(SETTLE_SECONDS)
    since = [tick.gap_ms for tick in guest.ticks() if tick.number > before.number]
    return {"total_s": round(total_s, 2), "own_gap_ms": max(since), "ping_gap_ms": ping.longest_gap_ms,
            "mib": round(sent / 2**20, 1), "dom0_cpu_s": round(used, 1), "rounds": rounds_of(tool, source, output)}


def turns(pair, guest, runs, send_options):
    """The runs of each tool: {tool: [run, ...]}."""
    taken = {tool: [] for tool in TOOLS}
    for number in range(runs):
        # Each tool goes first as often, and over the two moves of a turn the guest comes back to where it was.
        for tool in TOOLS if number % 2 == 0 else reversed(TOOLS):
            taken[tool].append(one_move(pair, guest, tool, send_options))
            images.say(f"{guest.kind} {tool}: {taken[tool][-1]}")
    return taken


def measure(pair, kinds, workloads, runs, guest_settings, send_options):
    """{type: {workload: {tool: [run, ...]}}}."""
    results = {}
    for host in (pair.a, pair.b):
        host.write(LISTENER, LISTENING_HELPER)
        use_scripts(host, guest_settings.get("scripts", "lab"))
        host.run(f"chmod +x {LISTENER}")
    for kind in kinds:
        for workload in workloads:
            images.say(f"{kind}, {workload}")
            # A name of its own: its console's log is not to hold the ticks of the one before.
            named = {"name": f"{kind}-{workload}"}
            guest = Guest(kind, **(named | WORKLOADS[workload] | guest_settings)).create(pair.a)
            try:
                options = f"{SEND_OPTIONS.get(workload, '')} {send_options}"
                results.setdefault(kind, {})[workload] = turns(pair, guest, runs, options)
            finally:
                guest.destroy()
    return results


def median(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def table(results):
    lines = ["| guest | tool | " + " | ".join(title for _, title, _ in COLUMNS) + " |",
             "| --- | --- |" + " ---: |" * len(COLUMNS)]
    for kind, workloads in results.items():
        for workload, tools in workloads.items():
            for tool, taken in tools.items():
                cells = []
                for key, _, form in COLUMNS:
                    value = median([run[key] for run in taken])
                    cells.append("-" if value is None else form.format(value))
                name = "`xl migrate`" if tool == "xl" else "`xlmig send`"
                lines.append(f"| {kind.upper()}, {workload} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def report(pair, kinds, workloads, runs, guest_settings, send_options, json_file):
    unknown = [name for name in workloads if name not in WORKLOADS]
    if runs < 1 or unknown:
        raise LabError("--runs must be at least 1" if runs < 1 else
                       f"{unknown[0]} is no workload; there are {', '.join(WORKLOADS)}")
    results = measure(pair, kinds, workloads, runs, guest_settings, send_options)
    print(f"\nMedians of {runs} runs each.\n\n{table(results)}")
    if json_file:
        taken = datetime.now(timezone.utc).isoformat(timespec="seconds")
        with open(json_file, "w") as file:
            json.dump({"taken": taken, "hypervisor": pair.hypervisor, "guest": guest_settings, "workloads": WORKLOADS,
                       "send_options": send_options, "runs": results}, file, indent=1)
            file.write("\n")
