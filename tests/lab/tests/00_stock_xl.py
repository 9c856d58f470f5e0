"""The lab itself: guests of each type boot and are moved by the distribution's own xl, with nothing of ours involved.

When these fail, the lab is broken; when only others fail, xlmig is.
"""

from labkit.outside import Conversation, Ping
from labkit.scenario import scenario

MIGRATE_SECONDS = 150


def boots_and_migrates(lab, kind):
    with lab.step(f"stock-{kind}-boots"):
        guest = lab.guest(kind).create(lab.a)
    with lab.step(f"stock-{kind}-migrates"):
        lab.need(f"stock-{kind}-boots")
        with Ping(guest) as ping, Conversation(guest) as talk:
            before = guest.await_tick()
            lab.a.run(f"xl migrate -s '' {guest.name} '/lab/dial hostb 8001'", seconds=MIGRATE_SECONDS)
            guest.host = lab.b
            guest.await_tick(after=before.number)
            talk.check()
        print(f"    ping silent for {ping.longest_gap_ms} ms, its own clock "
              f"{max(tick.gap_ms for tick in guest.ticks())} ms, TCP {talk.longest_s * 1000:.0f} ms")


@scenario("stock-pv-boots", "stock-pv-migrates")
def pv(lab):
    boots_and_migrates(lab, "pv")


@scenario("stock-pvh-boots", "stock-pvh-migrates")
def pvh(lab):
    boots_and_migrates(lab, "pvh")


@scenario("stock-hvm-boots", "stock-hvm-migrates")
def hvm(lab):
    boots_and_migrates(lab, "hvm")
