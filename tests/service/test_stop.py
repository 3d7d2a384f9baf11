"""The emergency stop: one person, at once, loudly; and nothing gets looser behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import Conflict, Refused
from countenance.service import changes, detect, export, inforce, people
from countenance.service.use import Use
from countenance.storage import db
from tests.service.promises import LOOSER, STRICTER, Person, leaves, steps
from tests.service.test_changes import FRESH, names, two
from tests.service.test_line import enrolled
from tests.service.world import photo

if TYPE_CHECKING:
    from tests.service.world import World


def test_one_person_stops_everything_but_a_persons_own_data(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    change = changes.stop(world.house, Person.of(world, "operator").account).result
    assert change.state == "in-force"
    assert steps(world) == ["stopped"]
    with pytest.raises(Refused) as refused:
        detect.detect(world.house, who, photo(1), Use())
    assert [reason.id for reason in refused.value.decision.verdict.reasons] == ["stop.emergency"]
    with pytest.raises(Refused):
        world.customer()
    assert export.export(world.house, who, inside, "ada", Use()).result.subject
    assert people.withdraw(world.house, who, inside, "ada")
    assert world.house.in_force.held.stopped
    with pytest.raises(Conflict, match="stopped already"):
        changes.stop_beside(world.house.database, world.moment)


def test_to_lift_a_stop_is_a_loosening(world: World) -> None:
    one, other = two(world)
    changes.stop(world.house, one.account)
    change = changes.resume(world.house, other.account).result
    assert (change.loosens, change.state) == (True, "under-notice")
    for person in (one, other):
        person.approve(change)
    assert world.house.in_force.held.stopped
    world.later(days=31)
    assert names(world) == FRESH
    assert steps(world)[-1] == "resumed"
    assert not world.house.in_force.held.stopped
    with pytest.raises(Conflict, match="not stopped"):
        changes.resume(world.house, other.account)


def test_nothing_is_loosened_behind_a_stop(world: World) -> None:
    """While all is refused, no door seems to open: a change is weighed as it will be once the stop is lifted."""
    operator = Person.of(world, "operator")
    changes.stop(world.house, operator.account)
    change = operator.propose(LOOSER)
    assert (change.loosens, change.state) == (True, "under-notice")
    assert operator.propose(STRICTER).state == "in-force"


def test_a_stop_from_another_process_is_seen_by_itself_and_its_leaves_are_written(world: World) -> None:
    import time

    with db.open(world.settings.database, create=False) as database:
        changes.stop_beside(database, world.moment)
    assert inforce.PACE < 1.0  # how often a house at rest looks, in seconds; a busy machine may be late
    until = time.monotonic() + 30.0
    while not world.house.in_force.held.stopped and time.monotonic() < until:
        time.sleep(0.01)
    assert world.house.in_force.held.stopped
    assert steps(world) == ["stopped"]
    assert [str(each["act"]) for each in leaves(world, "administration")] == ["policy-stop"]
