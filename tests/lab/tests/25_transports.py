"""The ways of the data between two real hosts: ssh once and several times, TCP, and TLS by the kernel. Strangers at the
port that is open meanwhile, for a moment too short to be hit here, are the matter of tests/xlmig/test-channels."""

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


@scenario("send-over-ssh", "send-over-three-ssh", "send-over-tcp", "send-over-tls", "tls-is-done-by-the-kernel",
          "send-over-three-tls", guest="pvh")
def transports(lab):
    guest = lab.plain
    moves.running(lab, guest, guest.host or lab.a)
    with lab.step("send-over-ssh"):
        send(lab, guest, "--channels=1")
    with lab.step("send-over-three-ssh"):
        send(lab, guest, "--image=v1 --channels=3")
    with lab.step("send-over-tcp"):
        send(lab, guest, "--transport=tcp")
    source = guest.host
    source.run("modprobe -a tls gcm ctr ghash-generic")
    before = kernel_did_tls(source)
    with lab.step("send-over-tls"):
        output = send(lab, guest, "--transport=tls --channels=1")
    with lab.step("tls-is-done-by-the-kernel"):
        lab.need("send-over-tls")
        if kernel_did_tls(source) == before or "by the kernel" not in output:
            raise LabError(f"the kernel of the source encrypted nothing, although it can:\n{output}")
    with lab.step("send-over-three-tls"):
        send(lab, guest, "--transport=tls --image=v1 --channels=3")
