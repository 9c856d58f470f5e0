# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""What a seed stands for: a guest, a way to send it, one fault. A pure function of the seed."""

import random
from dataclasses import dataclass, replace

# How many calls, and bytes, each process makes where, in a run without a fault (`soak --count`), or a little more.
# Zero bytes: there is no moment between two of them.
MOMENTS = {
    ("send", "wire"): (9, 1670),
    ("send", "host"): (6, 0),
    ("send", "journal"): (32, 1650),
    ("suspend", "wire"): (7, 8400),
    ("suspend", "pipe"): (4, 16),
    ("suspend", "host"): (8, 0),
    ("save", "wire"): (27, 3050000),
    ("save", "pipe"): (11, 411),
    ("save", "host"): (12, 0),
    ("receive", "wire"): (7, 730),
    ("receive", "pipe"): (20, 3050000),
    ("receive", "host"): (12, 0),
    ("receive", "journal"): (37, 1560),
    ("xl", "pipe"): (4, 96),
    ("xl", "host"): (3, 0),
    ("restore", "pipe"): (3, 40),
    ("restore", "host"): (4, 0),
}
# How often a process and a place are chosen: mostly where the handover is decided.
WEIGHTS = {
    ("send", "wire"): 3, ("send", "host"): 2, ("send", "journal"): 4,
    ("receive", "wire"): 3, ("receive", "host"): 2, ("receive", "journal"): 4,
    ("save", "wire"): 2, ("receive", "pipe"): 2,
}

DEATHS = ("kill", "killed-after")
STOPS = ("stop", "stopped-after")
ERRORS = {
    "wire": ("EPIPE", "EIO", "ENOSPC", "once-EIO", "short", "closed"),
    "pipe": ("EPIPE", "EIO", "ENOSPC", "once-EIO", "short", "closed"),
    "host": ("EIO", "once-EIO", "closed"),
    "journal": ("ENOSPC", "EIO", "once-ENOSPC", "once-EIO", "short", "closed"),
}
BETWEEN_BYTES = ("kill", "EPIPE", "EIO", "ENOSPC")

SECOND_SHARE, POWER_SHARE, STOP_SHARE, DEATH_SHARE, BYTE_SHARE = 0.12, 0.07, 0.08, 0.45, 0.3
LATE_SHARE = 0.6  # of the moments are in the second half: the handover comes last

# Of recover, and of the receiver that it talks to.  Before it, send was killed where there is most to be asked.
SECOND_MOMENTS = {("recover", "wire"): (4, 500), ("recover", "host"): (5, 0), ("recover", "journal"): (12, 500),
                  ("receive", "wire"): (4, 500), ("receive", "host"): (6, 0), ("receive", "journal"): (10, 500)}


# How many calls that read each process makes where.
READS = {
    ("send", "wire"): 20, ("send", "host"): 10,
    ("suspend", "pipe"): 24, ("suspend", "host"): 7,
    ("save", "pipe"): 4, ("save", "host"): 20,
    ("receive", "wire"): 26, ("receive", "pipe"): 8, ("receive", "host"): 14,
    ("xl", "pipe"): 16, ("xl", "host"): 2,
    ("restore", "pipe"): 76, ("restore", "wire"): 24, ("restore", "host"): 4,
    ("recover", "wire"): 8, ("recover", "host"): 8, ("recover", "journal"): 6,
}
READ_ERRORS = {
    "wire": ("EIO", "ECONNRESET", "once-EIO", "once-EINTR", "short", "end"),
    "pipe": ("EIO", "once-EIO", "once-EINTR", "short", "end"),
    "host": ("EIO", "ECONNRESET", "once-EIO", "once-EINTR"),
    "journal": ("EIO", "once-EIO", "once-EINTR", "short", "end"),
}

# What others do who know nothing of xlmig (run.py).
ACTS = ("resume", "unpause", "pause", "destroy", "save", "move")
LATE_ACTS = ACTS + ("back", "create") # with what a killed command left, or before recover acts
REST = "rest" # between the migration and recover

READ_SHARE, OTHERS_SHARE, TRANSPORT_SHARE, SANDBOX_SHARE, PAUSED_SHARE = 0.25, 0.3, 0.3, 0.3, 0.08

# Each once found something, as it was before there was more than one kind of fault: it stays what it was.
KEPT = (1204, 2785, 3483)


@dataclass(frozen=True)
class Plan:
    seed: int
    guest: tuple    # settings of xlmig-simhost create
    options: tuple  # of xlmig send
    fault: str      # in the migration, as tests/soak/inject.c reads it; "": none
    second: str = ""  # in the first recover, or what it starts on the other host; or between both: "rest::others-..."
    transport: str = "exec"
    sandbox: bool = False
    paused: bool = False  # by its administrator, before it is sent


class Dice:
    """random() alone promises the same numbers from the same seed in every release of Python."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def below(self, limit):
        return int(self._random.random() * limit)

    def one_of(self, things):
        return things[self.below(len(things))]

    def happens(self, share):
        return self._random.random() < share


def guest_of(dice, seed):
    settings = ["memory=4M", "rate=4M", f"seed={seed}", f"vcpus={1 + dice.below(2)}", f"cap={dice.one_of((0, 0, 50))}"]
    settings.append(f"type={dice.one_of(('pvh', 'hvm'))}")
    if dice.happens(0.25):
        settings.append("devices=20")
    return tuple(settings)


def options_of(dice):
    options = list(dice.one_of((("--image=libxc",), ("--image=v1", "--channels=1"), ("--image=v1", "--channels=2"))))
    if dice.happens(0.1):
        options.append("--no-live")
    return tuple(options)


def fault_of(dice, moments):
    where = [key for key in moments for _ in range(WEIGHTS.get(key, 1))]
    role, place = dice.one_of(where)
    nr_calls, nr_bytes = moments[role, place]
    if nr_bytes and place != "journal" and dice.happens(BYTE_SHARE):
        return f"{role}:{place}:{dice.one_of(BETWEEN_BYTES)}:byte:{1 + dice.below(nr_bytes)}"
    if dice.happens(POWER_SHARE):
        kind = "power"
    elif dice.happens(STOP_SHARE):
        kind = dice.one_of(STOPS)
    else:
        kind = dice.one_of(DEATHS) if dice.happens(DEATH_SHARE) else dice.one_of(ERRORS[place])
    first = nr_calls // 2 if dice.happens(LATE_SHARE) else 0
    return f"{role}:{place}:{kind}:call:{1 + first + dice.below(nr_calls - first)}"


def faults_of(dice):
    if not dice.happens(SECOND_SHARE):
        return fault_of(dice, MOMENTS), ""
    role, place = dice.one_of((("send", "wire"), ("send", "journal"), ("send", "host"), ("receive", "wire")))
    first = f"{role}:{place}:{dice.one_of(DEATHS)}:call:{1 + dice.below(MOMENTS[role, place][0])}"
    return first, fault_of(dice, SECOND_MOMENTS)


def late_call(dice, nr_calls):
    first = nr_calls // 2 if dice.happens(LATE_SHARE) else 0
    return 1 + first + dice.below(nr_calls - first)


def read_fault_of(dice):
    role, place = dice.one_of([key for key in READS for _ in range(WEIGHTS.get(key, 1)) if key[0] != "recover"])
    return read_fault_at(dice, role, place)


def read_fault_at(dice, role, place):
    kind = "kill" if dice.happens(0.15) else dice.one_of(READ_ERRORS[place])
    return f"{role}:{place}:{kind}:read:{late_call(dice, READS[role, place])}"


def death_of(dice):
    """Of a command that owns a journal."""
    role, place = dice.one_of((("send", "wire"), ("send", "journal"), ("send", "journal"), ("send", "host"),
                               ("receive", "wire"), ("receive", "journal")))
    return f"{role}:{place}:{dice.one_of(DEATHS)}:call:{late_call(dice, MOMENTS[role, place][0])}"


def faults_with_others(dice):
    """What they do comes in the migration, between that and recover, or in recover."""
    when = dice.below(3)
    if when == 0:
        role, place = dice.one_of([key for key in MOMENTS for _ in range(WEIGHTS.get(key, 1))])
        return f"{role}:{place}:others-{dice.one_of(ACTS)}:call:{late_call(dice, MOMENTS[role, place][0])}", ""
    act = f"others-{dice.one_of(LATE_ACTS)}"
    if when == 1:
        return death_of(dice), f"{REST}::{act}"
    place = dice.one_of(("wire", "host", "host", "journal"))
    return death_of(dice), f"recover:{place}:{act}:call:{1 + dice.below(SECOND_MOMENTS['recover', place][0])}"


def plan_of(seed):
    dice, more = Dice(seed), Dice(seed + 10**9)
    plan = Plan(seed, guest_of(dice, seed), options_of(dice), *faults_of(dice))
    if seed in KEPT:
        return plan
    if more.happens(OTHERS_SHARE):
        fault, second = faults_with_others(more)
        plan = replace(plan, fault=fault, second=second)
    elif more.happens(READ_SHARE / (1 - OTHERS_SHARE)):
        plan = replace(plan, fault=read_fault_of(more), second="")
    elif plan.second and more.happens(READ_SHARE):
        place = more.one_of(("wire", "host", "journal"))
        plan = replace(plan, second=read_fault_at(more, "recover", place))
    if more.happens(TRANSPORT_SHARE):
        plan = replace(plan, transport=more.one_of(("tcp", "tls")))
    plan = replace(plan, sandbox=more.happens(SANDBOX_SHARE) and not in_helper(plan.fault))
    return replace(plan, paused=more.happens(PAUSED_SHARE) and not act_of(plan.fault) and not act_of(plan.second))


# ---- what a fault is ----

def parts_of(fault):
    """Its process, place and kind."""
    return fault.split(":")[:3]


def kind_of(fault):
    return parts_of(fault)[2] if fault else ""


def in_helper(fault):
    """In a process that confines itself, where the injector can do nothing."""
    return parts_of(fault)[0] in ("save", "restore")


def act_of(fault):
    """What others are to do; "" where it is a fault of another kind."""
    kind = kind_of(fault)
    return kind.removeprefix("others-") if kind.startswith("others-") else ""


def side_of(fault, recovers_at=""):
    """The host on which it comes: "a", the source, or "b"."""
    role = parts_of(fault)[0]
    return recovers_at if role == "recover" else "a" if role in ("send", "suspend", "save") else "b"
