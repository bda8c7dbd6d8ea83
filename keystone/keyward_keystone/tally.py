"""How much was skipped, told once a minute."""
import collections
import logging
import threading
import time

from keyward_keystone import refusal

LOG = logging.getLogger(__name__)

# Seconds between two lines of one process.
PAUSE = 60


class Tally:
    """Counts skipped writes; safe to use from several threads.

    The first is told at once, those after it a minute later: by the next login, whatever becomes of its own writes,
    because a worker of a web server has no thread to wait in.
    """

    def __init__(self, clock=time.monotonic):
        self._clock = clock
        self._lock = threading.Lock()
        self._counts = collections.Counter()
        self._number = None
        self._told_at = None

    def add(self, write, number):
        """One more of the writes called `write` was refused with this error."""
        with self._lock:
            self._counts[write] += 1
            self._number = number
        self.tell_if_due()

    def tell_if_due(self):
        """Writes the line about everything skipped since the last one, if a minute has passed."""
        with self._lock:
            now = self._clock()
            if not self._counts or (self._told_at is not None and now - self._told_at < PAUSE):
                return
            counts, self._counts = self._counts, collections.Counter()
            since = "" if self._told_at is None else f" in the last {now - self._told_at:.0f} s"
            number, self._told_at = self._number, now
        writes = ", ".join(f"{count} x {write}" for write, count in sorted(counts.items()))
        LOG.warning(
            "Skipped %d writes of login bookkeeping%s, because the database refuses them (%d: %s): %s",
            sum(counts.values()), since, number, refusal.MEANINGS[number], writes,
        )
