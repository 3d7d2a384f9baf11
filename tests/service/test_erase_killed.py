"""An erasure that is killed in its middle: completed at the next start, or never acknowledged. 4 times, or 200."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING

from sqlalchemy import select

from countenance.ledger.fsck import fsck
from countenance.service import auth, enrol, identify, people, person
from countenance.service.use import Use
from countenance.storage.tables import erasures, subjects
from tests.service.killing import reopened
from tests.service.test_canaries import Canary, collect, traces
from tests.service.world import World, new_world, photo

if TYPE_CHECKING:
    from pathlib import Path

    from countenance.service.app import House
    from countenance.service.auth import Principal
    from countenance.service.people import Collection

TIMES = 200 if os.environ.get("COUNTENANCE_LONG") else 4


def killed(home: Path, which: tuple[str, str, str], points: list[int]) -> None:
    asked = [sys.executable, "-m", "tests.service.killing", str(home), *which, *map(str, points)]
    subprocess.run(asked, check=True)


def found(house: House, who: Principal, inside: Collection, face: int) -> list[str]:
    answer = identify.identify(house, who, inside, photo(face), Use())
    return [one.subject for one in answer.result.candidates]


def test_wherever_it_is_killed_it_is_completed_at_the_start_or_was_never_acknowledged(tmp_path: Path) -> None:
    home = tmp_path / "house"
    world: World = new_world(home)
    who = world.customer()
    inside = world.collection(who)
    for face, alias in enumerate(("ada of the choir", "bo"), 1):
        world.consents(who, inside, alias, evidence="evidence 0001 of the choir" if face == 1 else "form 17")
        enrol.enrol(world.house, who, inside, alias, photo(face), Use())
    ada, bo = (people.subject_id(world.house, who, inside, alias) for alias in ("ada of the choir", "bo"))
    person.link(world.house, who, inside, "ada of the choir")
    canary = Canary("ada of the choir", 1, inside, subject=ada)
    collect(world, canary)
    world.house.close()

    which = (who.customer.id, inside.id, ada)
    killed(home, which, [0])
    calls = int((tmp_path / "house-0" / "acknowledged").read_text())
    points = sorted(random.Random(6).sample(range(1, calls + 1), TIMES))  # noqa: S311
    killed(home, which, points)
    came_to = {point: outcome(tmp_path / f"house-{point}", who, inside, ada, bo, canary) for point in points}
    assert not any((tmp_path / f"house-{point}" / "acknowledged").exists() for point in points)
    assert set(came_to.values()) <= {"stayed", "erased"}
    assert "erased" in came_to.values()
    order = [came_to[point] for point in points]
    assert order == sorted(order, reverse=True)  # once it is erased it is, wherever later it was killed


def outcome(folder: Path, who: Principal, inside: Collection, ada: str, bo: str, canary: Canary) -> str:
    """What one start makes of it: nothing in between."""
    with reopened(folder) as house:
        again = auth.still(house.database, who)
        with house.database.read() as connection:
            there = connection.execute(select(subjects.c.id).where(subjects.c.id == ada)).first() is not None
            notes = connection.execute(select(erasures)).all()
        assert found(house, again, inside, 2) == [bo]
        assert found(house, again, inside, 1) == ([ada] if there else [])
        assert [note.state for note in notes] == ([] if there else ["certified"])
        if not there:
            assert all(note.certificate and note.subject_id is None for note in notes)
            assert traces(canary.stored, folder / "data") == {}
        house.log.publish()
        fsck(house.settings.ledger, house.log.verifier)
    return "stayed" if there else "erased"
