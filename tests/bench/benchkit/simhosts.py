# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""Two simulated hosts and the engine between them, over TCP on the loopback device.

The part of xl is played here: the configuration goes to the receiver first, then the sending engine gets the connection
itself as its channel 0, as it would from libxl, and further connections as its further channels. No byte of the image
passes through this process.
"""

import contextlib
import json
import os
import secrets
import select
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from .processes import BenchError, Peak, cpu_seconds, end, output_of, read_until, start

BANNER = b"xl migration receiver ready, send binary domain data.\n"
READY = b"domain received, ready to unpause\0"
SECONDS = 300
NAME = "guest"
# The features of image v1 (stream-format/IMAGE-V1.md) that a stream may have: all but an index.
FEATURES = 0xDF
TCP_INFO_BYTES_RECEIVED = 128

# In the place of ssh: what follows the host is a command for the other simulated host.
SSH = """\
#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift 2
export SSH_CONNECTION='127.0.0.1 1 127.0.0.1 22'
xlmig() {{ exec {xlmig} --toolstack sim:{host} "$@"; }}
eval "$*"
"""


def connections(count):
    """Pairs of connected sockets on the loopback device."""
    with socket.create_server(("127.0.0.1", 0), backlog=count) as listener:
        pairs = []
        for _ in range(count):
            near = socket.create_connection(listener.getsockname(), timeout=10)
            far, _ = listener.accept()
            for side in (near, far):
                side.setblocking(True)
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pairs.append((near, far))
    return pairs


def received(connection):
    """Bytes that came over a connection, by the kernel's count."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("=Q", info, TCP_INFO_BYTES_RECEIVED)[0]


def ended(process):
    """With which status, or None; it stays a zombie, so that its times can still be read."""
    result = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return result.si_status if result else None


class Host:
    def __init__(self, build, folder, memory_mib):
        self.build, self.folder = build, folder
        output_of([build.simhost, "start", folder, f"memory={memory_mib}M", f"owner={os.getpid()}"], 60)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
            asking.connect(str(folder / "host.sock"))
            self.pid = struct.unpack("3i", asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]

    def ask(self, verb, *words, seconds=SECONDS):
        return output_of([self.build.simhost, verb, self.folder, *words], seconds)

    def info(self, name):
        return dict(line.split("=", 1) for line in self.ask("info", name).splitlines())

    def stop(self):
        subprocess.run([self.build.simhost, "stop", self.folder], timeout=30, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


class Hosts:
    """A pair, with one guest on the first; the guest is there again after each move."""

    def __init__(self, build, memory_mib, content):
        self.memory_mib = memory_mib
        self._folder = tempfile.TemporaryDirectory(prefix="xlmig-bench-")
        room = memory_mib + 64
        self.build = build
        self.hosts = []
        try:
            for name in "ab":
                self.hosts.append(Host(build, Path(self._folder.name) / name, room))
            self.a, self.b = self.hosts
            self.a.ask("create", NAME, f"memory={memory_mib}M", f"content={content}", "rate=0", "vcpus=1")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_failure):
        self.close()

    def close(self):
        for host in self.hosts:
            host.stop()
        self._folder.cleanup()

    def move(self, environment, channels, at_start=lambda: None, seconds=SECONDS):
        """Move the guest once, check the copy, throw it away: what the move cost."""
        pairs = connections(channels)
        move = Move(self, environment, pairs)
        try:
            result = move.run(at_start, seconds)
            self._check(self.a.info(NAME)["uuid"], f"{NAME}--incoming")
        finally:
            move.close()
        self._bring_back()
        return result

    def send(self, options, at_start=lambda: None, seconds=SECONDS):
        """The whole command instead of the engine alone: what it cost. The guest is then brought back."""
        uuid = self.a.info(NAME)["uuid"]
        used = sum(cpu_seconds(host.pid) for host in self.hosts)
        at_start()
        command = Command(self, self.a, self.b, options)
        try:
            result = command.run(seconds)
            used = sum(cpu_seconds(host.pid) for host in self.hosts) - used + cpu_seconds(command.process.pid)
        finally:
            command.close()
        self._check(uuid, NAME)
        back = Command(self, self.b, self.a, ())
        try:
            back.run(seconds)
        finally:
            back.close()
        return result | {"cpu_s": round(used, 2)}

    def _check(self, uuid, name):
        """The copy is what the guest was when it was suspended."""
        there, here = self.a.ask("proof", uuid, "suspended"), self.b.ask("proof", name, "restored")
        if not there or there != here:
            raise BenchError(f"the guest did not arrive as it was:\n{there}{here}")

    def _bring_back(self):
        deadline = time.monotonic() + 60
        while NAME in self.b.ask("list"):
            if time.monotonic() > deadline:
                raise BenchError("the copy of the guest does not go away")
            time.sleep(0.05)
        self.a.ask("resume", NAME)


class Move:
    """One transfer: a process on each side, and the connections between them."""

    def __init__(self, hosts, environment, pairs):
        self.hosts, self.pairs = hosts, pairs
        self.environment = dict(os.environ, LIBXL_SAVE_HELPER=str(hosts.build.helper), **environment,
                                XLMIG_CHANNEL_TOKEN=secrets.token_hex(16), XLMIG_IMAGE_FEATURES=f"{FEATURES:x}")
        self.sender = self.receiver = None

    def _side(self, index, verb, *words, **streams):
        further = [pair[index].fileno() for pair in self.pairs[1:]]
        environment = dict(self.environment)
        if further:
            environment["XLMIG_CHANNEL_FDS"] = ",".join(map(str, further))
        host = self.hosts.hosts[index]
        return start([host.build.simhost, verb, host.folder, *words], env=environment, pass_fds=further,
                     stderr=subprocess.PIPE, **streams)

    def _preamble(self):
        """xl's save header and the configuration."""
        configuration = self.hosts.a.ask("config", NAME).strip().encode() + b"\0"
        size = len(configuration)
        header = b"Xen saved domain, xl format\n \0 \r" + struct.pack("<4I", 0x01020304, 3, 0, size + 4)
        return header + struct.pack("<I", size) + configuration

    def run(self, at_start, seconds):
        near, far = self.pairs[0]
        self.receiver = self._side(1, "migrate-receive", stdin=far.fileno(), stdout=subprocess.PIPE, bufsize=0)
        read_until(self.receiver.stdout, BANNER, 60)
        near.sendall(self._preamble())
        domid = self.hosts.a.info(NAME)["domid"]
        servers = [host.pid for host in self.hosts.hosts]
        used = sum(map(cpu_seconds, servers))
        at_start()
        started = time.monotonic()
        self.sender = self._side(0, "suspend", domid, "live", stdin=subprocess.DEVNULL, stdout=near.fileno())
        with Peak(sender=self.sender, receiver=self.receiver) as peak:
            self._await_ready(seconds)
            total_s = time.monotonic() - started
            self._await_end_of_sender()
        used = sum(map(cpu_seconds, servers)) - used + cpu_seconds(self.receiver.pid) + cpu_seconds(self.sender.pid)
        channel_bytes = [received(far) for _, far in self.pairs]
        if not all(channel_bytes):
            raise BenchError(f"the engine did not use all of its channels: {channel_bytes} bytes")
        return {"total_s": round(total_s, 3), "cpu_s": round(used, 2), "sender_mib": peak.mib["sender"],
                "receiver_mib": peak.mib["receiver"], "wire_bytes": sum(channel_bytes),
                "channel_bytes": channel_bytes}

    def _await_ready(self, seconds):
        """Until the receiver has everything; or either side has given up."""
        deadline = time.monotonic() + seconds
        os.set_blocking(self.receiver.stdout.fileno(), False)
        got = b""
        while READY not in got:
            readable, _, _ = select.select([self.receiver.stdout], [], [], 0.5)
            if readable:
                part = self.receiver.stdout.read(4096)
                got += part or b""
            if ended(self.receiver) is not None or ended(self.sender) or time.monotonic() > deadline:
                raise BenchError(f"the move failed, or took longer than {seconds} s:\n{self._said()}")

    def _await_end_of_sender(self):
        """Its times then count what its helper used."""
        deadline = time.monotonic() + 30
        while ended(self.sender) is None:
            if time.monotonic() > deadline:
                raise BenchError("the sender does not end")
            time.sleep(0.002)

    def _said(self):
        said = b""
        for process in (self.sender, self.receiver):
            os.set_blocking(process.stderr.fileno(), False)
            said += process.stderr.read() or b""
        return said.decode(errors="replace")[-2000:]

    def close(self):
        """The receiver sees the connection end instead of a GO and destroys its copy."""
        for pair in self.pairs:
            for connection in pair:
                connection.close()
        for process in (self.sender, self.receiver):
            if process:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(30)
                end(process)


class Command:
    """`xlmig send` from one host to the other."""

    def __init__(self, hosts, source, target, options):
        build = hosts.build
        ssh = target.folder.parent / f"ssh-to-{target.folder.name}"
        ssh.write_text(SSH.format(xlmig=build.xlmig, host=target.folder))
        ssh.chmod(0o755)
        environment = dict(os.environ, LIBXL_SAVE_HELPER=str(build.helper), XLMIG_SIMHOST=str(build.simhost),
                           XLMIG_RUNTIME_DIR=str(target.folder.parent / "run"))
        self._said = tempfile.TemporaryFile("w+")
        words = ["--toolstack", f"sim:{source.folder}", "send", "--ssh-command", ssh, "--json", *options]
        self.process = start([build.xlmig, *words, NAME, target.folder.name], env=environment, stdout=self._said,
                             stderr=subprocess.STDOUT)

    def run(self, seconds):
        deadline = time.monotonic() + seconds
        while ended(self.process) is None:
            if time.monotonic() > deadline:
                raise BenchError(f"`xlmig send` took longer than {seconds} s")
            time.sleep(0.005)
        self._said.seek(0)
        said = self._said.read()
        if ended(self.process):
            raise BenchError(f"`xlmig send` failed:\n{said[-2000:]}")
        report = json.loads(said.splitlines()[-1])
        return {"total_s": round(report["total_us"] / 1e6, 3), "wire_bytes": report["bytes"],
                "downtime_s": report["downtime_us"] / 1e6}

    def close(self):
        self._said.close()
        end(self.process)
