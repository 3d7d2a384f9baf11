"""A lock that many readers share and one writer has alone, in turns.

A waiting writer goes before readers that come after it, so an erasure waits for the searches that run and for no
others; and when it is done, the readers that waited meanwhile go before the next writer. So neither starves: a stream
of enrolments does not stop the searches. It is not reentrant and never upgrades. Source: Brandenburg and Anderson,
"Reader-Writer Synchronization for Shared-Memory Multiprocessor Real-Time Systems", ECRTS 2009, "phase-fair".
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Condition
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class SharedLock:
    """Use `with lock.shared()` to read and `with lock.alone()` to change."""

    __slots__ = ("_changed", "_next", "_queue", "_readers", "_waiting", "_writing")

    def __init__(self) -> None:
        self._changed = Condition()
        self._readers = 0
        self._queue = 0  # readers that wait
        self._next = 0  # how many of them go before any writer
        self._waiting = 0
        self._writing = False

    @property
    def waiting(self) -> int:
        """How many writers wait."""
        return self._waiting

    @property
    def queued(self) -> int:
        """How many readers wait."""
        return self._queue

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self._changed:
            self._queue += 1
            try:
                self._changed.wait_for(lambda: not self._writing and (self._next or not self._waiting))
                self._readers += 1
            finally:
                self._queue -= 1
                self._next = max(self._next - 1, 0)
                if not self._readers:
                    self._changed.notify_all()  # interrupted: writers need not wait for this one
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                if not self._readers:
                    self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: not (self._writing or self._readers or self._next))
                self._writing = True
            finally:
                self._waiting -= 1
        try:
            yield
        finally:
            with self._changed:
                self._writing = False
                self._next = self._queue
                self._changed.notify_all()
