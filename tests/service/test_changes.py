"""Changing a promise is public and slow: every step, every order, and what must not get through."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from countenance.domain.errors import (
    BadInput,
    BadRecord,
    Conflict,
    NotFound,
    Refused,
    StorageDamaged,
    UnknownWord,
)
from countenance.policy import packs
from countenance.service import changes, detect, notice, sets
from countenance.service.use import Use
from countenance.service.wish import Wish
from countenance.storage import db
from countenance.storage.promises import policy_sets
from tests.service.promises import LOOSER, STRICTER, Person, leaves, steps
from tests.service.world import World, photo

if TYPE_CHECKING:
    from countenance.service.notice import Change

FRESH = packs.fresh_install()
LESS = tuple(name for name in FRESH if name != "microsoft-2020")
STRICT = ("core", *sorted({*FRESH[1:], "microsoft-2020-strict"}))


def names(world: World) -> tuple[str, ...]:
    return tuple(name for name, _ in world.house.policies.packs)


def two(world: World) -> tuple[Person, Person]:
    return Person.of(world, "approver"), Person.of(world, "approver", "operator")


def approved(world: World) -> tuple[Change, Person, Person]:
    one, other = two(world)
    change = other.propose(LOOSER)
    one.approve(change)
    return other.approve(change), one, other


def test_what_loosens_waits_for_two_people_and_its_notice(world: World) -> None:
    one, other = two(world)
    change = other.propose(LOOSER)
    assert (change.state, change.loosens, change.notice_days) == ("under-notice", True, 30)
    assert change.why
    assert change.not_before == "2026-12-22T11:00:00Z"  # thirty days on, and the next whole hour
    one.approve(change)
    world.later(days=31)
    assert names(world) == FRESH
    world.restart()
    assert names(world) == FRESH
    other = Person(world, other.account, other.key)
    assert other.approve(change).state == "in-force"
    assert names(world) == LESS


def test_notice_is_not_cut_short_by_a_second_and_takes_effect_without_a_restart(world: World) -> None:
    change, _, _ = approved(world)
    who = world.customer()
    before = detect.detect(world.house, who, photo(1), Use())
    world.moment = world.moment.replace(hour=10, minute=59, second=59) + timedelta(days=30)
    who = world.customer()
    assert names(world) == FRESH
    world.later(seconds=1)
    after = detect.detect(world.house, who, photo(1), Use())
    said = [str(world.proven(each.receipt).leaf.open["policy"]) for each in (before, after)]
    assert said == [change.before, change.after]
    assert [str(each["step"]) for each in leaves(world, notice.KIND)] == [
        "proposed",
        "approved",
        "approved",
        "in-force",
    ]
    assert changes.one(world.house.database, change.id).state == "in-force"


def test_a_clock_that_was_set_ahead_and_back_takes_nothing_back_and_writes_nothing(world: World) -> None:
    change, one, _ = approved(world)
    world.later(days=31)
    assert names(world) == LESS
    world.later(days=-31)
    assert names(world) == LESS
    with pytest.raises(Exception, match="clock"):
        one.propose(STRICTER)
    assert changes.one(world.house.database, change.id).state == "in-force"


def test_what_is_stricter_takes_effect_at_once_by_one_person(world: World) -> None:
    change = Person.of(world, "operator").propose(STRICTER)
    assert (change.state, change.loosens, change.notice_days, change.approvals) == ("in-force", False, 0, ())
    assert names(world) == STRICT
    assert steps(world) == ["proposed", "in-force"]


def test_an_approval_counts_once_for_each_key(world: World) -> None:
    one, other = two(world)
    change = other.propose(LOOSER)
    one.approve(change)
    with pytest.raises(Conflict, match="this key"):
        one.approve(change)
    world.later(days=40)
    assert names(world) == FRESH
    keys = leaves(world, notice.KIND)[-1]["keys"]
    assert isinstance(keys, list)
    assert len(keys) == 1


def test_a_signature_over_another_digest_or_by_another_key_is_refused(world: World) -> None:
    one, other = two(world)
    change = other.propose(LOOSER)
    wrong = [
        one.key.sign(notice.statement(change.id, change.after)),
        one.key.sign(notice.statement("chg_" + 32 * "0", change.digest)),
        other.key.sign(notice.statement(change.id, change.digest)),
        one.key.sign(change.digest.encode()),
        bytes(64),
    ]
    for signature in wrong:
        with pytest.raises(BadInput, match="not your signature"):
            changes.approve(world.house, one.account, change.id, signature)
        with pytest.raises(BadInput, match="not your signature"):
            changes.approve_here(world.house, change.id, one.account.id, signature)
    assert changes.one(world.house.database, change.id).approvals == ()


def test_a_person_whose_account_ended_meanwhile_counts_no_more(world: World) -> None:
    change, one, _ = approved(world)
    one.end()
    world.later(days=31)
    assert names(world) == FRESH
    assert [each.counts for each in changes.one(world.house.database, change.id).approvals] == [False, True]
    third = Person.of(world, "approver")
    assert third.approve(change).state == "in-force"
    assert names(world) == LESS


def test_only_approvers_of_the_provider_approve(world: World) -> None:
    change = Person.of(world, "operator").propose(LOOSER)
    customer = world.customer().customer.id
    for person in (Person.of(world, "operator"), Person.of(world, "auditor"), Person.of(world, "assessor"),
                   Person.of(world, "operator", customer=customer)):  # fmt: skip
        with pytest.raises(Refused):
            person.approve(change)
        with pytest.raises(NotFound):
            changes.approve_here(world.house, change.id, person.account.id, bytes(64))
    for person in (Person.of(world, "auditor"), Person.of(world, "operator", customer=customer)):
        with pytest.raises(Refused):
            person.propose(LOOSER)


def test_of_two_changes_under_notice_the_first_in_force_overtakes_the_other(world: World) -> None:
    first, one, other = approved(world)
    world.later(hours=2)
    second = other.propose(Wish(on=("microsoft-2020-strict",), off=("microsoft-2020",)))
    for person in (one, other):
        person.approve(second)
    world.later(days=40)
    assert names(world) == LESS
    found = {each.id: each.state for each in changes.known(world.house.database)}
    assert found == {first.id: "in-force", second.id: "overtaken"}
    with pytest.raises(Conflict, match="overtaken"):
        Person.of(world, "approver").approve(second)


def test_a_change_that_was_overtaken_stays_so_when_its_first_set_comes_back(world: World) -> None:
    """It was approved and its notice ran: back at its beginning it would take effect at once, when nobody looks."""
    _, one, other = approved(world)
    second = other.propose(Wish(on=("microsoft-2020-strict",), off=("microsoft-2020",)))
    for person in (one, other):
        person.approve(second)
    world.later(days=31)
    assert names(world) == LESS
    other.propose(Wish(on=("microsoft-2020",)))
    world.later(days=60)
    assert names(world) == FRESH
    assert changes.one(world.house.database, second.id).state == "overtaken"


def test_what_is_stricter_overtakes_what_waits(world: World) -> None:
    change, _, other = approved(world)
    other.propose(STRICTER)
    world.later(days=40)
    assert names(world) == STRICT
    assert changes.one(world.house.database, change.id).state == "overtaken"


def test_a_change_that_was_withdrawn_never_takes_effect(world: World) -> None:
    change, _, other = approved(world)
    withdrawn = changes.withdraw(world.house, other.account, change.id).result
    assert withdrawn.state == "withdrawn"
    world.later(days=40)
    assert names(world) == FRESH
    for again in (
        lambda: changes.withdraw_here(world.house, change.id),
        lambda: Person.of(world, "approver").approve(change),
    ):
        with pytest.raises(Conflict):
            again()


def test_a_longer_notice_may_be_wished_and_a_shorter_may_not(world: World) -> None:
    operator = Person.of(world, "operator")
    assert operator.propose(Wish(off=("microsoft-2020",), notice_days=60)).notice_days == 60
    for days in (1, 29, 367, -1):
        with pytest.raises(BadInput):
            operator.propose(Wish(off=("microsoft-2020",), notice_days=days))


SOUND = packs.read("microsoft-2020").text.replace("microsoft-2020", "own").encode()


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (b"containsAny([", b"containsAny([[", 21),
        (b'@id("own.us-police")\n', b"", 21),
        (b"@says(", b"@said(", 21),
        (b'@source("https:', b'@source("http:', 21),
        (b"resource.country", b"resource.land", 21),
    ],
)
def test_a_bad_pack_is_refused_with_file_and_line_and_the_set_in_force_goes_on(
    world: World, old: bytes, new: bytes, line: int
) -> None:
    assert old in SOUND
    with pytest.raises(BadRecord, match=rf"^own\.cedar: line {line}: "):
        Person.of(world, "operator").propose(Wish(texts=(("own", SOUND.replace(old, new)),)))
    assert names(world) == FRESH


def test_two_rules_of_one_id_are_refused_with_the_line_of_the_second(world: World) -> None:
    rule = SOUND[SOUND.index(b"@id") :]
    with pytest.raises(BadRecord, match=r"^own\.cedar: line 34: two rules are called own\.us-police"):
        Person.of(world, "operator").propose(Wish(texts=(("own", SOUND + b"\n" + rule),)))


@pytest.mark.parametrize(
    "wish",
    [
        Wish(), Wish(off=("core",)), Wish(off=("amazon-1900",)), Wish(on=("amazon-1900",)), Wish(on=("stop",)),
        Wish(on=("core",), off=("core",)), Wish(texts=(("stop", SOUND),)), Wish(on=("core",)),
    ],
)  # fmt: skip
def test_a_wish_that_can_not_be_is_refused(world: World, wish: Wish) -> None:
    with pytest.raises((BadInput, UnknownWord, Conflict)):
        Person.of(world, "operator").propose(wish)
    assert names(world) == FRESH


def test_an_operators_own_pack_comes_into_force_and_its_text_is_public(world: World) -> None:
    change = Person.of(world, "operator").propose(Wish(texts=(("own", SOUND),)))
    folder = world.settings.ledger / "policy" / change.after.removeprefix("sha256:")
    assert (folder / "own.cedar").read_bytes() == SOUND
    assert sorted(path.name for path in folder.iterdir()) == [
        *sorted(["schema.cedarschema", "packs.txt", *(f"{name}.cedar" for name in (*FRESH, "own"))])
    ]  # fmt: skip
    assert (folder / "own.cedar").stat().st_mode & 0o777 == 0o644
    found = sets.read_published(world.settings.ledger, change.after)
    assert found is not None
    assert found.policies.digest == change.after == world.house.policies.digest
    index = json.loads((world.settings.ledger / "policy" / "index.json").read_text())
    assert [each["digest"] for each in index["sets"]] == [change.before, change.after]


def test_the_first_set_is_published_too(world: World) -> None:
    found = sets.read_published(world.settings.ledger, world.house.policies.digest)
    assert found is not None
    assert found.policies.packs == world.house.policies.packs


def test_a_damaged_set_keeps_the_house_shut(world: World) -> None:
    world.house.close()
    for harm in ("permit(principal, action, resource);", packs.read("core").text + "\n"):
        with db.open(world.settings.database, create=False) as database, database.begin() as connection:
            kept = connection.execute(select(policy_sets.c.packs)).scalar_one()
            spoilt = [{**kept[0], "text": harm}, *kept[1:]]
            connection.execute(update(policy_sets).values(packs=spoilt))
        with pytest.raises(StorageDamaged, match="policy set in force is damaged"):
            world.open()
        with db.open(world.settings.database, create=False) as database, database.begin() as connection:
            connection.execute(update(policy_sets).values(packs=kept))
    world.open()


def test_a_decision_under_way_finishes_under_the_set_it_began_with(world: World) -> None:
    who = world.customer()
    operator = Person.of(world, "operator")
    engine: Any = world.engine
    held = engine.detect

    def meanwhile(image: object) -> object:
        operator.propose(STRICTER)
        return held(image)

    engine.detect = meanwhile
    first = world.house.policies.digest
    answered = detect.detect(world.house, who, photo(1), Use())
    assert world.proven(answered.receipt).leaf.open["policy"] == first != world.house.policies.digest
