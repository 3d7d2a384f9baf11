"""`countenance ledger probe`: asks of known kinds, sent like any customer's, whose receipts have to show up in the log.

It sends a grey picture without a face, so nobody's photograph is needed and no one is recognised. What each ask must
come to, that its receipt verifies, and that its leaf is in the published log in time: each is one expectation, and
each is reported. What it proves is about these asks alone. Exit codes: 0 all are met; 1 one is not; 2 usage.
Contract: docs/transparency.md.
"""

from __future__ import annotations

import base64
import json
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from countenance.cli import monitor, vkeys
from countenance.domain.errors import BadInput, BadRecord, CountenanceError, Unverified

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from countenance.client import Client
    from countenance.ledger.note import Verifier
    from countenance.ledger.proof import VerifiedReceipt
    from countenance.ledger.source import Source

ASKS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("a detection within the grant", "allow", {}),
    ("one for mass surveillance", "deny", {"purpose": "mass-surveillance"}),
    ("one for racial profiling", "deny", {"purpose": "racial-profiling"}),
    ("one for a purpose outside every vocabulary", "deny", {"purpose": "no-such-purpose"}),
)
"""What is asked, what the policy must say of it, and the words that make the difference."""
PAUSE = 0.25  # seconds between two looks at the log
_GREY = (
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAAAAACPAi4CAAAAKUlEQVR42u3MQREAAAwCIKMb3RD77SAA6VEEAoFAIBAIBAKB"
    "QCAQfA8G320AeXC6efoAAAAASUVORK5CYII="
)  # 64 pixels square


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that had to be. index: of the leaf, or -1 where there is none."""

    of: str
    expects: str
    met: bool
    says: str
    index: int = -1


@click.command()
@click.argument("address", metavar="URL")
@vkeys.log_options
@click.option("--key-file", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
              help="A file with the key of a customer's grant, as `customer add` shows it.")  # fmt: skip
@click.option("--log", "log", metavar="URL-OR-DIR", help="The published log; URL/ledger where it is left out.")
@click.option("--within", type=click.IntRange(1, 3600), default=30, show_default=True, metavar="SECONDS",
              help="By when a leaf has to be in the published log.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def probe(
    address: str, pinned: tuple[Verifier, ...], announced: tuple[Path, ...],
    key_file: Path, log: str | None, within: int, as_json: bool,
) -> None:  # fmt: skip
    """Ask a server what must be allowed and what must be refused, and look whether its log says so.

    \b
    Examples:
      countenance ledger probe https://faces.example.com --key log.vkey --key-file probe.key
      countenance ledger probe https://faces.example.com --key log.vkey --key-file probe.key --within 60 --json
    """
    from countenance.client import Client

    known = vkeys.known(pinned, announced)
    with ExitStack() as stack:
        source = monitor.opened(log or f"{address.rstrip('/')}/ledger", stack)
        try:
            key = vkeys.key_file(key_file).strip()
            client = stack.enter_context(Client(address, key, log_key=known[-1].vkey))
        except (BadInput, UnicodeDecodeError, OSError) as error:
            raise click.UsageError(str(error)) from None
        found = probed(client, source, known, within, time.sleep)
    if as_json:
        click.echo(json.dumps({"holds": all(e.met for e in found), "expectations": [asdict(e) for e in found]}))
    else:
        click.echo("\n".join(vkeys.plain(_line(each)) for each in found))
    click.get_current_context().exit(0 if all(each.met for each in found) else 1)


def probed(
    client: Client, source: Source, known: Sequence[Verifier], within: int, sleep: Callable[[float], None]
) -> list[Expectation]:
    """Each ask and what became of it; then each leaf in the published log, within so many seconds of the last ask."""
    from countenance.ledger.proof import read_receipt, verify_receipt

    found: list[Expectation] = []
    waiting: list[tuple[str, VerifiedReceipt]] = []
    for of, verdict, words in ASKS:
        said, receipt = _asked(client, words)
        try:
            proven = verify_receipt(read_receipt(receipt.encode()), known) if receipt else None
        except (BadRecord, Unverified) as error:
            found.append(Expectation(of, "a receipt that verifies", met=False, says=error.message))
            continue
        if proven is None:
            found.append(Expectation(of, verdict, met=False, says=f"no receipt came: {said}"))
            continue
        answer = str(proven.leaf.open.get("verdict", proven.leaf.kind))
        found.append(Expectation(of, verdict, met=answer == verdict, says=f"{answer} ({said})", index=proven.index))
        waiting.append((of, proven))
    return [*found, *_published(waiting, source, known, within, sleep)]


def _asked(client: Client, words: dict[str, Any]) -> tuple[str, str]:
    """How a detection in a grey picture ended, and its receipt. The client has verified that it is of this ask."""
    try:
        return "answered", client.detect(base64.b64decode(_GREY), **words).receipt
    except CountenanceError as error:
        return error.code, error.receipt


def _published(
    waiting: list[tuple[str, VerifiedReceipt]], source: Source, known: Sequence[Verifier], within: int,
    sleep: Callable[[float], None],
) -> list[Expectation]:  # fmt: skip
    """Whether each leaf is in the published log, looked at until all are or the time is over."""
    end = time.monotonic() + within
    what = f"in the published log within {within} s"
    while True:
        odd = {of: _missing(proven, source, known) for of, proven in waiting}
        if not any(odd.values()) or time.monotonic() > end:
            break
        sleep(PAUSE)
    return [
        Expectation(of, what, met=not odd[of], says=odd[of] or "it is there", index=proven.index)
        for of, proven in waiting
    ]


def _missing(proven: VerifiedReceipt, source: Source, known: Sequence[Verifier]) -> str:
    """Why a leaf is not in the published log; empty where it is, in the history of its receipt."""
    from countenance.ledger import follow, merkle
    from countenance.ledger.source import Told

    said: list[str] = []
    try:
        with follow.listening(lambda alarm: said.append(alarm.says), "proof"):
            _, head = follow.newest(source, known)
            if head.size <= proven.index:
                return f"the published log has {head.size:,} leaves"
            tree, leaf = Told(source, head.size), merkle.leaf_hash(proven.leaf.encode())
            path = merkle.inclusion_proof(proven.index, head.size, tree.node)
            merkle.verify_inclusion(leaf, proven.index, head.size, path, head.root)
            follow.agree(source, proven.checkpoint, head)
    except CountenanceError as error:
        return error.message
    return "".join(said)


def _line(found: Expectation) -> str:
    where = "" if found.index < 0 else f", leaf {found.index}"
    return f"{'met' if found.met else 'NOT MET'}  {found.of}: {found.expects}; {found.says}{where}"
