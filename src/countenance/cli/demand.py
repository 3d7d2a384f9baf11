"""`countenance demand`: demands for a customer's records, recorded and answered on the machine itself.

Every demand is on record before it is answered, met or refused, and is counted. Source: docs/admission.md.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from countenance.cli import surface

if TYPE_CHECKING:
    from pathlib import Path

MOST = 1000  # demands listed in one part


@click.group()
def demand() -> None:
    """Demands for a customer's records, by law enforcement or anybody else.

    \b
    Examples:
      countenance demand record cus_0123 --sector police --instrument warrant --record decisions --name "County PD"
      countenance demand answer dem_0123 --refused
      countenance demand list
    """


@demand.command()
@click.argument("customer")
@click.option("--sector", required=True, help="The sector of who asks, as in docs/policy.md.")
@click.option("--instrument", required=True, help="By what: warrant, court-order, subpoena, request, ...")
@click.option("--record", "records", multiple=True, required=True, help="A kind of records that is wanted; repeatable.")
@click.option("--name", required=True, help="Who asks; sealed, and in no log.")
@click.option("--purpose", default="criminal-investigation", show_default=True, help="What for.")
@click.option("--untold", default="", help="Why the customer was not told; it was, when left out.")
@surface.house_options
def record(
    customer: str, sector: str, instrument: str, records: tuple[str, ...], name: str, purpose: str, untold: str,
    data: Path | None, keys: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Record a demand for records of CUSTOMER.

    \b
    Example:
      countenance demand record cus_0123 --sector police --instrument warrant --record decisions --name "County PD"
    """
    from countenance.service import demands

    new = demands.NewDemand(customer, sector, instrument, frozenset(records), name, purpose, untold)
    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        made, receipt = demands.record_here(house, new)
    lines = [f"recorded {made}", *surface.receipt_lines(receipt)]
    surface.show({"demand": made, "receipt": receipt}, as_json=as_json, sentences=lambda: lines)


@demand.command()
@click.argument("identifier", metavar="DEMAND")
@click.option("--met/--refused", "met", required=True, help="Hand the records over, if the policy allows it, or not.")
@surface.house_options
def answer(identifier: str, met: bool, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Answer DEMAND, once. What the policy denies can't be met.

    \b
    Example:
      countenance demand answer dem_0123 --refused
    """
    from countenance.service import demands

    outcome = "met" if met else "refused"
    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        receipt = demands.answer_here(house, identifier, outcome)
    body = {"demand": identifier, "outcome": outcome, "receipt": receipt}
    lines = [f"{outcome} {identifier}", *surface.receipt_lines(receipt)]
    surface.show(body, as_json=as_json, sentences=lambda: lines)


@demand.command("list")
@click.option("--after", default="", help="`next` of the part before.")
@surface.house_options
def list_demands(after: str, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Demands, oldest first, a thousand at a time; and how many there are of each kind.

    \b
    Example:
      countenance demand list --json
    """
    from countenance.service import demands

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        found, more = demands.page(house, "", after, MOST)
        counts = demands.counted(house)
    body = {"demands": [asdict(one) for one in found], "next": more, "counts": [asdict(one) for one in counts]}
    lines = [f"{one.id}  {one.state:<8} {one.sector}, {one.instrument}: {', '.join(one.records)}" for one in found]
    surface.show(body, as_json=as_json, sentences=lambda: lines or ["no demands"])
