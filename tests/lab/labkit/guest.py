# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""A test guest (guest/init.c): its configuration, and what it says about itself on its console."""

import mmap
import re
import time

from .host import SHARED_DISKS, disk_file
from .settings import LabError

TICK = re.compile(r"tick (\d+) bad=(\d+) disk_bad=(\d+) cpus=(\d+) gap_ms=(\d+) free_kb=(\d+) t=([\d.]+)")
NUMBERS = {"pv": 1, "pvh": 2, "hvm": 3}
# As little as each can boot with, since emulation copies it at a few MiB a second. HVM unpacks its kernel in there, and
# the plain PVH guest moves most: each resume costs it a MiB (60_round_trips.py).
MEMORY_MIB = {"pv": 96, "pvh": 112, "hvm": 128}
FIRST_TICK_SECONDS = 180
NEXT_TICK_SECONDS = 20

CONFIGURATION = """\
name = "{name}"
uuid = "{uuid}"
type = "{kind}"
memory = {memory}
maxmem = {maxmem}
vcpus = {vcpus}
"""
DIRECT_BOOT = """\
kernel = "/lab/vmlinux"
ramdisk = "/lab/initramfs"
extra = "{options}"
vif = ["mac={mac},bridge=xenbr0,script=/etc/xen/scripts/vif-bridge"]
disk = ["vdev=xvda,access=w,script=/etc/xen/scripts/block,target={disk}"]
"""
DISK_BOOT = """\
device_model_version = "qemu-xen"
boot = "c"
hdtype = "ahci"
vga = "none"
nographic = 1
serial = "pty"
vif = ["mac={mac},bridge=xenbr0,type=vif,script=/etc/xen/scripts/vif-bridge"]
disk = ["vdev=xvda,access=w,script=/etc/xen/scripts/block,target={boot_disk}",
        "vdev=xvdb,access=w,script=/etc/xen/scripts/block,target={disk}"]
"""
OPTIONS = "console=hvc0 loglevel=4 panic=1 lab.dirty_mb={dirty_mb} lab.static_mb={static_mb} lab.rate_ms={rate_ms} "
REGION_OPTIONS = "lab.content={content} lab.rewrite={rewrite} "


def write_boot_options(options):
    """Put an HVM guest's kernel command line where the boot loader on its boot disk finds it (image/build-guest)."""
    with open(disk_file("boot"), "r+b") as file, mmap.mmap(file.fileno(), 0) as disk:
        start = disk.find(b"\nINITRD initramfs\nAPPEND ") + len(b"\nINITRD initramfs\nAPPEND ")
        size = disk.find(b"\n", start) - start
        disk[start : start + size] = options.encode().ljust(size)


class Tick:
    def __init__(self, match):
        self.number, self.bad, self.disk_bad, self.cpus, self.gap_ms, self.free_kb = (int(match[i]) for i in range(1, 7))
        self.time = float(match[7])

    def __str__(self):
        return f"tick {self.number} bad={self.bad} disk_bad={self.disk_bad} free_kb={self.free_kb}"


def use_scripts(host, which):
    """The short hotplug scripts ("lab"), or Xen's own ("xen"), in the place where libxl looks for them."""
    folder = {"lab": "scripts", "xen": "xen-scripts"}.get(which)
    if not folder:
        raise LabError(f"scripts are lab or xen, not {which}")
    host.run(f"cp -a /lab/{folder}/. /etc/xen/scripts/")


class Guest:
    """One guest of a given type. `host` is where it is believed to run; tests set it after a migration."""

    def __init__(self, kind, name=None, memory=None, maxmem=None, vcpus=1, dirty_mb=8, static_mb=8, rate_ms=200,
                 content="random", rewrite="words", scripts="lab", options="", configuration="", number=None):
        """`number` is for guests of which there are many: PV or PVH, with an address of its own each, and no disk.
        `scripts`: "lab", the short hotplug scripts, or "xen", Xen's own, on the host that makes it from then on."""
        memory = memory or MEMORY_MIB[kind]
        self.kind = kind
        self.name = name or kind + "1"
        self.host = None
        self.ticked_at = 0.0  # when it was last seen to go on, by time.monotonic()
        self.memory = memory
        disk_option = "" if number else "lab.disk=" + ("xvdb" if kind == "hvm" else "xvda")
        number = number or NUMBERS[kind]
        self.scripts = scripts
        self.ip = f"10.9.0.{10 + number}"
        self.mac = f"00:16:3e:0a:09:{number:02x}"
        self.uuid = f"6c616221-0000-4000-8000-{number:012x}"
        self.options = (OPTIONS.format(dirty_mb=dirty_mb, static_mb=static_mb, rate_ms=rate_ms) +
                        REGION_OPTIONS.format(content=content, rewrite=rewrite) +
                        f"lab.ip={self.ip} {disk_option} {options}")
        text = CONFIGURATION + (DISK_BOOT if kind == "hvm" else DIRECT_BOOT)
        if not disk_option:
            text = "".join(line for line in text.splitlines(True) if not line.startswith("disk = "))
        self.configuration = configuration + text.format(
            name=self.name, uuid=self.uuid, kind=kind, memory=memory, maxmem=maxmem or memory, vcpus=vcpus, mac=self.mac,
            options=self.options, disk=SHARED_DISKS[kind], boot_disk=SHARED_DISKS["boot"])

    # Life.

    def create(self, host):
        """Start it anew on a host and wait for its first tick."""
        if self.scripts != "lab":
            use_scripts(host, self.scripts)
        host.run(f"rm -f /var/log/xen/guest-{self.name}.log /var/log/xen/guest-{self.name}--*")
        host.write(f"/root/{self.name}.cfg", self.configuration)
        if self.kind == "hvm":
            write_boot_options(self.options)
        host.run(f"xl create /root/{self.name}.cfg", seconds=60)
        self.host = host
        self.await_tick(seconds=FIRST_TICK_SECONDS)
        return self

    def destroy(self):
        if self.host:
            self.host.run(f"xl destroy {self.name}", check=False)
        self.host = None

    def domid(self, host=None):
        status, output = (host or self.host).attempt(f"xl domid {self.name}")
        return int(output) if not status else None

    # What it says.

    def console(self, host=None):
        """The end of the newest console log; after a migration that is a file of another name."""
        return (host or self.host).console(self.name)

    def ticks(self, host=None):
        return [Tick(match) for match in TICK.finditer(self.console(host))]

    def last_tick(self, host=None):
        ticks = self.ticks(host)
        return ticks[-1] if ticks else None

    def await_tick(self, after=0, seconds=NEXT_TICK_SECONDS, host=None):
        """Wait until it has ticked past a number, with no error: that tick."""
        end = time.monotonic() + seconds
        while True:
            tick = self.last_tick(host)
            if tick and (tick.bad or tick.disk_bad):
                raise LabError(f"{self.name} found its own state damaged: {tick}")
            if tick and tick.number > after:
                if after:
                    self.ticked_at = time.monotonic()
                return tick
            if time.monotonic() > end:
                where = (host or self.host).name
                raise LabError(f"{self.name} does not tick on host {where} (wanted past {after}, saw {tick}); its "
                               f"console ends:\n{self.console(host)[-1500:]}")
            time.sleep(0.2)
