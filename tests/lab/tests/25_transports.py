"""The ways of the data between two real hosts: ssh once and several times, TLS by the kernel, TCP; and strangers at the
port that is open for them."""

from labkit import moves
from labkit.scenario import scenario
from labkit.settings import LabError

TLS_ALERT_BYTES = 7

# Connects to every TCP port on which a receiver listens, says nothing fit, and tells what it got.
STRANGER = r"""
for i in $(seq 600); do
  ports=$(ss -Hltnp | awk '/"xlmig"/ { n = split($4, part, ":"); print part[n] }')
  [ "$ports" ] && break
  sleep 0.05
done
for port in $ports; do
  head -c 64 /dev/zero | timeout 15 socat -t 15 - "TCP:hostHOST:$port" | wc -c
done
"""


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
          "send-over-three-tls", "a-stranger-gets-nothing", guest="pvh")
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
    with lab.step("a-stranger-gets-nothing"):
        source, target = guest.host, lab.other(guest.host)
        target.run("rm -f /tmp/stranger")
        target.write("/tmp/stranger.sh", STRANGER.replace("HOST", target.name))
        target.run("setsid bash /tmp/stranger.sh > /tmp/stranger 2>&1 < /dev/null &")
        output = send(lab, guest, "--transport=tls")
        got = target.run("cat /tmp/stranger").split()
        if any(int(count) > TLS_ALERT_BYTES for count in got):
            raise LabError(f"a stranger got {got} bytes")
        if got and "turned away" not in output:
            raise LabError(f"a stranger connected, and nothing was said of it:\n{output}")
