"""`countenance statute`: an agency's people file and read what RCW 43.386 asks for, on the machine itself.

Whoever files is a person with an account, and shows it by the private key: the master key alone files nothing in an
agency's name. Over HTTP the same is done with a signature: docs/washington.md.
"""

from __future__ import annotations

import typing
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from countenance.cli import surface
from countenance.domain.errors import BadInput
from countenance.domain.strict import json_object
from countenance.storage import files

if TYPE_CHECKING:
    from collections.abc import Callable

    from countenance.service.accounts import Account
    from countenance.service.app import House
    from countenance.service.filings import Filed
    from countenance.service.gate import Answered
    from countenance.service.statements import Stands

    F = TypeVar("F", bound=Callable[..., Any])

FACTS_LIMIT = 256 * 1024  # bytes of a file with the facts of a paper
KEY_LIMIT = 4096  # bytes of a key file


def person_options(command: F) -> F:
    """--account and --account-key: who files or reads."""
    for option in (
        click.option("--account-key", "account_key", required=True, type=click.Path(path_type=Path, dir_okay=False),
                     help="File with that person's private key, as `account keygen` makes it."),
        click.option("--account", "person", required=True, help="Id of the account of whoever does this."),
    ):  # fmt: skip
        command = option(command)
    return surface.house_options(command)


@click.group()
def statute() -> None:
    """Chapter 43.386 RCW: notices, reports, tests, training, authorities, disclosures.

    \b
    Examples:
      countenance statute kinds
      countenance statute draft benefits-eligibility --account acc_0123 --account-key bo.key > draft.json
      countenance statute file notice notice.json --account acc_0123 --account-key bo.key
      countenance statute standing benefits-eligibility --account acc_0123 --account-key bo.key
    """


@statute.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
def kinds(as_json: bool) -> None:
    """What can be filed, and the fields of each kind.

    \b
    Example:
      countenance statute kinds
    """
    from countenance.statute.papers import ABOUT, PAPERS, PUBLIC

    body = {
        name: {"about": ABOUT.get(name, ""), "public": name in PUBLIC, "fields": [one.name for one in fields(made)]}
        for name, made in PAPERS.items()
    }

    def lines() -> list[str]:
        rows = []
        for name, said in body.items():
            about = f" (continues: {said['about']})" if said["about"] else ""
            rows.append(f"{name}{about}: {', '.join(typing.cast('list[str]', said['fields']))}")
        return rows

    surface.show({"kinds": body}, as_json=as_json, sentences=lines)


@statute.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
def items(as_json: bool) -> None:
    """The rules that are held, each with how sure it is and the reading that is taken.

    \b
    Example:
      countenance statute items
    """
    from countenance.statute.items import ITEMS

    def lines() -> list[str]:
        return [
            f"{one.id} [{one.evidence}] {one.says}" + (f"\n  held as: {one.safer}" if one.safer else "")
            for one in ITEMS.values()
        ]

    surface.show({"items": [asdict(one) for one in ITEMS.values()]}, as_json=as_json, sentences=lines)


@statute.command()
@click.argument("name")
@click.option("--sector", default="public-agency", show_default=True, help="As in docs/policy.md.")
@click.option("--country", default="US", show_default=True, help="Where it sits and is used.")
@click.option("--region", default="US-WA", show_default=True, help="Such as US-WA.")
@click.option("--purpose", "purposes", multiple=True, required=True, help="What it intends; repeatable.")
@click.option("--contact", required=True, help="A person to reach.")
@click.option("--attested-by", required=True, help="The named person who attests these facts.")
@surface.house_options
def agency(
    name: str, purposes: tuple[str, ...], data: Path | None, keys: Path | None, as_json: bool, **facts: Any
) -> None:
    """Register the agency NAME, so that its people can file before it asks to be admitted. It gets no key by it.

    \b
    Example:
      countenance statute agency "Department of Benefits" --purpose benefits-eligibility \\
        --contact "A. Person" --attested-by "A. Person"
    """
    from countenance.service import agencies
    from countenance.service.application import Application

    seat = {"seat_country": facts["country"], "seat_region": facts["region"]}
    application = Application(name=name, purposes=frozenset(purposes), **seat, **facts)
    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        made = agencies.register_here(house, application)
    lines = [f"registered {made.customer}", *surface.receipt_lines(made.receipt)]
    surface.show(asdict(made), as_json=as_json, sentences=lambda: lines)


@statute.command()
@click.argument("kind")
@click.argument("facts", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--about", default="", help="Id of the paper that this one continues.")
@person_options
def file(
    kind: str, facts: Path, about: str, person: str, account_key: Path, data: Path | None, keys: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """File a paper of KIND, its fields in the JSON file FACTS, for the person's own agency.

    \b
    Example:
      countenance statute file meeting meeting.json --about fil_0123 --account acc_0123 --account-key bo.key
    """
    from countenance.service import filings

    said = _facts(facts)
    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        made = filings.file(house, _person(house, person, account_key), kind, about, said)
    _tell_filed(made, as_json=as_json)


@statute.command()
@click.argument("test")
@click.argument("step")
@click.argument("text")
@person_options
def mitigate(
    test: str, step: str, text: str, person: str, account_key: Path, data: Path | None, keys: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """The provider's next STEP on the independent TEST, with TEXT: plan, implemented, retested.

    \b
    Example:
      countenance statute mitigate fil_0123 plan "Thresholds by group" --account acc_0123 --account-key ada.key
    """
    from countenance.service import filings

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        made = filings.mitigate(house, _person(house, person, account_key), test, {"step": step, "text": text})
    _tell_filed(made, as_json=as_json)


@statute.command("list")
@click.option("--customer", default="", help="Id of an agency; your own where it is left out.")
@click.option("--kind", default="", help="Only those of this kind.")
@person_options
def list_filings(
    customer: str, kind: str, person: str, account_key: Path, data: Path | None, keys: Path | None, as_json: bool
) -> None:
    """The papers of an agency, oldest first, without what is sealed.

    \b
    Example:
      countenance statute list --kind training --account acc_0123 --account-key bo.key
    """
    from countenance.service import filings

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        found = filings.listed(house, _person(house, person, account_key), customer, kind, "", filings.MOST_FILINGS)
    rows = found.result[0]
    body = {"filings": [asdict(one) for one in rows], "receipt": found.receipt}
    lines = [f"{one.id}  {one.created[:10]}  {one.kind:<18} {one.digest}" for one in rows] or ["nothing was filed"]
    surface.show(body, as_json=as_json, sentences=lambda: lines)


@statute.command()
@click.argument("filing")
@person_options
def show(filing: str, person: str, account_key: Path, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """A paper of the person's own agency, whole, with what is sealed.

    \b
    Example:
      countenance statute show fil_0123 --account acc_0123 --account-key bo.key
    """
    from countenance.service import filings

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        found = filings.shown(house, _person(house, person, account_key), filing)
    body = {**asdict(found.result), "receipt": found.receipt}
    surface.show(body, as_json=as_json, sentences=lambda: [found.result.document.rstrip("\n")])


@statute.command()
@click.argument("purpose")
@click.option("--key", "key", default="", help="Id of a key (key_...): whose users have to be trained.")
@click.option("--place", default="private", show_default=True, help="Where it is used.")
@click.option("--camera", default="none", show_default=True, help="none, fixed or mobile.")
@person_options
def standing(
    purpose: str, key: str, place: str, camera: str, person: str, account_key: Path, data: Path | None,
    keys: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """How the person's agency stands for PURPOSE: each thing that has to be in order. Exit code 1 where one is missing.

    \b
    Example:
      countenance statute standing benefits-eligibility --key key_0123 --account acc_0123 --account-key bo.key
    """
    from countenance.service import statements

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        found = statements.stands(house, _person(house, person, account_key), purpose, place, camera, key)
    body = {**asdict(found.result), "receipt": found.receipt}
    surface.show(body, as_json=as_json, sentences=lambda: _standing_lines(found.result))
    if not found.result.in_order:
        click.get_current_context().exit(1)


@statute.command()
@click.argument("purposes", nargs=-1, required=True)
@person_options
def draft(
    purposes: tuple[str, ...], person: str, account_key: Path, data: Path | None, keys: Path | None, as_json: bool
) -> None:
    """A draft of the accountability report for PURPOSES: the facts of a `draft` paper, to be filled in and filed.

    \b
    Example:
      countenance statute draft benefits-eligibility --account acc_0123 --account-key bo.key > draft.json
    """
    from countenance.service import statements

    _write(lambda house, who: statements.draft(house, who, purposes), person, account_key, data, keys, as_json=as_json)


@statute.command()
@click.argument("filing")
@person_options
def disclosure(
    filing: str, person: str, account_key: Path, data: Path | None, keys: Path | None, as_json: bool
) -> None:
    """What a defendant is told, from the `disclosure` paper FILING.

    \b
    Example:
      countenance statute disclosure fil_0123 --account acc_0123 --account-key bo.key
    """
    from countenance.service import statements

    _write(lambda house, who: statements.disclosure(house, who, filing), person, account_key, data, keys,
           as_json=as_json)  # fmt: skip


@statute.command()
@click.argument("year", type=int)
@click.argument("to", type=click.Choice(["judge", "legislature"]))
@person_options
def january(
    year: int, to: str, person: str, account_key: Path, data: Path | None, keys: Path | None, as_json: bool
) -> None:
    """The January report of YEAR about the year before, to a judge or to the legislature.

    \b
    Example:
      countenance statute january 2028 legislature --account acc_0123 --account-key bo.key
    """
    from countenance.service import statements

    _write(lambda house, who: statements.january(house, who, year, to), person, account_key, data, keys,
           as_json=as_json)  # fmt: skip


def _write(
    work: Callable[[House, Account], Answered[Any]], person: str, account_key: Path, data: Path | None,
    keys: Path | None, *, as_json: bool,
) -> None:  # fmt: skip
    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        made = work(house, _person(house, person, account_key))
    text = made.result.text
    surface.show({"text": text, "receipt": made.receipt}, as_json=as_json, sentences=lambda: [text.rstrip("\n")])


def _tell_filed(made: Answered[Filed], *, as_json: bool) -> None:
    filed = made.result
    lines = [f"filed {filed.filing}", f"  digest  {filed.digest}", *surface.receipt_lines(filed.filed_receipt)]
    surface.show({**asdict(filed), "receipt": made.receipt}, as_json=as_json, sentences=lambda: lines)


def _standing_lines(found: Stands) -> list[str]:
    rows = [f"{'ok     ' if one.holds else 'missing'} {one.says} ({one.item}, {one.evidence})" for one in found.lines]
    rows += [f"due     {one.kind} {one.filing}: {one.state}, {one.due}" for one in found.due]
    return rows + ([f"exempt: {found.exempt}"] if found.exempt else [])


def _person(house: House, account: str, key_file: Path) -> Account:
    from countenance.service import accounts, signed

    text = files.read_private(key_file, KEY_LIMIT, what="the private key")
    return accounts.held(house, account, signed.PersonKey.parse(text.decode("ascii", "replace")))


def _facts(path: Path) -> dict[str, Any]:
    raw = files.read_bounded(path, FACTS_LIMIT, what="the paper's facts")
    return json_object(raw, lambda says: BadInput(f"the file of the paper's facts {says}"))
