"""Checkpoints: the signed size and root hash of a log. It reads no file and trusts no extension line.

Source: C2SP tlog-checkpoint, https://c2sp.org/tlog-checkpoint. The origin is the name of the log's key.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.domain.errors import BadRecord, Unverified
from countenance.ledger import note
from countenance.ledger.merkle import HASH_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head. origin: the log's name; size: leaves; root: 32 bytes, MTH of the tree."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        return "\n".join(lines) + "\n"


def parse_text(text: str) -> Checkpoint:
    """The text of a checkpoint, strict: `parse_text(t).text == t`. Raises BadRecord."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines):
        raise BadRecord("a checkpoint has at least three lines, none of them empty")
    origin, size, root, *extensions = lines
    hashed = note.strict_base64(root)
    if len(hashed) != HASH_SIZE:
        raise BadRecord("the root hash of a checkpoint has 32 bytes")
    return Checkpoint(origin, number(size), hashed, tuple(extensions))


def open_checkpoint(signed: bytes, log: note.Verifier | Sequence[note.Verifier]) -> Checkpoint:
    """The checkpoint of a note that this log signed. log: its key, or its keys where it has had several.

    Raises BadRecord for no such note, else Unverified.
    """
    keys = (log,) if isinstance(log, note.Verifier) else log
    found = parse_text(note.open_note(signed, keys))
    if found.origin not in {key.name for key in keys}:
        raise Unverified("the checkpoint is of another log than its key")
    return found


def number(text: str) -> int:
    """An ASCII decimal without sign, spaces or leading zeros, below 10**19. Raises BadRecord."""
    if not _NUMBER.fullmatch(text):
        raise BadRecord("a number here is written in plain digits without leading zeros")
    return int(text)
