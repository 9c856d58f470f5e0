# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""Fault x step -> outcome, counted."""

from collections import Counter

from .plan import act_of, parts_of

WHO = {
    "send": "`xlmig send`", "suspend": "libxl at the source", "save": "the save helper",
    "receive": "`xlmig receive`", "xl": "xl at the destination", "restore": "the restore helper",
    "recover": "`xlmig recover`",
}
WHERE = {"wire": "its connection fails", "pipe": "its pipe to another process fails",
         "host": "its calls of the toolstack fail", "journal": "its journal cannot be written"}
READ = {"wire": "what it reads from its connection fails", "pipe": "what it reads from another process fails",
        "host": "the toolstack's answer to it fails", "journal": "its journal cannot be read"}
OTHERS = {"resume": "somebody resumes it", "unpause": "somebody unpauses it", "pause": "somebody pauses it",
          "destroy": "somebody destroys it", "save": "somebody saves it (`xl save`)",
          "move": "somebody moves it to a third host (`xl migrate`)",
          "back": "somebody moves it back (`xl migrate`)", "create": "somebody creates it anew"}
STEPS = ("–", "COPYING", "GO_DECIDED", "MOVED", "ABORTED", "INCOMING", "READY", "GO", "STARTED")


def what(fired):
    role, place, kind = parts_of(fired.fault)
    if act_of(fired.fault):
        return OTHERS[fired.act]
    if kind in ("kill", "killed-after"):
        return f"{WHO[role]} is killed"
    if kind in ("stop", "stopped-after"):
        return f"{WHO[role]} is stopped for longer than the time-outs"
    if kind == "power":
        return f"the {'source' if fired.side == 'a' else 'destination'}'s host loses power"
    return f"{WHO[role]}: {(READ if ':read:' in fired.fault else WHERE)[place]}"


def rank(step):
    return [STEPS.index(part) if part in STEPS else len(STEPS) for part in step.split(" / ")]


class Table:
    def __init__(self):
        self._cells = Counter()
        self.nr_runs = self.nr_fired = 0

    def add(self, result, outcome):
        self.nr_runs += 1
        self.nr_fired += bool(result.fired)
        if result.fired:
            last = result.fired[-1]
            after = ", after an earlier fault" if len(result.fired) > 1 else ""
            self._cells[last.step, what(last) + after, outcome] += 1

    def rows(self):
        """(step, fault, outcomes with their counts)"""
        merged = {}
        for (step, fault, outcome), count in self._cells.items():
            merged.setdefault((step, fault), Counter())[outcome] += count
        for (step, fault), outcomes in sorted(merged.items(), key=lambda row: (rank(row[0][0]), row[0][1])):
            yield step, fault, ", ".join(f"{outcome} ({count})" for outcome, count in sorted(outcomes.items()))

    def markdown(self):
        lines = ["| journals, source / destination | fault | outcome (runs) |", "|---|---|---|"]
        lines += [f"| {step} | {fault} | {outcomes} |" for step, fault, outcomes in self.rows()]
        return "\n".join(lines) + "\n"

    def text(self):
        rows = list(self.rows())
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(2)]
        return "".join(f"{step:{widths[0]}}  {fault:{widths[1]}}  {outcomes}\n" for step, fault, outcomes in rows)
