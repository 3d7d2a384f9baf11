"""`countenance ledger`: check a receipt, or a whole published log, offline; and two deeds of its operator. Thin.

Exit codes: 0 it holds; 1 it does not, with the reason; 2 usage, or a file that cannot be read.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from countenance.cli import monitor, probe, surface, vkeys
from countenance.domain.errors import BadRecord, Unverified

if TYPE_CHECKING:
    from collections.abc import Sequence

    from countenance.ledger.cosignature import Cosignature, WitnessKey
    from countenance.ledger.fsck import Report
    from countenance.ledger.note import Verifier
    from countenance.ledger.proof import Receipt, VerifiedReceipt

UNWITNESSED = "unwitnessed: no one but the log vouches for it, so compare its checkpoint with somebody else's"


@click.group()
def ledger() -> None:
    """Check what the log says, offline, with nothing but its public key.

    \b
    Examples:
      countenance ledger verify receipt.txt --key log.vkey
      countenance ledger fsck public/ledger --key log.vkey
    """


@ledger.command()
@click.argument("receipt")
@vkeys.options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def verify(
    receipt: str, pinned: tuple[Verifier, ...], announced: tuple[Path, ...], witnesses: tuple[WitnessKey, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Check that a decision is in the log. RECEIPT: a file, `-` for standard input, or the one line itself.

    \b
    Examples:
      countenance ledger verify answer.receipt --key log.vkey
      countenance ledger verify answer.receipt --key example.org/log+1a2b3c4d+AbCd... --json
      countenance ledger verify cosigned.tlog-proof --key log.vkey --witness witness.example/w1+5e6f7a8b+AbCd...
    """
    from countenance.ledger import proof

    raw = _read_receipt(receipt)
    try:
        given = proof.read_receipt(raw)
    except BadRecord as error:
        raise Unverified(error.message) from error
    found = proof.verify_receipt(given, vkeys.known(pinned, announced), witnesses)
    if as_json:
        click.echo(json.dumps(_receipt_wire(found), ensure_ascii=False))
    else:
        click.echo("\n".join(_receipt_lines(given, found)))


@ledger.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@vkeys.options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def fsck(
    folder: Path, pinned: tuple[Verifier, ...], announced: tuple[Path, ...], witnesses: tuple[WitnessKey, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Compute a whole published log anew. DIR: the folder that holds `checkpoint`.

    \b
    Examples:
      countenance ledger fsck ledger --key log.vkey
      countenance ledger fsck /srv/www/log --key example.org/log+1a2b3c4d+AbCd... --json
    """
    from countenance.cli import matrix
    from countenance.ledger import fsck as check

    with click.progressbar(length=1, label="checking", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def progress(done: int, of: int) -> None:
            bar.length = of
            bar.update(done - bar.pos)

        report = check.fsck(folder, vkeys.known(pinned, announced), progress, witnesses, matrix.cores())
    if as_json:
        click.echo(json.dumps(_report_wire(report), ensure_ascii=False))
    else:
        click.echo("\n".join(_report_lines(report)))


@ledger.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@vkeys.options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def count(
    folder: Path, pinned: tuple[Verifier, ...], announced: tuple[Path, ...], witnesses: tuple[WitnessKey, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Count the leaves of a published log anew: the numbers of its transparency page. DIR: with `checkpoint`.

    Each leaf is held against its schema. That the leaves are those which the log signed is for `fsck` to say.

    \b
    Examples:
      countenance ledger count ledger --key log.vkey
      countenance ledger count /srv/www/log --key log.vkey --json
    """
    from countenance.ledger import checkpoint, cosignature, durable, publish, sums

    with durable.disk_errors():
        signed = (folder / publish.CHECKPOINT).read_bytes()
        head = checkpoint.open_checkpoint(signed, vkeys.known(pinned, announced))
        found = sums.recounted(folder, head.size)
    by = [one.name for one in cosignature.cosignatures(signed, witnesses)]
    tables = {name: {word: asdict(cell) for word, cell in cells.items()} for name, cells in found.tables.items()}
    if as_json:
        state = "witnessed" if by else "unwitnessed"
        click.echo(json.dumps({"size": found.size, "until": found.time, "state": state, "tables": tables}))
        return
    click.echo(f"{found.size:,} leaves, until the hour {found.time or '(none)'}")
    click.echo(f"witnessed: cosigned by {', '.join(by)}" if by else UNWITNESSED)
    for name, cells in tables.items():
        for word, cell in sorted(cells.items(), key=lambda item: (-item[1]["leaves"], item[0])):
            click.echo(f"{name:<20} {cell['leaves']:>9,} {cell['refused']:>9,} refused  {word}")


@ledger.command()
@click.argument("receipt")
@surface.house_options
def shown(receipt: str, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Show this house's log a RECEIPT or checkpoint that somebody holds; a file, `-`, or the one line itself.

    The log holds it, or it was rolled back: then a running server stops signing within seconds, and no house opens
    until the newest copy of the ledger is back (docs/witness.md).

    \b
    Examples:
      countenance ledger shown answer.receipt
      countenance ledger shown witness.checkpoint --data /var/lib/countenance --keys /etc/countenance
    """
    from countenance.service import rolled
    from countenance.service.founding import wall_clock

    held = rolled.show_closed(surface.settings(data, keys), _read_receipt(receipt), wall_clock)
    says = f"held: the log of {held.size:,} leaves begins with the {held.shown:,} that were shown"
    surface.show(asdict(held), as_json=as_json, sentences=lambda: [says])


@ledger.command()
@click.option("--days", type=click.IntRange(1, 366), default=30, show_default=True,
              help="For which the old key and the new one both sign.")  # fmt: skip
@surface.house_options
def rotate(days: int, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Give the log a new signing key, beside the old one for some days, then alone (docs/witness.md).

    A running server announces it in a leaf within seconds, a stopped one at its next start. Tell your witnesses the
    new vkey before the days are over. Old receipts verify under the old key for ever.

    \b
    Examples:
      countenance ledger rotate
      countenance ledger rotate --days 90 --data /var/lib/countenance --keys /etc/countenance
    """
    from countenance.service import rotation

    made = rotation.begin(surface.settings(data, keys), days)
    surface.show({"vkey": made.vkey, "days": days}, as_json=as_json, sentences=lambda: [
        f"a new key is made; it and the old one sign for {days} days from its announcement on:", f"  {made.vkey}",
        "  tell each witness this vkey; keep a new copy of log-state/log.sealed and log-keys.sealed, apart",
    ])  # fmt: skip


def witnessed_line(found: Sequence[Cosignature]) -> str:
    """By whom a checkpoint is witnessed, in words; or that it is not."""
    if not found:
        return UNWITNESSED
    times = [f"{one.name} ({datetime.fromtimestamp(one.time, UTC):%Y-%m-%d %H:%M:%S} UTC)" for one in found]
    return vkeys.plain(f"witnessed by {', '.join(times)}")


def _witness_wire(found: Sequence[Cosignature]) -> list[dict[str, Any]]:
    return [{"name": one.name, "time": one.time} for one in found]


def _read_receipt(receipt: str) -> bytes:
    """The bytes of a receipt, wherever they are. Raises click.UsageError where they cannot be read."""
    from countenance.ledger import proof

    if receipt.startswith(proof.LINE_START):
        return receipt.encode()
    try:
        with click.open_file(receipt, "rb") as source:
            return bytes(source.read(proof.MAX_LINE + 1))
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "not a path"
        raise click.UsageError(f"the receipt cannot be read: {reason}") from error


def _receipt_wire(found: VerifiedReceipt) -> dict[str, Any]:
    from countenance.ledger.leaf import LEAF_SCHEMA

    head = found.checkpoint
    return {
        "verified": True, "witnessed": bool(found.cosignatures), "witnesses": _witness_wire(found.cosignatures),
        "schema": LEAF_SCHEMA,
        "log": head.origin, "index": found.index, "size": head.size,
        "root": head.root.hex(), "leaf": found.leaf.open, "closed": found.closed,
    }  # fmt: skip


def _receipt_lines(given: Receipt, found: VerifiedReceipt) -> list[str]:
    head = found.checkpoint
    lines = [
        vkeys.plain(f"leaf {found.index} of {head.origin} is in the signed log of {head.size} leaves"),
        *_leaf_lines(found.leaf.open),
    ]
    if found.closed is not None:
        lines += ["closed part, which matches the leaf:"]
        lines += [vkeys.plain(f"  {key:<12}{value}") for key, value in found.closed.items() if value]
    elif not given.nonce:
        lines += ["closed part: not in this receipt; the leaf alone names nobody"]
    return [*lines, witnessed_line(found.cosignatures)]


ledger.add_command(monitor.monitor)
ledger.add_command(probe.probe)


def _leaf_lines(opened: dict[str, Any]) -> list[str]:
    """The open part in words."""
    hour = f"in the hour from {opened['time'][:13].replace('T', ' ')}:00 UTC"
    if opened["kind"] != "decision":
        extra = [f"  {key:<12}{_words(opened[key])}" for key in opened if key not in _COMMON]
        return [f"{opened['kind']}, {hour}", *extra]
    ask = opened["ask"]
    said = "allowed" if opened["verdict"] == "allow" else "denied"
    lines = [f"{hour} the policy {said} this:", f"  {ask['action']} by {ask['sector']}, for {ask['purpose']}"]
    lines += [f"  {key:<13}{_words(ask[key])}" for key in ask if ask[key] and key not in _SAID]
    lines += [f"  rule         {reason}" for reason in opened["reasons"]]
    if opened["outside-policy"]:
        lines += [f"  no result: {opened['outside-policy']}"]
    return [*lines, f"  policy set   {opened['policy']}"]


_COMMON = ("v", "kind", "time", "policy", "laws", "model", "wheel")
_SAID = ("action", "sector", "purpose")


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _report_wire(report: Report) -> dict[str, Any]:
    head = report.checkpoint
    return {
        "verified": True, "witnessed": bool(report.cosignatures), "witnesses": _witness_wire(report.cosignatures),
        "witnessed_size": report.witnessed, "log": head.origin, "size": head.size, "root": head.root.hex(),
        "kinds": dict(sorted(report.kinds.items())), "answers": dict(sorted(report.answers.items())),
        "first": report.first, "last": report.last, "tiles": report.tiles, "bundles": report.bundles,
        "spare": report.spare, "ahead": report.ahead, "drafts": report.drafts,
    }  # fmt: skip


def _report_lines(report: Report) -> list[str]:
    head = report.checkpoint
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(report.kinds.items())) or "none"
    lines = [
        vkeys.plain(f"{head.origin}: {head.size} leaves, all in place under the signed root {head.root.hex()}"),
        f"  leaves      {kinds}",
    ]
    if report.answers:
        lines += [f"  decisions   {report.answers['allow']} allowed, {report.answers['deny']} denied"]
    if report.first:
        lines += [f"  from        {report.first} to {report.last}"]
    lines += [f"  files       {report.bundles} entry bundles, {report.tiles} tiles, {report.spare} older partials"]
    if report.ahead or report.drafts:
        lines += [f"  not signed  {report.ahead} files beyond the checkpoint, {report.drafts} unfinished"]
    if report.cosignatures:
        lines += [f"  witnessed   the first {report.witnessed:,} leaves"]
    return [*lines, witnessed_line(report.cosignatures)]
