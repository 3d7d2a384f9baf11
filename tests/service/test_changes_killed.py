"""Changes of promises that were killed between two steps, and what a stranger holds against their leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, select

from countenance.domain.errors import Conflict, Unverified
from countenance.ledger.fsck import fsck
from countenance.ledger.leaf import Leaf
from countenance.ledger.slow import Slow
from countenance.policy import cedar, packs
from countenance.service import changes, notice, sets
from countenance.service.wish import Wish
from countenance.storage import db
from countenance.storage.promises import policy_changes, policy_events, policy_sets
from countenance.storage.tables import outbox
from tests.service.promises import LOOSER, Person, leaves, steps
from tests.service.test_changes import FRESH, LESS, approved, names, two

if TYPE_CHECKING:
    from tests.service.world import World


def test_killed_before_the_leaf_of_a_proposal_its_notice_begins_with_the_next_start(world: World) -> None:
    """The rows are there and no leaf: notice runs from when the public can know."""
    one, other = two(world)
    prepared = changes.wished(world.house, LOOSER)
    with world.house.database.begin() as connection:
        changes.make(connection, prepared, world.moment)
    change = changes.one(world.house.database, prepared.row["id"])
    assert change.not_before == ""
    with pytest.raises(Conflict, match="not public"):
        one.approve(change)
    world.later(days=31)
    world.restart()
    change = changes.one(world.house.database, change.id)
    assert change.not_before == "2027-01-22T11:00:00Z"
    for person in (one, other):
        Person(world, person.account, person.key).approve(change)
    assert names(world) == FRESH


def test_killed_before_the_leaf_of_an_effect_the_next_start_writes_it_once(world: World) -> None:
    change, _, _ = approved(world)
    world.later(days=31)
    with world.house.database.begin() as connection:
        notice.effect(connection, change.id, world.moment, keys=change.keys)
    world.restart()
    assert names(world) == LESS
    assert steps(world).count("in-force") == 1


def test_killed_before_anything_is_published_the_next_start_publishes(world: World) -> None:
    change, _, _ = approved(world)
    folder = world.settings.ledger / "policy" / change.after.removeprefix("sha256:")
    for path in folder.iterdir():
        path.unlink()
    world.restart()
    assert sets.read_published(world.settings.ledger, change.after) is not None


def test_a_set_whose_text_can_not_be_published_does_not_loosen(world: World) -> None:
    change, _, _ = approved(world)
    index = world.settings.ledger / "policy" / "index.json"
    index.unlink()
    index.mkdir()
    world.later(days=31)
    assert names(world) == FRESH
    index.rmdir()
    assert names(world) == LESS
    assert changes.one(world.house.database, change.id).state == "in-force"


def test_no_debt_is_left_and_a_stranger_finds_the_log_whole(world: World) -> None:
    approved(world)
    world.later(days=31)
    assert names(world) == LESS
    with world.house.database.read() as connection:
        assert connection.execute(select(outbox)).all() == []
    world.house.log.publish()
    report = fsck(world.settings.ledger, world.house.log.verifier)
    assert report.kinds[notice.KIND] == 4


def told(*said: dict[str, object]) -> None:
    slow = Slow()
    for each in said:
        slow.take(Leaf(each, bytes(32)))  # type: ignore[arg-type]


def history(world: World) -> list[dict[str, object]]:
    approved(world)
    world.later(days=31)
    assert names(world) == LESS
    return [dict(each) for each in leaves(world, notice.KIND)]


def test_a_stranger_sees_that_the_two_keys_differ_and_spoke_before(world: World) -> None:
    proposed, first, second, effect = history(world)
    told(proposed, first, second, effect)
    key = effect["keys"][0]  # type: ignore[index]
    wrong = {
        "one key": (proposed, first, second, {**effect, "keys": [key]}),
        "a key that never spoke": (proposed, first, second, {**effect, "keys": [key, "sha256:" + 64 * "0"]}),
        "one approval": (proposed, first, effect),
        "no proposal": (effect,),
        "too early": (proposed, first, second, {**effect, "time": proposed["time"]}),
        "a short notice": ({**proposed, "notice": 1}, first, second, {**effect, "notice": 1}),
        "another set": (proposed, first, second, {**effect, "after": effect["before"]}),
        "withdrawn": (proposed, first, second, {**proposed, "step": "withdrawn"}, effect),
        "out of place": (proposed, first, second, effect, effect),
    }
    for each in wrong.values():
        with pytest.raises(Unverified):
            told(*each)


def test_keys_of_one_person_are_named_differently_in_two_changes(world: World) -> None:
    first, one, other = approved(world)
    second = other.propose(Wish(off=("microsoft-2020",), notice_days=40))
    one.approve(second)
    named = [set(map(str, each["keys"])) for each in leaves(world, notice.KIND)]  # type: ignore[arg-type]
    assert not named[1] & named[-1]
    assert first.digest != second.digest


def test_the_leaves_of_changes_name_nobody(world: World) -> None:
    change, one, other = approved(world)
    raw = b"".join(world.house.log.prove(index).extra for index in range(world.house.log.size))
    for person in (one, other):
        for secret in (person.account.id, person.key.public, person.account.public_key.hex()):
            assert secret.encode() not in raw
    assert change.id.encode() not in raw


def test_a_set_under_another_schema_is_taken_over_with_a_leaf(world: World) -> None:
    """Another version of this software may read more facts: the packs stay what they were, word for word."""
    world.house.close()
    schema = packs.schema() + "\n// an older one\n"
    old = sets.Held(cedar.of([packs.read(name) for name in FRESH], schema), schema)
    with db.open(world.settings.database, create=False) as database, database.begin() as connection:
        connection.execute(delete(policy_events))
        connection.execute(delete(policy_changes))
        connection.execute(delete(policy_sets))
        sets.keep(connection, old, world.moment)
        row = notice.change_row(
            "chg_" + 32 * "1", "", old.policies.digest, world.moment, loosens=False, notice_days=0, why=()
        )
        connection.execute(policy_changes.insert(), row)
        notice.add(connection, row["id"], "in-force", world.moment)
    world.open()
    (said,) = leaves(world, notice.KIND)
    assert (said["before"], said["after"]) == (old.policies.digest, cedar.load().digest)
