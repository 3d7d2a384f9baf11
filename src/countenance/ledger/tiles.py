"""Where tiles and entry bundles lie and what their bytes are. It computes names and bytes and reads; it never
writes.

A tile holds up to 256 hashes of one level, an entry bundle up to 256 entries, each behind a 16-bit length.
Source: C2SP tlog-tiles, https://c2sp.org/tlog-tiles.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.domain.errors import LogDamaged
from countenance.ledger.merkle import HASH_SIZE, node_hashes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WIDTH = 256
"""Hashes of a full tile, entries of a full bundle."""

HEIGHT = 8
"""Levels of the tree that one tile spans: log2(WIDTH)."""

MAX_ENTRY = 0xFFFF
"""Bytes of an entry at most: its length is a 16-bit number."""

ENTRIES = -1
"""The level under which a Tile stands for an entry bundle."""

_NAME = re.compile(r"tile/(entries|0|[1-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile's coordinates. level: 0 to 63, or ENTRIES; index: within the level; width: 1 to 256."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Relative to the log's prefix: `tile/0/x001/x234/067`, `tile/entries/000.p/5`."""
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{_index_path(self.index)}{partial}"

    @property
    def partials(self) -> str:
        """The folder of this tile's partial versions, relative to the prefix."""
        return Tile(self.level, self.index).path + ".p"

    @property
    def start(self) -> int:
        """The index, within the level, of the first hash (or entry)."""
        return self.index * WIDTH


def parse_path(path: str) -> Tile | None:
    """The tile of a relative path, or None if it is not the one spelling of any tile."""
    match = _NAME.fullmatch(path)
    if match is None:
        return None
    level = ENTRIES if match[1] == "entries" else int(match[1])
    tile = Tile(level, int(match[2].replace("/", "").replace("x", "")), int(match[3] or WIDTH))
    return tile if tile.path == path else None


def count(level: int, size: int) -> int:
    """How many hashes (or entries) a tree of this size has at a tile level."""
    return size >> HEIGHT * max(level, 0)


def levels(size: int) -> range:
    """The tile levels with at least one hash in a tree of this size."""
    return range((size.bit_length() + HEIGHT - 1) // HEIGHT)


def tiles_between(level: int, old: int, new: int) -> list[Tile]:
    """The tiles of a level that a tree of `new` leaves has and one of `old` leaves lacks or has narrower."""
    have, want = count(level, old), count(level, new)
    if have == want:
        return []
    first, last = have // WIDTH, (want - 1) // WIDTH
    return [Tile(level, i, min(WIDTH, want - i * WIDTH)) for i in range(first, last + 1)]


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries, each behind its length as a big-endian 16-bit number. At most MAX_ENTRY bytes each."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_bundle(raw: bytes) -> list[bytes]:
    """The entries of a bundle. Raises LogDamaged if it ends within one."""
    entries: list[bytes] = []
    at, size = 0, len(raw)
    while at + 2 <= size:
        start = at + 2
        at = start + (raw[at] << 8 | raw[at + 1])
        entries.append(raw[start:at])
    if at != size:
        raise LogDamaged("an entry bundle ends within an entry")
    return entries


def split_hashes(raw: bytes) -> list[bytes]:
    """The hashes of a tile. Raises LogDamaged if it ends within one."""
    if len(raw) % HASH_SIZE:
        raise LogDamaged("a tile ends within a hash")
    return [raw[i : i + HASH_SIZE] for i in range(0, len(raw), HASH_SIZE)]


def read(public: Path, tile: Tile) -> bytes:
    """A tile's or bundle's bytes; where the partial is gone, those of the full one. Raises LogDamaged."""
    for path in (tile.path, Tile(tile.level, tile.index).path):
        try:
            return (public / path).read_bytes()
        except FileNotFoundError:
            continue
        except OSError:
            break
    raise LogDamaged(f"the file {tile.path} of the log is missing or unreadable")


def read_hashes(public: Path, tile: Tile) -> list[bytes]:
    """The first `tile.width` hashes of a tile. Raises LogDamaged."""
    return exactly(split_hashes(read(public, tile)), tile)


def read_entries(public: Path, tile: Tile) -> list[bytes]:
    """The first `tile.width` entries of a bundle. Raises LogDamaged."""
    return exactly(parse_bundle(read(public, tile)), tile)


def fold(hashes: Sequence[bytes], levels_up: int) -> list[bytes]:
    """The complete nodes `levels_up` levels above these hashes, the first of which is a left child there."""
    nodes = list(hashes)
    for _ in range(levels_up):
        nodes = node_hashes(nodes[::2], nodes[1::2])
    return nodes


def exactly(found: list[bytes], tile: Tile) -> list[bytes]:
    """The parts of a tile, which are as many as its name says, or those of the full one. Raises LogDamaged."""
    if len(found) != tile.width and (len(found) != WIDTH or tile.width > WIDTH):
        raise LogDamaged(f"the file {tile.path} of the log has not as many parts as its name says")
    return found[: tile.width]


def _index_path(index: int) -> str:
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join([*("x" + g for g in groups[:-1]), groups[-1]])
