# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""One lab host: a QEMU process that runs Xen and a dom0, and the control connection into that dom0."""

import base64
import contextlib
import io
import os
import pathlib
import re
import signal
import socket
import subprocess
import tarfile
import time

from .settings import HOST_ADDRESSES, READY_SECONDS, RUN, LabError

# What software emulation needs, each found by what broke without it: smap kills dom0, monitor and C states panic Xen
# after minutes, rdtscp kills PVH guests, lazy FPU switching corrupts dom0's XMM registers.
CPU = "EPYC,+svm,+npt,-smap,-monitor,-rdtscp"
ACCELERATOR = "tcg,thread=multi,tb-size=1024"  # MiB of translated code: with a quarter of it the hosts translate anew twice a minute
XEN_OPTIONS = ("dom0_mem=1024M,max:1024M com1=115200,8n1 console=com1 loglvl=info guest_loglvl=info noreboot "
               "cpuidle=0 cpufreq=none spec-ctrl=no,eager-fpu xpti=no")
DOM0_OPTIONS = "console=hvc0 loglevel=4 mitigations=off nokaslr rdinit=/init"

# Disks that both hosts see, as on a storage network: a guest's type -> its device in either dom0. An HVM guest boots
# from one more.
SHARED_DISKS = {"pv": "/dev/vdb", "pvh": "/dev/vdc", "hvm": "/dev/vdd", "boot": "/dev/vde"}

# A host's own disk, which outlives a loss of its power: dom0 has it at /var/lib/xlmig (dom0/root/lab/init). The root disk
# is as new after each boot.
STATE_MIB = 64
GONE_SECONDS = 30

TRAILER = re.compile(rb"\n@@exit (\d+)@@$")


def disk_file(kind):
    return RUN / f"{kind}.disk"


def cpu_seconds_of(pid):
    """What a process has used so far; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def started_at(pid):
    """When a process started, in clock ticks since boot: with the pid, its identity. None when there is no such."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return int(stat.read().rpartition(")")[2].split()[19])
    except (OSError, IndexError):
        return None


class CommandFailed(LabError):
    def __init__(self, host, command, status, output):
        super().__init__(f"host {host}: `{command}` ended with {status}:\n{output[-3000:]}")
        self.status, self.output = status, output


class Host:
    def __init__(self, name, pid=None, start=None):
        self.name = name
        self.address = HOST_ADDRESSES[name]
        self.number = 1 if name == "a" else 2
        self.agent_port, self.shell_port = 2300 + self.number, 2310 + self.number
        self.serial = RUN / f"{name}.serial"
        self.state_disk = RUN / f"{name}.state.disk"
        self.pid, self.start = pid, start
        self._qemu = None       # where this process has started it
        self._command = None
        self._installed = []    # what was put into dom0, packed
        self.is_booting = False # after a loss of power

    # The machine.

    def make_state_disk(self):
        self.state_disk.unlink(missing_ok=True)
        result = subprocess.run(["mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum", self.state_disk, f"{STATE_MIB}M"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env=dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"), timeout=60)
        if result.returncode:
            raise LabError(f"no file system in {self.state_disk}: {result.stdout.strip()}")

    def boot(self, xen, dom0, memory_mib, xen_options=""):
        forwards = f"hostfwd=tcp:127.0.0.1:{self.agent_port}-:2300,hostfwd=tcp:127.0.0.1:{self.shell_port}-:2301"
        command = [
            "qemu-system-x86_64", "-machine", "q35", "-accel", ACCELERATOR, "-cpu", CPU,
            "-m", str(memory_mib), "-smp", "1", "-display", "none", "-vga", "none", "-nodefaults", "-no-reboot",
            "-serial", f"file:{self.serial}", "-kernel", xen, "-append", f"{XEN_OPTIONS} {xen_options}",
            "-initrd", f"{dom0}/vmlinux {DOM0_OPTIONS} lab.host={self.name},{dom0}/initramfs",
            "-drive", f"file={dom0}/root.ext4,if=none,id=root,format=raw,snapshot=on,cache=unsafe",
            "-device", "virtio-blk-pci,drive=root",
            "-netdev", f"user,id=control,restrict=on,{forwards}",
            "-device", f"virtio-net-pci,netdev=control,mac=52:54:00:00:00:0{self.number},romfile=",
            "-netdev", f"tap,id=segment,ifname=tap{self.name},script=no,downscript=no,vnet_hdr=on",
            "-device", f"virtio-net-pci,netdev=segment,mac=52:54:00:00:01:0{self.number},romfile=",
        ]
        for kind in SHARED_DISKS:
            command += ["-drive", f"file={disk_file(kind)},if=none,id={kind},format=raw,file.locking=off",
                        "-device", f"virtio-blk-pci,drive={kind},share-rw=on"]
        # Last, so that the others keep their names in dom0. What dom0 was told to be written is on the disk.
        command += ["-drive", f"file={self.state_disk},if=none,id=state,format=raw,cache=writethrough",
                    "-device", "virtio-blk-pci,drive=state"]
        self.make_state_disk()
        self._start(list(map(str, command)))

    def _start(self, command):
        self.serial.unlink(missing_ok=True)
        with open(RUN / f"{self.name}.qemu.log", "w") as log:
            qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    start_new_session=True, env=dict(os.environ, TMPDIR=str(RUN)))
        self._qemu, self._command = qemu, command
        self.pid, self.start = qemu.pid, started_at(qemu.pid)
        # Should the machine run out of memory, a host with guests in it is the last thing to end.
        with contextlib.suppress(OSError), open(f"/proc/{qemu.pid}/oom_score_adj", "w") as score:
            score.write("-900")

    def alive(self):
        if self.pid is None or started_at(self.pid) != self.start:
            return False
        with open(f"/proc/{self.pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"

    def stop(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.alive():
                return
            os.kill(self.pid, number)
            for _ in range(100):
                if not self.alive():
                    return
                time.sleep(0.05)

    def lose_power(self):
        """From one instruction to the next; power_on() starts the same machine anew, with the disks as they are."""
        if not self.alive():
            raise LabError(f"host {self.name} is gone already")
        if not self._command:
            words = pathlib.Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")
            self._command = [os.fsdecode(word) for word in words[:-1]]
        os.kill(self.pid, signal.SIGKILL)

    def power_on(self):
        """Once nothing is left of the process that had the network device."""
        end = time.monotonic() + GONE_SECONDS
        while self.alive():
            if time.monotonic() > end:
                raise LabError(f"host {self.name} does not end")
            time.sleep(0.05)
        if self._qemu:
            self._qemu.wait(GONE_SECONDS)
        else:
            time.sleep(1)  # it looks dead when its first thread is
        self._start(self._command)
        self.is_booting = True

    def be_back(self):
        """Wait until a host that lost its power is ready, and put into dom0 what was there."""
        self.wait_ready()
        for packed in self._installed:
            self._unpack(packed)
        self.is_booting = False

    def wait_ready(self):
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            text = self.serial.read_bytes() if self.serial.exists() else b""
            if b"LAB: ready" in text:
                self.run("xl list", seconds=60)
                return
            if not self.alive():
                raise LabError(f"host {self.name} ended while booting; see {RUN}/{self.name}.qemu.log, {self.serial}")
            if re.search(rb"Panic on CPU|Kernel panic|crashed", text):
                break
            time.sleep(0.2)
        raise LabError(f"host {self.name} did not come up; see {self.serial}")

    # Its dom0.

    def connect(self, port, seconds=20):
        return socket.create_connection(("127.0.0.1", port), timeout=seconds)

    def run(self, command, seconds=60, check=True, give=None):
        """Run a shell command in dom0: its output. Raises CommandFailed unless it succeeds, or check is False."""
        status, output = self.attempt(command, seconds, give)
        if status and check:
            raise CommandFailed(self.name, command, status, output)
        return output

    def attempt(self, command, seconds=60, give=None):
        """The same, never raising for what the command did: (exit status, output). 124: it took too long."""
        encoded = base64.b64encode(command.encode()).decode()
        return self._ask(f"run {seconds} {encoded}", command, seconds, give)

    def console(self, name):
        """The end of the newest console log of a guest, empty when there is none. Cheap: no process starts in dom0."""
        return self._ask(f"console {name}", f"console of {name}", 20)[1]

    def _ask(self, request, told_as, seconds, give=None):
        """A request to dom0's agent (dom0/agent.c): (exit status, output)."""
        data = b""
        try:
            with self.connect(self.agent_port) as connection:
                connection.settimeout(seconds + 15)
                connection.sendall(f"{request}\n".encode())
                for chunk in give or ():
                    connection.sendall(chunk)
                connection.shutdown(socket.SHUT_WR)
                while chunk := connection.recv(1 << 16):
                    data += chunk
        except OSError as error:
            raise LabError(f"host {self.name} does not answer (`{told_as[:80]}`): {error}") from error
        trailer = TRAILER.search(data)
        if not trailer:
            raise LabError(f"host {self.name}: `{told_as}` was cut off:\n{data[-2000:].decode(errors='replace')}")
        return int(trailer[1]), data[: trailer.start()].decode(errors="replace")

    def write(self, path, text):
        self.run(f"cat > {path}", give=[text.encode()])

    def put_tree(self, folder):
        """Copy the contents of a folder over dom0's root."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for entry in sorted(os.listdir(folder)):
                archive.add(os.path.join(folder, entry), arcname=entry)
        self._installed.append(packed.getvalue())
        self._unpack(packed.getvalue())

    def _unpack(self, packed):
        # Only below usr, etc and the like: an entry for the root itself would change dom0's.
        self.run("tar -C / --no-same-owner --keep-directory-symlink -xf - && ldconfig", seconds=120, give=[packed])

    def get(self, path, target):
        encoded = self.run(f"base64 -w0 {path}", seconds=120)
        with open(target, "wb") as file:
            file.write(base64.b64decode(encoded))
