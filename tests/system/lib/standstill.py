"""How long this machine stood still: a measured reason why a test of times
and turns could not be true.

SPDX-License-Identifier: Apache-2.0
"""
import os
import threading
import time

PERIOD_S = 0.2
TOO_LONG_S = 1.0  # half of the shortest wait after which a program of ours does something else


class Standstill(threading.Thread):
    """Wants to run, and to have a byte on disk, every PERIOD_S; what comes later
    than that is standstill."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.path, self.worst_s, self.begin = folder / "standstill", 0.0, time.monotonic()
        self.start()

    def run(self):
        with open(self.path, "ab", buffering=0) as file:
            while True:
                time.sleep(PERIOD_S)
                file.write(b".")  # it grows: a sync of it waits for the journal as a store's does
                os.fdatasync(file.fileno())
                self.worst_s, self.begin = max(self.worst_s, self._late_s()), time.monotonic()

    def _late_s(self):
        return time.monotonic() - self.begin - PERIOD_S

    def take(self):
        """The longest since the last call, the present one too, in seconds."""
        worst_s, self.worst_s = max(self.worst_s, self._late_s()), 0.0
        return worst_s
