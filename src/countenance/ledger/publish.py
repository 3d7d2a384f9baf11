"""Writing the published folder: tiles and entry bundles first, then the checkpoint that needs them.

The same lines run after each batch and when a log is opened after a crash; doing them twice changes
nothing. It never publishes a leaf that is not durable in the journal: the caller gives the size of the
last durable batch.
Source: C2SP tlog-tiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from countenance.ledger import durable, tiles

if TYPE_CHECKING:
    from pathlib import Path

    from countenance.ledger.durable import Disk
    from countenance.ledger.edge import Edge

CHECKPOINT = "checkpoint"
"""The newest checkpoint that is published. With COSIGNED and HISTORY the only file that changes."""

COSIGNED = "checkpoint.cosigned"
"""The newest checkpoint that enough witnesses cosigned, where there is one."""

KEYS = "keys"
"""The folder of announcements of the log's later keys: `1`, `2`, ..., each a tlog-proof (keychain.py)."""

MOST_KEYS = 64
"""Announcements of a log at most: a key a month for five years."""

HISTORY = "keys/history"
"""Every vkey of the log, oldest first; a convenience that proves nothing."""


def grown(edge: Edge, old: int, new: int) -> list[tuple[tiles.Tile, bytes]]:
    """The tiles and bundles that a tree of `new` leaves needs beyond those of `old`, with their bytes."""
    bundles = tiles.tiles_between(tiles.ENTRIES, old, new)
    found = [(tile, tiles.encode_bundle(edge.entries(tile))) for tile in bundles]
    for level in tiles.levels(new):
        found += [(tile, b"".join(edge.hashes(tile))) for tile in tiles.tiles_between(level, old, new)]
    return found


def write(disk: Disk, public: Path, files: list[tuple[tiles.Tile, bytes]], checkpoint: bytes) -> None:
    """Publish. Raises OSError; whatever was written by then is harmless and is written again.

    1. Every tile and bundle: write, fsync, rename, fsync its folder.
    2. The checkpoint, the same way. From here on strangers rely on the new size.
    3. The partial versions of tiles that are now full: the specification lets them go.
    """
    for tile, raw in files:
        path = public / tile.path
        durable.make_folder(disk, path.parent, mode=durable.PUBLIC_FOLDER)
        durable.put(disk, path, raw, mode=durable.PUBLIC_FILE)
    durable.put(disk, public / CHECKPOINT, checkpoint, mode=durable.PUBLIC_FILE)
    for tile, _ in files:
        if tile.width == tiles.WIDTH:
            durable.remove_folder(disk, public / tile.partials)


def announcements(public: Path) -> tuple[bytes, ...]:
    """Every announcement of a later key in a published folder, oldest first."""
    found: list[bytes] = []
    while len(found) < MOST_KEYS:
        try:
            found.append((public / KEYS / str(len(found) + 1)).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            break
    return tuple(found)
