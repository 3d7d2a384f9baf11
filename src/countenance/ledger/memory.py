"""A witness's memory: of each log it witnesses, the keys and the newest checkpoint it cosigned, on a disk.

    1. judge     the submission against what is remembered (witness.py), under one lock
    2. cosign    in memory; the signature has not been told to anybody
    3. remember  the cosigned checkpoint: written, fsynced, renamed. THE POINT OF NO RETURN
    4. answer    the cosignature

Killed before 3, nothing was told; killed after it, the signature is remembered and the sender asks again. One process
holds the folder. After a failed write it cosigns no more until it is opened again: what the disk holds is unknown.
What was forgotten can't be signed over: a log whose memory is missing is refused, not begun anew. It never signs a
checkpoint that does not follow from the last one, nor a time before the last one. Source: C2SP tlog-witness at v1.0.0.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Self

from countenance.domain.errors import (
    BadRecord,
    ClockWentBack,
    Conflict,
    CountenanceError,
    LogDamaged,
    LogUnavailable,
    NotFound,
    Unverified,
)
from countenance.ledger import checkpoint, durable, note, witness
from countenance.ledger.cosignature import Cosignature, cosignatures

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from countenance.ledger.cosignature import Cosigner

LOGS, SEEN = "logs", "seen"
MOST_KEYS = 8
"""Keys of one log at most: the one in use, its successor, and some before."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was cosigned last of a log. note: the checkpoint with the log's signatures and the witness's own."""

    head: checkpoint.Checkpoint
    time: int
    note: bytes


class Memory:
    """An open memory; thread-safe, a context manager. `open` makes one."""

    def __init__(
        self, folder: Path, signer: Cosigner, clock: Callable[[], datetime], disk: durable.Disk, lock: int
    ) -> None:
        """Not for callers: see `open`."""
        self._folder = folder
        self._signer = signer
        self._clock = clock
        self._disk = disk
        self._held = lock
        self._one = threading.Lock()
        self._failure: CountenanceError | None = None

    @classmethod
    def open(
        cls, folder: Path, signer: Cosigner, *, clock: Callable[[], datetime], disk: durable.Disk | None = None
    ) -> Self:
        """Take the folder. Raises LogLocked where another process has it, LogUnavailable."""
        with durable.disk_errors():
            return cls(folder, signer, clock, disk or durable.Disk(), durable.lock(folder / "lock"))

    def close(self) -> None:
        """Let the folder go. Twice is once."""
        with self._one:
            if self._held >= 0:
                os.close(self._held)
                self._held = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, raw: bytes) -> Cosignature | witness.Declined:
        """Steps 1 to 4. Raises BadRecord for what is no submission, LogUnavailable, ClockWentBack, LogDamaged."""
        asked = witness.Submission.parse(raw)
        origin = witness.origin_of(asked)
        with self._one, durable.disk_errors():
            self._refuse_if_failed()
            keys = log_keys(self._folder, origin)
            latest = self._recall(origin) if keys else None
            found = witness.judge(asked, keys, latest.head if latest else None)
            if isinstance(found, witness.Declined):
                return found
            made = self._signer.cosign(found.text, self._tick(latest))
            self._remember(origin, note.Note(found.text, (*found.signatures, made.line)).encode())
            return made

    def latest(self, digest: str) -> bytes:
        """The newest cosigned checkpoint of the log whose origin has this SHA-256, in hex. Raises NotFound."""
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise NotFound("a log is named by the SHA-256 of its origin, in hex")
        try:
            raw = (self._folder / SEEN / digest).read_bytes()
        except FileNotFoundError:
            raw = b""
        if not raw:
            raise NotFound("no checkpoint of such a log was cosigned here")
        return raw

    def _refuse_if_failed(self) -> None:
        if self._held < 0:
            raise LogUnavailable("the witness is closed")
        if self._failure is not None:
            raise type(self._failure)(self._failure.message) from self._failure

    def _recall(self, origin: str) -> Remembered | None:
        """What was cosigned last; None where nothing was yet. Raises LogDamaged where it can't be known."""
        try:
            raw = _path(self._folder, SEEN, origin).read_bytes()
        except FileNotFoundError:
            raise LogDamaged(
                "what was cosigned of this log is not remembered any more",
                next_step="Retire this witness and begin another under a new key: docs/witness.md.",
            ) from None
        return self._read(raw, origin) if raw else None

    def _read(self, raw: bytes, origin: str) -> Remembered:
        try:
            head = checkpoint.parse_text(note.parse(raw).text)
            own = cosignatures(raw, [self._signer.verifier])
        except (BadRecord, Unverified) as error:
            raise LogDamaged(f"what the witness remembers does not hold: {error.message}") from None
        if not own or head.origin != origin:
            raise LogDamaged("what the witness remembers is of another key or another log")
        return Remembered(head, own[0].time, raw)

    def _tick(self, latest: Remembered | None) -> int:
        now = int(self._clock().timestamp())
        if latest is not None and now < latest.time - 1:
            raise ClockWentBack("the clock stands before the last cosignature of this log")
        return max(now, latest.time if latest else 0)

    def _remember(self, origin: str, raw: bytes) -> None:
        try:
            durable.put(self._disk, _path(self._folder, SEEN, origin), raw, mode=durable.PRIVATE_FILE)
        except BaseException:
            self._failure = LogUnavailable("the witness could not remember a checkpoint, and cosigns no more")
            raise


def log_keys(folder: Path, origin: str) -> tuple[note.Verifier, ...]:
    """The keys under which a log is witnessed; none where it is unknown. Raises LogDamaged, OSError."""
    try:
        lines = _path(folder, LOGS, origin).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return ()
    try:
        keys = tuple(map(note.Verifier.from_vkey, lines))
    except BadRecord as error:
        raise LogDamaged(f"the keys of a log are not readable: {error.message}") from None
    return tuple(key for key in keys if key.name == origin)


def add_log(folder: Path, key: note.Verifier, disk: durable.Disk | None = None) -> tuple[note.Verifier, ...]:
    """Witness a log from now on, or under one more key; returns all its keys. A witness may be running.

    1. An empty memory, unless there is one: from here on a missing one is a loss. 2. The keys.
    Raises Conflict where the key is known or there are too many, LogUnavailable, DiskFull.
    """
    disk = disk or durable.Disk()
    with durable.disk_errors():
        keys = log_keys(folder, key.name)
        if key in keys or len(keys) == MOST_KEYS:
            raise Conflict("this log is witnessed under this key already" if key in keys else "the log has 8 keys")
        for part in (LOGS, SEEN):
            durable.make_folder(disk, folder / part, mode=durable.PRIVATE_FOLDER)
        if not keys and not _path(folder, SEEN, key.name).exists():
            durable.put(disk, _path(folder, SEEN, key.name), b"", mode=durable.PRIVATE_FILE)
        lines = "".join(f"{one.vkey}\n" for one in (*keys, key)).encode()
        durable.put(disk, _path(folder, LOGS, key.name), lines, mode=durable.PRIVATE_FILE)
    return (*keys, key)


def logs(folder: Path) -> tuple[note.Verifier, ...]:
    """Every key of every log that is witnessed here, by name. Raises LogDamaged, LogUnavailable."""
    with durable.disk_errors():
        paths = sorted((folder / LOGS).glob("[0-9a-f]*")) if (folder / LOGS).is_dir() else []
        try:
            found = [note.Verifier.from_vkey(line) for path in paths for line in path.read_text("utf-8").splitlines()]
        except BadRecord as error:
            raise LogDamaged(f"the keys of a log are not readable: {error.message}") from None
    return tuple(sorted(found, key=lambda key: key.name))


def digest(origin: str) -> str:
    """How a log is named where its origin can't be: the SHA-256 of the origin, in hex."""
    return sha256(origin.encode()).hexdigest()


def _path(folder: Path, part: str, origin: str) -> Path:
    return folder / part / digest(origin)
