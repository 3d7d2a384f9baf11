"""What one key, customer or network address did: counts by the hour for a day, and by the day for a month.

Counts alone leave this module, and they alone are kept in SQL. The one exception is the digest of an enrolled person
whom nearly every search of the last days found, with the number of those days: who is followed agreed to be enrolled,
and is forgotten when erased. It never holds a face, a name or an id. Source: docs/activity.md.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

from countenance.activity.sketches import People

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HOUR, DAY = 3600, 86_400  # seconds
HOURS = 25
"""Hours that are counted apart: a day back from any moment."""
DAYS = 31
"""Days that are counted apart."""
BEATS = 33
"""Searches whose moments are kept to tell a rhythm: 32 gaps."""
MOST_KNOWN = 10_000
"""Enrolled people told apart in one hour; later ones are not counted any more."""
OTHERS = 9
"""Finds of the person that it takes to outweigh one of somebody else: nine in ten."""


@dataclass(slots=True)
class Counts:
    """One hour or day.

    people: different ones searched for; strangers: those of them whom nobody knows; searches and unmatched: searches in
    a collection with somebody in it; compared and failed: one-to-one calls; targets and repeats: the most of one probe.
    """

    people: int = 0
    strangers: int = 0
    searches: int = 0
    unmatched: int = 0
    compared: int = 0
    failed: int = 0
    targets: int = 0
    repeats: int = 0

    def add(self, other: Counts, share: float = 1.0) -> None:
        """Count `other` in, or a share of it, rounded; the most of one probe is not a sum."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + round(share * getattr(other, name)))


COUNTED = tuple(each.name for each in fields(Counts))
"""The counts of an hour or a day, by name."""
_SUMS = COUNTED[:-2]


@dataclass(slots=True)
class Followed:
    """Whom nearly every search finds: a majority vote in constant memory. days: on which they were found meanwhile.

    Source: Boyer and Moore, MJRTY: a fast majority vote algorithm (1981), with OTHERS votes against.
    """

    target: bytes = b""
    votes: int = 0
    days: int = 0
    day: int = -1

    def found(self, target: bytes, day: int) -> None:
        """A search found this person, by digest."""
        if target == self.target:
            self.votes = min(self.votes + 1, OTHERS * OTHERS)
            self.days, self.day = self.days + (day != self.day), day
            return
        self.votes -= OTHERS
        if self.votes <= 0:
            self.target, self.votes, self.days, self.day = target, 1, 1, day


@dataclass(slots=True, eq=False)
class Scope:
    """One key, customer or address. Not thread-safe.

    floor: the largest counts of one probe in the hour that a restart interrupted: (hour, targets, repeats).
    """

    people: People
    hours: dict[int, Counts] = field(default_factory=dict)
    days: dict[int, Counts] = field(default_factory=dict)
    followed: Followed = field(default_factory=Followed)
    beats: deque[float] = field(default_factory=lambda: deque(maxlen=BEATS))
    known: tuple[int, set[bytes]] = (-1, set())
    floor: tuple[int, int, int] = (-1, 0, 0)
    _day_before: tuple[int, Counts] = field(default_factory=lambda: (-1, Counts()))
    _month_before: tuple[int, Counts, int] = field(default_factory=lambda: (-1, Counts(), 0))

    def now(self, moment: float) -> tuple[Counts, Counts]:
        """The counts of this hour and of this day, begun where they are new."""
        hour, day = int(moment // HOUR), int(moment // DAY)
        return _of(self.hours, hour, HOURS), _of(self.days, day, DAYS)

    def within_an_hour(self, moment: float) -> Counts:
        """The last 60 minutes: this hour, and of the one before the share that they reach into."""
        hour, gone = divmod(moment, HOUR)
        found = Counts()
        found.add(self.hours.get(int(hour), _NONE))
        found.add(self.hours.get(int(hour) - 1, _NONE), 1 - gone / HOUR)
        return found

    def within_a_day(self, moment: float) -> Counts:
        """The last 24 hours, by the hour."""
        hour = int(moment // HOUR)
        if self._day_before[0] != hour:
            self._day_before = (hour, _sum(self.hours, hour - 23, hour)[0])
        found = replace(self._day_before[1])
        found.add(self.hours.get(hour, _NONE))
        return found

    def within_a_month(self, moment: float) -> tuple[Counts, int]:
        """The last 30 days, and on how many of them anybody was searched for."""
        day = int(moment // DAY)
        if self._month_before[0] != day:
            self._month_before = (day, *_sum(self.days, day - 29, day))
        _, before, active = self._month_before
        today, found = self.days.get(day, _NONE), replace(before)
        found.add(today)
        return found, active + (today.searches > 0)

    def newly_known(self, target: bytes, moment: float) -> bool:
        """Whether this enrolled person is found for the first time in this hour."""
        hour = int(moment // HOUR)
        if self.known[0] != hour:
            self.known = (hour, set())
        if target in self.known[1] or len(self.known[1]) >= MOST_KNOWN:
            return False
        self.known[1].add(target)
        return True

    def floor_at(self, moment: float) -> tuple[int, int]:
        """What every probe of this hour starts at, where a restart forgot whose the counts were."""
        hour, targets, repeats = self.floor
        return (targets, repeats) if hour == int(moment // HOUR) else (0, 0)


def _of(kept: dict[int, Counts], at: int, most: int) -> Counts:
    found = kept.get(at)
    if found is None:
        found = kept[at] = Counts()
        for old in [one for one in kept if not at - most < one <= at]:
            del kept[old]
    return found


def _sum(kept: Mapping[int, Counts], since: int, until: int) -> tuple[Counts, int]:
    """The counts from `since` until before `until`, and in how many of these anybody was searched for."""
    found, active = Counts(), 0
    for at, counts in kept.items():
        if since <= at < until:
            found.add(counts)
            active += counts.searches > 0
    return found, active


def restored(least: int, rows: Iterable[Mapping[str, int | str]], moment: float) -> Scope:
    """A scope with the counts that SQL kept; rows: `span` is `hour` or `day`, `at` its number, and the counts."""
    scope = Scope(People(least))
    for row in rows:
        kept = scope.hours if row["span"] == "hour" else scope.days
        kept[int(row["at"])] = Counts(**{name: int(row[name]) for name in COUNTED})
    hour = int(moment // HOUR)
    interrupted = scope.hours.get(hour, _NONE)
    scope.floor = (hour, interrupted.targets, interrupted.repeats)
    return scope


_NONE = Counts()
