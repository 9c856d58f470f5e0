# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""What may come of a run, and what that is called in the table."""

from .hosts import VM
from .others import NEW_LIFE
from .plan import kind_of

# Of xlmig send (xlmig/base/exit.h).
OK, FAILED, REFUSED, IN_DOUBT, CANCELLED, NEEDS_HAND, LEFTOVER = 0, 1, 3, 4, 5, 6, 7
RUNS_HERE, RUNS_THERE = (FAILED, REFUSED, CANCELLED), (OK, LEFTOVER)


def domains_in_words(seen):
    sides = [("source", seen.here), ("destination", seen.there)]
    if seen.elsewhere:
        sides.append(("third host", seen.elsewhere))
    return ", ".join(f"{where}: " + (" ".join(f"{d.name} {d.state}" for d in domains) or "nothing")
                     for where, domains in sides)


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
    elif seen.paused and (seen.here + seen.there)[0].state != "paused":
        problems.append("its administrator paused it, and it runs")
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


# ---- where others acted, too ----

def problems_of_life(stretches, anew_at, owned_there):
    """The stretches in which a guest ran follow one another, and none of an old state follows a start from its disks."""
    problems = []
    for new in stretches:
        for old in stretches:
            if old is not new and old.life == new.life and old.begin <= new.begin < old.end:
                problems.append(f"it was started on {new.host} from tick {new.begin}, "
                                f"and ran on {old.host} from {old.begin} to {old.end}")
        if new.life != NEW_LIFE and new.logged_at > anew_at.get(new.host, float("inf")) and not owned_there:
            problems.append(f"its old state was started on {new.host} after it had been made anew")
    return problems


def waits_for_human(seen):
    """What there is of it could run at the destination, and only a human can say whether that is right."""
    source, destination = seen.journals
    kept = [d.name for d in seen.there] == [f"{VM}--incoming"] and list(destination) == ["ready"]
    lost = not seen.there and list(destination) == ["go"]
    return list(source) in (["copying"], ["go-decided"]) and (kept or lost)


def is_settled(seen, states, *, elsewhere=False):
    """One copy, at its own name, in one of those states, and no journal."""
    copies = seen.here + seen.there + (seen.elsewhere if elsewhere else [])
    return len(copies) == 1 and copies[0].name == VM and copies[0].state in states and not any(seen.journals)


def is_gone(seen):
    return not seen.here and not seen.there and (not any(seen.journals) or waits_for_human(seen))


def is_legal_with(act, seen, saved):
    """May it end so, after what they did?"""
    if act.name in ("resume", "unpause"):
        return is_settled(seen, ("running",))
    if act.name == "pause":
        return is_settled(seen, ("running", "paused"))
    if act.name == "destroy":
        return is_settled(seen, ("running",)) or is_gone(seen) or (not seen.here and waits_for_human(seen))
    if act.name == "save":
        return is_gone(seen) or (not seen.here and waits_for_human(seen)) if saved else is_settled(seen, ("running",))
    if act.name == "create": # theirs is left as they made it; of ours nothing runs, and a human may have to say what becomes of it
        return any(d.name == VM and d.state == "running" for d in seen.here)
    # xl's own migration, which keeps what it is not sure of
    return len(seen.running()) == 1


def problems_with_others(result):
    act, seen, problems = result.act, result.after, []
    runs = len(seen.running())
    if runs > 1 and not (act.name == "create" and result.owned_there):
        problems.append("it runs twice")
    if not is_legal_with(act, seen, result.saved):
        problems.append("it must not end so")
    # One that was paused before it was moved arrives so.
    arrived = [d for d in result.before.there if d.name == VM and d.state in ("running", "paused")]
    if result.status in RUNS_THERE and act.side == "a" and not arrived:
        problems.append(f"send says with {result.status} that the VM is at the destination")
    if problems:
        problems.append(f"others: {act.name} on {act.side}, which ended with {act.status}")
    return problems


def judge(result, recovers):
    if result.before is None:
        return result.problems
    if result.act:
        problems = result.problems + problems_with_others(result)
    else:
        problems = result.problems + problems_of_the_word(result)
        if len(result.before.running()) > 1:
            problems.append("it ran twice")
        problems += problems_at_the_end(result) if recovers else problems_on_the_way(result)
    if problems:
        problems.append(f"send ended with {result.status}; then {in_words(result.before)}")
        if recovers:
            problems.append(f"after recover {in_words(result.after)}")
    return problems


def outcome_with_others(result):
    seen = result.after
    running = {"here": "runs here", "there": "runs there", "elsewhere": "runs on a third host"}
    words = [running[side] for side in seen.running()]
    if not words and any(d.state == "paused" and d.name == VM for d in seen.here + seen.there):
        words = ["is paused"]
    if result.act.name == "create":
        words = ["theirs runs"]
    if not words:
        words = ["is in their file" if result.saved else "is gone"]
    return words[0] + ("; a human decides" if any(seen.journals) else "")


def outcome(result):
    """In a word or two, for the table."""
    if result.before is None or result.after is None:
        return "broken"
    before, after = result.before.running(), result.after.running()
    if not after and may_be_lost(result):
        return "died with its host" if not result.after.here else "died with its host: a human decides"
    if result.act:
        return outcome_with_others(result)
    if len(after) != 1:
        return "for recover" if result.after is result.before else "runs in %d places" % len(after)
    if result.asked_human:
        return f"a human decides, and has it {'there, paused' if result.plan.paused else 'run there'}"
    stands = "stays paused" if result.plan.paused else "runs"
    where = f"{stands} here" if after == ["here"] else f"{stands} there"
    if before == after:
        tidy = not any(result.before.journals) and len(result.before.here) + len(result.before.there) == 1
        return where if tidy else f"{where}; recover tidies up"
    return f"recover: {where}"
