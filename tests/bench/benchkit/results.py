# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""Medians, tables, the machine they were taken on."""

import json
import os
import platform
import statistics
from datetime import datetime, timezone


def median(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def medians(runs):
    """Of a list of dictionaries with numbers, the median of each key."""
    keys = dict.fromkeys(key for run in runs for key in run)
    return {key: median([run.get(key) for run in runs]) for key in keys}


def _line(path, field):
    with open(path) as file:
        for line in file:
            name, _, value = line.partition(":")
            if name.strip() == field:
                return value.strip()
    return "unknown"


def machine():
    memory_gib = int(_line("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    with open("/sys/kernel/mm/transparent_hugepage/enabled") as file:
        huge_pages = file.read().split("[")[-1].split("]")[0]
    return {"cpu": _line("/proc/cpuinfo", "model name"), "cores": len(os.sched_getaffinity(0)),
            "memory_gib": round(memory_gib, 1), "kernel": platform.release(),
            "huge_pages": huge_pages}


def machine_sentence(described):
    return (f"{described['cores']} cores of {described['cpu']}, {described['memory_gib']:.0f} GiB, Linux "
            f"{described['kernel']}, transparent huge pages: "
            f"{described['huge_pages']}. Taken {datetime.now(timezone.utc).date()}.")


def table(titles, rows):
    """Markdown; numbers come formatted, and None as a dash. The first column is text."""
    lines = ["| " + " | ".join(titles) + " |", "| --- |" + " ---: |" * (len(titles) - 1)]
    lines += ["| " + " | ".join("-" if cell is None else str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


class Goal:
    """A ratio to reach: `value` at least, or at most, `bound`."""

    def __init__(self, text, value, bound, at_least=True):
        self.text, self.value, self.bound, self.at_least = text, value, bound, at_least

    @property
    def met(self):
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def sentence(self):
        side = ">=" if self.at_least else "<="
        return f"{self.text}: {self.value:.2f} (goal {side} {self.bound:.2f}: {'reached' if self.met else 'missed'})"

    def as_json(self):
        return {"goal": self.text, "value": round(self.value, 4), "bound": self.bound,
                "at_least": self.at_least, "met": self.met}


def publish(name, text, goals, results, json_file):
    """Print the table and the goals, and write everything to a file if asked to."""
    described = machine()
    print(f"\n{text}\n")
    for goal in goals:
        print(f"* {goal.sentence()}")
    print(f"\n{machine_sentence(described)}", flush=True)
    if json_file:
        taken = datetime.now(timezone.utc).isoformat(timespec="seconds")
        with open(json_file, "w") as file:
            json.dump({**results, "bench": name, "taken": taken, "machine": described,
                       "goals": [g.as_json() for g in goals]}, file, indent=1)
            file.write("\n")
