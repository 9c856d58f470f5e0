# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""What may come of a run, and what that is called in the table."""

from .hosts import VM
from .plan import kind_of

# Of xlmig send (xlmig/base/exit.h).
OK, FAILED, REFUSED, IN_DOUBT, CANCELLED, NEEDS_HAND, LEFTOVER = 0, 1, 3, 4, 5, 6, 7
RUNS_HERE, RUNS_THERE = (FAILED, REFUSED, CANCELLED), (OK, LEFTOVER)


def domains_in_words(seen):
    return ", ".join(f"{where}: " + (" ".join(f"{d.name} {d.state}" for d in domains) or "nothing")
                     for where, domains in (("source", seen.here), ("destination", seen.there)))


def in_words(seen):
    here, there = (" ".join(journals) or "–" for journals in seen.journals)
    return f"{domains_in_words(seen)}; journals: {here} / {there}"


def problems_of_the_word(result):
    """What send said must be so."""
    running = result.before.running()
    if may_be_lost(result):
        return []
    if result.status in RUNS_HERE and running != ["here"]:
        return [f"send says with {result.status} that the VM runs at the source"]
    if result.status in RUNS_THERE and running != ["there"]:
        return [f"send says with {result.status} that the VM runs at the destination"]
    return []


def may_be_lost(result):
    """The VM died with the host whose it was (docs/handover.md, "What is promised")."""
    for fired in result.fired:
        source, destination = fired.step.split(" / ")
        if kind_of(fired.fault) != "power":
            continue
        if fired.side == "a" and source != "MOVED" and (destination in ("–", "INCOMING") or source == "ABORTED"):
            return True
        if fired.side == "b" and (destination in ("GO", "STARTED") or source == "MOVED" or
                                  (source == "–" and result.status in RUNS_THERE)):
            return True
    return False


def is_for_human(result):
    """Gone with the source's host, and READY there: whether it ran on before that, no host can tell."""
    source_went_down = any(kind_of(fired.fault) == "power" and fired.side == "a" for fired in result.fired)
    source, destination = result.after.journals
    return (source_went_down and not result.after.running() and list(destination) == ["ready"] and
            list(source) in (["copying"], ["go-decided"]))


def problems_at_the_end(result):
    """After recover: one copy, running under its own name, and nothing else of the migration."""
    seen = result.after
    problems = []
    if not seen.running() and may_be_lost(result):
        return [] # with what waits for a human
    if len(seen.running()) != 1 or len(seen.here) + len(seen.there) != 1:
        problems.append("it does not run in one place alone")
    elif (seen.here + seen.there)[0].name != VM:
        problems.append("it does not run under its own name")
    if any(seen.journals):
        problems.append("a journal is left")
    return problems


def problems_on_the_way(result):
    """Where there is no recover yet: it must be possible still."""
    seen = result.before
    if len(seen.running()) > 1:
        return ["it runs twice"]
    kept = may_be_lost(result) or seen.here or any(state in ("ready", "go") for state in seen.journals[1])
    if not seen.running() and not kept:
        return ["it runs nowhere, and nothing is written down of it"]
    return []


def judge(result, recovers):
    if result.before is None:
        return result.problems
    problems = result.problems + problems_of_the_word(result)
    if len(result.before.running()) > 1:
        problems.append("it ran twice")
    problems += problems_at_the_end(result) if recovers else problems_on_the_way(result)
    if problems:
        problems.append(f"send ended with {result.status}; then {in_words(result.before)}")
        if recovers:
            problems.append(f"after recover {in_words(result.after)}")
    return problems


def outcome(result):
    """In a word or two, for the table."""
    if result.before is None or result.after is None:
        return "broken"
    before, after = result.before.running(), result.after.running()
    if not after and may_be_lost(result):
        return "died with its host" if not result.after.here else "died with its host: a human decides"
    if len(after) != 1:
        return "for recover" if result.after is result.before else "runs in %d places" % len(after)
    if result.asked_human:
        return "a human decides, and has it run there"
    where = "runs here" if after == ["here"] else "runs there"
    if before == after:
        tidy = not any(result.before.journals) and len(result.before.here) + len(result.before.there) == 1
        return where if tidy else f"{where}; recover tidies up"
    return f"recover: {where}"
