"""`countenance law`: the registry of laws, on the machine itself. Proposed, signed, objected to, recorded, repealed.

Reading works beside a running server; the rest needs the data folder for itself, or goes over HTTP. Thin: parse, call,
print. Source: docs/laws.md.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (click's annotations)
from typing import TYPE_CHECKING, Any

import click

from countenance.cli import surface
from countenance.cli.change import FILE, signature_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from countenance.service.app import House
    from countenance.service.records import Held
    from countenance.service.registry import Acted


@click.group()
def law() -> None:
    """Records of laws, which may lift a promise: never edited, only superseded or repealed.

    \b
    Examples:
      countenance law propose us-face-act-2027.toml
      countenance law sign us-face-act-2027 --account acc_0123 --key ada.key
      countenance law record us-face-act-2027
    """


@law.command()
@click.argument("file", type=FILE)
@surface.house_options
def propose(file: Path, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Propose the record in FILE, without signatures. It is public from now on, and its period of objection runs.

    \b
    Example:
      countenance law propose us-face-act-2027.toml
    """
    from countenance.policy import laws
    from countenance.service import registry
    from countenance.storage import files

    raw = files.read_bounded(file, laws.MAX_BYTES, what="the record of the law")
    _done(data, keys, as_json, lambda house: registry.propose_here(house, raw))


@law.command()
@click.argument("identifier", metavar="ID")
@click.option("--account", required=True, help="Id of the account of an approver or an assessor.")
@click.option("--key", "key_file", type=FILE, help="Their private key file.")
@click.option("--signature", default="", help="In place of --key: base64 of a signature that was made elsewhere.")
@surface.house_options
def sign(
    identifier: str, account: str, key_file: Path | None, signature: str, data: Path | None, keys: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Keep a signature over the record ID: two are needed, with different keys, one by an assessor from outside.

    \b
    Example:
      countenance law sign us-face-act-2027 --account acc_0123 --key ada.key
    """
    from countenance.service import records, registry

    def act(house: House) -> Acted:
        message = records.one(house.database, identifier).record.message
        return registry.sign_here(house, identifier, account, signature_of(key_file, signature, message))

    _done(data, keys, as_json, act)


@law.command("object")
@click.argument("identifier", metavar="ID")
@click.argument("words")
@surface.house_options
def object_to(identifier: str, words: str, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Note an objection to the record ID that reached the provider. Everybody can read its WORDS, for good.

    \b
    Example:
      countenance law object us-face-act-2027 "It tests no group of people."
    """
    from countenance.service import registry

    _done(data, keys, as_json, lambda house: registry.object_here(house, identifier, words))


@law.command()
@click.argument("identifier", metavar="ID")
@surface.house_options
def record(identifier: str, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Record the law ID, once its period of objection is over and two people have signed.

    \b
    Example:
      countenance law record us-face-act-2027
    """
    from countenance.service import registry

    _done(data, keys, as_json, lambda house: registry.record_here(house, identifier))


@law.command()
@click.argument("identifier", metavar="ID")
@surface.house_options
def repeal(identifier: str, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """End the recorded law ID, at once: whatever it lifted is refused again.

    \b
    Example:
      countenance law repeal us-face-act-2027
    """
    from countenance.service import registry

    _done(data, keys, as_json, lambda house: registry.repeal_here(house, identifier))


@law.command("list")
@surface.house_options
def list_laws(data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Every record, oldest first.

    \b
    Example:
      countenance law list --json
    """
    from countenance.service import backup, public, records

    with backup.opened(surface.settings(data, keys)) as database:
        found = records.known(database)
    lines = [_line(each) for each in found] or ["no laws"]
    surface.show({"laws": [public.law_words(each) for each in found]}, as_json=as_json, sentences=lambda: lines)


@law.command()
@click.argument("identifier", metavar="ID")
@surface.house_options
def show(identifier: str, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Show the record ID: its text, its signatures, and what was said against it.

    \b
    Example:
      countenance law show us-face-act-2027
    """
    from countenance.service import backup, public, records

    with backup.opened(surface.settings(data, keys)) as database:
        found = records.one(database, identifier)
    body = {"law": {**public.law_words(found), "document": dict(found.record.document)}}
    surface.show(body, as_json=as_json, sentences=lambda: _lines(found))


def _done(data: Path | None, keys: Path | None, as_json: bool, act: Callable[[House], Acted]) -> None:
    from countenance.service import public

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        done = act(house)
    body: dict[str, Any] = {"law": public.law_words(done.law), "receipt": done.receipt}
    surface.show(body, as_json=as_json, sentences=lambda: [*_lines(done.law), *surface.receipt_lines(done.receipt)])


def _line(held: Held) -> str:
    return f"{held.id}  {held.state:<10} {held.jurisdiction}  {held.title}"


def _lines(held: Held) -> list[str]:
    """A record for a person."""
    outside = sum(one.outside for one in held.signatures)
    return [
        _line(held),
        f"  record     {held.digest}",
        f"  not before {held.not_before or 'its period begins'}",
        f"  signed by  {len(held.signatures)}, {outside} of them from outside",
        *(f"  objection  {one.created[:10]} by the {one.by}: {one.words}" for one in held.objections),
    ]
