"""A call under a key is done once: whoever repeats it, whenever it was cut off, and whoever else tries."""

from __future__ import annotations

import threading
from dataclasses import asdict
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, insert, select

from countenance.domain import ids
from countenance.domain.errors import (
    Conflict,
    CountenanceError,
    LogUnavailable,
    NoFace,
    RepeatDiffers,
    StorageDamaged,
    Unauthenticated,
    UnderWay,
)
from countenance.ledger.fsck import fsck
from countenance.service import admit, auth, enrol, erase, kept, people, repeat, shown
from countenance.service.use import Use
from countenance.storage.tables import collections, consents, kept_answers, keys, outbox, subjects, templates
from tests.service.world import World, photo

if TYPE_CHECKING:
    from collections.abc import Callable

    from countenance.service.auth import Principal
    from countenance.service.people import Collection

KEY = "the-first-of-many-keys"


class Killed(BaseException):
    """The process is dead: nothing of ours may catch this and go on."""


class Scene:
    """A customer with a collection in which Ada may be enrolled, and each deed that can be repeated."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.who = world.customer()
        self.inside = world.collection(self.who)
        world.consents(self.who, self.inside, "ada")

    def do(self, name: str, key: str = KEY, *asked: bytes, who: Principal | None = None) -> dict[str, Any]:
        work, again = getattr(self, name), admit.issued_already if name == "issue" else dict
        call = repeat.Call(key, f"POST /{name}", asked or (b"the same",))
        return repeat.perform(self.world.house, who or self.who, call, work, again)

    def create(self, who: Principal, once: kept.Once) -> dict[str, Any]:
        return asdict(people.create_collection(self.world.house, who, "visitors", "access-control", once))

    def consent(self, who: Principal, once: kept.Once) -> dict[str, Any]:
        basis = self.world.basis(self.inside.purpose)
        return asdict(people.give_consent(self.world.house, who, self.inside, "bo", basis, once))

    def enrol(self, who: Principal, once: kept.Once) -> dict[str, Any]:
        return shown.enrolled(enrol.enrol(self.world.house, who, self.inside, "ada", photo(1), Use(), once))

    def issue(self, who: Principal, once: kept.Once) -> dict[str, Any]:
        return asdict(admit.issue(self.world.house, who, once))

    def counted(self) -> dict[str, int]:
        """How many rows of each kind there are."""
        tables = (collections, subjects, consents, templates, keys, outbox, kept_answers)
        with self.world.house.database.read() as connection:
            return {one.name: connection.execute(select(func.count()).select_from(one)).scalar_one() for one in tables}


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


DEEDS = {"create": "collections", "consent": "consents", "enrol": "templates", "issue": "keys"}
"""Each deed, and the table that gets one row of it."""


@pytest.mark.parametrize("name", ["create", "consent", "enrol"])
def test_a_repeat_gets_the_same_answer_does_nothing_and_leaves_no_leaf(scene: Scene, name: str) -> None:
    first = scene.do(name)
    before, size = scene.counted(), scene.world.house.log.size
    assert scene.do(name) == scene.do(name) == first
    assert scene.counted() == before
    assert scene.world.house.log.size == size
    scene.world.restart()
    assert scene.do(name) == first
    if name != "create":
        assert scene.world.proven(first["receipt"]).index == size - 1


def test_a_repeated_key_is_not_shown_again_and_not_issued_again(scene: Scene) -> None:
    first, before = scene.do("issue"), scene.counted()
    with pytest.raises(Conflict, match="shown once") as told:
        scene.do("issue")
    assert first["id"] in told.value.next_step
    assert told.value.receipt == first["receipt"]
    assert scene.counted() == before
    assert not scene.world.house.database.contains(first["key"].encode())


@pytest.mark.parametrize("name", DEEDS)
def test_another_request_under_the_same_key_is_refused_and_nothing_is_done(scene: Scene, name: str) -> None:
    scene.do(name)
    before = scene.counted()
    for asked in ((b"another",), (b"the", b" same"), (b"the same", b"")):
        with pytest.raises(RepeatDiffers):
            scene.do(name, KEY, *asked)
    assert scene.counted() == before


def test_a_key_of_another_operation_or_customer_is_another_key(scene: Scene) -> None:
    scene.do("create")
    assert scene.do("consent")["receipt"]
    stranger = Scene(scene.world)
    assert stranger.do("create")["id"] != scene.do("create")["id"]


def test_another_key_of_the_customer_neither_reads_the_answer_nor_does_it_twice(scene: Scene) -> None:
    other = auth.authenticate(scene.world.house.database, scene.do("issue", "a-key-for-the-other")["key"])
    scene.do("enrol")
    before = scene.counted()
    with pytest.raises(RepeatDiffers):
        scene.do("enrol", who=other)
    assert scene.counted() == before


@pytest.mark.parametrize("key", [KEY, ""])
def test_a_key_that_ended_meanwhile_gets_neither_the_kept_answer_nor_a_new_one(scene: Scene, key: str) -> None:
    scene.do("enrol", key)
    admit.revoke(scene.world.house, scene.who)
    before = scene.counted()
    with pytest.raises(Unauthenticated):
        scene.do("enrol", key)
    assert scene.counted() == before


def test_an_error_is_not_kept_so_a_repeat_asks_anew(scene: Scene) -> None:
    def nobody(who: Principal, once: kept.Once) -> dict[str, Any]:
        return shown.enrolled(enrol.enrol(scene.world.house, who, scene.inside, "ada", photo(), Use(), once))

    call = repeat.Call(KEY, "POST /enrol", (b"nobody",))
    for size in (scene.world.house.log.size, scene.world.house.log.size + 1):
        with pytest.raises(NoFace):
            repeat.perform(scene.world.house, scene.who, call, nobody)
        assert scene.world.house.log.size == size + 1
    assert scene.do("enrol")["reference"]


def test_a_call_without_a_key_is_done_as_often_as_it_comes(scene: Scene) -> None:
    for _ in range(2):
        scene.do("enrol", "")
    assert scene.counted()["templates"] == 2
    assert scene.counted()["kept_answers"] == 0


def test_while_the_first_is_under_way_the_second_is_told_to_come_again(scene: Scene) -> None:
    inside, go, answers = threading.Event(), threading.Event(), []

    def slow(who: Principal, once: kept.Once) -> dict[str, Any]:
        inside.set()
        assert go.wait(30)
        return scene.create(who, once)

    call = repeat.Call(KEY, "POST /create", (b"the same",))
    first = threading.Thread(target=lambda: answers.append(repeat.perform(scene.world.house, scene.who, call, slow)))
    first.start()
    assert inside.wait(30)
    with pytest.raises(UnderWay) as told:
        scene.do("create")
    assert told.value.retry
    assert scene.do("consent", "quite-another-key")["subject"]
    go.set()
    first.join()
    assert [scene.do("create")] == answers


def test_of_many_at_once_one_does_it_and_all_get_its_answer(scene: Scene) -> None:
    start, answers = threading.Barrier(8), []

    def ask() -> None:
        start.wait(30)
        while True:
            try:
                answers.append(scene.do("enrol"))
                return
            except UnderWay:
                pass

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [answers[0]] * 8
    assert scene.counted()["templates"] == 1


def test_a_deed_whose_leaf_was_owed_is_answered_by_a_repeat_once_the_leaf_is_durable(scene: Scene) -> None:
    scene.world.house.log.close()
    size = scene.world.house.log.size
    for _ in range(2):  # the repeat would write the leaf, and cannot
        with pytest.raises(LogUnavailable):
            scene.do("consent")
    assert scene.counted()["outbox"] == 1
    scene.world.restart()
    answer = scene.do("consent")
    assert scene.world.proven(answer["receipt"]).index == size
    assert scene.world.house.log.size == size + 1
    assert scene.counted()["consents"] == 2  # hers, and the one that was recorded before


# -- crashes ---


class Deadly:
    """A clock under which the process dies at one look. All that a deed does is between two looks or around one."""

    def __init__(self, world: World, at: int) -> None:
        self.world = world
        self.left = at

    def __call__(self) -> Any:
        self.left -= 1
        if self.left == 0:
            raise Killed
        return self.world.moment


def killed_at(scene: Scene, name: str, look: int) -> bool:
    """Do it, dying at this look; whether it died. A house whose process is gone lets go of the folder."""
    before, scene.world.house.now = scene.world.house.now, Deadly(scene.world, look)
    try:
        scene.do(name)
    except Killed:
        return True
    finally:
        scene.world.house.now = before
        scene.world.restart()
    return False


@pytest.mark.parametrize("name", DEEDS)
def test_wherever_it_is_cut_off_a_repeat_finds_it_done_once(scene: Scene, name: str) -> None:
    table, look = DEEDS[name], 0
    while True:
        look += 1
        before = scene.counted()
        died = killed_at(scene, name, look)
        between = scene.counted()
        assert between[table] - before[table] == between["kept_answers"] - before["kept_answers"]
        assert between["outbox"] == 0
        try:
            answer = scene.do(name)
        except Conflict as told:
            assert name == "issue"
            answer = {"receipt": told.receipt}
        assert scene.counted()[table] == before[table] + 1, f"killed at look {look}"
        if name != "create":
            assert scene.world.proven(answer["receipt"]).closed
        if not died:
            break
        undo(scene, name)
    assert look > 2
    fsck(scene.world.settings.ledger, scene.world.house.log.verifier)


def undo(scene: Scene, name: str) -> None:
    """Make room for the same deed again: a day later its answer is over."""
    scene.world.later(days=1)
    kept.sweep(scene.world.house.database, scene.world.moment)
    with scene.world.house.database.begin() as connection:
        if name == "create":
            connection.execute(collections.delete().where(collections.c.name == "visitors"))


def test_a_kept_answer_is_of_its_place_and_says_nothing_without_the_key(scene: Scene) -> None:
    answer = scene.do("enrol")
    scene.do("consent")
    database = scene.world.house.database
    for trace in (answer["receipt"], answer["reference"].replace("ref", "kept"), KEY):
        assert not database.contains(trace.encode()[:200])
    assert not database.contains(sha256(photo(1)).digest())
    with database.begin() as connection:
        one, other = connection.execute(select(kept_answers.c.answer).order_by(kept_answers.c.id)).scalars().all()
        connection.execute(kept_answers.update().where(kept_answers.c.answer == one).values(answer=other))
    with pytest.raises(StorageDamaged):
        scene.do("enrol")


# -- for how long, and how many ---


def test_it_is_kept_a_day_and_no_longer(scene: Scene) -> None:
    first = scene.do("enrol")
    scene.world.later(hours=23, minutes=59)
    assert scene.do("enrol") == first
    scene.world.later(minutes=1)
    assert scene.do("enrol") != first
    assert scene.counted()["kept_answers"] == 1


def test_what_is_over_is_swept_by_any_call_or_at_the_next_start(scene: Scene) -> None:
    scene.do("enrol")
    scene.world.later(days=1)
    scene.do("consent")
    assert scene.counted()["kept_answers"] == 1
    scene.world.later(days=1)
    scene.world.restart()
    assert scene.counted()["kept_answers"] == 0


def test_of_one_customer_only_the_newest_are_kept(scene: Scene) -> None:
    house, other = scene.world.house, scene.world.customer(name="Other Gym")
    rows = [
        {"scope": number.to_bytes(4, "big"), "customer_id": owner.customer.id, "subject_id": None, "request": b"r",
         "answer": b"a", "receipt": None, "debt": None, "created": ids.utc(scene.world.moment)}
        for owner, numbers in ((other, range(5)), (scene.who, range(5, kept.MOST + 12)))
        for number in numbers
    ]  # fmt: skip
    with house.database.begin() as connection:
        connection.execute(insert(kept_answers), rows)
    assert kept.sweep(house.database, scene.world.moment, scene.who.customer.id) == 7
    with house.database.read() as connection:
        left = connection.execute(select(kept_answers.c.customer_id, func.min(kept_answers.c.scope), func.count())
                                  .group_by(kept_answers.c.customer_id)).all()  # fmt: skip
    assert {row[0]: (row[1], row[2]) for row in left} == {
        other.customer.id: ((0).to_bytes(4, "big"), 5),
        scene.who.customer.id: ((12).to_bytes(4, "big"), kept.MOST),
    }


def test_the_sweeps_are_as_rare_as_they_may_be() -> None:
    repeats, now = repeat.Repeats(), World.moment
    due = [repeats.due("cus_1", now) for _ in range(2 * repeat.EVERY + 1)]
    assert [number for number, one in enumerate(due) if one] == [0, repeat.EVERY, 2 * repeat.EVERY]
    assert repeats.due("cus_2", now)
    assert not repeats.due("cus_1", now + repeat.PAUSE - timedelta(seconds=1))
    assert repeats.due("cus_1", now + repeat.PAUSE)
    assert repeats.due("cus_1", now)  # the clock was set back


# -- people ---


def test_erasure_deletes_every_kept_answer_about_a_person_and_looks_for_it_again(scene: Scene) -> None:
    scene.do("enrol")
    scene.do("consent")
    scene.do("create")
    ada = people.subject_id(scene.world.house, scene.who, scene.inside, "ada")
    with scene.world.house.database.read() as connection:
        (row,) = connection.execute(select(kept_answers).where(kept_answers.c.subject_id == ada)).all()
    assert erase.erase(scene.world.house, scene.who, scene.inside, "ada").certificate
    for trace in (row.answer[: kept.TRACE], row.scope, row.request):
        assert not scene.world.house.database.contains(trace)
    assert scene.counted()["kept_answers"] == 2
    with pytest.raises(CountenanceError, match="no such subject"):  # asked anew: she is not here any more
        scene.do("enrol")


def test_withdrawal_keeps_the_answer(scene: Scene) -> None:
    first = scene.do("enrol")
    people.withdraw(scene.world.house, scene.who, scene.inside, "ada")
    assert scene.do("enrol") == first
    assert scene.world.house.index.count(scene.inside.id) == 1


def test_an_erasure_between_the_deed_and_its_leaf_leaves_no_answer_behind(scene: Scene) -> None:
    scene.world.house.log.close()
    with pytest.raises(LogUnavailable):
        scene.do("consent")
    scene.world.restart()
    inside: Collection = scene.inside
    gone: Callable[[], object] = lambda: erase.erase(scene.world.house, scene.who, inside, "bo")  # noqa: E731
    assert gone()
    assert scene.counted()["kept_answers"] == 0
