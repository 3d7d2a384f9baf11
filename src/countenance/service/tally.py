"""How often each word was the answer since the house was opened. It keeps no other trace of any ask."""

from __future__ import annotations

from collections import Counter
from threading import Lock


class Tally:
    """Counts of words. Thread-safe."""

    __slots__ = ("_counts", "_lock")

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, word: str) -> None:
        with self._lock:
            self._counts[word] += 1

    def counts(self) -> dict[str, int]:
        """A copy, taken at one moment."""
        with self._lock:
            return dict(self._counts)
