# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""Fault x step -> outcome, as the tests saw it: the table at the end of docs/handover.md."""

import json
import re

from . import moves
from .settings import CHECKOUT, RUN, LabError

FILE = RUN / "outcomes.json"
PAGE = CHECKOUT / "docs/handover.md"
BEGIN, END = "<!-- what the lab saw: begin -->\n", "<!-- what the lab saw: end -->\n"
HEAD = "| journals, source / destination | fault | outcome |\n|---|---|---|\n"
STATES = ("–", "COPYING", "GO_DECIDED", "MOVED", "ABORTED", "INCOMING", "READY", "GO", "STARTED")
CHECK = "outcomes-are-those-of-the-handover-page"


# ---- what is seen ----

def journal_state(guest, host, side):
    """Of the one journal that a host has of a guest on that side."""
    files = [file for file in moves.journals(guest, host) if file.endswith("-" + side)]
    if not files:
        return "–"
    said = host.run(f"cat {' '.join(files)} 2> /dev/null", check=False) # it may have ended since
    return " ".join(state.replace("-", "_").upper() for state in re.findall('"state":"([a-z-]+)"', said)) or "–"


def copies(guest, host):
    """The domains of a guest on a host: name -> whether it may run."""
    found = {}
    for line in host.run("xl list").splitlines()[1:]:
        words = line.split()
        if len(words) == 6 and words[0].split("--")[0] == guest.name:
            _running, _blocked, paused, shut_down, _reason, dying = words[4]
            found[words[0]] = (paused, shut_down, dying) == ("-", "-", "-")
    return found


def runs(guest, source, target):
    """Where it does, by the words of the table."""
    return [word for word, host in (("here", source), ("there", target)) if any(copies(guest, host).values())]


class Fault:
    """One fault in a migration: what the journals said when it came, and what came of it."""

    def __init__(self, lab, name, guest, target, text):
        self.lab, self.name, self.text = lab, name, text
        self.guest, self.source, self.target = guest, guest.host, target
        self.step, self.before = None, None

    def comes(self):
        """Now. Where both hosts have a VM, the migration's is the newest journal of each."""
        self.step = " / ".join((journal_state(self.guest, self.source, "send"),
                                journal_state(self.guest, self.target, "receive")))

    def is_over(self):
        """Before recover: where the VM runs then."""
        self.before = runs(self.guest, self.source, self.target)
        if len(self.before) > 1:
            raise LabError(f"{self.guest.name} runs on both hosts")

    def came_to(self, outcome=None):
        """After recover, if there was need of it: a word of one's own, or where the VM runs."""
        after = runs(self.guest, self.source, self.target)
        if len(after) > 1 or (not after and not outcome):
            raise LabError(f"{self.guest.name} runs on {len(after)} hosts")
        if not outcome:
            outcome = f"runs {after[0]}" if self.before in (None, after) else f"recover: runs {after[0]}"
        self.lab.saw(self.name, (self.step, self.text, outcome))


# ---- the table ----

def rank(row):
    step, fault, _ = row
    return [STATES.index(part) if part in STATES else len(STATES) for part in step.split(" / ")], fault


def lines(seen):
    return [f"| {step} | {fault} | {outcome} |" for step, fault, outcome in sorted(set(map(tuple, seen.values())), key=rank)]


def documented(text):
    """The page before the table, the table's lines, the page after it."""
    before, begin, rest = text.partition(BEGIN)
    table, end, after = rest.partition(END)
    if not begin or not end:
        raise LabError(f"{PAGE} has no lines '{BEGIN.strip()}' and '{END.strip()}'")
    return before, table.splitlines()[2:], after


def keep(seen, whole):
    """For `lab outcomes`; after some of the tests, what the others saw earlier is kept."""
    known = {}
    if not whole and FILE.exists():
        known = json.loads(FILE.read_text())
    FILE.write_text(json.dumps({**known, **seen}, indent=1, ensure_ascii=False) + "\n")


def difference(seen, whole):
    """What the page says otherwise; `whole`: all that it names must have been seen."""
    _, told, _ = documented(PAGE.read_text())
    found = lines(seen)
    text = [f"seen, and not in {PAGE.name}: {line}" for line in found if line not in told]
    if whole:
        text += [f"in {PAGE.name}, and not seen: {line}" for line in told if line not in found]
    return text


def table():
    if not FILE.exists():
        raise LabError(f"no test has seen a fault yet ({FILE}); type: lab run")
    return HEAD + "\n".join(lines(json.loads(FILE.read_text()))) + "\n"


def write_page():
    before, _, after = documented(PAGE.read_text())
    PAGE.write_text(before + BEGIN + table() + END + after)
