"""`countenance consent`: put a basis on record, or withdraw it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from countenance.cli import surface

if TYPE_CHECKING:
    from pathlib import Path

NOTICE = "What it is for, that a template is kept and no photograph, and that leaving is possible at any time."


@click.group()
def consent() -> None:
    """Record on what basis a person may be enrolled, and let people withdraw.

    \b
    Examples:
      countenance consent give me --adult --until 2027-11-22
      countenance consent withdraw me
    """


@consent.command()
@click.argument("subject")
@click.option("--adult", is_flag=True, help="The record says that this person is an adult.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The term ends on this day.")
@click.option("--given", type=click.DateTime(["%Y-%m-%d"]), help="The day it was given; now when left out.")
@click.option("--basis", default="consent", show_default=True, help="consent, or demonstration for portraits.")
@click.option("--manner", default="electronic", show_default=True, help="How it was given.")
@click.option("--notice", default=NOTICE, show_default=True, help="What the person was told.")
@click.option("--recorded-by", default="the key's holder", show_default=True, help="Who recorded it.")
@click.option("--evidence", default="", help="Where the proof is kept; this entry itself when left out.")
@click.option("--refused", is_flag=True, help="The person said no: that is on record too, and covers nothing.")
@click.option("--collection", "name", default="", help="The collection; the only one when left out.")
@surface.key_option
@surface.house_options
def give(
    subject: str, adult: bool, until: datetime, given: datetime | None, basis: str, manner: str,
    notice: str, recorded_by: str, evidence: str, refused: bool, name: str, key_file: Path | None,
    data: Path | None, keys: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Put on record that SUBJECT (your name for the person) agreed.

    \b
    Example:
      countenance consent give ada --adult --until 2027-11-22 --collection staff --key gym.key
    """
    from countenance.consent import GIVEN, REFUSED, Basis
    from countenance.service import people

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        who = surface.principal(house, key_file)
        inside = people.collection(house, who, name)
        when = given.replace(tzinfo=UTC) if given else house.now()
        record = Basis(
            basis, inside.purpose, when, until.replace(tzinfo=UTC), adult=adult, manner=manner, notice=notice,
            recorded_by=recorded_by, evidence=evidence or f"this entry, made by {recorded_by}",
            event=REFUSED if refused else GIVEN,
        )  # fmt: skip
        made = people.give_consent(house, who, inside, subject, record)
    body = {
        "subject": made.subject,
        "purpose": inside.purpose,
        "until": until.date().isoformat(),
        "receipt": made.receipt,
    }
    lines = (
        [
            f"on record: {subject} refused {inside.purpose}  {made.subject}",
            *surface.receipt_lines(made.receipt),
        ]
        if refused
        else [
            f"on record: {subject} for {inside.purpose} until {body['until']}  {made.subject}",
            f"Next: countenance subject enrol {subject} PHOTO",
            *surface.receipt_lines(made.receipt),
        ]
    )
    surface.show(body, as_json=as_json, sentences=lambda: lines)


@consent.command()
@click.argument("subject")
@click.option("--collection", "name", default="", help="The collection; the only one when left out.")
@surface.key_option
@surface.house_options
def withdraw(
    subject: str, name: str, key_file: Path | None, data: Path | None, keys: Path | None, as_json: bool
) -> None:
    """Withdraw every open basis of SUBJECT, in force at once; never asked of the policy.

    \b
    Example:
      countenance consent withdraw ada --collection staff --key gym.key
    """
    from countenance.service import people

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        who = surface.principal(house, key_file)
        receipt = people.withdraw(house, who, people.collection(house, who, name), subject)
    lines = [f"withdrawn: {subject} is not a candidate any more", *surface.receipt_lines(receipt)]
    surface.show({"withdrawn": True, "receipt": receipt}, as_json=as_json, sentences=lambda: lines)
