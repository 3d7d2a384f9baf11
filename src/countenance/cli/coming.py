"""`countenance policy schedule`: the days on which rules turn, and for whom answers change in a house that is named.

Without a house it reads packs alone; with one it asks the policy for each grant, and announces nothing: that is the
server's. Contract: docs/policy.md, "What is coming".
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from countenance.cli import surface
from countenance.domain.errors import BadInput
from countenance.policy import calendar, cedar, whatif

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from countenance.domain.decision import Law
    from countenance.service.schedule import Coming

    Found = tuple[Sequence[calendar.Turn], cedar.PolicySet, tuple[Law, ...], Sequence[Coming] | None]

MOST_DAYS = 3_660  # ten years; no pack may be relied on for longer than it was checked


@click.command()
@click.option("--days", type=click.IntRange(0, MOST_DAYS), default=30, show_default=True, help="How far to look ahead.")
@click.option("--on", default="", help="The first day (UTC); today if left out. For packs alone.")
@click.option("--pack", multiple=True, help="Look at exactly these packs and core. Repeatable. For packs alone.")
@surface.house_options
def schedule(days: int, on: str, pack: tuple[str, ...], data: Path | None, keys: Path | None, as_json: bool) -> None:
    """What is coming: days on which rules, packs, laws or the model turn.

    With --data, of the house there, and for whom answers change. A house that is being served tells its people of the
    provider over HTTP instead: GET /v1/administration/schedule; everybody: GET /v1/policies/schedule.

    \b
    Examples:
      countenance policy schedule --days 400
      countenance policy schedule --pack microsoft-2020-strict --on 2020-06-01 --json
      countenance policy schedule --data /var/lib/countenance --keys /etc/countenance/keys
    """
    if data is not None and (on or pack):
        raise click.UsageError("--on and --pack are for packs alone; a house has its own clock and packs")
    try:
        first = whatif.moment(on).date() if on else datetime.now(UTC).date()
        last = first + timedelta(days=days)
        found = _of_packs(pack, first, last) if data is None else _of_house(data, keys, first, last)
    except BadInput as error:
        raise click.UsageError(error.message) from None
    except OverflowError:
        raise click.UsageError("there is no such day") from None
    body = _body(first, last, *found)
    surface.show(body, as_json=as_json, sentences=lambda: _sentences(body))


def _of_packs(names: tuple[str, ...], first: date, last: date) -> Found:
    policies = cedar.load(names or None)
    return calendar.between(calendar.turns(policies), first, last), policies, (), None


def _of_house(data: Path, keys: Path | None, first: date, last: date) -> Found:
    from countenance.service import schedule as service

    with surface.opened(surface.settings(data, keys), quiet=True) as house:
        turns = calendar.between(service.turns(house), first, last)
        return turns, house.policies, house.laws, [*service.coming(house, first, last)]


def _body(
    first: date, last: date, turns: Sequence[calendar.Turn], policies: cedar.PolicySet, laws: tuple[Law, ...],
    coming: Sequence[Coming] | None,
) -> dict[str, Any]:  # fmt: skip
    body: dict[str, Any] = {
        "from": first.isoformat(),
        "until": last.isoformat(),
        "packs": [{"name": name, "digest": digest} for name, digest in policies.packs],
        "turns": [_turn(turn, policies, laws) for turn in turns],
    }
    if coming is not None:
        body["changes"] = [_coming(each) for each in coming]
    return body


def _turn(turn: calendar.Turn, policies: cedar.PolicySet, laws: tuple[Law, ...]) -> dict[str, str]:
    says, source = calendar.spoken(turn, policies, laws)
    return {"day": turn.day.isoformat(), "cause": turn.cause, "name": turn.name, "says": says, "source": source}


def _coming(each: Coming) -> dict[str, Any]:
    changes = [asdict(change) for change in each.changes]
    return {"day": each.day.isoformat(), "customer": each.customer, "grant": each.grant, "changes": changes}


def _sentences(body: dict[str, Any]) -> list[str]:
    told = [f"from {body['from']} to {body['until']}, by {', '.join(pack['name'] for pack in body['packs'])}", ""]
    for turn in body["turns"]:
        told += [f"  {click.style(turn['day'], bold=True)}  {turn['name']}", f"    {turn['says']}"]
        told += [f"    {turn['source']}"] if turn["source"] else []
    if not body["turns"]:
        told.append("  no rule, pack, law or evaluation turns in these days")
    for each in body.get("changes", ()):
        told.append(f"  {click.style(each['day'], bold=True)}  {each['customer']}, {each['grant']}")
        told += [f"    {_change(change)}" for change in each["changes"]]
    return told


def _change(change: dict[str, Any]) -> str:
    asked = f"{change['action']} for {change['purpose']}, {change['mode']}, {change['place']}"
    return f"{asked}: {change['was']} becomes {change['becomes']}, by {', '.join(change['because'])}"
