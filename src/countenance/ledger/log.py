"""The log: leaves become durable in batches, each under a signed checkpoint, and only then is anybody told.

One process owns the log. It keeps two folders: `state`, private, with the journal; `public`, with tiles, entry
bundles and `checkpoint`, which any static file server can publish. It never rewrites a leaf, never answers for
one that is not on the disk, never tries a failed write again.

The order of a batch, and what a crash after each step leaves behind:

    1. The clock is read; a clock behind the journal stops here.
           Nothing.
    2. `before_commit` stores the private parts of the batch.
           Private parts of leaves that never came to be. Their indices will be given out again: it replaces.
    3. Leaves are hashed into the tree, the checkpoint is signed.
           The same: all of this is in memory.
    4. The record (leaves and checkpoint) is appended to the journal.
           A torn tail, dropped when next opened; or a whole record that nobody was told of, kept.
    5. The journal is fsynced. THE POINT OF NO RETURN: the leaves exist.
           The leaves; the next opening publishes them.
    6. The callers get index, proof and checkpoint.
           The same.
    7. Tiles and bundles are written, each fsynced and renamed.
           Tiles ahead of the checkpoint, written again with the same bytes when next opened.
    8. `checkpoint` is fsynced and renamed.
           A published folder that is complete.
    9. Partial versions of tiles that are now full are removed.
           A few of them left over; they are still true.

7 to 9 run behind the answer, in one thread, never more than `Bounds.behind` leaves behind, and to the end on close.
Opening runs the same code: read back what is durable (recovery.py), publish what lies beyond the published
checkpoint (7 to 9), begin a fresh segment of the journal at that size, remove the older ones.

After any error in 3 to 9 the log stops for good: no retry, no further answer, until it is opened again. A failed
fsync may have lost the pages it was to save, so nothing that follows could be trusted.
Sources: C2SP tlog-tiles and tlog-checkpoint; durable.py says why an fsync is not repeated.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from countenance.domain.errors import (
    ClockWentBack,
    Conflict,
    CountenanceError,
    LogUnavailable,
    NotFound,
    NotInitialised,
)
from countenance.ledger import durable, journal, leaf, merkle, publish
from countenance.ledger.checkpoint import Checkpoint
from countenance.ledger.proof import TlogProof
from countenance.ledger.recovery import recover
from countenance.ledger.turns import Ticket, Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from countenance.ledger.note import Signing, Verifier

    Hook = Callable[[Sequence[tuple[int, bytes, object]]], None]

CLOCK_SLACK = 1
"""Seconds by which the clock may step back unnoticed; time daemons step from 0.128 s on (ntpd's default)."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far things may drift.

    behind: durable leaves that may wait to be published; beyond it writers wait for the publisher.
    segment: bytes after which a new journal segment is begun, once all before it is published.
    pace: seconds between two rounds of publishing, about as old as the published checkpoint gets.
    """

    behind: int = 4096
    segment: int = 8 * 2**20
    pace: float = 0.25


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Appended:
    """What is durable. index: of the leaf; proof: of the leaf in `checkpoint`; checkpoint: the signed note."""

    index: int
    proof: TlogProof
    checkpoint: bytes


def _now() -> datetime:
    return datetime.now(UTC)


class Log:
    """An open log. Thread-safe; use as a context manager. `create` or `open` makes one."""

    def __init__(
        self,
        public: Path,
        state: Path,
        signer: Signing,
        *,
        clock: Callable[[], datetime],
        before_commit: Hook | None,
        disk: durable.Disk,
        lock: int,
        bounds: Bounds,
    ) -> None:
        """Not for callers: see `create` and `open`."""
        self._public = public
        self._state = state
        self._signer = signer
        self._clock = clock
        self._before_commit = before_commit
        self._disk = disk
        self._lock = lock
        self._bounds = bounds
        self._journal = journal.Journal(disk, state)
        self._turns: Turns[Appended] = Turns(self._commit)
        self._tree = threading.Lock()
        self._publishing = threading.Lock()
        self._news = threading.Event()
        self._closing = threading.Event()
        self._failure: CountenanceError | None = None
        self._owed_since: float | None = None
        self._publisher = threading.Thread(target=self._publish_forever, name="ledger-publisher", daemon=True)

    # ---- making and opening

    @classmethod
    def create(
        cls,
        public: Path,
        state: Path,
        signer: Signing,
        *,
        clock: Callable[[], datetime] = _now,
        disk: durable.Disk | None = None,
    ) -> Self:
        """Begin an empty log and open it. Raises Conflict if there is one, LogUnavailable.

        1. Make the folders. 2. Publish the checkpoint of the empty tree. 3. Begin the journal: from here on the
        log exists. A crash before 3 leaves nothing that a second call would not overwrite.
        """
        disk = disk or durable.Disk()
        signed = signer.sign(Checkpoint(signer.name, 0, merkle.EMPTY).text)
        with durable.disk_errors():
            durable.make_folder(disk, public, mode=durable.PUBLIC_FOLDER)
            durable.make_folder(disk, state, mode=durable.PRIVATE_FOLDER)
            lock = durable.lock(state / "lock")
            try:
                if journal.segments(state) or (public / "tile").exists():
                    raise Conflict("there is a log already", next_step="Open it, or name an empty folder.")
                durable.put(disk, public / publish.CHECKPOINT, signed, mode=durable.PUBLIC_FILE)
                first = journal.Journal(disk, state)
                first.roll(journal.Record(int(clock().timestamp()), 0, (), signed))
                first.close()
            finally:
                os.close(lock)
        return cls.open(public, state, signer, clock=clock, disk=disk)

    @classmethod
    def open(
        cls,
        public: Path,
        state: Path,
        signer: Signing,
        *,
        clock: Callable[[], datetime] = _now,
        before_commit: Hook | None = None,
        disk: durable.Disk | None = None,
        bounds: Bounds = BOUNDS,
    ) -> Self:
        """Open a log and finish what a crash left: see the top of this file.

        clock gives aware times; before_commit gets (index, leaf, private) of each leaf of a batch before it is
        durable. Raises NotInitialised, LogLocked, LogDamaged, ClockWentBack, Misconfigured, LogUnavailable.
        """
        if not state.is_dir():
            raise NotInitialised("there is no log in this folder")
        disk = disk or durable.Disk()
        with durable.disk_errors():
            held = durable.lock(state / "lock")
            log = cls(
                public, state, signer, clock=clock, before_commit=before_commit, disk=disk, lock=held, bounds=bounds
            )
            try:
                log._recover()
            except BaseException:
                log._release()
                raise
        log._publisher.start()
        return log

    def _recover(self) -> None:
        """Steps 7 to 9 for what is durable and not published, then a fresh segment."""
        found = recover(self._public, self._state, self._signer.verifiers)
        self._edge, self._published = found.edge, found.published
        self._head, self._time = found.last, found.last.time
        self._tick()
        self._write_public(found.last)
        self._roll()

    # ---- reading

    @property
    def size(self) -> int:
        """Durable leaves."""
        return self._head.end

    @property
    def checkpoint(self) -> bytes:
        """The newest durable checkpoint, a signed note. The published one may be a moment older."""
        return self._head.checkpoint

    @property
    def verifier(self) -> Verifier:
        """The log's public key."""
        return self._signer.verifier

    @property
    def overdue(self) -> float:
        """Seconds for which the oldest leaf that is not published has been durable; 0 where all are published."""
        since = self._owed_since
        return 0.0 if since is None else time.monotonic() - since

    def check(self) -> None:
        """Raise what an append would raise before it writes: LogUnavailable, DiskFull, ClockWentBack."""
        if self._closing.is_set():
            raise LogUnavailable("the log is closed")
        self._refuse_if_failed()
        self._read_clock()

    def prove(self, index: int) -> TlogProof:
        """The leaf at an index and its proof in the newest checkpoint. Raises NotFound outside the log."""
        with self._tree, durable.disk_errors():
            head = self._head
            if not 0 <= index < head.end:
                raise NotFound("no such leaf in the log")
            path = merkle.inclusion_proof(index, head.end, self._edge.node)
            return TlogProof(self._edge.entry(index), index, path, head.checkpoint)

    # ---- appending

    def append(self, entry: bytes, private: object = None) -> Appended:
        """Make one leaf durable; returns only then. `private` goes to `before_commit` untouched.

        Leaves of threads that wait together share one batch and one fsync. Raises BadRecord for bytes that are no
        leaf, ClockWentBack, and LogUnavailable or DiskFull, after which the log refuses until it is opened again
        (unless `before_commit` alone failed: nothing was written then).
        """
        if not isinstance(entry, leaf.Entry):
            leaf.parse(entry)
        self._refuse_if_failed()
        return self._turns.take(Ticket(entry, private))

    def _commit(self, batch: list[Ticket[Appended]]) -> None:
        """Steps 1 to 6 for one batch."""
        self._refuse_if_failed()
        now = self._tick()
        self._make_room()
        start = self.size
        self._keep_private([(start + i, ticket.entry, ticket.private) for i, ticket in enumerate(batch)])
        with self._stopping():
            record = self._sign(now, tuple(ticket.entry for ticket in batch))
            self._journal.append(record)  # when this returns, the leaves exist for ever
            self._answer(batch, record)
        self._news.set()

    def _tick(self) -> int:
        """Seconds since 1970, never less than before. Raises ClockWentBack."""
        self._time = max(self._read_clock(), self._time)
        return self._time

    def _read_clock(self) -> int:
        now = int(self._clock().timestamp())
        if now < self._time - CLOCK_SLACK:
            raise ClockWentBack("the clock stands before the newest leaf of the log")
        return now

    def _make_room(self) -> None:
        """Wait for the publisher where it is too far behind; begin a new segment where the old one is long."""
        full = self._journal.bytes > self._bounds.segment
        if full or self.size - self._published >= self._bounds.behind:
            self.publish()
        if full:
            with self._stopping():
                self._roll()

    def _roll(self) -> None:
        self._journal.roll(journal.Record(self._time, self.size, (), self.checkpoint))

    def _keep_private(self, batch: list[tuple[int, bytes, object]]) -> None:
        if self._before_commit is None:
            return
        try:
            self._before_commit(batch)
        except LogUnavailable:
            raise
        except Exception as error:
            raise LogUnavailable("the private part could not be kept, so no leaf was written") from error

    def _sign(self, now: int, entries: tuple[bytes, ...]) -> journal.Record:
        with self._tree:
            for entry in entries:
                self._edge.push(entry)
            head = Checkpoint(self._signer.name, self._edge.size, self._edge.root())
        return journal.Record(now, self.size, entries, self._signer.sign(head.text))

    def _answer(self, batch: list[Ticket[Appended]], record: journal.Record) -> None:
        with self._tree:
            self._head = record
            self._owed_since = self._owed_since or time.monotonic()
            for index, ticket in enumerate(batch, record.start):
                path = merkle.inclusion_proof(index, record.end, self._edge.node)
                proof = TlogProof(ticket.entry, index, path, record.checkpoint)
                ticket.done = Appended(index, proof, record.checkpoint)

    # ---- publishing

    def publish(self) -> None:
        """Publish all that is durable now (steps 7 to 9). Raises LogUnavailable, DiskFull."""
        with self._publishing:
            self._refuse_if_failed()
            head = self._head
            if head.end > self._published:
                with self._stopping():
                    self._write_public(head)

    def _write_public(self, head: journal.Record) -> None:
        with self._tree:
            files = publish.grown(self._edge, self._published, head.end)
        publish.write(self._disk, self._public, files, head.checkpoint)
        with self._tree:
            self._published = head.end
            self._owed_since = None if self._head.end == head.end else time.monotonic()
            self._edge.settle(head.end)

    def _publish_forever(self) -> None:
        """The publisher's thread: a round, a pause, and rest while there is nothing new."""
        while not self._closing.wait(self._bounds.pace):
            self._news.wait()
            self._news.clear()
            try:
                self.publish()
            except CountenanceError:
                return  # `_stopping` has stopped the log, and every later append says so

    # ---- stopping

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """Whatever goes wrong in here stops the log for good."""
        try:
            with durable.disk_errors():
                yield
        except CountenanceError as error:
            self._failure = error
            raise
        except BaseException:
            self._failure = LogUnavailable("the log stopped in the middle of its work")
            raise

    def _refuse_if_failed(self) -> None:
        if self._failure is not None:
            raise type(self._failure)(self._failure.message) from self._failure

    def close(self) -> None:
        """Finish the batches under way, publish all of them, and let the folder go. Twice is once."""
        if not self._turns.close():
            return
        self._closing.set()
        self._news.set()
        self._publisher.join()
        try:
            if self._failure is None:
                self.publish()
        finally:
            self._release()

    def _release(self) -> None:
        self._journal.close()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
