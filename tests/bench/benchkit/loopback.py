# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""iperf3 over the loopback device: what TCP alone carries here."""

import json
import subprocess
import time

from .processes import BenchError, end, output_of, start
from .qemu import free_port

PROGRAM = ("iperf3", "iperf3")


def measure(streams, seconds):
    """GB/s as they arrived, and CPU seconds of both sides for each GB."""
    port = free_port()
    server = start(["iperf3", "-s", "-1", "-p", port], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.3)
        told = json.loads(output_of(["iperf3", "-c", "127.0.0.1", "-p", port, "-P", streams, "-t", seconds, "-J"],
                                    seconds + 30))
    finally:
        end(server)
    if "error" in told:
        raise BenchError(f"iperf3: {told['error']}")
    total, cpu = told["end"]["sum_received"], told["end"]["cpu_utilization_percent"]
    cpu_s = (cpu["host_total"] + cpu["remote_total"]) / 100 * total["seconds"]
    return {"bytes": total["bytes"], "total_s": round(total["seconds"], 3), "cpu_s": round(cpu_s, 2)}
