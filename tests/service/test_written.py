"""A release in writing is a fact of the record: each call says whether everybody whose basis counts gave one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import Refused
from countenance.service import enrol, identify, people, verify
from countenance.service.use import Use
from tests.service.test_line import enrolled
from tests.service.world import World, photo

if TYPE_CHECKING:
    from countenance.service.gate import Answered
    from countenance.service.identify import Identified


def written(world: World, receipt: str) -> object:
    context = world.proven(receipt).leaf.open["context"]
    assert isinstance(context, dict)
    return context["consent.written_release"]


def test_the_person_who_is_enrolled_or_verified_counts_alone(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    world.consents(who, inside, "bob", manner="electronic")
    bob = enrol.enrol(world.house, who, inside, "bob", photo(2), Use())
    assert written(world, bob.receipt) is False
    for alias, number, expected in (("ada", 1, True), ("bob", 2, False)):
        answer = verify.verify(world.house, who, inside, alias, photo(number), Use())
        assert written(world, answer.receipt) is expected


def test_in_a_search_everybody_counts_who_could_be_found(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))

    def searched() -> Answered[Identified]:
        return identify.identify(world.house, who, inside, photo(1), Use())

    assert written(world, searched().receipt) is True
    world.consents(who, inside, "bob", manner="electronic")
    assert written(world, searched().receipt) is False
    world.consents(who, inside, "bob")
    assert written(world, searched().receipt) is True
    world.consents(who, inside, "cy", manner="electronic")
    people.withdraw(world.house, who, inside, "cy")
    assert written(world, searched().receipt) is True


def test_where_nobody_consented_nobody_did_in_writing(world: World) -> None:
    who = world.customer()
    empty = world.collection(who)
    assert written(world, identify.identify(world.house, who, empty, photo(1), Use()).receipt) is False
    lake = world.customer(name="Lake Gym", country="US", region="US-IL")
    with pytest.raises(Refused) as refused:
        verify.compare(world.house, lake, photo(1), photo(2), Use())
    assert "illinois-bipa.release" in [each.id for each in refused.value.decision.verdict.reasons]
    assert "--manner in-writing" in refused.value.next_step


def test_who_names_no_region_is_told_where_to_name_it(world: World) -> None:
    somewhere = world.customer(name="Some Gym", country="US")
    with pytest.raises(Refused) as refused:
        verify.compare(world.house, somewhere, photo(1), photo(2), Use())
    assert [each.id for each in refused.value.decision.verdict.reasons] == ["illinois-bipa.region-missing"]
    assert "--region and --seat-region" in refused.value.next_step
    placed = world.customer(name="Tree Gym", country="US", region="US-OR")
    assert verify.compare(world.house, placed, photo(1), photo(2), Use()).decision.verdict.allowed
