# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""The pair of hosts as a whole: up, down, and finding again what another `lab` process started."""

import contextlib
import fcntl
import json
import shutil
import subprocess
import time

from . import images, segment
from .host import SHARED_DISKS, Host, disk_file
from .settings import FAILURES, HOST_XEN_OPTIONS, MEMORY_MIB, RUN, LabError

STATE = RUN / "pair.json"
DISK_BYTES = 8 << 20
FAILURES_KEPT = 5


class Pair:
    def __init__(self, hypervisor, memory_mib, hosts):
        self.hypervisor, self.memory_mib = hypervisor, memory_mib
        self.hosts = hosts
        self.a, self.b = hosts["a"], hosts["b"]

    def alive(self):
        return all(host.alive() for host in self.hosts.values())

    def other(self, host):
        return self.b if host is self.a else self.a

    def save(self):
        state = {"hypervisor": self.hypervisor, "memory_mib": self.memory_mib,
                 "hosts": {name: {"pid": host.pid, "start": host.start} for name, host in self.hosts.items()}}
        STATE.write_text(json.dumps(state))

    def destroy(self, guest):
        """Wherever it is, whatever a migration may have named it, and what is recorded of it: the next one has its UUID, and
        its console logs, in which an old tick would be taken for a new one."""
        uuid = guest.uuid.replace("-", "")
        for host in self.hosts.values():
            with contextlib.suppress(LabError):
                host.run(f"for n in {guest.name} {guest.name}--incoming {guest.name}--migratedaway; do "
                         "xl destroy $n 2>/dev/null; rm -f /var/log/xen/guest-$n.log; done; "
                         f"rm -f $(grep -ls {uuid} /var/lib/xlmig/journal/*-send /var/lib/xlmig/journal/*-receive)",
                         check=False)
        guest.host = None

    def lose_power(self, host):
        """The power of a host is gone, and back at once: it boots meanwhile, and await_back() waits for it."""
        host.lose_power()
        host.power_on()
        self.save()

    def await_back(self, host):
        """As up() does, it tries once more: not every boot under emulation succeeds."""
        if not host.is_booting:
            return
        try:
            host.be_back()
        except LabError as error:
            images.say(f"{error}; trying once more")
            host.stop()
            host.power_on()
            self.save()
            host.be_back()

    def install(self, folder):
        for host in self.hosts.values():
            host.put_tree(folder)


@contextlib.contextmanager
def lock(wait=False):
    """One lab process at a time changes or tests a pair."""
    RUN.mkdir(parents=True, exist_ok=True)
    with open(RUN / "lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise LabError(f"another lab command is at work in {RUN}") from error
        yield


def load():
    """The pair that was started last, whether or not it still runs; None when there is none."""
    try:
        state = json.loads(STATE.read_text())
    except (OSError, ValueError):
        return None
    hosts = {name: Host(name, **known) for name, known in state["hosts"].items()}
    return Pair(state["hypervisor"], state.get("memory_mib", MEMORY_MIB), hosts)


def attach():
    """The running pair, and this process moved into its namespace."""
    pair = load()
    if not pair or not pair.alive():
        raise LabError("no pair is up; start one with: lab up")
    segment.enter()
    return pair


def up(hypervisor, memory_mib=MEMORY_MIB):
    """Start both hosts. Leaves this process in the lab's namespace."""
    pair = load()
    if pair and pair.alive():
        raise LabError(f"a pair is already up (hypervisor {pair.hypervisor}); stop it with: lab down")
    xen, dom0, guest = images.build(hypervisor)
    down()
    segment.create()
    segment.enter()
    for kind in SHARED_DISKS:
        with open(disk_file(kind), "wb") as disk:
            disk.truncate(DISK_BYTES)
    shutil.copy(guest / "boot.disk", disk_file("boot"))
    for attempt in (1, 2):
        pair = Pair(hypervisor, memory_mib, {"a": Host("a"), "b": Host("b")})
        try:
            for host in pair.hosts.values():
                host.boot(xen, dom0, memory_mib, HOST_XEN_OPTIONS.get((hypervisor, host.name), ""))
                pair.save()
            for host in pair.hosts.values():
                host.wait_ready()
            return pair
        except LabError as error:
            for host in pair.hosts.values():
                host.stop()
            if attempt == 2:
                raise
            images.say(f"{error}; trying once more")
    return None


def down():
    """Stop what runs, and clear what a pair that was not stopped properly left."""
    pair = load()
    if pair:
        for host in pair.hosts.values():
            host.stop()
    STATE.unlink(missing_ok=True)
    segment.remove()


def keep_logs(pair, label):
    """Copy the logs of both hosts where they outlive the pair: the folder."""
    FAILURES.mkdir(parents=True, exist_ok=True)
    folder = FAILURES / f"{time.strftime('%Y%m%d-%H%M%S')}-{label}"
    folder.mkdir(exist_ok=True)
    for host in pair.hosts.values():
        for file in (host.serial, RUN / f"{host.name}.qemu.log"):
            if file.exists():
                shutil.copy(file, folder)
        if host.alive():
            with contextlib.suppress(LabError):
                text = host.run("xl list -v; xenstore-ls -f | head -500; ps axf; df -h; echo; xl dmesg", 60, False)
                (folder / f"{host.name}.state").write_text(text)
            with contextlib.suppress(LabError):
                host.run("tar -C /var/log -czf /tmp/logs.tar.gz .", 60, False)
                host.get("/tmp/logs.tar.gz", folder / f"{host.name}.logs.tar.gz")
    for old in sorted(FAILURES.iterdir())[:-FAILURES_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def interactive_shell(host):
    return subprocess.call(["socat", "-,raw,echo=0,escape=0x1d", f"TCP:127.0.0.1:{host.shell_port}"])
