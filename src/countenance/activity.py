"""The meter against mass surveillance: who is compared with whom, and how often, within an hour.

One-to-many stays one-to-many: a person compared in turn with more than a few subjects or photographs counts as
identification, whichever call was used. A person searched again and again is being followed, and trips the meter.

Probe templates are kept in memory for an hour, per key, to tell whether two probes show one person; they never
touch the disk. The counts do (as digests of the targets, keyed): a restart forgets the faces, so afterwards every
new probe is taken to be the one with the largest count of that key and hour. A restart is not an amnesty.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import delete, func, insert, select

from countenance.domain.decision import Activity
from countenance.storage.fixed import Fixed
from countenance.storage.tables import meter

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from countenance.storage.db import Database

WINDOW = timedelta(hours=1)
A_FEW = 3  # targets of one probe an hour that still pass as one-to-one
MANY = 20  # targets of one probe an hour by one-to-one calls that trip the meter
FOLLOWED = 30  # searches for one person an hour that trip the meter
REMEMBERED = 2_000  # probes per key kept in memory; the oldest are dropped first
_COUNTED = Fixed(insert(meter).prefix_with("OR IGNORE"))


@dataclass(slots=True)
class _Person:
    """One person seen as a probe under one key: templates never leave memory."""

    cluster: str
    template: NDArray[np.float32]
    last: datetime
    targets: dict[bytes, datetime] = field(default_factory=dict)
    searches: deque[datetime] = field(default_factory=lambda: deque(maxlen=FOLLOWED + 1))


class Meter:
    """Counts per key. Thread-safe. `same_person`: the cosine from which two probes count as one person."""

    def __init__(self, database: Database, same_person: float, new_cluster: Callable[[], str]) -> None:
        self._database = database
        self._same = same_person
        self._new_cluster = new_cluster
        self._people: dict[str, deque[_Person]] = {}
        self._floors: dict[str, tuple[str, int]] = {}
        self._lock = Lock()

    def compared(self, key: str, probe: NDArray[np.float32], target: bytes, now: datetime) -> Activity:
        """A one-to-one comparison. probe: (D,) float32 unit L2; target: keyed digest of what it is compared with."""
        with self._lock:
            person = self._person(key, probe, now)
            if target not in person.targets:
                self._store(key, person.cluster, target, now)
            person.targets[target] = now
            recent = sum(1 for moment in person.targets.values() if now - moment < WINDOW)
            count = recent + self._floor(key, now)
            return Activity(tripped=count > MANY, one_to_many=count > A_FEW)

    def searched(self, key: str, probe: NDArray[np.float32], now: datetime) -> Activity:
        """A one-to-many search for the person in the probe."""
        with self._lock:
            person = self._person(key, probe, now)
            person.searches.append(now)
            marker = b"search:" + now.astimezone(UTC).isoformat().encode()
            self._store(key, person.cluster, marker, now)
            recent = sum(1 for moment in person.searches if now - moment < WINDOW)
            return Activity(tripped=recent + self._floor(key, now) > FOLLOWED, one_to_many=True)

    def sweep(self, now: datetime) -> None:
        """Forget what is older than the window, in memory and in SQL."""
        with self._lock, self._database.begin() as connection:
            connection.execute(delete(meter).where(meter.c.hour < _hour(now - WINDOW)))
            for people in self._people.values():
                _drop_old(people, now)

    def _person(self, key: str, probe: NDArray[np.float32], now: datetime) -> _Person:
        people = self._people.setdefault(key, deque(maxlen=REMEMBERED))
        _drop_old(people, now)
        if people:
            scores = np.stack([person.template for person in people]) @ probe
            best = int(scores.argmax())
            if scores[best] >= self._same:
                people[best].last = now
                return people[best]
        person = _Person(self._new_cluster(), probe.copy(), now)
        people.append(person)
        return person

    def _floor(self, key: str, now: datetime) -> int:
        """The largest count that this key had reached before a restart, within this hour."""
        hour = _hour(now)
        if self._floors.get(key, ("", 0))[0] != hour:
            known = {person.cluster for person in self._people.get(key, ())}
            self._floors[key] = (hour, self._largest_unknown(key, hour, known))
        return self._floors[key][1]

    def _largest_unknown(self, key: str, hour: str, known: set[str]) -> int:
        counted = (
            select(meter.c.cluster, func.count().label("n"))
            .where(meter.c.key_id == key, meter.c.hour == hour, meter.c.cluster.not_in(known))
            .group_by(meter.c.cluster)
            .subquery()
        )
        with self._database.read() as connection:
            return int(connection.execute(select(func.coalesce(func.max(counted.c.n), 0))).scalar_one())

    def _store(self, key: str, cluster: str, target: bytes, now: datetime) -> None:
        row = {"key_id": key, "hour": _hour(now), "cluster": cluster, "target": target}
        self._database.put(_COUNTED, [row])


def _hour(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H")


def _drop_old(people: deque[_Person], now: datetime) -> None:
    """Drop people not seen for an hour; what they were compared with is forgotten with them."""
    kept = [person for person in people if now - person.last < WINDOW]
    if len(kept) != len(people):
        people.clear()
        people.extend(kept)
