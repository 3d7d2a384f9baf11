"""The journal: the append-only file that makes a batch durable with one fsync, and what can be read back of
it.

A segment is a sequence of records; the first holds no entries and the checkpoint at which the segment
starts. Each record carries its own SHA-256. A segment is only ever appended to by the process that made
it: opening a log makes a new one, so nothing is ever written behind a torn tail or behind pages that a
failed fsync may have lost. It knows nothing of tiles and never deletes a segment before its successor is
durable.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING

from countenance.domain.errors import LogDamaged
from countenance.ledger import durable

if TYPE_CHECKING:
    from pathlib import Path

    from countenance.ledger.durable import Disk

MAGIC = b"\xffJRNL\x00\x01\n"
"""Opens each record; 0xff occurs in no UTF-8 text and so in no leaf. 0x0001 is the version."""

_HEAD = len(MAGIC) + 4
_DIGEST = 32
_FIXED = 8 + 8 + 4
_NAME = re.compile(r"journal-([0-9]{20})")


@dataclass(frozen=True, slots=True)
class Record:
    """One batch. time: seconds since 1970, UTC; start: index of the first entry; checkpoint: signed."""

    time: int
    start: int
    entries: tuple[bytes, ...]
    checkpoint: bytes

    @property
    def end(self) -> int:
        """The size of the log after this batch."""
        return self.start + len(self.entries)

    def encode(self) -> bytes:
        fixed = self.time.to_bytes(8, "big") + self.start.to_bytes(8, "big") + len(self.entries).to_bytes(4, "big")
        parts = (*self.entries, self.checkpoint)
        payload = fixed + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        framed = MAGIC + len(payload).to_bytes(4, "big") + payload
        return framed + sha256(framed).digest()


def parse_segment(raw: bytes) -> list[Record]:
    """The records of a segment. A torn tail was never acknowledged and is left out.

    Raises LogDamaged where the first record is broken, where records leave a gap, and where a whole record stands
    behind a broken one: a torn write is only ever the last.
    """
    records: list[Record] = []
    at = 0
    while (found := _record_at(raw, at)) is not None:
        record, at = found
        records.append(record)
    if not records or records[0].entries or _whole_record_after(raw, at):
        raise LogDamaged("the journal of the log is damaged")
    if any(a.end != b.start for a, b in pairwise(records)):
        raise LogDamaged("the journal of the log has a gap")
    return records


def _record_at(raw: bytes, at: int) -> tuple[Record, int] | None:
    """The whole record that starts here, and where it ends."""
    body = at + _HEAD
    if raw[at : at + len(MAGIC)] != MAGIC or body > len(raw):
        return None
    end = body + int.from_bytes(raw[body - 4 : body], "big")
    if raw[end : end + _DIGEST] != sha256(raw[at:end]).digest():
        return None
    return _parse_payload(raw[body:end]), end + _DIGEST


def _parse_payload(payload: bytes) -> Record:
    time, start = int.from_bytes(payload[:8], "big"), int.from_bytes(payload[8:16], "big")
    parts: list[bytes] = []
    at = _FIXED
    while at < len(payload):
        end = at + 4 + int.from_bytes(payload[at : at + 4], "big")
        parts.append(payload[at + 4 : end])
        at = end
    record = Record(time, start, tuple(parts[:-1]), parts[-1] if parts else b"")
    if len(record.entries) != int.from_bytes(payload[16:_FIXED], "big") or at != len(payload):
        raise LogDamaged("a record of the journal does not add up")
    return record


def _whole_record_after(raw: bytes, at: int) -> bool:
    """Whether a whole record stands anywhere behind the first broken one."""
    found = raw.find(MAGIC, at + 1)
    while found >= 0:
        if _record_at(raw, found) is not None:
            return True
        found = raw.find(MAGIC, found + 1)
    return False


class Journal:
    """The open segment. `append` returns once the record is on the disk; after an error use it no more."""

    def __init__(self, disk: Disk, state: Path) -> None:
        self.bytes = 0
        self._disk = disk
        self._state = state
        self._fd = -1

    def roll(self, base: Record) -> None:
        """Start a segment at `base`, make it durable, then remove the older ones, which nobody needs now."""
        path = self._state / f"journal-{base.start:020d}"
        raw = base.encode()
        durable.put(self._disk, path, raw, mode=durable.PRIVATE_FILE)
        self.close()
        self._fd = self._disk.open(path, os.O_WRONLY | os.O_APPEND, 0)
        self.bytes = len(raw)
        older = [found for found in segments(self._state) if found != path]
        for found in older:
            self._disk.unlink(found)
        if older:
            durable.sync_folder(self._disk, self._state)

    def append(self, record: Record) -> None:
        """Write one record and fsync: the one fsync of a batch."""
        raw = record.encode()
        durable.write_all(self._disk, self._fd, raw)
        self._disk.fsync(self._fd)
        self.bytes += len(raw)

    def close(self) -> None:
        if self._fd >= 0:
            self._disk.close(self._fd)
            self._fd = -1


def segments(state: Path) -> list[Path]:
    """The segments of a state folder, oldest first."""
    return sorted(path for path in state.iterdir() if _NAME.fullmatch(path.name))


def read_newest(state: Path) -> list[Record] | None:
    """The records of the newest segment, or None where there is none. Raises LogDamaged, OSError.

    Older segments are left-overs: a segment is only begun when all before its start is published.
    """
    found = segments(state)
    if not found:
        return None
    records = parse_segment(found[-1].read_bytes())
    if found[-1].name != f"journal-{records[0].start:020d}":
        raise LogDamaged("the journal of the log does not start where its name says")
    return records
