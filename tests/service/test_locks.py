"""A key that the meter locks: from which call on, until when, who lets it go on, and what stays open meanwhile."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from countenance.config import Metering
from countenance.domain.decision import Activity, activity_of
from countenance.domain.errors import Conflict, Misconfigured, NotFound, Refused, Unavailable
from countenance.policy import packs
from countenance.service import accounts, auth, detect, erase, export, history, identify, locks, people, signed, verify
from countenance.service.use import Use
from tests.service.test_line import enrolled
from tests.service.test_rules import full_disk
from tests.service.world import World, photo

if TYPE_CHECKING:
    from countenance.service.accounts import Account
    from countenance.service.auth import Principal

CROWD = Metering().strangers_hour


def crowd(world: World, who: Principal | list[Principal], inside: people.Collection, first: int = 10) -> Refused:
    """Search for one stranger after the other until refused, at no steady beat, by several keys in turn."""
    keys = who if isinstance(who, list) else [who]
    for person in range(first, first + CROWD):
        world.later(seconds=1 + person**2 % 11)
        try:
            identify.identify(world.house, keys[person % len(keys)], inside, photo(person), Use())
        except Refused as refused:
            return refused
    raise AssertionError("nobody stopped it")


def person(world: World, *roles: str, customer: str = "") -> Account:
    key = signed.PersonKey(secrets.token_bytes(32))
    made = accounts.register_here(world.house, accounts.NewAccount("Ada", frozenset(roles), key.public, customer))
    return accounts.Account(made.id, customer, frozenset(roles), b"")


def only_lock(world: World) -> locks.Held:
    (lock,) = locks.listed(world.house, person(world, "auditor"), "", 10).result[0]
    return lock


def reasons(refused: Refused) -> list[str]:
    return [reason.id for reason in refused.decision.verdict.reasons]


def another_key(world: World, who: Principal) -> Principal:
    with world.house.database.begin() as connection:
        text = auth.issue(connection, who.grant.id, world.house.now())
    return auth.authenticate(world.house.database, text)


def test_a_crowd_is_refused_explained_and_locks_the_key_before_the_next_picture_is_decoded(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    refused = crowd(world, who, inside)
    assert reasons(refused) == ["core.meter", "core.meter-crowd"]
    assert "two of its people have to look" in refused.next_step
    shown = world.engine.shown
    for ask in (
        lambda: identify.identify(world.house, who, inside, photo(1), Use()),
        lambda: verify.verify(world.house, who, inside, "ada", photo(1), Use()),
        lambda: detect.detect(world.house, who, photo(1), Use()),
    ):
        with pytest.raises(Refused) as again:
            ask()
        assert reasons(again.value) == ["core.meter", "core.meter-crowd"]
    assert world.engine.shown == shown


def test_the_lock_and_the_debt_of_its_leaf_are_one_and_the_leaf_names_nobody(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    size = world.house.log.size
    crowd(world, who, inside)
    lock = only_lock(world)
    assert (lock.key, lock.customer, lock.reached, lock.looked) == (who.key, who.customer.id, ("crowd",), 0)
    assert world.house.log.size > size + CROWD
    found = next(one for one in history.page(world.house, who, size, 1000)[0] if one.outcome == "locked")
    opened = world.proven(history.receipt(world.house, who, found.index)).leaf.open
    assert (opened["kind"], opened["act"], opened["by"], opened["roles"]) == (
        "administration", "lock-impose", "machine", [],
    )  # fmt: skip
    assert not any(name in str(opened) for name in (who.key, who.customer.id, who.grant.id))


def test_it_takes_two_people_with_different_accounts_and_a_leaf_each(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    crowd(world, who, inside)
    lock, ada, bo = only_lock(world), person(world, "operator"), person(world, "approver")
    first = locks.look(world.house, ada, lock.id)
    assert first.result == locks.Looked(lock.id, 1, released=False)
    with pytest.raises(Conflict):
        locks.look(world.house, ada, lock.id)
    with pytest.raises(Refused):
        identify.identify(world.house, who, inside, photo(1), Use())
    second = locks.look(world.house, bo, lock.id)
    assert second.result == locks.Looked(lock.id, 2, released=True)
    assert [world.proven(one.receipt).leaf.open["act"] for one in (first, second)] == ["lock-look"] * 2
    assert identify.identify(world.house, who, inside, photo(1), Use()).result.candidates
    with pytest.raises(Conflict):
        locks.look(world.house, person(world, "operator"), lock.id)
    assert only_lock(world).released is not None


def test_it_begins_anew_after_the_release_and_is_locked_again_where_it_goes_on(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    crowd(world, who, inside)
    for one in (person(world, "operator"), person(world, "approver")):
        locks.look(world.house, one, only_lock(world).id)
    assert reasons(crowd(world, who, inside, 100)) == ["core.meter", "core.meter-crowd"]


@pytest.mark.parametrize("roles", [("auditor",), ("reviewer",)])
def test_nobody_else_lets_it_go_on(world: World, roles: tuple[str, ...]) -> None:
    who, inside = enrolled(world, ("ada", 1))
    crowd(world, who, inside)
    lock = only_lock(world)
    another = world.customer(name="Harbour Pool").customer.id
    with pytest.raises(Refused):
        locks.look(world.house, person(world, *roles), lock.id)
    with pytest.raises(Refused) as refused:
        locks.look(world.house, person(world, "operator", customer=another), lock.id)
    closed = world.proven(refused.value.receipt).closed
    assert closed is not None
    assert closed["customer"] == ""
    with pytest.raises(NotFound):
        locks.look(world.house, person(world, "operator"), "lck_" + 32 * "0")


def test_a_restart_is_no_amnesty_neither_is_a_month(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    crowd(world, who, inside)
    world.restart()
    world.later(days=20)
    with pytest.raises(Refused) as refused:
        identify.identify(world.house, who, inside, photo(1), Use())
    assert reasons(refused.value) == ["core.meter", "core.meter-crowd"]


def test_a_crowd_over_many_keys_locks_every_key_of_the_customer_and_no_other(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    keys = [who, *(another_key(world, who) for _ in range(4))]
    assert reasons(crowd(world, keys, inside)) == ["core.meter", "core.meter-crowd"]
    assert only_lock(world).key == ""
    for one in (*keys, another_key(world, who)):
        with pytest.raises(Refused):
            detect.detect(world.house, one, photo(1), Use())
    other = world.customer(name="Harbour Pool")
    assert detect.detect(world.house, other, photo(1), Use()).result
    for looking in (person(world, "operator"), person(world, "operator")):
        locks.look(world.house, looking, only_lock(world).id)
    assert all(detect.detect(world.house, one, photo(1), Use()).result for one in keys)


def test_the_way_out_stays_open(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1), ("bob", 2))
    crowd(world, who, inside)
    assert export.export(world.house, who, inside, "bob", Use()).result.subject
    assert erase.erase(world.house, who, inside, "ada").certificate


def test_a_lock_holds_from_the_next_call_on_though_the_disk_is_full(world: World) -> None:
    who, _ = enrolled(world, ("ada", 1))
    with full_disk(), pytest.raises((Misconfigured, Unavailable)):
        world.house.locks.impose(who, activity_of({"crowd"}))
    assert world.house.locks.standing(who, "detect") == activity_of({"crowd"})


def test_what_is_quiet_is_quiet(world: World) -> None:
    who, _ = enrolled(world)
    assert world.house.locks.standing(who, "verify") == Activity()
    assert world.house.locks.standing(who, "identify") == Activity(one_to_many=True)


def test_where_a_law_forbids_sketches_the_limits_are_half_and_nobody_is_remembered(world: World) -> None:
    """Illinois' BIPA is on in a fresh install and says so in its header."""
    policies = world.house.policies
    who = world.customer()
    usual = who.customer.ask("identify", purpose="access-control", mode="one-off", place="private")
    assert packs.sketches(policies.files, usual)
    assert not packs.sketches(policies.files, replace(usual, country="US", region="US-IL"))
    assert not packs.sketches(policies.files, replace(usual, country="US", seat_country="US", seat_region="US-IL"))
    assert packs.sketches(
        policies.files, replace(usual, country="US", region="US-NY", seat_country="US", seat_region="US-NY")
    )
