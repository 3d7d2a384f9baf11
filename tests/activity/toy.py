"""Faces for the meter: random directions, and what one second photograph makes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from countenance.activity.meter import Meter, Probe
from countenance.activity.sketches import Salt, Salts
from countenance.config import Metering
from countenance.storage import db

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from countenance.domain.decision import Activity

START = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
SAME = 0.46  # cosine, as the shipped model's threshold
USUAL = Metering()


def face(person: int, variant: int = 0, alike: float = 0.7) -> NDArray[np.float32]:
    """(128,) float32, unit L2; a variant has the cosine `alike` to the person's first photograph."""
    base = _unit(np.random.default_rng(person))
    if not variant:
        return base
    other = _unit(np.random.default_rng(10_000 * person + variant))
    other -= (other @ base) * base
    other /= np.linalg.norm(other)
    mixed: NDArray[np.float64] = alike * base + (1 - alike**2) ** 0.5 * other
    return mixed.astype(np.float32)


def _unit(rng: np.random.Generator) -> NDArray[np.float32]:
    vector: NDArray[np.float64] = rng.standard_normal(128)
    unit: NDArray[np.float64] = vector / float(np.linalg.norm(vector))
    return unit.astype(np.float32)


def seeded() -> Callable[[], np.random.Generator]:
    """Salts of which each differs from the one before, and which are those of the last run."""
    seeds = count()
    return lambda: np.random.default_rng(next(seeds))


class Bench:
    """A meter on a database of its own, a clock, and short ways to ask it."""

    def __init__(self, folder: Path, limits: Metering = USUAL) -> None:
        self.path, self.limits, self.now = folder / "meter.db", limits, START
        self.open()

    def open(self) -> None:
        self.database = db.open(self.path)
        self.meter = Meter(self.database, self.limits, SAME, 128, seeded())
        self.began = self.now.timestamp()

    def restart(self) -> None:
        self.kept()
        self.database.close()
        self.open()

    def kept(self) -> None:
        """Write what is owed, as the log does with each batch."""
        with self.meter.drained() as parts:
            self.database.put_all(parts)

    def salts(self) -> list[Salt]:
        """What the meter's salts are, which it shows nobody: drawn again from the same seeds."""
        salts = Salts(128, seeded())
        salts.at(self.began)
        return salts.at(self.now.timestamp())

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)

    def probe(self, person: int, key: str = "key", *, variant: int = 0, sketch: bool = True, source: str = "") -> Probe:
        return Probe(key, "customer", face(person, variant) if sketch else None, source)

    def search(self, person: int, found: bytes | None = None, place: bytes = b"here", **of: object) -> Activity:
        """One search and what came of it, together; a second later."""
        self.later(seconds=1)
        sighting = self.meter.searched(self.probe(person, **of), place, self.now)  # type: ignore[arg-type]
        if sighting.activity.tripped:
            return sighting.activity
        return self.meter.told(sighting, found, self.now)

    def compare(self, person: int, target: bytes, *, match: bool = False, **of: object) -> Activity:
        """One comparison and what came of it; what both spoke of together."""
        self.later(seconds=1)
        sighting = self.meter.compared(self.probe(person, **of), target, b"here", self.now)  # type: ignore[arg-type]
        if sighting.activity.tripped:
            return sighting.activity
        return self.meter.told(sighting, target if match else None, self.now)

    def rows(self, table: str) -> list[tuple[object, ...]]:
        self.kept()
        return db.look(self.path, f"SELECT * FROM {table}")  # noqa: S608  (a name of ours)
