"""`countenance ledger monitor`: follow a log from outside, with nothing but its public key, and say what does not hold.

Exit codes: 0 all holds; 1 an alarm, of this run or an earlier one in the state; 2 usage, or a file that cannot be read.
Contract: docs/transparency.md.
"""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from countenance.cli import vkeys
from countenance.domain.errors import BadInput, BadRecord, CountenanceError

if TYPE_CHECKING:
    from countenance.ledger.cosignature import WitnessKey
    from countenance.ledger.note import Verifier
    from countenance.ledger.proof import Receipt
    from countenance.ledger.source import Source
    from countenance.service.monitor import Look, Seen

STATE = "countenance-monitor@v1"
MOST = 1 << 28
"""Bytes of a state file at most."""
SHOWN = 20
"""Alarms that are written out in words; --json has them all."""


@click.command()
@click.argument("log", metavar="URL-OR-DIR")
@vkeys.options
@click.option("--state", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Where to remember what was seen; without it each run begins at the first leaf.")  # fmt: skip
@click.option("--receipt", "receipts", multiple=True, metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="A receipt that you hold: is it of this history? Repeatable.")  # fmt: skip
@click.option("--once/--follow", default=True, help="Look once (the default), or look again until interrupted.")
@click.option("--every", type=click.IntRange(1, 86_400), default=60, show_default=True, metavar="SECONDS",
              help="Between two looks.")  # fmt: skip
@click.option("--stop-after", type=click.IntRange(0), default=0, metavar="SECONDS",
              help="Raise an alarm where the log has not grown for so long; 0: never.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document a look.")
def monitor(
    log: str, pinned: tuple[Verifier, ...], announced: tuple[Path, ...], witnesses: tuple[WitnessKey, ...],
    state: Path | None, receipts: tuple[Path, ...], once: bool, every: int, stop_after: int, as_json: bool,
) -> None:  # fmt: skip
    """Follow a log from outside, decide every logged ask again, and raise an alarm on what does not hold.

    URL-OR-DIR: the folder that holds `checkpoint`, here or at a server. Exit code 0: all holds; 1: an alarm.

    \b
    Examples:
      countenance ledger monitor https://faces.example.com/ledger --key log.vkey --state seen.json
      countenance ledger monitor ./ledger --key log.vkey --json
      countenance ledger monitor https://faces.example.com/ledger --key log.vkey --state seen.json --follow
    """
    from countenance.service.monitor import Monitor

    with ExitStack() as stack:
        source = opened(log, stack)
        watching = Monitor(source, vkeys.known(pinned, announced), witnesses, stop_after)
        held = [_held(path) for path in receipts]
        seen = _read(state)
        while True:
            look = _look(watching.look, seen)
            for receipt in held:
                watching.hold(seen, receipt)
            if state is not None:
                _write(state, seen)
            click.echo(json.dumps(wire(look, seen), ensure_ascii=False) if as_json else "\n".join(_lines(look, seen)))
            if once:
                break
            time.sleep(every)
    click.get_current_context().exit(1 if seen.raised or not look.reached else 0)


def opened(log: str, stack: ExitStack) -> Source:
    """The source that an argument names. Raises click.UsageError where it names none."""
    from countenance.http.fetch import Fetch
    from countenance.ledger import source

    if "://" not in log:
        if not Path(log).is_dir():
            raise click.UsageError("the log is neither an address nor a folder")
        return source.folder(Path(log))
    try:
        return stack.enter_context(Fetch(log))
    except BadInput as error:
        raise click.UsageError(f"{error.message}: {error.next_step}") from None


def _held(path: Path) -> Receipt:
    """A receipt from a file. Raises click.UsageError."""
    from countenance.ledger import proof

    try:
        with path.open("rb") as file:
            return proof.read_receipt(file.read(proof.MAX_LINE + 1))
    except (OSError, BadRecord):
        raise click.UsageError("a file that is no receipt, or can't be read, was given with --receipt") from None


def _look(look: Any, seen: Seen) -> Look:
    try:
        found: Look = look(seen, int(time.time()))
    except BadRecord as error:
        raise click.UsageError(f"the state can't be used: {error.message}") from None
    return found


def wire(look: Look, seen: Seen) -> dict[str, Any]:
    """What a look found, as JSON: this shape is docs/transparency.md's."""
    from countenance.service.monitor import shares

    kinds = {name[5:]: number for name, number in sorted(seen.counts.items()) if name.startswith("kind ")}
    return {
        "holds": not seen.raised, "reached": look.reached, "size": look.size, "new": look.new,
        "checked": seen.peaks.size, "root": seen.peaks.root().hex(), "quiet_seconds": look.quiet,
        "witnessed_by": list(look.witnesses), "kinds": kinds, "decisions": shares(seen.counts),
        "alarms": [asdict(alarm) for alarm in seen.alarms], "alarms_raised": seen.raised,
    }  # fmt: skip


def _lines(look: Look, seen: Seen) -> list[str]:
    found = wire(look, seen)
    said = found["decisions"]
    total, again = said.get("verdict", {}).get("all", {}), said.get("again", {})
    outside, declared = said.get("outside-policy", {}), said.get("declared", {}).get("all", {})
    agreed = sum(again.get("agrees", {}).values())
    lines = [
        f"{found['checked']:,} leaves, each under the signed root {found['root']}, {look.new:,} of them new",
        f"  decisions   {total.get('allow', 0):,} allowed, {total.get('deny', 0):,} denied",
        f"  again       {agreed:,} of {sum(total.values()):,} decided the same by the published policy set",
        f"  apart       {sum(sum(each.values()) for each in outside.values()):,} had no result for another reason",
        f"  declared    {sum(declared.values()):,} rested on what the customer says of itself alone",
    ]
    if not look.reached:
        lines.append("  not reached the log did not answer")
    names = ", ".join(look.witnesses)
    lines.append(f"  witnesses   {names}" if names else "  unwitnessed by any whom you named")
    shown = [
        "ALARM " + vkeys.plain(f"{a.kind}: {'' if a.index < 0 else f'leaf {a.index}: '}{a.says}")
        for a in seen.alarms[:SHOWN]
    ]
    more = seen.raised - len(shown)
    return [*lines, *shown, *([f"and {more:,} more alarms"] if more > 0 else [])]


def _read(state: Path | None) -> Seen:
    """What was seen before. Raises click.UsageError for a file that is no state."""
    from countenance.ledger.follow import Alarm, Peaks
    from countenance.service.monitor import Seen
    from countenance.storage import files

    if state is None or not state.exists():
        return Seen()
    try:
        found = json.loads(files.read_bounded(state, MOST, what="the state"))
        if found["schema"] != STATE:
            raise BadRecord("it is not a monitor's state")
        peaks = Peaks(int(found["size"]), [bytes.fromhex(peak) for peak in found["peaks"]])
        return Seen(
            found["note"].encode(), peaks, str(found["time"]), int(found["moved"]), Counter(found["counts"]),
            [base64.b64decode(entry) for entry in found["slow"]],
            [Alarm(str(a["kind"]), str(a["says"]), int(a["index"])) for a in found["alarms"]], int(found["raised"]),
        )  # fmt: skip
    except (CountenanceError, ValueError, KeyError, TypeError, AttributeError):
        raise click.UsageError("the state is damaged, or of another program: put it away to begin anew") from None


def _write(state: Path, seen: Seen) -> None:
    """Whole or not at all."""
    from countenance.storage import files

    found = {
        "schema": STATE, "note": seen.note.decode(), "size": seen.peaks.size,
        "peaks": [peak.hex() for peak in seen.peaks.peaks], "time": seen.time, "moved": seen.moved,
        "counts": dict(sorted(seen.counts.items())),
        "slow": [base64.b64encode(entry).decode() for entry in seen.slow],
        "alarms": [asdict(alarm) for alarm in seen.alarms], "raised": seen.raised,
    }  # fmt: skip
    files.write_private(state, json.dumps(found, ensure_ascii=False, indent=1).encode(), what="the state")
