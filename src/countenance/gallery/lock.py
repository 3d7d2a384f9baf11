"""A lock that many readers share and one writer has alone.

A waiting writer goes before readers that come after it, so an erasure waits for the searches that run and
for no others. It is not reentrant and never upgrades. Source: Courtois, Heymans and Parnas, "Concurrent
control with 'readers' and 'writers'", CACM 14(10), 1971, second problem.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Condition
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class SharedLock:
    """Use `with lock.shared()` to read and `with lock.alone()` to change."""

    __slots__ = ("_changed", "_readers", "_waiting", "_writing")

    def __init__(self) -> None:
        self._changed = Condition()
        self._readers = 0
        self._waiting = 0
        self._writing = False

    @property
    def waiting(self) -> int:
        """How many writers wait."""
        return self._waiting

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._writing and not self._waiting)
            self._readers += 1
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
                self._changed.wait_for(lambda: not self._writing and not self._readers)
                self._writing = True
            finally:
                self._waiting -= 1
        try:
            yield
        finally:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
