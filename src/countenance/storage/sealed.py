"""The file of a backup: one line that anybody may read, then everything else sealed under the master key.

    countenance-backup@v1
    {"id":"bak_...","made":...,"parts":[["database",81920],...],...}      canonical JSON on one line
    <the parts, one after another, in pieces of 1 MiB, each sealed>
    <SHA-256 of all that stands before>

Each piece is sealed with associated data that holds the SHA-256 of both lines, its number and how many there are: no
piece can be moved, left out or taken from another backup, and no word of the header changed. The last 32 bytes tell
damage from a wrong key without the key. It is written whole or not at all, read only when whole, and never holds more
than a piece of it in memory while reading. It knows nothing of what is in the parts.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from countenance.domain.errors import BadInput, BadRecord, CountenanceError, WrongMasterKey
from countenance.domain.strict import json_object
from countenance.storage import files
from countenance.storage.vault import OVERHEAD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from countenance.storage.vault import Vault

MAGIC = b"countenance-backup@v1\n"
PIECE = 1 << 20
"""Bytes of a piece before it is sealed."""
LINE = 16_384
"""Bytes of the header's line at most."""
HASH = 32
MOST = 1 << 44
"""Bytes of a part at most: the server's key may seal 2^32 pieces in all."""
_WHAT = "the backup"


@dataclass(frozen=True, slots=True)
class Header:
    """What anybody may read. words: what its maker said, strings; key: tells a wrong master key; parts: name, bytes."""

    words: Mapping[str, str]
    key: str
    parts: tuple[tuple[str, int], ...]

    def encode(self) -> bytes:
        body = {**self.words, "key": self.key, "parts": [list(part) for part in self.parts]}
        return MAGIC + json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"

    @property
    def content(self) -> int:
        """Bytes of all parts."""
        return sum(length for _, length in self.parts)

    @property
    def pieces(self) -> int:
        return -(-self.content // PIECE)


def write(path: Path, vault: Vault, words: Mapping[str, str], parts: Mapping[str, bytes], disk: files.Disk) -> str:
    """Put a backup at `path`, private, whole or not at all; returns its SHA-256, in hex.

    Raises Conflict where something is there already, DiskFull, Misconfigured.
    """
    header = Header(words, _key_check(vault, words), tuple((name, len(part)) for name, part in parts.items()))
    total = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        for piece in (header.encode(), *_sealed(vault, header, parts)):
            total.update(piece)
            yield piece
        yield total.digest()

    files.write_private(path, pieces(), what=_WHAT, disk=disk)
    return total.hexdigest()


def read(path: Path) -> Header:
    """The header of a whole file. Raises BadRecord for one that is damaged or no backup; reads all of it once."""
    with files.reading(path, what=_WHAT, missing=BadInput) as file:
        header = _header(file)
        length = len(header.encode()) + header.content + header.pieces * OVERHEAD
        file.seek(0)
        total = hashlib.sha256()
        while length and (chunk := file.read(min(PIECE, length))):
            total.update(chunk)
            length -= len(chunk)
        if length or file.read(HASH + 1) != total.digest():
            raise BadRecord("The backup is damaged, or ends early.", next_step=_ANOTHER)
    return header


def check_key(header: Header, vault: Vault) -> None:
    """Raise WrongMasterKey unless the backup was made under this master key."""
    if not hmac.compare_digest(header.key, _key_check(vault, header.words)):
        raise WrongMasterKey("The backup was made under another master key.")


def unsealed(path: Path, vault: Vault, part: str) -> Iterator[bytes]:
    """The bytes of one part, piece by piece. Raises BadRecord where one was altered; WrongMasterKey."""
    with files.reading(path, what=_WHAT, missing=BadInput) as file:
        header = _header(file)
        check_key(header, vault)
        start, end = _span(header, part)
        bound = _bound(header)
        first = start // PIECE
        file.seek(first * (PIECE + OVERHEAD), 1)
        for number in range(first, -(-end // PIECE)):
            size = min(PIECE, header.content - number * PIECE)
            clear = _open(vault, file.read(size + OVERHEAD), _label(bound, number, header.pieces))
            at = number * PIECE
            yield clear[max(start - at, 0) : end - at]


def _sealed(vault: Vault, header: Header, parts: Mapping[str, bytes]) -> Iterator[bytes]:
    bound, content = _bound(header), _Joined(parts)
    for number in range(header.pieces):
        yield vault.seal(content.slice(number * PIECE), label=_label(bound, number, header.pieces))


class _Joined:
    """The parts as one run of bytes, without copying them together."""

    def __init__(self, parts: Mapping[str, bytes]) -> None:
        self._parts = tuple(memoryview(part) for part in parts.values())

    def slice(self, start: int) -> bytes:
        """Up to PIECE bytes from here on."""
        found = bytearray()
        for part in self._parts:
            found += part[start : start + PIECE - len(found)] if start < len(part) else b""
            start = max(start - len(part), 0)
        return bytes(found)


def _open(vault: Vault, sealed: bytes, label: str) -> bytes:
    try:
        return vault.open(sealed, label=label)
    except CountenanceError as error:
        raise BadRecord("A piece of the backup was altered.", next_step=_ANOTHER) from error


def _header(file: BinaryIO) -> Header:
    """The two lines, strict: encoding what was read gives them again."""
    magic, line = file.read(len(MAGIC)), file.readline(LINE + 1)
    if magic != MAGIC or not line.endswith(b"\n"):
        raise BadRecord("This is no backup of this version's form.", next_step=_ANOTHER)
    body: dict[str, Any] = json_object(line, lambda says: BadRecord(f"The header of the backup {says}."))
    key, parts = body.pop("key", None), body.pop("parts", None)
    if not isinstance(key, str) or not all(isinstance(word, str) for word in body.values()) or not _are_parts(parts):
        raise BadRecord("The header of the backup lacks what a header has.", next_step=_ANOTHER)
    header = Header(body, key, tuple((name, length) for name, length in parts))
    if header.encode() != MAGIC + line:
        raise BadRecord("The header of the backup is not in its canonical form.", next_step=_ANOTHER)
    return header


def _are_parts(parts: object) -> bool:
    if not isinstance(parts, list) or not 0 < len(parts) <= 16:
        return False
    return all(
        isinstance(part, list) and len(part) == 2 and isinstance(part[0], str) and type(part[1]) is int
        and 0 < part[1] <= MOST
        for part in parts
    )  # fmt: skip


def _span(header: Header, part: str) -> tuple[int, int]:
    at = 0
    for name, length in header.parts:
        if name == part:
            return at, at + length
        at += length
    raise BadRecord(f"The backup holds no {part}.", next_step=_ANOTHER)


def _bound(header: Header) -> str:
    return hashlib.sha256(header.encode()).hexdigest()


def _label(bound: str, number: int, of: int) -> str:
    return f"backup\n{bound}\n{number}\n{of}"


def _key_check(vault: Vault, words: Mapping[str, str]) -> str:
    return vault.digest(words.get("id", "").encode(), label="backup-key").hex()


_ANOTHER = "Take another copy of it, or an older backup."
