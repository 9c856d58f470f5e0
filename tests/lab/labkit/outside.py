# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
"""The third place on the segment: a TCP conversation with a guest, and a ping beside it, while it is moved about.

Both run in the lab's process, which is inside the namespace, and so on a machine of its own as far as the guest can see.
"""

import re
import socket
import subprocess
import threading
import time

from .settings import GUEST_PORT, LabError

PING_INTERVAL_MS = 20
REPLY_SECONDS = 60


class Conversation:
    """One TCP connection that asks the guest a numbered question every 50 ms and insists on each answer in order."""

    def __init__(self, guest):
        self.guest = guest
        self.answered = 0
        self.longest_s = 0.0
        self.error = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._talk, daemon=True)

    def __enter__(self):
        self._connection = socket.create_connection((self.guest.ip, GUEST_PORT), timeout=REPLY_SECONDS)
        self._thread.start()
        return self

    def __exit__(self, *_failure):
        self._stop.set()
        self._thread.join(REPLY_SECONDS + 5)
        self._connection.close()

    def _talk(self):
        try:
            stream = self._connection.makefile("rw", newline="\n")
            while not self._stop.is_set():
                asked = time.monotonic()
                stream.write(f"question-{self.answered}\n")
                stream.flush()
                answer = stream.readline()
                expected = f"question-{self.answered} tick="
                if not answer.startswith(expected) or "bad=0 disk_bad=0" not in answer:
                    raise LabError(f"{self.guest.name} answered {answer!r} to question {self.answered}")
                self.longest_s = max(self.longest_s, time.monotonic() - asked)
                self.answered += 1
                self._stop.wait(0.05)
        except (OSError, LabError) as error:
            self.error = error

    def check(self):
        """The connection is the same one still, and answers now."""
        if self.error:
            raise LabError(f"the TCP connection to {self.guest.name} did not survive: {self.error}")
        before, end = self.answered, time.monotonic() + REPLY_SECONDS
        while self.answered < before + 3:
            if self.error or time.monotonic() > end:
                raise LabError(f"the TCP connection to {self.guest.name} fell silent: {self.error}")
            time.sleep(0.05)


class Ping:
    """A steady ping; longest_gap_ms is the longest time between two answers."""

    LINE = re.compile(r"^\[([\d.]+)\] .*bytes from.*icmp_seq=(\d+)", re.M)

    def __init__(self, guest, interval_ms=PING_INTERVAL_MS):
        self.guest = guest
        self.interval_s = interval_ms / 1000
        self.longest_gap_ms = None

    def __enter__(self):
        command = ["ping", "-n", "-D", "-i", str(self.interval_s), "-W", "1", self.guest.ip]
        self._ping = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True)
        self._output = []
        self._reader = threading.Thread(target=lambda: self._output.append(self._ping.stdout.read()), daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_failure):
        self._ping.terminate()
        self._ping.wait(10)
        self._reader.join(10)
        times = [float(match[1]) for match in self.LINE.finditer(self._output[0] if self._output else "")]
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
        self.longest_gap_ms = round(max(gaps) * 1000) if gaps else None
