# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""QEMU migrating a paused guest of the same memory over TCP on the loopback device.

The sender's memory is the prepared file itself, the receiver's is QEMU's own kind (private, huge pages by madvise) and
new in each run. The guest never runs, so that there is nothing to send twice. QEMU's limit to its bandwidth is lifted.
"""

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from .processes import BenchError, cpu_seconds, end, mapping_kib, read_until, start, status_kib

PROGRAM = ("qemu-system-x86_64", "qemu-system-x86")
NO_LIMIT = 1 << 40
MODES = {"plain": None, "multifd": "none", "multifd+zstd": "zstd"}


class Content:
    """The memory of a guest, as a file that only a process of ours keeps."""

    def __init__(self, build, memory_mib, content):
        self._keeper = start([build.guest_memory, memory_mib, content], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             bufsize=0)
        if b"ready" not in read_until(self._keeper.stdout, b"ready\n", 300):
            raise BenchError(f"no memory of {memory_mib} MiB with content {content}")
        self.fd = os.open(f"/proc/{self._keeper.pid}/fd/3", os.O_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_failure):
        os.close(self.fd)
        end(self._keeper)


class Qemu:
    """One QEMU process and its QMP connection."""

    def __init__(self, folder, name, memory_mib, memory_fd=None):
        self.guest_mib = memory_mib
        path = folder / name
        path.unlink(missing_ok=True)
        backend = f"id=ram,size={memory_mib}M"
        if memory_fd is None:
            memory = ["-object", f"memory-backend-ram,{backend}", "-incoming", "defer"]
        else:
            memory = ["-object", f"memory-backend-file,{backend},mem-path=/proc/self/fd/{memory_fd},share=on"]
        with open(folder / f"{name}.log", "wb") as log:
            self.process = start([PROGRAM[0], "-machine", "pc,memory-backend=ram", "-m", f"{memory_mib}M",
                                  *memory, "-accel", "tcg", "-S", "-nodefaults", "-display", "none", "-qmp",
                                  f"unix:{path},server=on,wait=off"], stdout=log, stderr=log,
                                 pass_fds=[] if memory_fd is None else [memory_fd])
        self.log = folder / f"{name}.log"
        self._connect(path)

    def _connect(self, path):
        deadline = time.monotonic() + 30
        self._socket = socket.socket(socket.AF_UNIX)
        while self._socket.connect_ex(str(path)):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"QEMU does not start:\n{self.log.read_text()}")
            time.sleep(0.02)
        self._socket.settimeout(300)
        self._file = self._socket.makefile("rw")
        self._file.readline()
        self.events = []
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self._file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._file.flush()
        while True:
            answer = self._next()
            if "error" in answer:
                raise BenchError(f"QEMU: {command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
            self.events.append(answer)

    def _next(self):
        line = self._file.readline()
        if not line:
            raise BenchError(f"QEMU ended:\n{self.log.read_text()}")
        return json.loads(line)

    def await_migrated(self):
        while True:
            event = self.events.pop(0) if self.events else self._next()
            if event.get("event") == "MIGRATION":
                status = event["data"]["status"]
                if status == "completed":
                    return
                if status == "failed":
                    raise BenchError(f"QEMU's migration failed: {self.ask('query-migrate')}")

    def set_up(self, compression, channels):
        names = ["events"] + (["multifd"] if compression else [])
        self.ask("migrate-set-capabilities", capabilities=[{"capability": name, "state": True} for name in names])
        parameters = {"max-bandwidth": NO_LIMIT}
        if compression:
            parameters |= {"multifd-channels": channels, "multifd-compression": compression}
        self.ask("migrate-set-parameters", **parameters)

    def memory_mib(self):
        """The most that it had in memory, its guest's left out."""
        guest_kib = mapping_kib(self.process.pid, self.guest_mib * 1024)
        kib = status_kib(self.process.pid).get("VmHWM", 0) - guest_kib
        return round(kib / 1024, 1)

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.close()
        end(self.process)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def loopback_bytes():
    """All that went over the loopback device so far, whoever's it was."""
    with open("/proc/net/dev") as devices:
        return next(int(line.split()[1]) for line in devices if line.strip().startswith("lo:"))


def move(content, memory_mib, mode, channels, at_start=lambda: None):
    """Migrate a guest with that content once: what it cost."""
    compression = MODES[mode]
    with tempfile.TemporaryDirectory(prefix="xlmig-bench-") as folder, contextlib.ExitStack() as stack:
        sides = []
        for name, fd in (("source", content.fd), ("target", None)):
            sides.append(Qemu(Path(folder), name, memory_mib, fd))
            stack.callback(sides[-1].close)
            sides[-1].set_up(compression, channels)
        source, target = sides
        address = f"tcp:127.0.0.1:{free_port()}"
        target.ask("migrate-incoming", uri=address)
        used, carried = sum(cpu_seconds(side.process.pid) for side in sides), loopback_bytes()
        at_start()
        started = time.monotonic()
        source.ask("migrate", uri=address)
        source.await_migrated()
        target.await_migrated()
        total_s = time.monotonic() - started
        used = sum(cpu_seconds(side.process.pid) for side in sides) - used
        told, carried = source.ask("query-migrate"), loopback_bytes() - carried
        # QEMU 7.2 counts pages as they were before they were compressed.
        sent = carried if compression == "zstd" else told["ram"]["transferred"]
        return {"total_s": round(total_s, 3), "cpu_s": round(used, 2), "sender_mib": source.memory_mib(),
                "receiver_mib": target.memory_mib(), "wire_bytes": sent,
                "own_total_s": told["total-time"] / 1000}
