# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""Processes that are measured: started, watched, and ended whatever happens."""

import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import threading
import time

PR_SET_PDEATHSIG = 1
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SAMPLE_S = 0.02

_libc = ctypes.CDLL(None, use_errno=True)
_started = []


class BenchError(Exception):
    """Something went wrong in a way that the message explains."""


def need(*programs):
    """The programs are there; `programs` are pairs of a program and the Debian package that has it."""
    missing = sorted({package for program, package in programs if not shutil.which(program)})
    if missing:
        raise BenchError(f"this needs what is not installed: apt-get install {' '.join(missing)}")


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command, **options):
    """As subprocess.Popen, in a session of its own; it ends when this process does."""
    options.setdefault("stdin", subprocess.DEVNULL)
    process = subprocess.Popen(list(map(str, command)), start_new_session=True, preexec_fn=_die_with_parent, **options)
    _started.append(process)
    return process


def end(process):
    """End it and what it started; it may have ended before."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    if process in _started:
        _started.remove(process)


def end_all():
    while _started:
        end(_started[-1])


def output_of(command, seconds, **options):
    """What a command printed; it must succeed within the time."""
    process = start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise BenchError(f"`{' '.join(map(str, command))}` did not end within {seconds} s") from None
    finally:
        end(process)
    if process.returncode:
        raise BenchError(f"`{' '.join(map(str, command))}` ended with {process.returncode}:\n{output[-2000:]}")
    return output


def cpu_seconds(pid):
    """Of a process, and of those that it started and waited for. 0 when it is no more."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return sum(map(int, stat.read().rpartition(")")[2].split()[11:15])) / TICKS_PER_S
    except OSError:
        return 0.0


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def status_kib(pid):
    """The sizes in /proc/PID/status, by name."""
    sizes = {}
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as file:
        for line in file:
            fields = line.split()
            if fields[-1:] == ["kB"]:
                sizes[fields[0].rstrip(":")] = int(fields[1])
    return sizes


def mapping_kib(pid, size_kib):
    """What is in memory of a process's mapping of that size: of a virtual machine's, its guest's."""
    resident, matches = 0, False
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps") as file:
        for line in file:
            name, _, rest = line.partition(":")
            if name == "Size":
                matches = int(rest.split()[0]) == size_kib
            elif name == "Rss" and matches:
                resident = max(resident, int(rest.split()[0]))
    return resident


class Peak:
    """The most memory that the children of some processes had, their guest's (which they share with it) left out."""

    def __init__(self, **parents):
        self.parents = parents
        self.mib = dict.fromkeys(parents, 0.0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_failure):
        self._stop.set()
        self._thread.join(10)

    def _watch(self):
        while not self._stop.wait(SAMPLE_S):
            for name, parent in self.parents.items():
                for child in children(parent.pid):
                    sizes = status_kib(child)
                    mib = (sizes.get("RssAnon", 0) + sizes.get("RssFile", 0)) / 1024
                    self.mib[name] = max(self.mib[name], round(mib, 1))


def read_until(stream, text, seconds):
    """Read from an unbuffered pipe until a text has come, and no further than that within the time."""
    got, deadline = b"", time.monotonic() + seconds
    os.set_blocking(stream.fileno(), False)
    while text not in got:
        part = stream.read(4096)
        if part == b"":
            return got
        if part is None:
            if time.monotonic() > deadline:
                raise BenchError(f"waited {seconds} s for {text!r}, and got {got[-200:]!r}")
            select.select([stream], [], [], max(0.0, deadline - time.monotonic()))
        else:
            got += part
    return got
