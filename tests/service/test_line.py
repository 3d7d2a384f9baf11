"""The line itself: admitted, enrolled, verified, identified, erased; every answer with a leaf that verifies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import NotFound, Refused
from countenance.ledger.fsck import fsck
from countenance.ledger.note import Verifier
from countenance.service import enrol, erase, identify, people, verify
from countenance.service.use import Use
from tests.service.world import World, photo

if TYPE_CHECKING:
    from countenance.service.auth import Principal
    from countenance.service.people import Collection


def enrolled(world: World, *persons: tuple[str, int]) -> tuple[Principal, Collection]:
    """A customer with a collection in which these people are enrolled."""
    who = world.customer()
    inside = world.collection(who)
    for alias, number in persons:
        world.consents(who, inside, alias)
        enrol.enrol(world.house, who, inside, alias, photo(number), Use())
    return who, inside


def test_the_same_person_matches_and_another_does_not(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    same = verify.verify(world.house, who, inside, "ada", photo(1, variant=1), Use()).result.likeness
    other = verify.verify(world.house, who, inside, "ada", photo(2), Use()).result.likeness
    assert same.match
    assert same.false_match_rate is not None
    assert same.false_match_rate <= same.promised_rate
    assert not other.match
    assert other.false_match_rate is None


def test_a_search_finds_the_enrolled_and_tells_a_stranger_no_match(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1), ("bob", 2), ("cid", 3))
    found = identify.identify(world.house, who, inside, photo(2, variant=1), Use()).result
    bob = people.subject_id(world.house, who, inside, "bob")
    assert [candidate.subject for candidate in found.candidates] == [bob]
    assert found.clear is True
    assert found.gallery == 3
    stranger = identify.identify(world.house, who, inside, photo(9), Use()).result
    assert stranger.candidates == ()
    assert stranger.clear is None


def test_several_references_are_one_subject(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1), ("ada", 1))
    found = identify.identify(world.house, who, inside, photo(1, variant=1), Use(), top=5).result
    assert len(found.candidates) == 1


def test_an_erased_person_is_no_longer_found_and_a_restart_brings_nobody_back(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1), ("bob", 2))
    done = erase.erase(world.house, who, inside, "ada")
    assert identify.identify(world.house, who, inside, photo(1), Use()).result.candidates == ()
    with pytest.raises(NotFound):
        verify.verify(world.house, who, inside, "ada", photo(1), Use())
    world.restart()
    assert identify.identify(world.house, who, inside, photo(1), Use()).result.candidates == ()
    assert identify.identify(world.house, who, inside, photo(2), Use()).result.candidates != ()
    assert world.proven(done.receipt).leaf.kind == "erasure"


def test_every_answer_is_proven_offline_and_the_folder_passes_fsck(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    answer = verify.verify(world.house, who, inside, "ada", photo(1), Use())
    proven = world.proven(answer.receipt)
    assert proven.leaf.open["verdict"] == "allow"
    assert proven.closed is not None
    assert proven.closed["outcome"] == "match"
    assert proven.closed["customer"] == who.customer.id
    world.house.close()
    fsck(world.settings.ledger, Verifier.from_vkey(world.settings.log_vkey.read_text().strip()))


def test_us_police_are_refused_with_the_promise_its_source_and_what_would_lift_it(world: World) -> None:
    with pytest.raises(Refused) as refused:
        world.customer(sector="police", country="US", region="US-OR", purposes=frozenset({"criminal-investigation"}))
    verdict = refused.value.decision.verdict
    assert "countenance policy show microsoft-2020" in refused.value.next_step
    promise = next(reason for reason in verdict.reasons if reason.id.startswith("microsoft-2020."))
    assert promise.source.startswith("https://")
    proven = world.proven(refused.value.receipt)
    assert proven.leaf.open["verdict"] == "deny"
    assert promise.id in proven.leaf.open["reasons"]  # type: ignore[operator]


def test_a_camera_in_a_street_is_refused(world: World) -> None:
    with pytest.raises(Refused) as refused:
        world.customer(
            purposes=frozenset({"venue-entry"}), modes=frozenset({"real-time"}),
            places=frozenset({"publicly-accessible"}), camera="fixed",
        )  # fmt: skip
    assert "core.public-surveillance" in [reason.id for reason in refused.value.decision.verdict.reasons]
