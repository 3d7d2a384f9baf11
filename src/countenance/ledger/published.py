"""The published tree read from its tiles: any node, root or proof of a size that was published. It never writes.

It needs nothing but the folder, so it serves whoever proves something about a checkpoint that is out: the log to its
witnesses, a receipt's holder who comes back for a cosigned one, a restore. Tiles it has read it keeps for as long as it
lives, which is one task. Sources: C2SP tlog-tiles; RFC 6962, section 2.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from countenance.ledger import merkle, tiles
from countenance.ledger.proof import TlogProof

if TYPE_CHECKING:
    from pathlib import Path


class Tree:
    """The tree of `size` leaves in a published folder. Raises LogDamaged where a file of it is missing."""

    def __init__(self, public: Path, size: int) -> None:
        self.size = size
        self._public = public
        self._read: dict[tuple[int, int], list[bytes]] = {}

    def node(self, level: int, index: int) -> bytes:
        """The hash of the perfect subtree over the entries [index << level, (index + 1) << level)."""
        high, up = divmod(level, tiles.HEIGHT)
        start = index << up
        hashes = self._tile(high, start // tiles.WIDTH)[start % tiles.WIDTH :]
        return tiles.fold(hashes[: 1 << up], up)[0]

    def root(self, size: int) -> bytes:
        """MTH of the first `size` leaves, at most all of them."""
        return merkle.mth(0, size, self.node)

    def consistency(self, old: int) -> tuple[bytes, ...]:
        """The proof that the tree of `old` leaves is a prefix; empty from the size 0. Raises BadInput beyond it."""
        return merkle.consistency_proof(old, self.size, self.node) if old else ()

    def prove(self, index: int, checkpoint: bytes) -> TlogProof:
        """A leaf and its proof in this tree, whose signed checkpoint this is. Raises BadInput for no such leaf."""
        path = merkle.inclusion_proof(index, self.size, self.node)
        first = index // tiles.WIDTH
        width = min(tiles.WIDTH, self.size - first * tiles.WIDTH)
        entries = tiles.read_entries(self._public, tiles.Tile(tiles.ENTRIES, first, width))
        return TlogProof(entries[index % tiles.WIDTH], index, path, checkpoint)

    def _tile(self, level: int, index: int) -> list[bytes]:
        found = self._read.get((level, index))
        if found is None:
            width = min(tiles.WIDTH, tiles.count(level, self.size) - index * tiles.WIDTH)
            found = self._read[level, index] = self.hashes(tiles.Tile(level, index, width))
        return found

    def hashes(self, tile: tiles.Tile) -> list[bytes]:
        """The hashes of a tile, as they are published. Raises LogDamaged."""
        return tiles.read_hashes(self._public, tile)
