"""Commands of `countenance customer` about facts: what they are and rest on, that somebody checked, what changed.

Run by the provider on the machine itself; over HTTP the same is done with a signature. Source: docs/admission.md.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from countenance.cli import surface

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from countenance.service.facts import Changed

FIELDS = ("name", "sector", "country", "region", "locality", "seat-country", "seat-region", "contact", "camera",
          "capture", "minors", "legal-effect")  # fmt: skip


@click.command()
@click.argument("customer")
@surface.house_options
def facts(customer: str, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Show the facts of CUSTOMER, what each rests on, and who checked what.

    \b
    Example:
      countenance customer facts cus_0123456789abcdef0123456789abcdef
    """
    from countenance.service import checks
    from countenance.service.facts import held_here

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        held, records = held_here(house, customer), checks.records_of(house, customer)
    lines = [f"  {fact:<13} {rests}" for fact, rests in held.rests_on.items()]
    lines += [f"  {one.id}  {one.method}  {', '.join(one.facts)}  until {one.until}" for one in records]
    body = {**asdict(held), "verifications": [asdict(one) for one in records]}
    surface.show(body, as_json=as_json, sentences=lambda: [held.facts["name"], *lines])


@click.command()
@click.argument("customer")
@click.option("--acts-for", multiple=True, help="All the sectors it now works for or resells to; repeatable.")
@click.option("--for-itself-alone", is_flag=True, help="It works for nobody else any more.")
@surface.house_options
def change(
    customer: str, acts_for: tuple[str, ...], for_itself_alone: bool, data: Path | None, keys: Path | None,
    as_json: bool, **said: str | None,
) -> None:  # fmt: skip
    """Enter what the facts of CUSTOMER have become. Every grant is decided anew, and what does not hold is suspended.

    \b
    Example:
      countenance customer change cus_0123456789abcdef0123456789abcdef --acts-for police
    """
    from countenance.service.facts import change_here

    if acts_for and for_itself_alone:
        raise click.UsageError("--acts-for and --for-itself-alone say the opposite of each other")
    new: dict[str, str | frozenset[str]] = {field: word for field, word in said.items() if word is not None}
    if acts_for or for_itself_alone:
        new["acts_for"] = frozenset(acts_for)
    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        made, receipt = change_here(house, customer, new)
    surface.show({**asdict(made), "receipt": receipt}, as_json=as_json, sentences=lambda: _lines(made, receipt))


for name in FIELDS:
    change = click.option(f"--{name}", default=None, help=f"The {name} as it is now.")(change)


@click.command()
@click.argument("customer")
@click.option("--method", required=True, help="domain-challenge, official-list or document-seen.")
@click.option("--fact", "wanted", multiple=True, required=True, help="A fact that was checked; repeatable.")
@click.option("--by", "verifier", required=True, help="Who of the provider looked.")
@click.option("--evidence", required=True, help="What was looked at.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), required=True, help="From when it counts no more.")
@surface.house_options
def check(
    customer: str, method: str, wanted: tuple[str, ...], verifier: str, evidence: str, until: datetime,
    data: Path | None, keys: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Record that somebody checked facts of CUSTOMER.

    \b
    Example:
      countenance customer check cus_0123 --method document-seen --fact name --fact sector --by "B. Person" \\
        --evidence "extract of the register of 2 November" --until 2027-11-01
    """
    from countenance.service import checks

    seen = checks.Check(method, frozenset(wanted), evidence, until.date(), verifier)
    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        made, receipt = checks.record_here(house, customer, seen)
    lines = [f"recorded {made}", *surface.receipt_lines(receipt)]
    surface.show({"verification": made, "receipt": receipt}, as_json=as_json, sentences=lambda: lines)


@click.command()
@click.argument("customer")
@click.argument("verification")
@surface.house_options
def uncheck(customer: str, verification: str, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Let the check VERIFICATION of CUSTOMER count no more, from the next call on.

    \b
    Example:
      countenance customer uncheck cus_0123 ver_0123
    """
    from countenance.service import checks

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        receipt = checks.withdraw_here(house, customer, verification)
    lines = [f"withdrawn {verification}", *surface.receipt_lines(receipt)]
    surface.show({"withdrawn": verification, "receipt": receipt}, as_json=as_json, sentences=lambda: lines)


@click.command()
@surface.house_options
def figures(data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Count what rests on declarations alone: customers, grants, decisions; and demands and what was handed on.

    \b
    Example:
      countenance customer figures --json
    """
    from countenance.service import figures as counting

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        found, decided = counting.figures(house), counting.decisions(house)
    body: dict[str, Any] = {**asdict(found), "decisions": decided}
    named = {"customers": found.customers, "grants": found.grants, "decisions": decided, "handed on": found.disclosures}
    lines = [f"{what}: {', '.join(f'{count} {word}' for word, count in by.items())}" for what, by in named.items()]
    lines += [f"demands: {one.demands} {one.sector}, {one.instrument}: {one.outcome}" for one in found.demands]
    surface.show(body, as_json=as_json, sentences=lambda: lines)


def _lines(made: Changed, receipt: str) -> list[str]:
    lines = [f"changed {', '.join(made.facts)}"]
    lines += [f"  {fact} was verified, and is declared now" for fact in made.declared]
    for grant in made.grants:
        lines.append(f"  {grant.grant} {'goes on' if grant.holds else 'is suspended: ' + ', '.join(grant.reasons)}")
    return [*lines, *surface.receipt_lines(receipt)]


COMMANDS = (facts, change, check, uncheck, figures)
