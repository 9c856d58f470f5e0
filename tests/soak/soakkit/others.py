# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""Others, who know nothing of xlmig: administrators, scripts, xl.  One act on the VM, at a moment that the plan chooses."""

import os
import subprocess
from dataclasses import dataclass

from .hosts import VM, Host, SoakError

# Who saves or moves has so long before what it met goes on beside it.
HEAD_START_SECONDS = 0.3
NEW_LIFE = 10**6    # the seed of one that is made anew
ORDER = ("resume", "unpause", "pause", "destroy", "save", "move", "back", "create")


@dataclass
class Act:
    """What they did."""
    name: str
    side: str           # of whose domain: "a" or "b"
    status: int = 0     # of save and of what moves; negative: it did not end


class Others:
    def __init__(self, run, build, folder):
        self._run, self._build, self._folder = run, build, folder
        self.c = None           # a third host
        self.act = None
        self.begun = None       # what takes its time
        self.anew_at = {}       # where the logs ended when it was made anew
        self.owned_there = False

    def do(self, wanted, may_create):
        """That, or what comes next to it of what can be done now."""
        start = ORDER.index(wanted)
        for name in ORDER[start:] + ORDER[:start]:
            if name != "create" or may_create:
                act = getattr(self, f"_{name}")()
                if act:
                    self.act = act
                    return

    def _ours(self, host, *states):
        """The VM there, under whatever name."""
        return next((d for d in host.domains() if not states or d.state in states), None)

    def _tell(self, verb, *states):
        domain = self._ours(self._run.a, *states)
        if not domain:
            return None
        try:
            self._run.a.ask(verb, domain.name)
        except SoakError:
            return None # it changed meanwhile
        return Act(verb, "a")

    def _resume(self):
        return self._tell("resume", "suspended")

    def _unpause(self):
        return self._tell("unpause", "paused")

    def _pause(self):
        return self._tell("pause")

    def _destroy(self):
        return self._tell("destroy")

    def _save(self):
        if not self._ours(self._run.a, "running"):
            return None
        return self._begin("save", "a", ["save", self._run.a.folder, VM, self._folder / "file"])

    def _move(self):
        if not self._ours(self._run.a, "running"):
            return None
        return self._begin("move", "a", self._migration(self._run.a, self._third_host()))

    def _back(self):
        """From where it arrived: back, or on to a third host."""
        if not self._ours(self._run.b, "running") or any(d.name == VM for d in self._run.a.domains()):
            return None
        return self._begin("back", "b", self._migration(self._run.b, self._run.a))

    def _create(self):
        if any(d.name == VM for d in self._run.a.domains()) or self._ours(self._run.b, "running"):
            return None
        self.owned_there = "go" in self._run.b.journals()
        self.anew_at = {host.folder.name: len(host.log()) for host in (self._run.a, self._run.b)}
        self._run.a.ask("create", VM, "memory=4M", f"seed={NEW_LIFE}", f"uuid={self._run.created['uuid']}")
        return Act("create", "a")

    def _third_host(self):
        host = Host(self._build, self._folder / "c")
        host.start()
        self.c = host
        return host

    def _migration(self, source, destination):
        return ["migrate", source.folder, VM, f"exec {self._build.simhost} migrate-receive {destination.folder}"]

    def _begin(self, name, side, words):
        environment = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}
        with open(self._folder / "others", "ab") as log:
            self.begun = subprocess.Popen([self._build.simhost, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env=environment | {"LIBXL_SAVE_HELPER": self._build.helper})
        try:
            self.begun.wait(HEAD_START_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        return Act(name, side)

    def pids(self):
        """Who is waited for separately."""
        return ({self.begun.pid} if self.begun and self.begun.poll() is None else set()) | \
            ({self.c.pid} if self.c else set())

    def end(self, seconds):
        if not self.begun:
            return
        try:
            self.act.status = self.begun.wait(seconds)
        except subprocess.TimeoutExpired:
            self.begun.kill()
            self.begun.wait()
            self.act.status = -1
