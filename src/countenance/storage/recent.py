"""What was looked up lately and still holds, for every request looks up the same few rows.

A look-up is kept until anything is written in a transaction of this process, and for half a second at most: so what a
call changes is seen by the next one, and what another process of the same database changes within a second. It keeps
what was found and never what was not: a missing record, another's and a wrong secret all take the long way. Nothing
here reads or decides; who keeps something says under which name (docs/adr/0042).
"""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")
HOLDS = 0.5  # seconds
MOST = 4096  # look-ups kept; all are forgotten when there are more


class Recent:
    """Look-ups by name. Thread-safe. clock: seconds, monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._writes = 0
        self._kept: dict[Hashable, tuple[float, object]] = {}

    def forget(self) -> None:
        """Something was written."""
        with self._lock:
            self._writes += 1
            self._kept.clear()

    def recall(self, name: Hashable) -> object | None:
        """What was found under this name, or None: look it up."""
        found = self._kept.get(name)
        return found[1] if found is not None and self._clock() < found[0] else None

    def look_up(self, name: Hashable, read: Callable[[], T]) -> T:
        """What was found under this name, or what `read` finds, kept unless something was written meanwhile."""
        found = self._kept.get(name)
        now = self._clock()
        if found is not None and now < found[0]:
            return found[1]  # type: ignore[return-value]  # one name, one type: the caller's to keep
        before = self._writes
        made = read()
        with self._lock:
            if self._writes == before:
                if len(self._kept) >= MOST:
                    self._kept.clear()
                self._kept[name] = (now + HOLDS, made)
        return made
