"""A log that goes on from its published copy, where its own folders are lost: tiles, checkpoint, then a journal.

    1. every tile and bundle that the copy's checkpoint needs: written, fsynced, renamed
    2. announcements of later keys and the cosigned checkpoint, where there are any, then the checkpoint, the same way
    3. a journal segment that begins at its size. From here on there is a log, and it opens like any other.

Killed before 3, the same call does it all again. The copy has been checked from end to end before (fsck.py), and
nothing older than what a journal holds can come in: where there is a journal, this refuses. What it can't see is
whether the copy is the newest that anybody holds; a log that goes on from an older one signs a second history.
Sources: C2SP tlog-tiles; log.py for the order of writing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from countenance.domain.errors import Conflict, Unverified
from countenance.ledger import durable, journal, publish, published, tiles
from countenance.ledger.checkpoint import Checkpoint, open_checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from countenance.ledger.note import Verifier


def adopt(
    copy: Path, public: Path, state: Path, log: Verifier | Sequence[Verifier], now: datetime,
    disk: durable.Disk | None = None,
) -> None:  # fmt: skip
    """Make the log's two folders from a published copy that `fsck` found whole. The caller holds the folder's lock.

    Raises Conflict where there is a journal, Unverified, LogUnavailable, DiskFull.
    """
    disk = disk or durable.Disk()
    with durable.disk_errors():
        if journal.segments(state):
            raise Conflict("there is a log already, and it is not replaced by a copy of it")
        signed = (copy / publish.CHECKPOINT).read_bytes()
        size = open_checkpoint(signed, log).size
        durable.make_folder(disk, public, mode=durable.PUBLIC_FOLDER)
        for tile in needed(size):
            durable.make_folder(disk, (public / tile.path).parent, mode=durable.PUBLIC_FOLDER)
            durable.put(disk, public / tile.path, _whole(copy, tile), mode=durable.PUBLIC_FILE)
        for name in _beside(copy):
            durable.make_folder(disk, (public / name).parent, mode=durable.PUBLIC_FOLDER)
            durable.put(disk, public / name, (copy / name).read_bytes(), mode=durable.PUBLIC_FILE)
        durable.put(disk, public / publish.CHECKPOINT, signed, mode=durable.PUBLIC_FILE)
        journal.Journal(disk, state).roll(journal.Record(int(now.timestamp()), size, (), signed))


def _beside(copy: Path) -> list[str]:
    """What lies in a published folder besides tiles and checkpoint."""
    keys = [f"{publish.KEYS}/{number}" for number in range(1, len(publish.announcements(copy)) + 1)]
    return [*keys, *(name for name in (publish.HISTORY, publish.COSIGNED) if (copy / name).is_file())]


def needed(size: int) -> Iterator[tiles.Tile]:
    """The tiles and bundles that a checkpoint of this size needs."""
    for level in (tiles.ENTRIES, *tiles.levels(size)):
        yield from tiles.tiles_between(level, 0, size)


def contains(public: Path, size: int, earlier: Checkpoint) -> None:
    """Raise Unverified unless the tree of `size` leaves in this folder begins with that of an earlier checkpoint."""
    if earlier.size > size:
        raise Unverified(
            f"the ledger has {size:,} leaves, and {earlier.size:,} were signed: it is older than what was seen",
            next_step="Give the newest copy of the ledger that there is; a ledger is never rolled back.",
        )

    if published.Tree(public, size).root(earlier.size) != earlier.root:
        raise Unverified("the ledger does not hold what was signed before: it is of another house, or another history")


def leaves(public: Path, start: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Index and bytes of each leaf from `start` on, in the published tree of `size` leaves."""
    for bundle in tiles.tiles_between(tiles.ENTRIES, start, size):
        for index, entry in enumerate(tiles.read_entries(public, bundle), bundle.start):
            if index >= start:
                yield index, entry


def _whole(copy: Path, tile: tiles.Tile) -> bytes:
    """Exactly this tile's bytes, also where the copy has a wider one by now."""
    if tile.level == tiles.ENTRIES:
        return tiles.encode_bundle(tiles.read_entries(copy, tile))
    return b"".join(tiles.read_hashes(copy, tile))
