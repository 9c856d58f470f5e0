#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""The tables of the code (print-steps) against the rules of handover.pml: the guards of the model are evaluated in each situation.

Whatever the code does the model must allow there: a record that some enabled rule writes, and then an act that some enabled rule
does.  And each rule of the model that recover may follow is followed by the code in some situation.
"""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
STATES = ("NONE", "COPYING", "GO_DECIDED", "MOVED", "INCOMING", "READY", "GO", "STARTED", "ABORTED",
          "ABSENT", "BUILDING", "PAUSED", "SUSPENDED", "RUNNING", "FAULTY", "HEALING", "HEALING_HERE", "SILENT")
MESSAGES = ("begin", "data", "go", "take_back", "abort", "confirm", "ask",
            "listening", "received", "started", "aborted", "closed", "died")
# What the destination said, where its answer is that; NOT_STARTED is no message of the model's, where a copy that cannot be
# started just stays.
SAID = {"no-answer": (), "busy": (), "not-started": (), "closed": ("closed",), "ready": ("received",),
        "started": ("received", "started"), "gone-there": ("received", "died"), "given-back": ("received", "aborted")}
# An act, and how the effect of a rule that does it looks.
EFFECTS = {"resume": "resume_here()", "destroy": "guest = ABSENT", "go": "said[t].go = true",
           "take-back": "said[t].take_back = true", "abort": "said[t].abort = true", "confirm": "said[t].confirm = true",
           "forget": "src[t] = NONE"}
EFFECTS_THERE = {"destroy": "there[t] = ABSENT", "start": "there[t] = RUNNING", "forget": "dst[t] = NONE"}
T = 1

# What the model leaves out (docs/handover.md, "What the model checks"): the steps of a source that match have no rule there.
BEYOND = (
    (r"copying \w+ (started|not-started|gone-there)", "a human had the destination start its copy"),
    (r"(moved|aborted) \w+ (ready|not-started|started|gone-there|given-back)", "a human had one side go on without the other"),
    (r"go-decided \w+ not-started", "the destination, whose journal says GO, starts its copy by itself, asked or not"),
)


class Said:
    def __init__(self, true=()):
        for message in MESSAGES:
            setattr(self, message, message in true)


def to_python(guard):
    guard = re.sub(r"!(?!=)", " not ", guard.replace("&&", " and ").replace("||", " or "))
    return " ".join(guard.replace("false", "False").replace("true", "True").split())


class Rule:
    def __init__(self, guard, effect):
        self.text = f"{' '.join(guard.split())} -> {' '.join(effect.split())}"
        self.guard, self.effect = compile(to_python(guard), self.text, "eval"), " ".join(effect.split())

    def enabled(self, situation):
        return bool(eval(self.guard, {}, situation))  # pylint: disable=eval-used

    def does(self, effect):
        return effect in self.effect


def rules_of(text, process):
    body = text[text.index(f"proctype {process}("):]
    body = body[:body.index("\n}\n")]
    found = []
    for part in body.split(":: atomic {")[1:]:
        guard, _, effect = part.rpartition("}")[0].partition("->")
        found.append(Rule(guard, effect))
    return found


def situation(**facts):
    """As after one attempt whose command is no more, and of which no message but those of `facts` came."""
    base = {name: name for name in STATES} | {
        "t": T, "world": "FAULTY", "src": ["NONE"] * 3, "dst": ["NONE"] * 3, "said": [Said(), Said(), Said()], "newest": T,
        "guest": "SUSPENDED", "send_lives": 0, "receive_lives": 0, "helper": 0, "suspend_asked": False, "fence": False,
        "looked": False, "recover_looked": False, "was_ready": [False] * 3, "accepted": T, "there": ["ABSENT"] * 3,
        "here_exact": True, "exact": [False, True, True], "other": "ABSENT", "foreign": False, "elsewhere": False,
    }
    return base | facts


def name(state):
    return state.replace("-", "_").upper()


def at_source(state, domain, answer):
    guest = {"absent": "ABSENT", "stranger": "ABSENT", "running": "RUNNING"}.get(domain, "SUSPENDED")
    facts = {"guest": guest, "other": "RUNNING" if domain == "stranger" else "ABSENT",
             "foreign": domain in ("taken", "saved"), "exact": [False, domain not in ("running", "taken"), True]}
    said = Said(SAID[answer])
    said.data = True
    return situation(src=["NONE", name(state), "NONE"], said=[Said(), said, Said()], **facts)


def at_destination(state, domain, offered):
    there = {"absent": "ABSENT", "incoming": "PAUSED", "running": "RUNNING"}[domain]
    return situation(dst=["NONE", name(state), "NONE"], there=["ABSENT", there, "ABSENT"],
                     was_ready=[False, offered, False])


class Tie:
    def __init__(self, model, steps):
        self.source, self.destination = rules_of(model, "source"), rules_of(model, "destination")
        self.steps = [line.split() for line in steps.splitlines()]
        self.followed = set()
        self.problems = []
        self.beyond = set()

    def _find(self, rules, now, effect):
        for rule in rules:
            if rule.does(effect) and "assert(false)" not in rule.effect and rule.enabled(now):
                self.followed.add(rule)
                return True
        return False

    def _allows(self, rules, journal, now, record, effect):
        if record and not self._find(rules, now, f"{journal}[t] = {record}"):
            return f"the record {record}"
        if record:
            now = now | {journal: ["NONE", record, "NONE"]}
        for step in ("recover_looked = true",): # a look is a step of its own in the model
            if self._find(rules, now, step):
                now = now | {"recover_looked": True}
        if effect and not self._find(rules, now, effect):
            return effect
        return None

    def recover(self):
        for words in self.steps:
            if words[0] != "recover":
                continue
            side, state, domain, answer, record, action = words[1:]
            if side == "destination" and domain not in ("absent", "incoming", "running"):
                continue
            if side == "source" and domain == "incoming":
                continue # a human's, always
            record = None if record == "-" else name(record)
            if side == "source":
                now, rules, journal, effect = at_source(state, domain, answer), self.source, "src", EFFECTS.get(action)
                if action == "resume" and now["guest"] == "RUNNING":
                    effect = None # it runs: nothing is done but that a request to suspend is withdrawn
            else:
                now, rules, journal, effect = at_destination(state, domain, answer == "offered"), self.destination, "dst", EFFECTS_THERE.get(action)
            why = self._allows(rules, journal, now, record, effect)
            if why and side == "source" and self._is_beyond(f"{state} {domain} {answer}"):
                continue
            if why:
                self.problems.append(f"{' '.join(words)}: the model does not allow {why}")

    def _is_beyond(self, situation_text):
        for pattern, _ in BEYOND:
            if re.fullmatch(pattern, situation_text):
                self.beyond.add(pattern)
                return True
        return False

    def send(self):
        """Of the command that lives."""
        said = {"started": ("started",), "released": ("aborted",)}
        for words in self.steps:
            if words[0] != "send" or words[3] == "-":
                continue
            state, event, act = words[1:]
            handed_over = state in ("sending-go", "await-report", "await-aborted")
            heard = Said(("data", "received") + said.get(event, ()))
            heard.go = state in ("await-report", "await-aborted")
            now = situation(src=["NONE", "GO_DECIDED" if handed_over else "COPYING", "NONE"], send_lives=T, fence=True,
                            looked=handed_over or act == "go", said=[Said(), heard, Said()])
            record = {"go": "GO_DECIDED", "destroy": "MOVED", "resume": "ABORTED"}.get(act)
            why = self._allows(self.source, "src", now, record, EFFECTS[act])
            if why:
                self.problems.append(f"{' '.join(words)}: the model does not allow {why}")

    def unused(self):
        """Rules of recover that the code never follows; a rule that is broken on purpose, a human's, one that begins an attempt,
        and what a word of the source asks of the destination, is none."""
        not_recovers = re.compile(r"^\(false\) |said\[t\]\.(begin|go|take_back|abort|confirm) &&|said\[t\]\.died|newest == t - 1")
        for rule in self.source + self.destination:
            guard = rule.text.partition("->")[0]
            if "send_lives == 0" not in guard and "receive_lives == 0" not in guard or rule in self.followed or \
                    not_recovers.search(guard):
                continue
            if any(rule.does(effect) for effect in (*EFFECTS.values(), *EFFECTS_THERE.values())) or \
                    re.search(r"(src|dst)\[t\] = [A-Z_]+", rule.effect):
                yield rule.text


def main():
    printer = sys.argv[1]
    model = subprocess.run(["cpp", "-P", "-DBREAK=0", HERE / "handover.pml"], check=True, stdout=subprocess.PIPE,
                           text=True).stdout
    model = re.sub(r"\(0 == \d+\)", "(false)", model).replace("start_there(t)", "there[t] = RUNNING")
    tie = Tie(model, subprocess.run([printer], check=True, stdout=subprocess.PIPE, text=True).stdout)
    tie.recover()
    tie.send()
    for what, found in (("what the code does the model allows", tie.problems),
                        ("what the model has recover do the code does somewhere", list(tie.unused()))):
        number = 1 if found is tie.problems else 2
        print(f"{'not ok' if found else 'ok'} {number} - {what}")
        for line in found:
            print(f"# {line}")
    unmet = [why for pattern, why in BEYOND if pattern not in tie.beyond]
    print(f"{'not ok' if unmet else 'ok'} 3 - what the model leaves out is met in the code")
    print(f"# {len(tie.steps)} steps, {len(tie.source) + len(tie.destination)} rules")
    print("1..3")
    return 0


if __name__ == "__main__":
    sys.exit(main())
