"""What the server writes for an agency from what is on record: how it stands, a draft report, a disclosure, January.

Each is an act of one of the agency's own people, decided by roles.cedar, with its leaf. It files nothing: what the
agency does with a text is its own. Counts of people are published only as statute/suppress.py lets them.
Source: docs/washington.md.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from countenance.domain.errors import BadInput, NotFound, UnknownWord
from countenance.ledger.vocabulary import WORDS
from countenance.service import filings as filing
from countenance.service.gate import Done, Private
from countenance.service.known import known
from countenance.statute import report, standing, suppress
from countenance.statute.items import ITEMS
from countenance.storage.tables import closed_parts, filings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from countenance.service.accounts import Account
    from countenance.service.app import House
    from countenance.service.gate import Answered
    from countenance.service.history import Entry

SOLE = (
    "A match is a lead and no proof of identity: under RCW 43.386.080 (item WA-080-5, a secondary source) it may not "
    "be the sole basis for probable cause."
)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that has to be in order, with the rule behind it."""

    fact: str
    holds: bool
    says: str
    item: str
    evidence: str
    source: str
    safer: str


@dataclass(frozen=True, slots=True)
class Due:
    """Something that waits. state: of a mitigation, a disclosure or an authority; due: the last day, or its end."""

    filing: str
    kind: str
    state: str
    due: str


@dataclass(frozen=True, slots=True)
class Stands:
    """How an agency stands for one use. exempt: the ground of an exemption that was reported, or empty."""

    lines: tuple[Line, ...]
    due: tuple[Due, ...]
    exempt: str
    in_order: bool


@dataclass(frozen=True, slots=True)
class Written:
    """A text that the server wrote."""

    text: str


def stands(house: House, who: Account, purpose: str, place: str, camera: str, key: str) -> Answered[Stands]:
    """What is on record for a use under a key, thing by thing. Raises Refused, UnknownWord."""

    def work() -> Done[Stands]:
        for name, word in (("purpose", purpose), ("place", place), ("camera", camera)):
            if word not in WORDS[name]:
                raise UnknownWord(f"this is no {name}", next_step=f"Known are: {', '.join(sorted(WORDS[name]))}.")
        now = house.now()
        use, book = house.on_file.use(purpose, place, camera), house.on_file.book(who.customer)
        paper = house.on_file.paperwork(who.customer, use, key, now)
        lines = tuple(map(_line, standing.checks(paper, use, now.date())))
        exempt = book.exempt(purpose, now.date())
        in_order = exempt is not None or all(line.holds for line in lines)
        due = tuple(_due(house, who.customer))
        found = Stands(lines, due, exempt.ground if exempt is not None else "", in_order)
        return Done(found, "shown")

    return _act(house, who, "statute-show", work)


def draft(house: House, who: Account, purposes: Sequence[str]) -> Answered[Written]:
    """A draft report for these purposes, as the facts of a `draft` paper. Raises Refused, UnknownWord."""

    def work() -> Done[Written]:
        if not purposes or not WORDS["purpose"].issuperset(purposes):
            raise UnknownWord("a report is for purposes of docs/policy.md", next_step="Name one at least.")
        told = known(house, house.on_file.book(who.customer))
        facts = {
            "purposes": [*purposes], "sections": report.draft(told, purposes),
            "remedies": dict.fromkeys(told.remedied, ""),
        }  # fmt: skip
        return Done(Written(json.dumps(facts, indent=1, ensure_ascii=False) + "\n"), "written")

    return _act(house, who, "statute-write", work)


def disclosure(house: House, who: Account, paper: str) -> Answered[Written]:
    """What a defendant is told, from a `disclosure` paper of the agency's own. Raises Refused, NotFound."""
    query = select(filings).where(
        filings.c.id == paper, filings.c.kind == "disclosure", filings.c.customer_id == who.customer
    )
    with house.database.read() as connection:
        row = connection.execute(query).one_or_none()

    def work() -> Done[Written]:
        if row is None:
            raise NotFound("there is no such disclosure", next_step="List what was filed.")
        said = filing.opened(house, row).facts
        found = next(one for one in house.on_file.book(who.customer).disclosures() if one.filing.id == paper)
        entries = _entries(house, who.customer, [int(index) for index in said["decisions"]])
        return Done(Written(_disclosed(house, who.customer, said, found.due.isoformat(), entries)), "written")

    return _act(house, who, "statute-write", work, paper if row is not None else "")


def january(house: House, who: Account, year: int, to: str) -> Answered[Written]:
    """The January report about the year before, for `judge` or `legislature`. Raises Refused, BadInput."""

    def work() -> Done[Written]:
        if to not in ("judge", "legislature") or not 2021 <= year <= 9999:
            raise BadInput(
                "a January report is for a year, to a judge or to the legislature", next_step="Name year and to."
            )
        query = select(filings).where(
            filings.c.customer_id == who.customer, filings.c.kind == "warrant-application"
        ).order_by(filings.c.number)  # fmt: skip
        with house.database.read() as connection:
            rows = connection.execute(query).all()
        papers = [filing.opened(house, row).facts for row in rows]
        body = _for_judge(papers, year) if to == "judge" else _for_legislature(papers, year)
        return Done(Written(json.dumps(body, indent=1, ensure_ascii=False) + "\n"), "written")

    return _act(house, who, "statute-write", work)


def _act(house: House, who: Account, act: str, work: Callable[[], Done[Any]], matter: str = "") -> Answered[Any]:
    about = Private(customer=who.customer, account=who.id, matter=matter)
    return house.gate.administer(who.act(act, who.customer), about, work)


def _line(one: standing.Check) -> Line:
    item = ITEMS[one.item]
    return Line(one.fact, one.holds, one.says, item.id, item.evidence, item.source, item.safer)


def _due(house: House, customer: str) -> Iterator[Due]:
    book, now = house.on_file.book(customer), house.now()
    for one in book.mitigations():
        state = "overdue" if one.overdue(now.date()) else one.state
        yield Due(one.test.id, "independent-test", state, one.due.isoformat())
    for told in book.disclosures():
        yield Due(told.filing.id, "disclosure", told.state(now.date()), told.due.isoformat())
    for each in book.of("authority"):
        end = book.until(each)
        yield Due(each.id, "authority", "in force" if now < end else "ended", f"{end:%Y-%m-%dT%H:%M:%SZ}")


def _entries(house: House, customer: str, indexes: Sequence[int]) -> list[Entry]:
    from countenance.service import history

    mine = (closed_parts.c.customer_id == customer) & closed_parts.c.leaf_index.in_(indexes)
    with house.database.read() as connection:
        rows = connection.execute(
            select(closed_parts.c.leaf_index, closed_parts.c.closed).where(mine).order_by(closed_parts.c.leaf_index)
        ).all()
    return [history.entry(row.leaf_index, json.loads(row.closed)) for row in rows]


def _disclosed(house: House, customer: str, said: dict[str, Any], due: str, entries: list[Entry]) -> str:
    told = known(house, house.on_file.book(customer))
    uses = [
        f"- {one.time}: outcome {one.outcome}, leaf {one.index} of the log {house.log.verifier.name}" for one in entries
    ]
    return "\n".join([
        "Disclosure of the use of a facial recognition service (RCW 43.386.070)", "",
        f"Agency: {house.on_file.agency(customer)}", f"Case: {said['case']}", f"Defendant: {said['defendant']}",
        f"Trial: {said['trial']}; to be disclosed by {due}", "", f"Service: {told.software}, model {told.model}.",
        *told.parts, "", "Uses:", *uses, "", "Error rates by group, measured:",
        *[f"- {rate.group}, {rate.kind}: at most {rate.high_ppm} in a million" for rate in told.rates], "", SOLE, "",
    ])  # fmt: skip


def _for_judge(papers: Sequence[dict[str, Any]], year: int) -> dict[str, Any]:
    """What RCW 43.386.070 has a judge report: warrants that expired in the year before, or were denied then."""
    names = ("sought", "outcome", "applied", "ended", "days", "extensions", "extension_days", "judge", "officer",
             "agency", "authorised_by", "spaces")  # fmt: skip
    rows = [{name: one[name] for name in names} for one in papers if _of_year(one["ended"], year - 1)]
    return {"report": "judge", "january": year, "item": asdict(ITEMS["WA-070-3"]), "applications": rows}


def _for_legislature(papers: Sequence[dict[str, Any]], year: int) -> dict[str, Any]:
    """What RCW 43.386.070 has an agency report: nonidentifying demographic data of the persons named."""
    mine = [one for one in papers if _of_year(one["applied"], year - 1)]
    tables = suppress.summary(person for one in mine for person in one.get("persons", ()))
    return {
        "report": "legislature", "january": year, "item": asdict(ITEMS["WA-070-4"]), "applications": len(mine),
        "persons": {name: asdict(table) for name, table in tables.items()},
    }  # fmt: skip


def _of_year(day: str, year: int) -> bool:
    return day.startswith(f"{year}-")
