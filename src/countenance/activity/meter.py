"""The meter's front: what a probe adds to the counts of its key, its customer and its address, and what that comes to.

Twice an ask: when the face is known, before anything is compared (`searched`, `compared`), and when the work has found
somebody or nobody, before that is told (`told`). Counts of keys and customers go to SQL with the leaf of the ask
(`drained`), so a restart is no amnesty; sketches of faces, and everything about addresses, stay in memory. Where the
law forbids to remember a face even so, a probe comes without its template. It never decides. Source: docs/activity.md.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import bindparam, delete, insert, select

from countenance.activity.pattern import reached
from countenance.activity.scopes import COUNTED, DAY, DAYS, HOUR, HOURS, Followed, Scope, restored
from countenance.activity.sketches import LIVES, People, Salts, agreeing
from countenance.domain.decision import Activity, activity_of
from countenance.storage.fixed import Fixed
from countenance.storage.metering import followed, measures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from numpy.typing import NDArray
    from sqlalchemy import Connection
    from sqlalchemy.sql import ColumnElement

    from countenance.activity.scopes import Counts
    from countenance.activity.sketches import Person
    from countenance.config import Metering
    from countenance.storage.db import Database

    Rng = Callable[[], np.random.Generator]
    Part = tuple[Fixed, list[dict[str, object]]]

MOST_SCOPES = 512
"""Keys, customers and addresses kept in memory, each with 128 kB of sketches at most; who asked least lately goes."""
MOST_FORGOTTEN = 1_000
"""Erased people whose digests are refused, for asks that were under way while they were erased."""
_COUNTED = Fixed(insert(measures).prefix_with("OR REPLACE"))
_FOLLOWED = Fixed(insert(followed).prefix_with("OR REPLACE"))
_KEPT = Fixed(select(measures).where(measures.c.scope == bindparam("scope_name")))
_LED = Fixed(select(followed).where(followed.c.scope == bindparam("scope_name")))


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A face that was let in. template: (D,) float32, unit L2, or None where not even a sketch of it may be kept.

    source: the network address it came from, or empty; what is not empty is a scope of its own.
    """

    key: str
    customer: str
    template: NDArray[Any] | None
    source: str = ""

    @property
    def scopes(self) -> tuple[str, ...]:
        return (self.key, self.customer, *([f"source {self.source}"] if self.source else []))


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A probe that was counted, and what the counts come to so far. people: who it was, by scope, while remembered."""

    probe: Probe
    people: tuple[Person | None, ...]
    activity: Activity
    searched: bool


class Meter:
    """Counts per key, customer and address. Thread-safe.

    same_person: the cosine from which two probes count as one person; dimension: of templates. rng: makes a generator
    for each salt, from the system's randomness.
    """

    def __init__(
        self, database: Database, limits: Metering, same_person: float, dimension: int, rng: Rng = np.random.default_rng
    ) -> None:
        self._database, self._limits = database, limits
        self._least = agreeing(same_person)
        self._salts = Salts(dimension, rng)
        self._scopes: OrderedDict[str, Scope] = OrderedDict()
        self._owed: dict[tuple[str, str, int], Counts] = {}
        self._led: dict[str, Followed] = {}
        self._forgotten: deque[bytes] = deque(maxlen=MOST_FORGOTTEN)
        self._lock = Lock()

    def searched(self, probe: Probe, place: bytes, now: datetime) -> Sighting:
        """A one-to-many search for the person in the probe. place: keyed digest of the collection."""
        with self._lock:
            moment = now.timestamp()
            people, kinds = self._sighted(probe, moment), []
            for name, person in zip(probe.scopes, people, strict=True):
                scope = self._scope(name, moment)
                scope.beats.append(moment)
                kinds.append(set() if person is None else self._looked_for(name, scope, person, place, moment))
            return Sighting(probe, people, _joined(kinds, one_to_many=True), searched=True)

    def compared(self, probe: Probe, target: bytes, place: bytes, now: datetime) -> Sighting:
        """A one-to-one comparison. target: keyed digest of what the probe is compared with."""
        with self._lock:
            moment = now.timestamp()
            people, kinds, most = self._sighted(probe, moment), [], 0
            for name, person in zip(probe.scopes[:2], people, strict=False):
                scope = self._scope(name, moment)
                targets = self._targets(name, scope, person, target, moment)
                most = max(most, targets)
                kinds.append({"trawling"} if targets > self._limits.many else set())
                if person is not None and self._spread(person, place, moment):
                    kinds[-1].add("places")
            return Sighting(probe, people, _joined(kinds, one_to_many=most > self._limits.a_few), searched=False)

    def told(self, sighting: Sighting, target: bytes | None, now: datetime) -> Activity:
        """What the work found: the keyed digest of an enrolled person, or None for nobody."""
        with self._lock:
            moment, kinds = now.timestamp(), []
            probe = sighting.probe
            for at, (name, person) in enumerate(zip(probe.scopes, sighting.people, strict=True)):
                scope = self._scope(name, moment)
                self._count(name, scope, sighting, person, target, moment)
                faces = probe.template is not None
                kinds.append({*reached(scope, self._limits, moment, faces=faces, capped=at == 0)})
            return _joined(kinds, one_to_many=sighting.activity.one_to_many)

    @contextmanager
    def drained(self) -> Iterator[list[Part]]:
        """What SQL does not hold yet, to be written inside; where that fails it is owed still."""
        with self._lock:
            owed, led = self._owed, self._led
            self._owed, self._led = {}, {}
            counted = [_counted(*key, counts) for key, counts in owed.items()]
            leading = [_leading(name, one) for name, one in led.items()]
        try:
            yield [(_COUNTED, counted), (_FOLLOWED, leading)]
        except BaseException:
            with self._lock:
                self._owed, self._led = owed | self._owed, led | self._led
            raise

    def absolve(self, connection: Connection, scopes: Iterable[str]) -> None:
        """Begin anew with these keys and customers, in SQL within the caller's transaction; addresses all."""
        with self._lock:
            gone = {*scopes, *(name for name in self._scopes if name.startswith("source "))}
            for name in gone:
                self._scopes.pop(name, None)
                self._led.pop(name, None)
            self._owed = {key: counts for key, counts in self._owed.items() if key[0] not in gone}
        for table in (measures, followed):
            connection.execute(delete(table).where(table.c.scope.in_(gone)))

    def forget(self, target: bytes) -> None:
        """An enrolled person was erased: nothing here is about them, nor will be."""
        with self._lock:
            self._forgotten.append(target)
            for name, scope in self._scopes.items():
                scope.known[1].discard(target)
                if scope.followed.target == target:
                    scope.followed = Followed()
                    self._led.pop(name, None)

    def sweep(self, now: datetime) -> None:
        """Delete the counts that no measure reads any more."""
        moment = now.timestamp()
        with self._database.begin() as connection:
            connection.execute(delete(measures).where(_older("hour", int(moment // HOUR) - HOURS)))
            connection.execute(delete(measures).where(_older("day", int(moment // DAY) - DAYS)))
            connection.execute(delete(followed).where(followed.c.day < int(moment // DAY) - DAYS))

    def scopes(self) -> tuple[Scope, ...]:
        """What is in memory, for whoever measures how much that is."""
        with self._lock:
            return tuple(self._scopes.values())

    def _sighted(self, probe: Probe, moment: float) -> tuple[Person | None, ...]:
        """Who it is in each scope; whom no scope may remember is nobody's."""
        if probe.template is None:
            return (None,) * len(probe.scopes)
        sketches = [(salt, salt.sketch(probe.template)) for salt in self._salts.at(moment)]
        return tuple(self._scope(name, moment).people.sighted(sketches, moment)[0] for name in probe.scopes)

    def _looked_for(self, name: str, scope: Scope, person: Person, place: bytes, moment: float) -> set[str]:
        within = [one for one in person.searches if moment - one < LIVES]
        person.searches = [*within[-self._limits.followed :], moment]
        hour, _ = self._counts(name, scope, moment)
        hour.repeats = max(hour.repeats, len(person.searches))
        repeats = len(person.searches) + scope.floor_at(moment)[1]
        found = {"following"} if repeats > self._limits.followed else set()
        return found | ({"places"} if self._spread(person, place, moment) else set())

    def _spread(self, person: Person, place: bytes, moment: float) -> bool:
        """Whether this person is looked for in too many collections within the hour."""
        person.places = _recent(person.places, place, moment, self._limits.places)
        return len(person.places) > self._limits.places

    def _targets(self, name: str, scope: Scope, person: Person | None, target: bytes, moment: float) -> int:
        """With how many this person was compared within the hour; of who may not be known, how many failed."""
        hour, _ = self._counts(name, scope, moment)
        if person is None:
            return int(hour.failed) if hour.failed * 100 >= hour.compared * self._limits.failed_share else 0
        person.targets = _recent(person.targets, target, moment, self._limits.many)
        hour.targets = max(hour.targets, len(person.targets))
        return len(person.targets) + scope.floor_at(moment)[0]

    def _count(
        self, name: str, scope: Scope, sighting: Sighting, person: Person | None, target: bytes | None, moment: float
    ) -> None:
        target = None if target in self._forgotten else target
        hour = int(moment // HOUR)
        new = _newly_strange(person, hour) if target is None else scope.newly_known(target, moment)
        for counts in self._counts(name, scope, moment):
            if sighting.searched:
                counts.searches += 1
                counts.unmatched += target is None
                counts.people += new
                counts.strangers += new and target is None
            else:
                counts.compared += 1
                counts.failed += target is None
        if sighting.searched and target is not None:
            scope.followed.found(target, int(moment // DAY))
            if not name.startswith("source "):
                self._led[name] = scope.followed

    def _counts(self, name: str, scope: Scope, moment: float) -> tuple[Counts, Counts]:
        """This hour's and this day's, which SQL is owed from now on."""
        hour, day = scope.now(moment)
        if not name.startswith("source "):
            self._owed[name, "hour", int(moment // HOUR)] = hour
            self._owed[name, "day", int(moment // DAY)] = day
        return hour, day

    def _scope(self, name: str, moment: float) -> Scope:
        found = self._scopes.get(name)
        if found is None:
            found = self._scopes[name] = self._loaded(name, moment)
            self._make_room()
        self._scopes.move_to_end(name)
        return found

    def _loaded(self, name: str, moment: float) -> Scope:
        if name.startswith("source "):
            return Scope(People(self._least))
        kept = [row._asdict() for row in self._database.rows(_KEPT, scope_name=name)]
        scope = restored(self._least, kept, moment)
        for row in self._database.rows(_LED, scope_name=name):
            if row.target not in self._forgotten:
                scope.followed = Followed(row.target, row.votes, row.days, row.day)
        return scope

    def _make_room(self) -> None:
        """Drop who asked least lately, but for those whose counts SQL has not got yet."""
        owing = {name for name, _, _ in self._owed} | set(self._led)
        for name in [*self._scopes][:-1]:
            if len(self._scopes) <= MOST_SCOPES:
                return
            if name not in owing:
                del self._scopes[name]


def _joined(kinds: list[set[str]], *, one_to_many: bool) -> Activity:
    """What the key, its customer and its address come to together; the customer's where the key's alone does not."""
    whole = len(kinds) > 1 and not kinds[0] and bool(kinds[1])
    return activity_of(set().union(*kinds), whole=whole, one_to_many=one_to_many)


def _newly_strange(person: Person | None, hour: int) -> bool:
    """Whether this is somebody whom nobody knows, for the first time in this hour; who may not be known is new."""
    if person is None:
        return True
    new, person.stranger = person.stranger != hour, hour
    return new


def _recent(seen: dict[bytes, float], what: bytes, moment: float, most: int) -> dict[bytes, float]:
    """What was seen within the hour, the newest last, one more than `most` at most."""
    kept = [(one, at) for one, at in seen.items() if one != what and moment - at < LIVES]
    return dict([*kept[-most:], (what, moment)])


def _older(span: str, than: int) -> ColumnElement[bool]:
    return (measures.c.span == span) & (measures.c.at < than)


def _counted(name: str, span: str, at: int, counts: Counts) -> dict[str, object]:
    return {"scope": name, "span": span, "at": at, **{each: int(getattr(counts, each)) for each in COUNTED}}


def _leading(name: str, one: Followed) -> dict[str, object]:
    return {"scope": name, "target": one.target, "votes": one.votes, "days": one.days, "day": one.day}
