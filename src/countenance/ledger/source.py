"""Where an outsider reads a published log: a function from a file's name to its bytes, for a folder or a server alike.

What comes from it is believed by nobody: whoever reads checks it against a signature. It reads, bounded in size, and
never writes. Sources: C2SP tlog-tiles; docs/transparency.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from countenance.domain.errors import LogDamaged
from countenance.ledger import publish, tiles
from countenance.ledger.keychain import MAX_ANNOUNCEMENT
from countenance.ledger.merkle import HASH_SIZE
from countenance.ledger.published import Tree

if TYPE_CHECKING:
    from pathlib import Path

MAX_BUNDLE = tiles.WIDTH * (tiles.MAX_ENTRY + 2)
"""Bytes of an entry bundle at most."""


class Source(Protocol):
    def __call__(self, path: str, most: int) -> bytes | None:
        """The bytes of a published file; None where there is none of that name.

        Raises Unavailable where nobody answers, LogDamaged where there are more than `most` bytes.
        """


def folder(public: Path) -> Source:
    """A published folder on this machine."""

    def read(path: str, most: int) -> bytes | None:
        try:
            with (public / path).open("rb") as file:
                found = file.read(most + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError:
            raise LogDamaged(f"the file {path} of the log cannot be read") from None
        if len(found) > most:
            raise LogDamaged(f"the file {path} of the log is too long")
        return found

    return read


def entries(source: Source, bundle: tiles.Tile) -> list[bytes]:
    """The first `bundle.width` entries of a bundle. Raises LogDamaged, Unavailable."""
    return tiles.exactly(tiles.parse_bundle(_tile(source, bundle, MAX_BUNDLE)), bundle)


def announcements(source: Source) -> tuple[bytes, ...]:
    """Every announcement of a later key of the log, oldest first. Raises LogDamaged, Unavailable."""
    found: list[bytes] = []
    while len(found) < publish.MOST_KEYS:
        raw = source(f"{publish.KEYS}/{len(found) + 1}", MAX_ANNOUNCEMENT)
        if raw is None:
            break
        found.append(raw)
    return tuple(found)


class Told(Tree):
    """The tree of `size` leaves as a source tells it. Raises LogDamaged where a tile is missing, Unavailable."""

    def __init__(self, source: Source, size: int) -> None:
        self.size = size
        self._source = source
        self._read = {}

    def hashes(self, tile: tiles.Tile) -> list[bytes]:
        return tiles.exactly(tiles.split_hashes(_tile(self._source, tile, tiles.WIDTH * HASH_SIZE)), tile)


def _tile(source: Source, tile: tiles.Tile, most: int) -> bytes:
    """As `tiles.read`: where the partial is gone, the full one."""
    for path in dict.fromkeys((tile.path, tiles.Tile(tile.level, tile.index).path)):
        found = source(path, most)
        if found is not None:
            return found
    raise LogDamaged(f"the file {tile.path} of the log is missing")
