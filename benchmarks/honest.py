"""Honest keys for the simulation of the meter: a door, a log-in service, a conference; and one who hides among them.

A year of each asks the meter itself, not the whole line: what trips it is put to the rules, and where they refuse, two
people are taken to have looked and the key begins anew. Whom a search finds is known from the templates beforehand.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.alike import in_memory
from benchmarks.rows import Row
from benchmarks.stage import PURPOSE, START, Cast, Stage
from countenance.activity.meter import Meter, Probe
from countenance.activity.scopes import DAY, HOUR
from countenance.policy import cedar
from countenance.service.likeness import threshold
from countenance.service.use import Use, ask_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from countenance.domain.decision import Activity
    from countenance.vision.calibration import Calibration

    Rng = np.random.Generator
    Lives = Callable[..., None]

MONTH = 30.44  # days


class Honest:
    """A key that does what it says, on the real meter and under the real rules. days: as long as it goes on."""

    def __init__(self, stage: Stage, name: str, enrolled: Sequence[int], calibration: Calibration) -> None:
        self.name, self.locks, self.asked, self._enrolled = name, 0, 0, list(enrolled)
        self._stage = stage
        self._tenant = stage.tenant(name, ())
        cast, bar = stage.cast, threshold(calibration, calibration.identify_rate)
        scores = cast.probes @ cast.references[self._enrolled].T
        best = scores.argmax(axis=1)
        hit = scores[np.arange(len(cast)), best] >= bar
        self._found = [self._enrolled[at] if there else -1 for at, there in zip(best, hit, strict=True)]
        self._verified = np.einsum("pd,pd->p", cast.probes, cast.references) >= bar

    def search(self, at: float, person: int) -> bool:
        """Search for a person; whether somebody was found."""
        found = self._found[person]
        sighting = self._meter.searched(self._probe(person), b"here", self._at(at))
        if not self._rules(sighting.activity, "identify"):
            self._rules(self._meter.told(sighting, _name(found), self._at(at)), "identify")
        return found >= 0

    def log_in(self, at: float, person: int, subject: int) -> bool:
        """Compare a person with a subject; whether it is them."""
        same = person == subject and bool(self._verified[person])
        sighting = self._meter.compared(self._probe(person), _name(subject) or b"", b"here", self._at(at))
        if not self._rules(sighting.activity, "verify"):
            self._rules(self._meter.told(sighting, _name(subject) if same else None, self._at(at)), "verify")
        return same

    @property
    def _meter(self) -> Meter:
        return self._stage.house.meter

    def _at(self, at: float) -> datetime:
        return START + timedelta(seconds=at)

    def _probe(self, person: int) -> Probe:
        self.asked += 1
        if self.asked % 500 == 0:
            with self._meter.drained() as parts:
                self._stage.house.database.put_all(parts)
        (who,) = self._tenant.keys
        return Probe(who.key, who.customer.id, self._stage.cast.probes[person])

    def _rules(self, seen: Activity, action: str) -> bool:
        """Whether the rules refuse, which locks the key; two people look, and it begins anew."""
        if not seen.tripped:
            return False
        (who,), house = self._tenant.keys, self._stage.house
        ask = ask_of(who, action, Use(purpose=PURPOSE))
        record = house.on_file.record(who, ask, "", "", house.now())
        facts = house.gate.facts(house.in_force.at(house.now()), who, ask, "on-record", record)
        if cedar.decide(house.policies, ask, replace(facts, activity=seen)).allowed:
            return False
        self.locks += 1
        with house.database.begin() as connection:
            house.meter.absolve(connection, [who.key, who.customer.id])
        return True


def _name(person: int) -> bytes | None:
    return person.to_bytes(4, "big") if person >= 0 else None


def door(key: Honest, rng: Rng, days: int, staff: Sequence[int], others: Sequence[int], followed: int = -1) -> None:
    """Who works there comes in the morning and half of them at noon; visitors by the day, and a group each month.

    Who is not found tries once more. followed: somebody of whom one photograph a day is searched for beside all that.
    """
    for day in (day for day in range(days) if day % 7 < 5):
        comes = [(8.25 * HOUR + float(rng.normal(0, 1800)), person) for person in staff if rng.random() < 0.9]
        comes += [(12.75 * HOUR + float(rng.normal(0, 1200)), person) for _, person in comes if rng.random() < 0.5]
        guests = rng.choice(others, size=rng.poisson(6), replace=False)
        comes += [(float(rng.uniform(8, 17)) * HOUR, int(person)) for person in guests]
        if day % 28 == 10:
            group = rng.choice(others, size=min(25, len(others)), replace=False)
            comes += [(10 * HOUR + float(rng.uniform(0, 1200)), int(person)) for person in group]
        comes += [(float(rng.uniform(8, 17)) * HOUR, followed)] if followed >= 0 else []
        for at, person in sorted(comes):
            if not key.search(day * DAY + at, person):
                key.search(day * DAY + at + 4, person)


def service(key: Honest, rng: Rng, days: int, users: Sequence[int], others: Sequence[int]) -> None:
    """Log-ins all day, up to three tries; one in a hundred is somebody else, and on a night a month thirty are."""
    for day in range(days):
        at = 6.0 * HOUR
        while at < 23 * HOUR:
            at += float(rng.exponential(17 * HOUR / 300))
            subject = int(rng.choice(users))
            person = int(rng.choice(others)) if rng.random() < 0.01 else subject
            for again in range(3):
                if key.log_in(day * DAY + at + 5 * again, person, subject):
                    break
        for number in range(30 if day % 30 == 20 else 0):
            key.log_in(day * DAY + 23.1 * HOUR + 40 * number, int(rng.choice(others)), int(rng.choice(users)))


def conference(key: Honest, rng: Rng, days: int, guests: Sequence[int], others: Sequence[int]) -> None:
    """Two days each month; in the evening the folder of the day's faces goes through, one after the other."""
    for day in (day for day in range(days) if day % 30 in (12, 13)):
        at = 19.0 * HOUR
        for _ in range(1_500):
            at += float(rng.gamma(6.0, 0.08))
            crowd = others if rng.random() < 0.15 else guests
            key.search(day * DAY + at, int(rng.choice(crowd)))


HONEST: tuple[tuple[str, Lives, int], ...] = (
    ("a door with 200 employees", door, 200),
    ("a log-in service", service, 200),
    ("a conference", conference, 150),
)


def lived(cast: Cast, days: int, seed: int) -> Iterator[Row]:
    """A row for each honest key, and one for a stalker in the traffic of a door."""
    for number, (name, lives, enrolled) in enumerate(HONEST):
        key = _life(cast, lives, name, enrolled, days, [seed, number])
        yield Row(f"{name}: calls", key.asked, f"in {days} days")
        yield Row(f"{name}: false locks a month", key.locks / days * MONTH, "locks")
        yearly = key.locks / days * 365
        yield Row(f"{name}: false locks a year", yearly, "locks", "less than 1", yearly < 1)
    months = min(days, 90)
    found = _life(cast, hidden, "a stalker in a door's key", 200, months, [seed, 9])
    yield Row(f"a stalker hidden in a door's key: locks in {months} days", found.locks, "locks")


def hidden(key: Honest, rng: Rng, days: int, staff: Sequence[int], others: Sequence[int]) -> None:
    """A door, and beside it a photograph a day of one who works there."""
    door(key, rng, days, staff, others, followed=staff[0])


def _life(cast: Cast, lives: Lives, name: str, enrolled: int, days: int, seed: list[int]) -> Honest:
    rng = np.random.default_rng(seed)
    who = [int(person) for person in rng.permutation(len(cast))]
    share = min(enrolled, len(cast) * 2 // 3)
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder, Stage(Path(folder), cast) as stage:
        key = Honest(stage, name, who[:share], cast.calibration)
        lives(key, rng, days, who[:share], who[share:])
    return key
