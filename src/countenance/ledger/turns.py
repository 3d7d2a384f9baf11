"""Taking turns: threads that wait together share one batch, and the first of them commits it for all.

There is no thread of its own: a lone writer commits on its own stack, without a switch; of several, the next in the
queue leads as soon as the batch before is through. It knows nothing of logs, and never commits two batches at once.
Source: group commit, DeWitt et al., SIGMOD 1984.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from countenance.domain.errors import CountenanceError, LogUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

BATCH = 1024
"""Entries in one batch at most."""


class Ticket(Generic[T]):
    """One entry on its way, and the thread that waits for it. `done` is set by the commit."""

    __slots__ = ("done", "entry", "error", "private", "wake")

    def __init__(self, entry: bytes, private: object) -> None:
        self.entry = entry
        self.private = private
        self.wake = threading.Event()
        self.done: T | None = None
        self.error: CountenanceError | None = None

    @property
    def settled(self) -> bool:
        return self.done is not None or self.error is not None

    def result(self) -> T:
        if self.done is None:
            error = self.error or LogUnavailable("the log stopped")
            raise type(error)(error.message, next_step=error.next_step) from error
        return self.done


class Turns(Generic[T]):
    """The queue in front of `commit`, which settles every ticket of a batch or raises."""

    def __init__(self, commit: Callable[[list[Ticket[T]]], None]) -> None:
        self._commit = commit
        self._turn = threading.Condition()
        self._queue: list[Ticket[T]] = []
        self._led = False
        self._closed = False

    def take(self, ticket: Ticket[T]) -> T:
        """Wait until the ticket's batch is through. Raises what the commit raised, or LogUnavailable."""
        try:
            self._queue_up(ticket)
            ticket.wake.wait()
            if not ticket.settled:
                self._lead()
        except BaseException:
            self._abandon(ticket)
            raise
        return ticket.result()

    def close(self) -> bool:
        """Refuse new tickets and wait for those in the queue. False if it was closed before."""
        with self._turn:
            if self._closed:
                return False
            self._closed = True
            while self._led:
                self._turn.wait()
            return True

    def _queue_up(self, ticket: Ticket[T]) -> None:
        with self._turn:
            if self._closed:
                raise LogUnavailable("the log is closed")
            self._queue.append(ticket)
            if not self._led:
                self._led = True
                ticket.wake.set()

    def _abandon(self, ticket: Ticket[T]) -> None:
        """The thread of this ticket was interrupted: if it was its turn to lead, the next one leads."""
        with self._turn:
            if ticket in self._queue:
                self._queue.remove(ticket)
                if ticket.wake.is_set():
                    self._pass_on()

    def _lead(self) -> None:
        """Commit one batch for everybody in it, then hand the turn to the first who waits."""
        with self._turn:
            batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
        error: CountenanceError = LogUnavailable("the log stopped in the middle of a batch")
        try:
            self._commit(batch)
        except CountenanceError as found:
            error = found
        finally:
            for ticket in batch:
                ticket.error = error
            with self._turn:
                self._pass_on()
            for ticket in batch:
                ticket.wake.set()

    def _pass_on(self) -> None:
        """Let the first who waits lead. The caller holds `_turn`."""
        if self._queue:
            self._queue[0].wake.set()
        else:
            self._led = False
            self._turn.notify_all()
