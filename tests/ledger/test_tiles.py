"""Paths, widths and bytes of tiles against the specification's examples, and the edge against the whole tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.domain.errors import LogDamaged
from countenance.ledger import merkle, tiles
from countenance.ledger.edge import Edge
from countenance.ledger.tiles import ENTRIES, Tile

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(0, 0), "tile/0/000"),
        (Tile(3, 999, 255), "tile/3/999.p/255"),
        (Tile(63, 1000, 1), "tile/63/x001/000.p/1"),
        (Tile(ENTRIES, 67_891, 5), "tile/entries/x067/891.p/5"),
    ],
)
def test_the_paths_of_the_specification(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert tiles.parse_path(path) == tile


@given(st.integers(-1, 63), st.integers(0, 10**12), st.integers(1, 256))
def test_every_path_comes_back(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert tiles.parse_path(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    ["tile/0/0", "tile/00/000", "tile/64/000", "tile/0/1000", "tile/0/x000/000", "tile/0/x001", "tile/0/x001/x002",
     "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p/-1",
     "tile/0/" + "\u0660" * 3,
     "tile/entry/000", "tile/0/000\n", "/tile/0/000", "tile/0/000.p/1/2"],
)  # fmt: skip
def test_any_other_spelling_is_no_tile(path: str) -> None:
    assert tiles.parse_path(path) is None


def test_a_tree_of_70000_has_the_tiles_of_the_specification() -> None:
    by_level = {level: tiles.tiles_between(level, 0, 70_000) for level in tiles.levels(70_000)}
    shape = {level: (sum(t.width == 256 for t in found), found[-1].width) for level, found in by_level.items()}
    assert shape == {0: (273, 112), 1: (1, 17), 2: (0, 1)}


def test_a_tree_of_256_has_one_full_tile_and_one_of_width_1_above() -> None:
    found = [tile for level in tiles.levels(256) for tile in tiles.tiles_between(level, 0, 256)]
    assert found == [Tile(0, 0), Tile(1, 0, 1)]


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_comes_back(entries: list[bytes]) -> None:
    assert tiles.parse_bundle(tiles.encode_bundle(entries)) == entries


def test_an_entry_may_have_65535_bytes_and_none() -> None:
    entries = [b"a" * tiles.MAX_ENTRY, b"", b"b"]
    assert tiles.parse_bundle(tiles.encode_bundle(entries)) == entries


@pytest.mark.parametrize("raw", [b"\0", b"\0\1", b"\0\3ab", b"\0\1a\0"])
def test_a_bundle_that_ends_within_an_entry_is_damaged(raw: bytes) -> None:
    with pytest.raises(LogDamaged):
        tiles.parse_bundle(raw)


def test_the_edge_gives_the_roots_and_proofs_of_the_whole_tree(tmp_path: Path) -> None:
    """Leaf by leaf over two tile borders, forgetting what is settled: roots and newest proofs stay right."""
    edge, whole = Edge(tmp_path), Edge(tmp_path)
    for size in range(1, 600):
        entry = size.to_bytes(2, "big")
        edge.push(entry)
        whole.push(entry)
        if size % 50 == 0:
            write_tiles(tmp_path, whole, size)
            edge.settle(size)
        root = edge.root()
        assert root == whole.root()
        proof = merkle.inclusion_proof(size - 1, size, edge.node)
        merkle.verify_inclusion(merkle.leaf_hash(entry), size - 1, size, proof, root)


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 513, 700])
def test_a_loaded_edge_goes_on_like_the_one_that_never_stopped(tmp_path: Path, size: int) -> None:
    edge = Edge(tmp_path)
    for number in range(size):
        edge.push(number.to_bytes(2, "big"))
    write_tiles(tmp_path, edge, size)
    loaded = Edge.load(tmp_path, size)
    for number in range(size, size + 300):
        assert loaded.root() == edge.root()
        edge.push(number.to_bytes(2, "big"))
        loaded.push(number.to_bytes(2, "big"))
    for index in range(0, size + 300, 37):
        proof = merkle.inclusion_proof(index, loaded.size, loaded.node)
        merkle.verify_inclusion(merkle.leaf_hash(index.to_bytes(2, "big")), index, loaded.size, proof, edge.root())
        assert loaded.entry(index) == index.to_bytes(2, "big")


def test_an_edge_whose_entries_are_not_its_tiles_is_damaged(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.push(b"true")
    write_tiles(tmp_path, edge, 1)
    (tmp_path / "tile/entries/000.p/1").write_bytes(tiles.encode_bundle([b"fake"]))
    with pytest.raises(LogDamaged):
        Edge.load(tmp_path, 1)


def write_tiles(public: Path, edge: Edge, size: int) -> None:
    files = [(t, tiles.encode_bundle(edge.entries(t))) for t in tiles.tiles_between(ENTRIES, 0, size)]
    for level in tiles.levels(size):
        files += [(t, b"".join(edge.hashes(t))) for t in tiles.tiles_between(level, 0, size)]
    for tile, raw in files:
        (public / tile.path).parent.mkdir(parents=True, exist_ok=True)
        (public / tile.path).write_bytes(raw)
