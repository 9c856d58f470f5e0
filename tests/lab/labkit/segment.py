# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""The private Ethernet segment: a network namespace with a bridge, a TAP device for each host, and an address of its
own, from which tests talk to hosts and guests. Nothing in it reaches, or is reached from, any other network."""

import ctypes
import os
import subprocess

from .settings import NAMESPACE, OUTSIDE_ADDRESS, LabError

CLONE_NEWNET = 0x40000000
ENTRY = "/run/netns/" + NAMESPACE


def ip(*arguments):
    result = subprocess.run(["ip", *arguments], text=True, timeout=30, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    if result.returncode:
        raise LabError(f"ip {' '.join(arguments)}: {result.stdout.strip()}")


def exists():
    return os.path.exists(ENTRY)


def create():
    if not os.path.exists("/dev/net/tun"):
        raise LabError("no /dev/net/tun here: the lab's hosts need TAP devices")
    ip("netns", "add", NAMESPACE)
    inside = ("-n", NAMESPACE, "link")
    ip(*inside, "set", "lo", "up")
    ip(*inside, "add", "segment", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
    for host in "ab":
        ip("netns", "exec", NAMESPACE, "ip", "tuntap", "add", "dev", "tap" + host, "mode", "tap", "vnet_hdr")
        ip(*inside, "set", "tap" + host, "master", "segment", "up")
    ip("-n", NAMESPACE, "addr", "add", OUTSIDE_ADDRESS + "/24", "dev", "segment")
    ip(*inside, "set", "segment", "up")


def remove():
    if exists():
        ip("netns", "del", NAMESPACE)


def enter():
    """Move this process, and so what it starts from now on, into the namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(ENTRY) as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET):
            raise LabError(f"cannot enter the namespace {NAMESPACE}: {os.strerror(ctypes.get_errno())}")


def set_link(host, state):
    """Plug or pull the cable of a host (from inside the namespace)."""
    ip("link", "set", "tap" + host, state)


def bytes_from(host):
    """Bytes that a host has sent into the segment so far (sysfs shows the namespace that it was mounted in)."""
    with open("/proc/thread-self/net/dev") as devices:
        for line in devices:
            name, _, counters = line.partition(":")
            if name.strip() == "tap" + host:
                return int(counters.split()[0])
    raise LabError(f"the segment has no tap{host}")
