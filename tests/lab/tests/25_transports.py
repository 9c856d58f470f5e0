# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""The ways of the data between two real hosts: several connections of ssh, TCP, and TLS by xlmig and by the kernel. Strangers at the
port that is open meanwhile, for a moment too short to be hit here, are the matter of tests/xlmig/peer/test-channels."""

from labkit import moves
from labkit.scenario import scenario
from labkit.settings import LabError


def send(lab, guest, options):
    source = guest.host
    target = lab.other(source)
    before = guest.await_tick()
    output = source.run(f"xlmig send -v {options} {guest.name} host{target.name}", moves.SECONDS)
    moves.arrived(guest, source, target, before)
    for host in (source, target):
        left = host.run("pgrep -af 'xlmig (send|receive)' || true; ls /run/xlmig 2>/dev/null || true").strip()
        if left:
            raise LabError(f"left behind on host {host.name}: {left}")
    return output


def kernel_did_tls(host):
    """How many connections the kernel encrypted for so far."""
    for line in host.run("cat /proc/net/tls_stat").splitlines():
        name, number = line.split()
        if name == "TlsTxSw":
            return int(number)
    raise LabError("/proc/net/tls_stat has no TlsTxSw")


@scenario("send-over-two-ssh", "send-over-tcp", "send-over-three-tls", "tls-is-done-by-the-kernel", guest="pvh")
def transports(lab):
    guest = lab.plain
    moves.running(lab, guest, guest.host or lab.a)
    with lab.step("send-over-two-ssh"):
        send(lab, guest, "--image=v1 --channels=2")
    with lab.step("send-over-tcp"):
        send(lab, guest, "--transport=tcp")
    with lab.step("send-over-three-tls"):
        send(lab, guest, "--transport=tls --image=v1 --channels=3")
    # A connection that could be replaced needs its octets counted: that is done in a thread of xlmig's.
    source = guest.host
    source.run("modprobe -a tls gcm ctr ghash-generic")
    before = kernel_did_tls(source)
    with lab.step("tls-is-done-by-the-kernel"):
        lab.need("send-over-three-tls")
        output = send(lab, guest, "--transport=tls --image=v1 --channels=2 --rejoin-timeout=0s")
        if kernel_did_tls(source) == before or "by the kernel" not in output:
            raise LabError(f"the kernel of the source encrypted nothing, although it can:\n{output}")
