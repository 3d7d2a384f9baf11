"""Retention: who is erased because their time is over, once a day and at a start, each sweep a leaf.

    retention.record         the term that the person was told is over, on every record of theirs
    retention.purpose-over   no basis or no grant has covered the purpose for 30 days, and no pack says when
    retention.own-term       the customer's own term: so many days after the person was last met
    <a rule of a pack>       what a law asks for (policy/retention.py), for whom that pack says so

The earliest counts. Whoever's time is over is erased like anybody else, with a certificate each. A pack that is stale
or a grant that was refused stops no clock. After a gap of more than a month, which may be a wrong clock, the first
sweep erases nobody and says so; the next day's does. It never asks the policy whether to erase. Source: docs/people.md.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from countenance import consent
from countenance.domain import ids
from countenance.domain.decision import Facts
from countenance.domain.errors import CountenanceError, LogUnavailable, NotFound
from countenance.ledger import leaf
from countenance.policy.retention import LAST_MET, PURPOSE_OVER, Clock, clocks
from countenance.service import erase, owed
from countenance.service.application import customer_of
from countenance.service.gate import Private
from countenance.service.rounds import Rounds
from countenance.storage.tables import closed_parts, collections, consents, customers, grants, server, subjects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection, Row

    from countenance.service.app import House

    Clocks = tuple[tuple[str, Clock], ...]

GRACE = timedelta(days=30)
"""For which what has lost its purpose is kept where no pack says when it goes: a grant renewed late loses nobody."""
GAP = timedelta(days=31)
"""Since the last sweep, from which on a clock that was set wrong is as likely as a house that stood still."""
PACE = 60.0
"""Seconds between two looks at the house's clock: whether a new day has begun."""
MEETINGS = frozenset({"enrolled", "match"})
"""Outcomes of a decision, in its closed part, at which the person was there."""
_SWEPT = "retention"
_LOG = logging.getLogger("countenance.retention")


@dataclass(frozen=True, slots=True)
class Due:
    """Somebody whose time is over. at: since when, RFC 3339 UTC; because: the rule, as above."""

    customer: str
    collection: str
    subject: str
    at: str
    because: str


@dataclass(frozen=True, slots=True)
class _Days:
    """What is remembered between sweeps: the day of the last, and the day on which one was put off; ISO, or empty."""

    swept: str = ""
    put_off: str = ""


def due(house: House, now: datetime) -> tuple[Due, ...]:
    """Everybody whose time is over, by collection and subject."""
    moment = ids.utc(now)
    with house.database.read() as connection:
        found = [one for row in _galleries(connection) for one in _of(house, connection, row, now)]
    return tuple(one for one in found if one.at <= moment)


def sweep(house: House) -> int:
    """This day's sweep, unless it was made; how many were erased. Raises as `erase` does; it is then made again."""
    today = house.now().date()
    with house.database.read() as connection:
        days = _remembered(connection)
        anybody = connection.execute(select(collections.c.id).limit(1)).first() is not None
    if days.swept >= today.isoformat():
        return 0
    if anybody and _jumped(days, today):
        return _put_off(house, today, days)
    gone = [one for one in due(house, house.now()) if _erased(house, one)] if anybody else []
    with house.database.begin() as connection:
        _remember(connection, _Days(swept=today.isoformat()))
        words: dict[str, leaf.Json] = {"because": [*sorted({one.because for one in gone})]}
        debt = owed.owe(connection, "sweep", words, Private(), "swept", house.now()) if anybody else None
    if debt is not None:
        owed.pay_one(house, debt)
    return len(gone)


def _jumped(days: _Days, today: date) -> bool:
    """Whether the last sweep is so long ago that this one waits for another day; it waits once."""
    if days.put_off:
        return days.put_off >= today.isoformat()
    return bool(days.swept) and today - date.fromisoformat(days.swept) > GAP


def _put_off(house: House, today: date, days: _Days) -> int:
    if not days.put_off:
        _LOG.warning(
            "the last sweep for people whose time is over was on %s: is the clock right? Who is due is erased tomorrow",
            days.swept,
        )
        with house.database.begin() as connection:
            _remember(connection, _Days(days.swept, today.isoformat()))
    return 0


def _erased(house: House, one: Due) -> bool:
    """False where the person left by themselves meanwhile."""
    try:
        erase.erase_subject(house, one.customer, one.collection, one.subject)
    except NotFound:
        return False
    return True


def _remembered(connection: Connection) -> _Days:
    value = connection.execute(select(server.c.value).where(server.c.name == _SWEPT)).scalar()
    return _Days(**json.loads(value)) if value else _Days()


def _remember(connection: Connection, days: _Days) -> None:
    value = json.dumps({"swept": days.swept, "put_off": days.put_off}).encode()
    connection.execute(delete(server).where(server.c.name == _SWEPT))
    connection.execute(insert(server), {"name": _SWEPT, "value": value})


def _galleries(connection: Connection) -> list[Row[Any]]:
    """Every collection whose customer has not left, with what is known of the customer."""
    query = select(collections, customers.c.facts, customers.c.sealed_key)
    joined = query.join(customers, customers.c.id == collections.c.customer_id)
    return [*connection.execute(joined.where(customers.c.sealed_key.is_not(None)).order_by(collections.c.id))]


def _of(house: House, connection: Connection, gallery: Row[Any], now: datetime) -> Iterator[Due]:
    """For each subject of a collection with a record: the earliest end of their clocks."""
    running, granted = _clocks(house, gallery, now), _granted(connection, gallery)
    timed = gallery.keep_days is not None or any(clock.since == LAST_MET for _, clock in running)
    met = _met(connection, gallery.id) if timed else {}
    for subject, records in _records(connection, gallery).items():
        ends = [*_ends(records, granted, running, ids.utc(now)), *_after(met.get(subject), gallery.keep_days, running)]
        at, because = min(ends)
        yield Due(gallery.customer_id, gallery.id, subject, at, because)


def _clocks(house: House, gallery: Row[Any], now: datetime) -> Clocks:
    """The clocks that rules in force start for this customer and purpose."""
    rules = house.in_force.at(now)
    customer = customer_of(gallery.customer_id, gallery.facts, gallery.sealed_key, {})
    basis = "demonstration" if gallery.purpose == "demonstration" else "on-record"
    facts = Facts(on=now, model=house.model_facts(now), consent=basis, written_release=True, laws=rules.laws)
    return clocks(rules.policies, customer.ask("enrol", purpose=gallery.purpose), facts)


def _granted(connection: Connection, gallery: Row[Any]) -> str:
    """When the last grant of the customer for this purpose ends, or ended; the beginning where there was none."""
    rows = connection.execute(select(grants).where(grants.c.customer_id == gallery.customer_id)).all()
    ends: list[str] = [row.until for row in rows if gallery.purpose in row.purposes]
    return max(ends, default=str(gallery.created))


def _records(connection: Connection, gallery: Row[Any]) -> Mapping[str, list[Row[Any]]]:
    query = select(consents).join(subjects, subjects.c.id == consents.c.subject_id)
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(query.where(subjects.c.collection_id == gallery.id).order_by(consents.c.subject_id)):
        found[row.subject_id].append(row)
    return found


def _ends(records: list[Row[Any]], granted: str, running: Clocks, now: str) -> Iterator[tuple[str, str]]:
    """Ends of the clocks that records and grants start, and why; the term that was told runs for everybody."""
    yield max(row.until for row in records), "retention.record"
    bases = [min(row.until, row.withdrawn or row.until) for row in records if row.event == consent.GIVEN]
    over = min(max(bases), granted) if bases else now
    if over < now:
        told = [(_years(over, clock.years), rule) for rule, clock in running if clock.since == PURPOSE_OVER]
        yield from told or [(ids.utc(_moment(over) + GRACE), "retention.purpose-over")]


def _after(met: str | None, keep_days: int | None, running: Clocks) -> Iterator[tuple[str, str]]:
    """Ends of the clocks that run from a meeting; none for who was never met, of whom there is no template."""
    if met is not None:
        if keep_days is not None:
            yield ids.utc(_moment(met) + timedelta(days=keep_days)), "retention.own-term"
        yield from ((_years(met, clock.years), rule) for rule, clock in running if clock.since == LAST_MET)


def _met(connection: Connection, collection: str) -> dict[str, str]:
    """By subject: when they were last enrolled or recognised, as the closed parts of the decisions say."""
    query = select(closed_parts.c.subject_id, closed_parts.c.closed)
    joined = query.join(subjects, subjects.c.id == closed_parts.c.subject_id)
    found: dict[str, str] = {}
    for subject, closed in connection.execute(joined.where(subjects.c.collection_id == collection)):
        said = leaf.parse_canonical(closed)
        if subject is not None and said["outcome"] in MEETINGS:
            found[subject] = max(found.get(subject, ""), str(said["time"]))
    return found


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _years(text: str, years: int) -> str:
    """The same moment so many years later; of a 29 February the 28th, where there is none."""
    moment = _moment(text)
    try:
        return ids.utc(moment.replace(year=moment.year + years))
    except ValueError:
        return ids.utc(moment.replace(year=moment.year + years, day=28))


class Sweeper(Rounds):
    """While it is entered, each new day of the house's clock is swept: a thread, at rest between two looks."""

    def __init__(self, house: House, pace: float = PACE) -> None:
        super().__init__("retention", pace)
        self._house = house

    def _once(self) -> bool:
        try:
            sweep(self._house)
        except LogUnavailable:
            return False  # the log stopped, and every append and /readyz say so; the next start sweeps
        except CountenanceError as error:
            _LOG.warning("the sweep was not finished, and is made again: %s", error.message)
        return True
