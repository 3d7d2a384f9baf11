"""The right edge of the log in memory: every node and entry that a new leaf's proof or an unwritten tile
needs.

It grows leaf by leaf with two hashes each, gives any node it still has, and reads older ones from the
tiles, so that opening or growing a log never hashes the whole tree again. It never writes. Callers hold
the log's lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from countenance.domain.errors import LogDamaged
from countenance.ledger import tiles
from countenance.ledger.merkle import leaf_hash, mth, node_hash

if TYPE_CHECKING:
    from pathlib import Path


class Edge:
    """Nodes by level: `_nodes[k]` are the perfect subtrees of height k from index `_first[k]` on."""

    def __init__(self, public: Path) -> None:
        self.size = 0
        self._public = public
        self._first: list[int] = []
        self._nodes: list[list[bytes]] = []
        self._entries: list[bytes] = []
        self._entries_from = 0

    @classmethod
    def load(cls, public: Path, size: int) -> Edge:
        """The edge of the tree of this size, from its rightmost tiles. Raises LogDamaged if one is not whole."""
        edge = cls(public)
        edge.size = size
        for level in tiles.levels(size):
            edge._load_level(level, size)
        first, width = size // tiles.WIDTH, size % tiles.WIDTH
        edge._entries_from = first * tiles.WIDTH
        if width:
            edge._entries = tiles.read_entries(public, tiles.Tile(tiles.ENTRIES, first, width))
        if [leaf_hash(entry) for entry in edge._entries] != edge.hashes(tiles.Tile(0, first, width)):
            raise LogDamaged("the newest entries of the log do not belong to its tree")
        return edge

    def _load_level(self, level: int, size: int) -> None:
        first, width = divmod(tiles.count(level, size), tiles.WIDTH)
        hashes = tiles.read_hashes(self._public, tiles.Tile(level, first, width)) if width else []
        for up in range(tiles.HEIGHT):
            self._first.append(first * tiles.WIDTH >> up)
            self._nodes.append(tiles.fold(hashes, up))

    def push(self, entry: bytes) -> None:
        """Take one more leaf: its hash, and each node that it completes."""
        index, found = self.size, leaf_hash(entry)
        self._entries.append(entry)
        self.size += 1
        level = 0
        while True:
            self._grow_to(level)
            self._nodes[level].append(found)
            if not index & 1:
                return
            found = node_hash(self.node(level, index - 1), found)
            index >>= 1
            level += 1

    def node(self, level: int, index: int) -> bytes:
        """The hash of the perfect subtree over the entries [index << level, (index + 1) << level)."""
        at = index - self._first[level]
        return self._nodes[level][at] if at >= 0 else self._read_node(level, index)

    def root(self) -> bytes:
        """MTH of all leaves."""
        return mth(0, self.size, self.node)

    def hashes(self, tile: tiles.Tile) -> list[bytes]:
        """The hashes of a tile at the edge."""
        if not tile.width:
            return []
        level = tile.level * tiles.HEIGHT
        return self._nodes[level][tile.start - self._first[level] :][: tile.width]

    def entries(self, tile: tiles.Tile) -> list[bytes]:
        """The entries of a bundle at the edge."""
        return self._entries[tile.start - self._entries_from :][: tile.width]

    def entry(self, index: int) -> bytes:
        """One leaf's bytes, from its bundle where it is settled."""
        if index >= self._entries_from:
            return self._entries[index - self._entries_from]
        bundle = tiles.Tile(tiles.ENTRIES, index // tiles.WIDTH)
        return tiles.read_entries(self._public, bundle)[index - bundle.start]

    def settle(self, size: int) -> None:
        """Forget what the first `size` leaves alone needed: their tiles are written."""
        for level, nodes in enumerate(self._nodes):
            keep = (size >> level) // tiles.WIDTH * tiles.WIDTH
            if keep > self._first[level]:
                del nodes[: keep - self._first[level]]
                self._first[level] = keep
        keep = size // tiles.WIDTH * tiles.WIDTH
        del self._entries[: keep - self._entries_from]
        self._entries_from = keep

    def _grow_to(self, level: int) -> None:
        if level == len(self._nodes):
            self._first.append(0)
            self._nodes.append([])

    def _read_node(self, level: int, index: int) -> bytes:
        """A settled node, from the tile that spans it, which is full."""
        tile_level, up = divmod(level, tiles.HEIGHT)
        start = index << up
        tile = tiles.Tile(tile_level, start // tiles.WIDTH)
        hashes = tiles.read_hashes(self._public, tile)[start - tile.start :]
        return tiles.fold(hashes[: 1 << up], up)[0]
