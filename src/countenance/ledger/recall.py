"""Reading many leaves: what is said of a leaf is worked out once for all that differ in their commitment alone.

Of an hour's leaves most say what others said, and only the commitment, 32 random bytes, is another. Two leaves whose
bytes are the same but for what stands in that one string fit the schema both or neither, as long as each string is
base64 of 32 bytes in its one spelling, which is looked at each time; so nothing is taken on trust, and what is refused
is refused every time. It keeps a bounded number of readings, and decides nothing. Source: leaf.py.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Generic, TypeVar

from countenance.ledger import leaf

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

REMEMBERED = 8192
"""Readings that are kept; with their bytes about 4 kB each."""

_BEFORE = b',"commitment":"'
_SKIP = len(_BEFORE)
_LENGTH = 44  # characters of base64 for 32 bytes
_COMMITMENT = re.compile(rb"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")


class Recall(Generic[T]):
    """`recall(raw)` is `read(leaf.parse(raw))`, remembered. read: must not look at the commitment."""

    def __init__(self, read: Callable[[leaf.Leaf], T], remembered: int = REMEMBERED) -> None:
        self._read = read
        self._most = remembered
        self._kept: dict[bytes, T] = {}

    def __call__(self, raw: bytes) -> T:
        """Raises BadRecord for bytes that are no leaf, and what `read` raises."""
        start = raw.find(_BEFORE) + _SKIP
        end = start + _LENGTH
        if start < _SKIP or _COMMITMENT.fullmatch(raw, start, end) is None:
            return self._read(leaf.parse(raw))
        rest = raw[:start] + raw[end:]
        found = self._kept.get(rest)
        return self._first(raw, raw[start:end], rest) if found is None else found

    def _first(self, raw: bytes, text: bytes, rest: bytes) -> T:
        """Read it whole; keep it where the bytes that were left out are those of the leaf's own commitment."""
        found = leaf.parse(raw)
        said = self._read(found)
        if base64.b64encode(found.commitment) == text and raw.count(text) == 1:
            if len(self._kept) >= self._most:
                self._kept.clear()
            self._kept[rest] = said
        return said
