# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""Simulated hosts, and the processes of one run: all of them are descendants of the worker that runs it."""

import ctypes
import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
CALL_SECONDS = 60
LOOK_EVERY = 0.004
VM = "vm"


class SoakError(Exception):
    """Nothing of xlmig's: the run could not be made."""


def adopt_orphans():
    """Whatever loses its parent becomes a child of this process, so that nobody is lost sight of."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise SoakError("prctl: " + os.strerror(ctypes.get_errno()))


def children(process=None):
    """Those that live; the dead are buried, but for what `process` has to tell of itself."""
    pid = os.getpid()
    alive = set()
    for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
        if process and child == process.pid:
            ended = process.poll() is not None
        else:
            ended = os.waitpid(child, os.WNOHANG)[0] != 0
        if not ended:
            alive.add(child)
    return alive


def words_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "?"


@dataclass(frozen=True)
class Build:
    xlmig: str
    simhost: str
    helper: str
    injector: str

    @classmethod
    def of(cls, folder):
        folder = Path(folder).resolve()
        build = cls(*(str(folder / name) for name in ("xlmig/xlmig", "xlmig/xlmig-simhost", "xlmig/xlmig-save-helper",
                                                      "tests/soak/.libs/inject.so")))
        for path in (build.xlmig, build.simhost, build.helper, build.injector):
            if not os.access(path, os.R_OK):
                raise SoakError(f"there is no {path}; type: make check TESTS=")
        return build


@dataclass(frozen=True)
class Domain:
    name: str
    state: str


@dataclass
class Stretch:
    """Of a guest's life, by the ticks that it counts: it ran from here to there."""
    life: int       # the seed of its memory
    host: str
    domain: tuple   # the boot of its host, and its number there
    begin: int
    end: int
    logged_at: int  # in the log of its host


LIFE = re.compile(r"domain (\d+) \(.*\) (goes on from \w+|is destroyed), tick (\d+) of life (\d+)$")


class Host:
    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.pid = 0
        self._boots = []    # where in the log they are

    def start(self):
        self._boots.append(len(self.log()))
        before = children()
        self.ask("start", "memory=64M", f"owner={os.getpid()}")
        started = children() - before
        if len(started) != 1:
            raise SoakError(f"the host in {self.folder} is not one process but {len(started)}")
        self.pid = started.pop()

    def ask(self, verb, *words):
        result = subprocess.run([self.build.simhost, verb, self.folder, *words], stdin=subprocess.DEVNULL, check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=CALL_SECONDS)
        if result.returncode:
            raise SoakError(f"xlmig-simhost {verb} {' '.join(words)}: {result.stderr.strip()}")
        return result.stdout

    def stop(self):
        if self.pid and self.pid in children():
            os.kill(self.pid, signal.SIGTERM)

    def domains(self):
        lines = self.ask("list").splitlines()[1:]
        return [Domain(words[0], words[4]) for words in map(str.split, lines)]

    def info(self, name):
        return dict(line.split("=", 1) for line in self.ask("info", name).splitlines())

    def journals(self):
        """What the journals say; what cannot be read says so."""
        found = []
        for path in sorted((self.folder / "state/journal").glob("*")):
            if path.name.endswith(("-send", "-receive")):
                try:
                    found.append(json.loads(path.read_text().split("\n", 1)[0])["state"])
                except (ValueError, KeyError, OSError):
                    found.append("unreadable")
        return found

    def log(self):
        try:
            return (self.folder / "log").read_text()
        except OSError:
            return ""

    def stretches(self):
        """In which its guests ran.  Where one ended is known from its next one, its end, or what it says now."""
        found, at = [], 0
        for line in self.log().splitlines(keepends=True):
            boot = sum(start <= at for start in self._boots)
            match = LIFE.match(line.rstrip("\n"))
            at += len(line)
            if not match:
                continue
            domain, tick, life = (boot, int(match[1])), int(match[3]), int(match[4])
            last = last_of(found, domain)
            if last:
                last.end = tick
            if match[2] != "is destroyed":
                found.append(Stretch(life, self.folder.name, domain, tick, tick, at))
        for words in map(str.split, self.ask("list").splitlines()[1:]):
            info = self.info(words[0])
            last = last_of(found, (len(self._boots), int(info["domid"])))
            if last:
                last.end = int(info["ticks"])
        return found


def last_of(stretches, domain):
    return next((stretch for stretch in reversed(stretches) if stretch.domain == domain), None)


def wait_for_all(but, seconds, process=None, meanwhile=lambda: None):
    """Until no child is left but those of but(); the others that are, after so long."""
    end = time.monotonic() + seconds
    while True:
        meanwhile()
        left = children(process) - but()
        if not left or time.monotonic() > end:
            return left
        time.sleep(LOOK_EVERY)


def kill_all(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
