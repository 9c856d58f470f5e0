# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""One run: a guest, a migration, the fault, what is left of it, and what recover makes of that."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field

from .hosts import VM, Host, SoakError, adopt_orphans, kill_all, wait_for_all, words_of
from . import judge
from .judge import is_for_human
from .others import Others
from .page import Page
from .plan import REST, act_of, kind_of, parts_of, side_of

# All waits that xlmig can be told to make shorter; a process is stopped for longer than any of them.
SEND_LIMITS = tuple(f"--{name}-timeout=1s" for name in ("connect", "preflight", "stall", "ready", "go"))
RECEIVE_LIMITS = ("--idle-timeout=1s", "--cleanup-timeout=1s")
STOP_SECONDS = 2.5
# Nobody waits for longer, whatever happens.  Those waits that have no option are of 30 seconds at most.
BOUND_SECONDS = 45
SECOND_ROUNDS = ("a", "b")
RECOVER_ROUNDS = ("a", "b", "a")


@dataclass
class Seen:
    """What there is at one moment."""
    here: list      # domains of the source
    there: list     # of the destination
    journals: tuple # what both sides' say
    elsewhere: list = field(default_factory=list) # of a third host
    paused: bool = False # by its administrator: under its own name it stands where it would run

    def is_live(self, domain):
        return domain.state == "running" or (self.paused and domain.state == "paused" and domain.name == VM)

    def running(self):
        """Where it runs, or stands as its administrator wants."""
        sides = (("here", self.here), ("there", self.there), ("elsewhere", self.elsewhere))
        return [side for side, domains in sides for d in domains if self.is_live(d)]


@dataclass
class Fired:
    """A fault that found its moment."""
    fault: str
    step: str       # what the journals said
    side: str       # where it came: "a" or "b"
    act: str = ""   # of others


@dataclass
class Result:
    plan: object
    fired: list = field(default_factory=list)
    status: int = 0             # of xlmig send; negative: killed by that signal
    seconds: float = 0
    before: Seen = None         # recover
    after: Seen = None
    problems: list = field(default_factory=list)
    counts: list = field(default_factory=list)
    log: str = ""
    asked_human: bool = False   # who said --force-there
    act: object = None          # of others
    saved: bool = False         # by others, in a file
    owned_there: bool = False   # when others made it anew, GO was recorded already


class Run:
    def __init__(self, build, folder, plan, recovers):
        self.build, self.folder, self.plan, self.recovers = build, folder, plan, recovers
        self.a, self.b = Host(build, folder / "a"), Host(build, folder / "b")
        self.result = Result(plan)
        self.fault = ""
        self.continue_at = None
        self.others = Others(self, build, folder)

    def play(self):
        self.page = Page(self.folder / "page")
        try:
            self._prepare()
            self._send()
            self.result.before = self.result.after = self._look()
            if self.recovers:
                self._recover()
                self._end_others()
                self.result.after = self._look()
                if is_for_human(self.result):
                    self._ask_human()
            self._look_closely()
        except (SoakError, subprocess.TimeoutExpired) as error:
            self.result.problems.append(f"the run broke: {error}")
        finally:
            for host in filter(None, (self.a, self.b, self.others.c)):
                host.stop()
            kill_all(wait_for_all(set, 10))
            self.page.close()
        self.result.log = (self.folder / "log").read_text(errors="replace") if (self.folder / "log").exists() else ""
        return self.result

    def _prepare(self):
        for host in (self.a, self.b):
            host.start()
        self._show_hosts()
        self.a.ask("create", VM, *self.plan.guest)
        if self.plan.paused:
            self.a.ask("pause", VM)
        self.created = self.a.info(VM)

    def _show_hosts(self):
        self.page.set_hosts((self.a.pid, self.b.pid))

    def _environment(self, fault):
        return os.environ | {
            "LC_ALL": "C", "LD_PRELOAD": self.build.injector,
            "SOAK_PAGE": str(self.folder / "page"), "SOAK_FAULT": fault,
            "LIBXL_SAVE_HELPER": self.build.helper, "XLMIG_SIMHOST": self.build.simhost,
            "XLMIG_RUNTIME_DIR": str(self.folder / "run"),
            # The injector asks what a descriptor is, and signals other processes.
            "XLMIG_SANDBOX": "on" if self.plan.sandbox else "off",
        }

    def _start(self, words, fault, **more):
        self.fault = fault
        self.continue_at = None
        with open(self.folder / "log", "ab") as log:
            return subprocess.Popen(words, env=self._environment(fault) | more, stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=log, start_new_session=True)

    def _of(self, host):
        return [self.build.xlmig, "--toolstack", f"sim:{host.folder}"]

    def _continue_what_is_stopped(self):
        pid = self.page.fired()
        act = act_of(self.fault)
        if not pid or not act and not kind_of(self.fault).startswith("stop"):
            return
        if act and self.continue_at is None:
            self._have_others(act)
            self.continue_at = time.monotonic()
        elif self.continue_at is None:
            self.continue_at = time.monotonic() + STOP_SECONDS
        elif self.continue_at and time.monotonic() > self.continue_at:
            self.continue_at = 0
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass

    def _have_others(self, act):
        """The one that met them stands still meanwhile."""
        if self.others.act:
            return # once a run
        self.others.do(act, may_create=self.fault.startswith("recover:") and parts_of(self.fault)[1] != "wire")
        self.result.act = self.others.act

    def _end_others(self):
        self.others.end(BOUND_SECONDS)
        self.result.saved = bool(self.others.act) and self.others.act.name == "save" and self.others.act.status == 0
        self.result.owned_there = self.others.owned_there

    def _hosts(self):
        return {self.a.pid, self.b.pid} | self.others.pids()

    def _wait(self, process, what, recovers_at=""):
        """Its exit status, when nothing that it started is left either."""
        begun = time.monotonic()
        left = wait_for_all(self._hosts, BOUND_SECONDS, process, self._continue_what_is_stopped)
        for pid in left:
            self.result.problems.append(f"{what}: still there after {time.monotonic() - begun:.0f} s: {words_of(pid)}")
        kill_all(left)
        if self.page.fired():
            fired = Fired(self.fault, self.page.step(), side_of(self.fault, recovers_at))
            if act_of(self.fault) and self.result.act and not any(other.act for other in self.result.fired):
                fired.act = self.result.act.name
            if fired.act or not act_of(self.fault):
                self.result.fired.append(fired)
            if kind_of(self.fault) == "power":
                self._boot(self.a if fired.side == "a" else self.b)
            self.page.rearm()
        return process.wait()

    def _boot(self, host):
        """After a loss of power."""
        if wait_for_all(lambda: self._hosts() - {host.pid}, BOUND_SECONDS):
            raise SoakError("a host that has no power does not end")
        host.start()
        self._show_hosts()

    def _send(self):
        begun = time.monotonic()
        process = self._start([*self._of(self.a), "send", "--verbose", *SEND_LIMITS, *self.plan.options, *self._way(),
                               VM, "b"], self.plan.fault)
        self.result.status = self._wait(process, "send")
        self.result.seconds = time.monotonic() - begun
        self.result.counts = list(self.page.counts())

    def _way(self):
        """The connection of the migration; the data of tcp and tls goes beside it."""
        receive = " ".join(["exec", *self._of(self.b), "receive", "--negotiate", *RECEIVE_LIMITS])
        if self.plan.transport == "exec":
            return ["--transport", f"exec:{receive}"]
        ssh = self.folder / "ssh"
        ssh.write_text(f"#!/bin/sh\nexport SSH_CONNECTION='127.0.0.1 1 127.0.0.1 22'\n{receive}\n")
        ssh.chmod(0o755)
        return ["--ssh-command", str(ssh), f"--transport={self.plan.transport}"]

    def _recover(self):
        if self.plan.second.startswith(REST):
            self.others.do(act_of(self.plan.second), may_create=True)
            self.result.act = self.others.act
            self._note_act()
        elif self.plan.second:
            for name in SECOND_ROUNDS:
                self._recover_at(name, self.plan.second)
        for name in RECOVER_ROUNDS:
            self._recover_at(name, "")

    def _note_act(self):
        """Of others, when nothing of ours runs."""
        if self.result.act:
            self.result.fired.append(Fired(self.plan.second, self.page.step_now(), self.result.act.side,
                                           self.result.act.name))

    def _ask_human(self):
        """The source's host went down; the administrator knows that nothing of the VM ran there since."""
        self.result.asked_human = True
        self._wait(self._start([*self._of(self.a), "recover", "--force-there", "--yes", VM], "", SOAK_SIDE="a"),
                   "recover --force-there", "a")
        self._recover_at("b", "")
        self.result.after = self._look()

    def _recover_at(self, name, fault):
        host = self.a if name == "a" else self.b
        process = self._start([*self._of(host), "recover", "--all"], fault, SOAK_SIDE=name)
        self._wait(process, f"recover at {name}", name)

    def _look(self):
        elsewhere = self.others.c.domains() if self.others.c else []
        return Seen(self.a.domains(), self.b.domains(), (self.a.journals(), self.b.journals()), elsewhere,
                    self.plan.paused)

    def _look_closely(self):
        """At the one that runs, if it is one."""
        hosts = filter(None, (self.a, self.b, self.others.c))
        self.result.problems += judge.problems_of_life([s for h in hosts for s in h.stretches()], self.others.anew_at,
                                                       self.result.owned_there)
        running = self.result.after.running()
        if len(running) != 1 or running == ["elsewhere"]:
            return
        host = self.a if running == ["here"] else self.b
        name = next(d.name for d in (self.result.after.here if host is self.a else self.result.after.there)
                    if self.result.after.is_live(d))
        info = host.info(name)
        try:
            host.ask("check", name)
        except SoakError:
            self.result.problems.append("pages of the guest hold what it never wrote")
        if self.result.act and self.result.act.name == "create":
            return # one of theirs
        expected = {"errors": "0", "logdirty": "0", "emulator_logdirty": "0", "suspend_asked": "0",
                    "cap": self.created["cap"], "uuid": self.created["uuid"]}
        for key, value in expected.items():
            if info[key] != value:
                self.result.problems.append(f"{name} on {host.folder.name}: {key} is {info[key]}, not {value}")
        if self.plan.paused:
            return
        end = time.monotonic() + 5
        while int(host.info(name)["ticks"]) <= int(info["ticks"]):
            if time.monotonic() > end:
                self.result.problems.append(f"{name} on {host.folder.name} is said to run, and stands still")
                return


def begin_worker():
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)
    adopt_orphans()
