"""`countenance backup`: make a sealed copy of a house, list and forget copies, restore one. Thin, like the others."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from countenance.cli import surface
from countenance.domain.errors import BadInput, BadRecord

if TYPE_CHECKING:
    from countenance.service.backup import Copy, Made
    from countenance.service.restore import Restored

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def backup() -> None:
    """Sealed copies of a house, which never roll its ledger back: docs/operate.md.

    \b
    Examples:
      countenance backup make /mnt/backup/2026-11-22.backup
      countenance backup list
      countenance backup restore /mnt/backup/2026-11-22.backup --data /var/lib/countenance --keys /etc/countenance
    """


@backup.command()
@click.argument("file", type=FILE)
@click.option("--keep-days", type=click.IntRange(1, 366), default=30, show_default=True,
              help="For how many days it may be restored; certificates of erasure name that date.")  # fmt: skip
@surface.house_options
def make(file: Path, keep_days: int, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Put a sealed copy of the house at FILE, also while its server runs. It opens under the master key alone.

    The log's signing key is not in it: keep your own copy of log-state/log.sealed, apart from the backups.

    \b
    Examples:
      countenance backup make /mnt/backup/2026-11-22.backup
      countenance backup make /mnt/backup/weekly.backup --keep-days 90 --json
    """
    from countenance.service import backup as rooms
    from countenance.service.founding import wall_clock
    from countenance.storage.vault import Vault

    where = surface.settings(data, keys)
    with rooms.opened(where, whole=True) as database:
        vault = Vault.read(where.master_key)
        made = rooms.make(where, vault, database, file.absolute(), now=wall_clock(), keep_days=keep_days)
    surface.show(_made_wire(made), as_json=as_json, sentences=lambda: _made_lines(made))


@backup.command(name="list")
@surface.house_options
def list_all(data: Path | None, keys: Path | None, as_json: bool) -> None:
    """List the backups that were made: when, until when they may be restored, and which were destroyed.

    \b
    Example:
      countenance backup list --json
    """
    from countenance.service import backup as rooms

    with rooms.opened(surface.settings(data, keys)) as database, database.read() as connection:
        found = rooms.known(connection)
    lines = [_line(copy) for copy in found] or ["no backups"]
    surface.show({"backups": [asdict(copy) for copy in found]}, as_json=as_json, sentences=lambda: lines)


@backup.command()
@click.argument("backup_id", metavar="ID")
@surface.house_options
def forget(backup_id: str, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Say that a backup was destroyed, every copy of its file: certificates of erasure name it no more.

    \b
    Example:
      countenance backup forget bak_0123456789abcdef0123456789abcdef
    """
    from countenance.service import backup as rooms
    from countenance.service.founding import wall_clock

    with rooms.opened(surface.settings(data, keys)) as database:
        gone = rooms.forget(database, backup_id, wall_clock())
    surface.show(asdict(gone), as_json=as_json, sentences=lambda: [_line(gone)])


@backup.command()
@click.argument("file", type=FILE)
@click.option("--ledger", "copy", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="A published copy of the ledger, where the data folder's own is lost.")  # fmt: skip
@click.option("--checkpoint", "seen", type=FILE, multiple=True,
              help="A checkpoint or receipt that somebody holds, for the ledger to hold too; repeatable.")  # fmt: skip
@surface.house_options
def restore(
    file: Path, copy: Path | None, seen: tuple[Path, ...], data: Path | None, keys: Path | None, as_json: bool
) -> None:
    """Bring a house back from FILE; what was erased, withdrawn and revoked since stays so.

    It needs the data folder's own ledger and log-state (the database alone was lost), or with --ledger a published
    copy and your own copy of log.sealed in log-state/. The ledger is never rolled back. It ends by opening the house
    once. Interrupted, run it again: until it ends no house opens.

    \b
    Examples:
      countenance backup restore /mnt/backup/2026-11-22.backup --data /var/lib/countenance --keys /etc/countenance
      countenance backup restore last.backup --ledger /srv/mirror/ledger --checkpoint witness.checkpoint
    """
    from countenance.service import restore as rooms
    from countenance.service.founding import wall_clock

    where = surface.settings(data, keys)
    signed = tuple(map(_signed, seen))
    done = rooms.restore(where, file, now=wall_clock, copy=copy, seen=signed)
    with surface.opened(where, quiet=as_json) as house:
        size = house.log.size
    surface.show({**asdict(done), "size": size}, as_json=as_json, sentences=lambda: _restored_lines(done))


def _signed(path: Path) -> bytes:
    """The signed checkpoint in a file, which is one, or a receipt that carries one."""
    from countenance.ledger import proof
    from countenance.storage import files

    raw = files.read_bounded(path, proof.MAX_LINE, what="the checkpoint", missing=BadInput)
    try:
        return proof.read_receipt(raw).proof.checkpoint
    except BadRecord:
        return raw


def _made_wire(made: Made) -> dict[str, object]:
    head = made.checkpoint
    return {
        **asdict(made.copy), "log": head.origin, "size": head.size, "root": head.root.hex(),
        "bytes": made.bytes, "sha256": made.sha256,
    }  # fmt: skip


def _made_lines(made: Made) -> list[str]:
    return [
        f"made {made.copy.id}, {made.bytes / 2**20:,.1f} MiB, with {made.checkpoint.size:,} leaves in the log",
        f"  it may be restored until {made.copy.until}; certificates of erasure name it until then",
        f"  sha256 {made.sha256}",
        "  it opens under the master key alone, and the log's key is not in it: keep copies of both, apart from it",
    ]


def _line(copy: Copy) -> str:
    state = f"destroyed {copy.removed}" if copy.removed else f"until {copy.until}"
    return f"{copy.id}  made {copy.created}  {state}"


def _restored_lines(done: Restored) -> list[str]:
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(done.since.items())) or "none"
    return [
        f"restored {done.backup}, made {done.made} when the log had {done.known:,} leaves; it has {done.size:,} now",
        f"  leaves since then: {kinds}",
        f"  undone again: {done.erased} erased, {done.withdrawn} withdrawn, {done.revoked} revoked",
        f"  lost with the database: {done.lost} enrolment(s), every basis, grant and key since, and the nonces and "
        "closed parts of those leaves",
        "  receipts that people hold still verify, from before the backup and after it",
        *([f"  {done.promises}"] if done.promises else []),
    ]
