"""`countenance subject`: enrol, verify, identify, list and erase people of a collection."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from countenance.cli import surface

if TYPE_CHECKING:
    from countenance.service.gate import Answered
    from countenance.service.identify import Identified
    from countenance.service.likeness import Likeness

PHOTO = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def subject() -> None:
    """People of a collection: enrol them, verify or identify them, erase them.

    \b
    Examples:
      countenance subject enrol me first.jpg
      countenance subject verify me second.jpg
      countenance subject identify visitor.jpg --collection staff --key gym.key
      countenance subject erase me
    """


def _common(command: Any) -> Any:
    inside = click.option("--collection", "name", default="", help="The collection; the only one when left out.")
    return inside(surface.key_option(surface.house_options(command)))


@subject.command()
@click.argument("alias")
@click.argument("photo", type=PHOTO)
@surface.use_options
@_common
def enrol(
    alias: str, photo: Path, name: str, key_file: Path | None, data: Path | None, keys: Path | None,
    as_json: bool, **said: Any,
) -> None:  # fmt: skip
    """Add a reference of ALIAS from PHOTO; the photograph is not kept.

    \b
    Example:
      countenance subject enrol me first.jpg
    """
    from countenance.service import people, shown
    from countenance.service.enrol import enrol as do

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        who = surface.principal(house, key_file)
        inside = people.collection(house, who, name)
        answer = do(house, who, inside, alias, surface.photo(photo), surface.use_of(said))
    made = answer.result
    body = shown.enrolled(answer)
    lines = [f"enrolled {alias}: {made.reference}", *surface.receipt_lines(answer.receipt)]
    surface.show(body, as_json=as_json, sentences=lambda: lines)


@subject.command()
@click.argument("alias")
@click.argument("photo", type=PHOTO)
@surface.use_options
@_common
def verify(
    alias: str, photo: Path, name: str, key_file: Path | None, data: Path | None, keys: Path | None,
    as_json: bool, **said: Any,
) -> None:  # fmt: skip
    """Is the person in PHOTO the subject ALIAS?

    \b
    Example:
      countenance subject verify me second.jpg
    """
    from countenance.service import people, shown
    from countenance.service.verify import verify as do

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        who = surface.principal(house, key_file)
        inside = people.collection(house, who, name)
        answer = do(house, who, inside, alias, surface.photo(photo), surface.use_of(said))
    body = shown.verified(answer)
    surface.show(body, as_json=as_json, sentences=lambda: likeness_lines(answer, answer.result.likeness))


@subject.command()
@click.argument("photo", type=PHOTO)
@click.option("--top", default=1, show_default=True, help="Candidates at most.")
@surface.use_options
@_common
def identify(
    photo: Path, top: int, name: str, key_file: Path | None, data: Path | None, keys: Path | None,
    as_json: bool, **said: Any,
) -> None:  # fmt: skip
    """Who of the collection is in PHOTO, among those whose basis covers this purpose?

    \b
    Example:
      countenance subject identify visitor.jpg --collection staff --key gym.key
    """
    from countenance.service import people, shown
    from countenance.service.identify import identify as do

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        who = surface.principal(house, key_file)
        inside = people.collection(house, who, name)
        answer = do(house, who, inside, surface.photo(photo), surface.use_of(said), top=top)
        aliases = {one.id: one.alias for one in people.list_subjects(house, who, inside)}
    body = shown.identified(answer)
    for candidate in body["candidates"]:
        candidate["alias"] = aliases.get(candidate["subject"], "")
    surface.show(body, as_json=as_json, sentences=lambda: _search_lines(answer, aliases))


@subject.command(name="list")
@_common
def list_all(name: str, key_file: Path | None, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """List the subjects of a collection.

    \b
    Example:
      countenance subject list --json
    """
    from countenance.service import people

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        who = surface.principal(house, key_file)
        found = people.list_subjects(house, who, people.collection(house, who, name))
    lines = [f"{one.alias}: {one.references} reference(s)  {one.id}" for one in found] or ["no subjects"]
    surface.show({"subjects": [asdict(one) for one in found]}, as_json=as_json, sentences=lambda: lines)


@subject.command()
@click.argument("alias")
@click.option("--certificate", type=click.Path(path_type=Path, dir_okay=False), help="Write the certificate here.")
@_common
def erase(
    alias: str, certificate: Path | None, name: str, key_file: Path | None, data: Path | None, keys: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Erase ALIAS: rows, templates, closed parts; re-read the storage; sign a certificate. Can't be undone.

    \b
    Example:
      countenance subject erase me --certificate erased.txt
    """
    from countenance.service import people
    from countenance.service.erase import erase as do
    from countenance.storage import files

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        who = surface.principal(house, key_file)
        done = do(house, who, people.collection(house, who, name), alias)
    if certificate is not None:
        files.write_private(certificate, done.certificate.encode(), what="the certificate")
    lines = [f"erased {alias}", done.certificate.rstrip(), *surface.receipt_lines(done.receipt)]
    surface.show(asdict(done), as_json=as_json, sentences=lambda: lines)


def likeness_lines(answer: Answered[Any], likeness: Likeness) -> list[str]:
    """A 1:1 answer in sentences."""
    said = "match" if likeness.match else "no match"
    return [
        f"{said}: two different people look this alike {surface.rate(likeness.false_match_rate)}",
        f"  the threshold keeps false matches at or under 1 in {round(1 / likeness.promised_rate):,}"
        " in every measured group that can carry it",
        *surface.receipt_lines(answer.receipt),
    ]


def _search_lines(answer: Answered[Identified], aliases: dict[str, str]) -> list[str]:
    found = answer.result
    lines = [
        f"match: {aliases.get(one.subject, one.subject)}, a lead and not proof; two different people look this alike "
        f"{surface.rate(one.false_match_rate)}"
        for one in found.candidates
    ]
    if not found.candidates:
        lines = [f"no match among {found.gallery:,} subject(s)"]
    if found.clear is False:
        lines.append("  the second candidate is close: look again before you rely on the first")
    return [*lines, *surface.receipt_lines(answer.receipt)]
