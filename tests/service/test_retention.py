"""Retention: whose time is over is erased, by the clocks of records, grants, packs and the customer's own term."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from countenance.domain.decision import Facts
from countenance.domain.errors import BadInput, NotFound
from countenance.ledger import leaf
from countenance.policy import cedar, packs
from countenance.policy import retention as duties
from countenance.service import enrol, erase, identify, people, retention
from countenance.service.use import Use
from countenance.storage.tables import erasures, grants
from tests.service.world import World, photo, ruled

if TYPE_CHECKING:
    from countenance.service.auth import Principal
    from countenance.service.people import Collection


def staffed(
    world: World, *, days: int = 9 * 366, keep_days: int | None = None, **place: Any
) -> tuple[Principal, Collection]:
    """A customer with a collection in which ada is enrolled, her record good for so many days."""
    whole, core = world.house.policies, cedar.load(["core"])
    who = world.customer(**place)
    with world.house.database.begin() as connection:
        connection.execute(update(grants).values(until="2040-01-01T00:00:00Z"))
    ruled(world.house, policies=core)  # what enrolment needs besides, such as a public policy, is not the matter here
    inside = people.create_collection(world.house, who, "staff", "access-control", keep_days=keep_days)
    world.consents(who, inside, "ada", until=world.moment + timedelta(days=days))
    enrol.enrol(world.house, who, inside, "ada", photo(1), Use())
    ruled(world.house, policies=whole)
    return who, inside


def there(world: World, who: Principal, inside: Collection, alias: str = "ada") -> bool:
    try:
        return bool(people.subject_id(world.house, who, inside, alias))
    except NotFound:
        return False


def later(world: World, days: float) -> int:
    """So many days pass, with a sweep on each of the last two: one may be put off."""
    world.later(days=days - 1)
    first = retention.sweep(world.house)
    world.later(days=1)
    return first + retention.sweep(world.house)


def sweeps(world: World) -> list[Any]:
    found = [leaf.parse(world.house.log.prove(index).extra or b"").open for index in range(world.house.log.size)]
    return [opened["because"] for opened in found if opened["kind"] == "sweep"]


def test_every_duty_that_speaks_of_deletion_has_its_clock() -> None:
    """But one, which starts with an authority's refusal and not with time."""
    assert set(duties.CLOCKS) == {
        word for word in packs.DUTIES if word.startswith(("delete", "erase")) and word != "delete-if-refused"
    }


def test_the_clocks_are_those_of_the_packs_in_force_whatever_else_refuses(world: World) -> None:
    who = world.customer(country="US", region="US-TX")
    facts = Facts(on=world.moment, model=world.house.model_facts(world.moment), verified=False)
    ask = who.customer.ask("identify", purpose="access-control")
    both = cedar.load(["core", "texas-cubi", "illinois-bipa"])
    assert not cedar.decide(both, ask, facts).allowed
    assert duties.clocks(both, ask, facts) == (("texas-cubi.retention", duties.Clock(duties.PURPOSE_OVER, 1)),)
    assert duties.clocks(cedar.load(["core"]), ask, facts) == ()


def test_who_was_told_of_a_term_is_erased_at_its_end_and_certified(world: World) -> None:
    who, inside = staffed(world, days=20, country="NZ")
    assert later(world, 19) == 0
    assert there(world, who, inside)
    assert later(world, 2) == 1
    assert not there(world, who, inside)
    with world.house.database.read() as connection:
        (note,) = connection.execute(erasures.select()).all()
    assert (note.state, note.subject_id) == ("certified", None)
    assert ["retention.record"] in sweeps(world)
    assert world.house.index.count(inside.id, "") == 0


def test_in_illinois_three_years_after_the_last_meeting(world: World) -> None:
    who, inside = staffed(world, country="US", region="US-IL", seat_country="US", seat_region="US-IL")
    later(world, 3 * 365)
    assert there(world, who, inside)
    later(world, 2)
    assert not there(world, who, inside)
    assert ["illinois-bipa.retention"] in sweeps(world)


def test_once_the_purpose_is_over_at_once_in_illinois_and_europe_and_in_texas_after_a_year(world: World) -> None:
    ruled(world.house, policies=cedar.load([*packs.fresh_install(), "texas-cubi"]))
    places = {"US-IL": True, "US-TX": False, "": True}
    found: dict[str, tuple[Principal, Collection]] = {}
    for region in places:
        place: dict[str, Any] = {"country": "US", "region": region, "seat_country": "US", "seat_region": region}
        found[region] = staffed(world, days=800, name=f"Gym of {region}", **(place if region else {}))
    for who, inside in found.values():
        people.withdraw(world.house, who, inside, "ada")
    world.later(days=1)
    retention.sweep(world.house)
    assert {region: not there(world, *one) for region, one in found.items()} == places
    assert sweeps(world) == [["gdpr-9.erasure", "illinois-bipa.retention"]]
    later(world, 363)
    assert there(world, *found["US-TX"])
    later(world, 2)
    assert not there(world, *found["US-TX"])
    assert ["texas-cubi.retention"] in sweeps(world)


def test_the_customers_own_shorter_term_runs_from_the_last_meeting(world: World) -> None:
    who, inside = staffed(world, country="NZ", keep_days=10)
    later(world, 8)
    identify.identify(world.house, who, inside, photo(1), Use())
    later(world, 8)
    assert there(world, who, inside)  # met again after eight days
    identify.identify(world.house, who, inside, photo(2), Use())  # somebody else, which is no meeting
    later(world, 3)
    assert not there(world, who, inside)
    assert ["retention.own-term"] in sweeps(world)


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_a_term_of_no_days_or_too_many_is_an_error(world: World, days: int) -> None:
    with pytest.raises(BadInput):
        people.create_collection(world.house, world.customer(), "staff", "access-control", keep_days=days)


def test_nobody_is_kept_a_month_after_the_purpose_is_over_where_no_pack_says_when(world: World) -> None:
    who, inside = staffed(world, country="NZ")
    world.consents(who, inside, "bo", until=world.moment + timedelta(days=900))
    people.withdraw(world.house, who, inside, "ada")
    later(world, 28)
    assert there(world, who, inside)
    later(world, 3)
    assert not there(world, who, inside)
    assert there(world, who, inside, "bo")
    assert ["retention.purpose-over"] in sweeps(world)


def test_a_start_sweeps_what_became_due_while_the_house_was_closed(world: World) -> None:
    who, inside = staffed(world, days=20, country="NZ")
    retention.sweep(world.house)
    world.house.close()
    world.later(days=21)
    world.open()
    assert not there(world, who, inside)
    assert sweeps(world)[-1] == ["retention.record"]
    world.restart()
    assert len(sweeps(world)) == 1  # once a day


def test_after_a_long_gap_the_first_sweep_erases_nobody_and_says_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A clock that was set three years ahead by mistake would else erase everybody at once."""
    who, inside = staffed(world, days=20, country="NZ")
    world.later(days=1)
    retention.sweep(world.house)
    world.later(days=3 * 365)
    assert retention.sweep(world.house) == retention.sweep(world.house) == 0
    assert there(world, who, inside)
    assert [record.name for record in caplog.records].count("countenance.retention") == 1
    world.later(days=1)
    assert retention.sweep(world.house) == 1


def test_a_clock_that_went_back_sweeps_nobody(world: World) -> None:
    who, inside = staffed(world, days=20, country="NZ")
    world.later(days=19)
    retention.sweep(world.house)
    world.later(days=-5)
    assert retention.sweep(world.house) == 0
    assert there(world, who, inside)


def test_a_sweep_that_was_cut_short_is_made_again(world: World) -> None:
    """The first of two is erased, then the house breaks before the day is marked."""
    who, inside = staffed(world, days=20, country="NZ")
    world.consents(who, inside, "bo", until=world.moment + timedelta(days=20))
    world.later(days=21)
    first = retention.due(world.house, world.moment)[0]
    erase.erase_subject(world.house, first.customer, first.collection, first.subject)
    assert retention.sweep(world.house) == 1
    assert not any(there(world, who, inside, alias) for alias in ("ada", "bo"))


def test_an_erasure_of_somebody_who_was_erased_meanwhile_finds_nobody(world: World) -> None:
    who, inside = staffed(world)
    subject = people.subject_id(world.house, who, inside, "ada")
    erase.erase(world.house, who, inside, "ada")
    size = world.house.log.size
    with pytest.raises(NotFound):
        erase.erase_subject(world.house, who.customer.id, inside.id, subject)
    assert world.house.log.size == size


def test_while_the_house_is_open_each_new_day_is_swept(world: World) -> None:
    who, inside = staffed(world, days=2, country="NZ")
    world.later(days=3)
    with retention.Sweeper(world.house, pace=0.01):
        until = time.monotonic() + 20
        while there(world, who, inside) and time.monotonic() < until:
            time.sleep(0.01)
    assert not there(world, who, inside)
