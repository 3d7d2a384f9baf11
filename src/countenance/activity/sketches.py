"""Whether two probes show one person, without keeping either: bits of salted random projections, for an hour at most.

A salt is a set of random planes, drawn for itself and kept in memory alone; of a template only the side of each plane
is kept. Two templates at an angle a agree in 1 - a/pi of the bits, on average. A salt lives for an hour, and what was
made with it dies with it: from then on nobody can tell whether two sketches, or a sketch and a face, belong together.
Every half hour there is a new one beside the old, so that people are told apart across the change. It never touches
a disk and knows nobody's id. Source: Charikar, Similarity estimation techniques from rounding algorithms (STOC 2002).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Bits = NDArray[np.uint64]

BITS = 1024
"""Planes of a salt: the share of bits that agree has a standard deviation of 1.5 points at the threshold."""
LIVES = 3600.0
"""Seconds that a salt lives, and so the longest that anybody is remembered by their face."""
EVERY = LIVES / 2
"""Seconds after which a new salt is begun beside the old."""
REMEMBERED = 500
"""People per scope and salt; who was not seen for longest makes room. 64 kB each salt."""


def agreeing(cosine: float) -> int:
    """How many bits two templates of this cosine agree in, on average."""
    return round(BITS * (1 - math.acos(max(-1.0, min(1.0, cosine))) / math.pi))


@dataclass(frozen=True, slots=True, eq=False)
class Salt:
    """planes: (BITS, D) float32; born: seconds."""

    born: float
    planes: NDArray[np.float32]

    def sketch(self, template: NDArray[np.float32]) -> Bits:
        """template: (D,) float32. The side of each plane it lies on: (BITS / 64,) uint64."""
        return np.packbits(self.planes @ template > 0).view(np.uint64)


class Salts:
    """The salts that live, oldest first; one or two. rng: makes a generator from the system's randomness."""

    def __init__(self, dimension: int, rng: Callable[[], np.random.Generator] = np.random.default_rng) -> None:
        self._dimension, self._rng = dimension, rng
        self._live: list[Salt] = []

    def at(self, now: float) -> list[Salt]:
        """Those that live at `now`, in seconds. A clock that went back counts as if an hour had passed."""
        self._live = [salt for salt in self._live if 0 <= now - salt.born < LIVES]
        if not self._live or now - self._live[-1].born >= EVERY:
            planes = self._rng().standard_normal((BITS, self._dimension), dtype=np.float32)
            self._live.append(Salt(now, planes))
        return self._live


@dataclass(slots=True, eq=False)
class Person:
    """Somebody seen as a probe, while remembered: what they were compared with, by its digest, and when, in seconds."""

    targets: dict[bytes, float] = field(default_factory=dict)
    places: dict[bytes, float] = field(default_factory=dict)
    searches: list[float] = field(default_factory=list)
    stranger: int = -1  # the hour in which they were counted as somebody whom nobody knows


class _Page:
    """The people whom one salt remembers."""

    def __init__(self) -> None:
        self.bits: Bits = np.zeros((8, BITS // 64), np.uint64)
        self.seen: NDArray[np.float64] = np.zeros(8)
        self.people: list[Person] = []

    def find(self, sketch: Bits, least: int, now: float) -> Person | None:
        """Who agrees most, if in at least so many bits."""
        count = len(self.people)
        if not count:
            return None
        apart = np.bitwise_count(self.bits[:count] ^ sketch).sum(axis=1, dtype=np.int64)
        best = int(apart.argmin())
        if BITS - int(apart[best]) < least:
            return None
        self.seen[best] = now
        return self.people[best]

    def add(self, sketch: Bits, person: Person, now: float) -> None:
        count = len(self.people)
        if count == REMEMBERED:
            at = int(self.seen.argmin())
            self.people[at] = person
        else:
            at = count
            if count == len(self.bits):
                self.bits = np.resize(self.bits, (min(2 * count, REMEMBERED), BITS // 64))
                self.seen = np.resize(self.seen, len(self.bits))
            self.people.append(person)
        self.bits[at], self.seen[at] = sketch, now


class People:
    """The people of one scope. Not thread-safe. least: bits from which two sketches are one person."""

    def __init__(self, least: int) -> None:
        self._least = least
        self._pages: list[tuple[Salt, _Page]] = []

    def sighted(self, sketches: list[tuple[Salt, Bits]], now: float) -> tuple[Person, bool]:
        """Who this is, and whether they are new. sketches: the probe under every salt that lives, oldest first."""
        known = {id(salt): page for salt, page in self._pages}
        self._pages = [(salt, known.get(id(salt)) or _Page()) for salt, _ in sketches]
        found = [page.find(bits, self._least, now) for (_, page), (_, bits) in zip(self._pages, sketches, strict=True)]
        person = next((one for one in found if one is not None), None)
        who = Person() if person is None else person
        for (_, page), (_, bits), there in zip(self._pages, sketches, found, strict=True):
            if there is None:
                page.add(bits, who, now)
        return who, person is None

    def __len__(self) -> int:
        return len(self._pages[0][1].people) if self._pages else 0
