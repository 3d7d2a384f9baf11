"""Every day on which an answer will change, found by asking the policy, announced 30 days ahead, and for whom.

For each grant in force and each day to come, what its keys may ask is decided for the last moment of the day before and
of that day, on the facts that the gate itself would gather then; where the answers differ, that day is announced. So
nothing has to be known about why: promises, laws, the model's evaluation, a grant's end and the end of a verification
are all found in one way, and so is whatever the gate comes to read.

Told to everybody, in a leaf: days on which rules, packs, laws or the model turn, and for what kinds of customers. Told
to the provider and the customer alone: what ends with a customer's own grant or papers, for it would join two leaves of
one customer. A day is announced once, and again only where what was said of it has changed. Source: docs/policy.md.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from countenance.domain import ids
from countenance.domain.errors import CountenanceError
from countenance.policy import calendar as rules_calendar
from countenance.policy import cedar, context
from countenance.policy.calendar import Turn
from countenance.service import accounts, auth, owed
from countenance.service.gate import Done, Private
from countenance.service.rounds import Rounds
from countenance.storage.tables import announcements, customers, grants
from countenance.vision.calibration import STALE_AFTER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import ColumnElement, Connection

    from countenance.domain.decision import Ask, Verdict
    from countenance.ledger.leaf import Json
    from countenance.policy.context import Value
    from countenance.service.accounts import Account
    from countenance.service.app import House
    from countenance.service.auth import Principal
    from countenance.service.gate import Answered

    Part = tuple[tuple["Announced", ...], str]
    Log = Callable[[Mapping[str, object]], None]
    Words = dict[str, Json]

AHEAD = timedelta(days=30)
"""How long before a day it is announced: what docs/policy.md promises."""
ACTIONS = ("enrol", "verify", "identify", "detect", "test")
"""What a key may ask (docs/policy.md); `provision` was asked once, of the application."""
_EVERYBODYS = ("laws.", "model.")
"""Facts that are not one customer's own, by how their names begin."""
_DAY = timedelta(days=1)
PACE = 60.0
"""Seconds between two looks at the house's clock: whether a new day has begun."""
REST = 0.005
"""Seconds of rest before each grant is asked about, so that requests are not held up."""
_LOG = logging.getLogger("countenance.schedule")


@dataclass(frozen=True, slots=True)
class Change:
    """One ask of a grant and what becomes of it. because: the rules that refuse, before or after."""

    action: str
    purpose: str
    mode: str
    place: str
    was: str
    becomes: str
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """A change of one ask on one day. public: what would change if nothing of the customer's own turned."""

    day: date
    ask: Ask
    change: Change
    public: Change | None


@dataclass(frozen=True, slots=True)
class Coming:
    """What changes on a day, for one grant."""

    day: date
    customer: str
    grant: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Announced:
    """What was announced of a grant. day: ISO date; name: the organisation's; changes: as `Change` has them."""

    day: str
    customer: str
    name: str
    grant: str
    changes: list[dict[str, Any]]


@dataclass(slots=True)
class _Judge:
    """Verdicts of one run, each found once: customers of one kind ask the same."""

    policies: cedar.PolicySet
    known: dict[tuple[Ask, date, tuple[Value, ...]], Verdict] = field(default_factory=dict)

    def say(self, ask: Ask, day: date, facts: Mapping[str, Value]) -> Verdict:
        key = (ask, day, tuple(facts.values()))
        if key not in self.known:
            self.known[key] = cedar.redecide(self.policies, ask, _last_moment(day), facts)
        return self.known[key]


def turns(house: House) -> tuple[Turn, ...]:
    """Every day on which something turns for everybody: rules and packs in force, laws of the registry, the model."""
    found = rules_calendar.turns(house.policies, house.laws)
    if house.calibration is None:
        return found
    ends = date.fromisoformat(house.calibration.made_on) + STALE_AFTER
    return tuple(sorted({*found, Turn(ends, "model", house.engine.manifest.provenance)}))


def coming(house: House, first: date, last: date, go_on: Callable[[], bool] = lambda: True) -> Iterator[Coming]:
    """What changes from `first` to `last`, both included: by grant, and by day. go_on: asked before each grant."""
    for who, seen in _of_all(house, first, last, go_on):
        by_day: defaultdict[date, list[Change]] = defaultdict(list)
        for one in seen:
            by_day[one.day].append(one.change)
        for day in sorted(by_day):
            yield Coming(day, who.customer.id, who.grant.id, tuple(by_day[day]))


def announce(house: House, log: Log, go_on: Callable[[], bool] = lambda: True) -> int:
    """Announce each day to come within AHEAD on which an answer changes, once; how many days had something new to say.

    What was announced and comes no more (a grant that ended early) is announced as nothing. Raises LogUnavailable where
    a leaf is still owed; it is paid at the next start, and the day is not announced twice.
    """
    today, found, of_all = house.now().date(), dict[tuple[str, str], Any](), defaultdict[date, list[Seen]](list)
    for who, seen in _of_all(house, today + _DAY, today + AHEAD, go_on):
        for one in seen:
            found.setdefault((one.day.isoformat(), who.grant.id), []).append(_plain(one.change))
            if one.public is not None:
                of_all[one.day].append(one)
    if not go_on():
        return 0  # cut short: the next run sees them all
    found |= {(day.isoformat(), ""): public_words(day, seen) for day, seen in of_all.items()}
    fresh = _fresh(house, today, found)
    days = sorted({day for day, _ in fresh})
    for day in days:
        _announce_day(house, day, {grant: words for (of, grant), words in fresh.items() if of == day}, log)
    return len(days)


def public_words(day: date, seen: list[Seen]) -> Words:
    """What the leaf of a day says: rules, what becomes of answers, and kinds of customers; nobody by name or id."""
    changes = [one.public for one in seen if one.public is not None]
    return {
        "day": day.isoformat(),
        "because": [*sorted({rule for change in changes for rule in change.because})],
        "becomes": [*sorted({change.becomes for change in changes})],
        "sectors": [*sorted({one.ask.sector for one in seen} | {word for one in seen for word in one.ask.acts_for})],
        "countries": [*sorted({one.ask.country for one in seen})],
        "purposes": [*sorted({one.ask.purpose for one in seen})],
    }


def _plain(change: Change) -> Words:
    return {**asdict(change), "because": [*change.because]}


def told(house: House) -> tuple[date, tuple[dict[str, str], ...], tuple[Words, ...]]:
    """For everybody: today, what turns from today on, and the words of what was announced; the earliest first."""
    today = house.now().date()
    found = [_spoken(house, turn) for turn in turns(house) if turn.day >= today]
    return today, tuple(found), tuple(words for _, words in sorted(announced(house).items()))


def _spoken(house: House, turn: Turn) -> dict[str, str]:
    says, source = rules_calendar.spoken(turn, house.policies, house.laws)
    return {"day": turn.day.isoformat(), "cause": turn.cause, "name": turn.name, "says": says, "source": source}


def listed(house: House, who: Account, named: str, after: str, limit: int) -> Answered[Part]:
    """Up to `limit` announcements of days that have not passed, and the mark to go on from: a customer's, or all."""
    of, missing = accounts.concerned(house, who, named)

    def work() -> Done[Part]:
        if missing is not None:
            raise missing
        return Done(_page(house, of, int(after or 0), limit), "listed")

    return house.gate.administer(who.act("schedule-list", of), Private(customer=of, account=who.id), work)


def _page(house: House, of: str, after: int, limit: int) -> Part:
    query = (
        select(announcements, customers.c.id.label("customer"), customers.c.facts)
        .join(grants, grants.c.id == announcements.c.grant_id)
        .join(customers, customers.c.id == grants.c.customer_id)
        .where(_is_newest(house.now().date()), announcements.c.words != [], announcements.c.id > after)
    )
    if of:
        query = query.where(grants.c.customer_id == of)
    with house.database.read() as connection:
        rows = connection.execute(query.order_by(announcements.c.id).limit(limit + 1)).all()
    more = str(rows[limit - 1].id) if len(rows) > limit else ""
    return tuple(
        Announced(row.day, row.customer, row.facts["name"], row.grant_id, row.words) for row in rows[:limit]
    ), more


def announced(house: House) -> dict[date, Words]:
    """The newest words of each public announcement of a day that has not passed."""
    with house.database.read() as connection:
        newest = _newest(connection, house.now().date())
    return {date.fromisoformat(day): words for (day, grant), words in newest.items() if not grant and words["because"]}


def _of_all(
    house: House, first: date, last: date, go_on: Callable[[], bool]
) -> Iterator[tuple[Principal, tuple[Seen, ...]]]:
    judge = _Judge(house.policies)
    turning = {turn.day for turn in turns(house)}
    for who in auth.granted(house.database, datetime.combine(first, time(), UTC)):
        if not go_on():
            return
        yield who, tuple(one for ask in asks(who) for one in _changes(house, who, ask, (first, last), turning, judge))


def asks(who: Principal) -> Iterator[Ask]:
    """What the keys of a grant may ask, in the widest words that the grant and the customer's record have."""
    grant = who.grant
    for action, purpose, mode, place in product(
        ACTIONS, sorted(grant.purposes), sorted(grant.modes), sorted(grant.places)
    ):
        yield who.customer.ask(action, purpose=purpose, mode=mode, place=place)


def _changes(
    house: House, who: Principal, ask: Ask, span: tuple[date, date], turning: set[date], judge: _Judge
) -> Iterator[Seen]:
    """The days of the span on which this ask's answer changes. A day on which nothing turned needs no asking."""
    day, before = span[0], _facts(house, who, ask, span[0] - _DAY)
    while day <= span[1]:
        after = _facts(house, who, ask, day)
        if day in turning or after != before:
            was, becomes = judge.say(ask, day - _DAY, before), judge.say(ask, day, after)
            if was.answer != becomes.answer:
                common = {name: after[name] if name.startswith(_EVERYBODYS) else before[name] for name in after}
                public = judge.say(ask, day, common)
                told = None if public.answer == was.answer else _change(ask, was, public)
                yield Seen(day, ask, _change(ask, was, becomes), told)
        day, before = day + _DAY, after


def _facts(house: House, who: Principal, ask: Ask, day: date) -> dict[str, Value]:
    moment = _last_moment(day)
    record = house.on_file.record(who, ask, "", "", moment)
    facts = house.gate.facts(house.in_force.held, who, ask, "on-record", record, moment)
    # Whom a basis in writing is needed of, may have given it: what they gave is asked at each call.
    facts = replace(facts, written_release=True)
    return context.named(context.derive(ask, facts))


def _change(ask: Ask, was: Verdict, becomes: Verdict) -> Change:
    refusing = was if becomes.allowed else becomes
    because = tuple(reason.id for reason in refusing.reasons)
    return Change(ask.action, ask.purpose, ask.mode, ask.place, was.answer, becomes.answer, because)


def _last_moment(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), UTC)


def _fresh(house: House, today: date, found: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    """What was not announced yet, by day and grant; what was and comes no more, as nothing."""
    with house.database.read() as connection:
        newest = _newest(connection, today + _DAY)
    gone = {key: [] if key[1] else public_words(date.fromisoformat(key[0]), []) for key in newest if key not in found}
    return {key: words for key, words in {**gone, **found}.items() if newest.get(key, _NEVER) != words}


_NEVER = object()


def _newest(connection: Connection, first: date) -> dict[tuple[str, str], Any]:
    """The newest words by day and grant ("" for the public), of days from `first` on."""
    query = select(announcements).where(_is_newest(first))
    return {(row.day, row.grant_id or ""): row.words for row in connection.execute(query)}


def _is_newest(first: date) -> ColumnElement[bool]:
    last = select(func.max(announcements.c.id)).group_by(announcements.c.day, announcements.c.grant_id)
    return announcements.c.id.in_(last) & (announcements.c.day >= first.isoformat())


def _announce_day(house: House, day: str, fresh: Mapping[str, Any], log: Log) -> None:
    """Rows and the debt of the leaf in one transaction; then the leaf, and a line in the operator's log."""
    created, debt = ids.utc(house.now()), None
    with house.database.begin() as connection:
        for grant, words in fresh.items():
            row = {"day": day, "grant_id": grant or None, "words": words, "created": created}
            connection.execute(insert(announcements), row)
        if "" in fresh:
            debt = owed.owe(connection, "schedule", fresh[""], Private(), "announced", house.now())
    if debt is not None:
        owed.pay_one(house, debt)
    log({"time": created, "event": "schedule", "day": day, **_counted(fresh)})


def _counted(fresh: Mapping[str, Any]) -> dict[str, object]:
    """How many grants a day concerns and by which rules; of whom, the provider's people read in administration."""
    changes = [change for grant, words in fresh.items() if grant for change in words]
    public: Words = fresh.get("", {})
    return {
        "grants": sum(1 for grant, words in fresh.items() if grant and words),
        "becomes": sorted({change["becomes"] for change in changes}),
        "because": sorted({rule for change in changes for rule in change["because"]}),
        "public": bool(public.get("because")),
    }


class Announcer(Rounds):
    """While it is entered, days are announced: at once, and on each new day of the house's clock. Its own thread."""

    def __init__(self, house: House, log: Log, pace: float = PACE) -> None:
        super().__init__("schedule", pace)
        self._house, self._log = house, log
        self._done: date | None = None

    def _run(self) -> None:
        self._once()
        super()._run()

    def _once(self) -> bool:
        today = self._house.now().date()
        if today != self._done and self._announced():
            self._done = today
        return True

    def _announced(self) -> bool:
        """Whether this day's round is done. What failed is a line of the log, and is tried again after the pace."""
        try:
            announce(self._house, self._log, lambda: not self._ending.wait(REST))
        except CountenanceError as error:
            _LOG.warning("the schedule could not be announced: %s", error.message)
            return False
        except Exception:
            _LOG.exception("the schedule broke")
            return False
        return True
