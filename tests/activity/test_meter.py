"""The meter: what each measure is reached by, what it is not, and what survives a restart."""

from __future__ import annotations

import sqlite3
from collections import deque
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete

from countenance.activity import meter as front
from countenance.activity.pattern import beats
from countenance.activity.scopes import BEATS
from countenance.config import Metering
from countenance.domain.decision import Activity
from countenance.storage.metering import followed
from tests.activity.toy import USUAL, Bench, face

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.database.close()


def unsteadily(bench: Bench, number: int) -> None:
    """So much time that nothing has a beat."""
    bench.later(seconds=(number % 7) ** 2)


# -- crowd ---


def test_so_many_whom_nobody_knows_are_a_crowd_and_one_less_is_not(bench: Bench) -> None:
    for person in range(USUAL.strangers_hour - 1):
        unsteadily(bench, person)
        assert not bench.search(person).tripped, person
    seen = bench.search(1_000)
    assert (seen.tripped, seen.reached) == (True, ("crowd",))


def test_where_most_are_known_there_is_no_crowd(bench: Bench) -> None:
    for person in range(2 * USUAL.strangers_hour):
        unsteadily(bench, person)
        assert not bench.search(person, found=b"known %d" % (person // 2) if person % 4 else None).tripped


def test_one_stranger_seen_often_is_one(bench: Bench) -> None:
    for number in range(USUAL.followed):
        unsteadily(bench, number)
        assert not bench.search(7, variant=number).tripped
    hours = [row for row in bench.rows("measures") if row[:2] == ("key", "hour")]
    assert sum(int(str(row[4])) for row in hours) == len(hours)  # a stranger in each hour that was touched


def test_a_day_of_small_crowds_is_one(bench: Bench) -> None:
    reached = []
    for person in range(USUAL.strangers_day + 5):
        bench.later(minutes=4)
        reached.append(bench.search(person).tripped)
    assert reached.index(True) in range(USUAL.strangers_day - 5, USUAL.strangers_day + 1)


def test_more_people_than_a_use_explains_are_a_crowd_though_all_are_known(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(USUAL, people_hour=20))
    for person in range(20):
        assert not bench.search(person, found=b"%d" % person).tripped
        assert not bench.search(person, found=b"%d" % person).tripped
    assert bench.search(99, found=b"99").crowd
    bench.database.close()


# -- nobody ---


def test_searches_that_for_weeks_find_nobody_are_seen_by_their_counts(bench: Bench) -> None:
    seen = []
    for day in range(USUAL.nobody_searches):
        bench.later(days=1)
        seen.append(bench.search(day).nobody)
    assert seen == [False] * (USUAL.nobody_searches - 1) + [True]


def test_the_first_days_before_anybody_is_enrolled_are_no_surveillance(bench: Bench) -> None:
    for day in range(3):
        bench.later(days=1)
        for person in range(15):
            unsteadily(bench, person)
            assert not bench.search(100 * day + person).tripped


# -- following ---


def test_whom_nearly_every_search_finds_for_days_is_followed(bench: Bench) -> None:
    seen = []
    for _ in range(USUAL.followed_days):
        bench.later(days=1)
        seen.append(bench.search(1, found=b"her").following)
    assert seen == [False] * (USUAL.followed_days - 1) + [True]


def test_one_employee_among_others_is_not_followed(bench: Bench) -> None:
    for day in range(60):
        bench.later(days=1)
        for person in (1, 1, 1, day % 3 + 2):
            assert not bench.search(person, found=b"%d" % person).tripped


def test_the_days_of_who_is_followed_survive_a_restart_and_an_erasure_ends_them(bench: Bench) -> None:
    for _ in range(USUAL.followed_days - 1):
        bench.later(days=1)
        assert not bench.search(1, found=b"her").following
        bench.restart()
    bench.meter.forget(b"her")
    bench.later(days=1)
    for _ in range(3):
        assert not bench.search(1, found=b"her").following
        bench.search(2, found=b"him")
    with bench.database.begin() as connection:
        connection.execute(delete(followed).where(followed.c.target == b"her"))
    assert {row[1] for row in bench.rows("followed")} <= {b"him"}


# -- camera ---


def test_a_beat_and_some_strangers_are_a_camera(bench: Bench) -> None:
    seen = []
    for person in range(60):
        bench.later(seconds=1)
        seen.append(bench.search(person, found=None if person % 2 else b"%d" % person))
    first = next(number for number, one in enumerate(seen) if one.tripped)
    assert seen[first].reached == ("camera",)
    assert 2 * USUAL.camera_strangers - 2 <= first <= 40


@pytest.mark.parametrize(
    ("gaps", "steady"),
    [([2.0] * 40, True), ([2.0, 2.2, 1.9, 2.1] * 10, True), ([90.0] * 40, False), ([1.0, 9.0] * 20, False),
     ([2.0] * 10, False), ([0.0] * 40, False), ([], False)],
)  # fmt: skip
def test_what_has_a_beat(gaps: list[float], *, steady: bool) -> None:
    moments, now = deque[float](maxlen=BEATS), 0.0
    for gap in gaps:
        now += gap
        moments.append(now)
    assert beats(moments) is steady


# -- places and trawling ---


def test_one_person_in_place_after_place_is_followed_through_them(bench: Bench) -> None:
    seen = [bench.search(1, found=b"her", place=b"%d" % number).places for number in range(USUAL.places + 1)]
    assert seen == [False] * USUAL.places + [True]


def test_one_person_compared_with_one_after_the_other_is_identified(bench: Bench) -> None:
    seen = [bench.compare(1, b"%d" % number, variant=number) for number in range(USUAL.many + 1)]
    assert [one.one_to_many for one in seen] == [False] * USUAL.a_few + [True] * (USUAL.many + 1 - USUAL.a_few)
    assert [one.trawling for one in seen] == [False] * USUAL.many + [True]


def test_many_log_in_each_against_their_own(bench: Bench) -> None:
    for person in range(300):
        seen = bench.compare(person, b"%d" % person, match=person % 20 != 0)
        assert seen == Activity(), person


def test_comparisons_that_mostly_fail_all_day_are_trawling_however_slow(bench: Bench) -> None:
    seen = []
    for number in range(USUAL.failed_day):
        bench.later(minutes=20)
        seen.append(bench.compare(number, b"%d" % number).trawling)
    assert seen == [False] * (USUAL.failed_day - 1) + [True]


# -- the customer and the address ---


def test_ten_keys_of_one_customer_are_one_to_the_meter(bench: Bench) -> None:
    seen = []
    for person in range(USUAL.strangers_hour):
        unsteadily(bench, person)
        seen.append(bench.search(person, key=f"key{person % 10}"))
    assert [one.tripped for one in seen] == [False] * (USUAL.strangers_hour - 1) + [True]
    assert seen[-1].whole


def test_one_address_that_feeds_customer_after_customer_is_one_too(bench: Bench) -> None:
    seen = []
    for person in range(USUAL.strangers_hour):
        unsteadily(bench, person)
        probe = front.Probe(f"key{person % 4}", f"customer{person % 4}", face(person), "203.0.113.9")
        seen.append(bench.meter.told(bench.meter.searched(probe, b"here", bench.now), None, bench.now))
    assert [one.tripped for one in seen] == [False] * (USUAL.strangers_hour - 1) + [True]
    assert not seen[-1].whole
    assert not any("203.0.113.9" in str(row) for row in bench.rows("measures"))


# -- restarts, and what is on the disk ---


def test_counts_survive_a_restart_in_the_middle_of_a_crowd(bench: Bench) -> None:
    seen = Activity()
    for person in range(USUAL.strangers_hour):
        unsteadily(bench, person)
        seen = bench.search(person)
        bench.restart()
    assert seen.crowd


def test_after_a_restart_every_probe_starts_at_the_largest_count_of_the_hour(bench: Bench) -> None:
    for number in range(USUAL.many):
        assert not bench.compare(1, b"%d" % number).tripped
    bench.restart()
    assert bench.compare(2, b"else").trawling
    bench.later(hours=2)
    assert not bench.compare(2, b"else").tripped


def test_what_could_not_be_written_is_owed_still(bench: Bench) -> None:
    bench.search(1)
    with pytest.raises(sqlite3.OperationalError), bench.meter.drained():
        raise sqlite3.OperationalError("full")
    assert len(bench.rows("measures")) == 4


def test_nothing_of_a_face_touches_the_disk(bench: Bench) -> None:
    """Neither a template, nor a sketch of it under any salt that lives, nor a person, in any file of the folder."""
    for person in range(30):
        unsteadily(bench, person)
        bench.search(person, source="203.0.113.9")
    bench.kept()
    bench.database.checkpoint_truncate()
    written = b"".join(path.read_bytes() for path in bench.path.parent.iterdir())
    salts = bench.salts()
    for person in range(30):
        assert face(person).tobytes() not in written
        for salt in salts:
            assert salt.sketch(face(person)).tobytes()[:16] not in written
    assert b"203.0.113" not in written
    assert {type(cell) for row in bench.rows("measures") for cell in row[2:]} == {int}


def test_old_counts_are_swept(bench: Bench) -> None:
    bench.search(1, found=b"her")
    bench.kept()
    bench.later(hours=27)
    bench.meter.sweep(bench.now)
    assert {row[1] for row in bench.rows("measures")} == {"day"}
    bench.later(days=40)
    bench.meter.sweep(bench.now)
    assert (bench.rows("measures"), bench.rows("followed")) == ([], [])


def test_memory_has_a_bound_however_many_ask(bench: Bench) -> None:
    for number in range(front.MOST_SCOPES + 20):
        probe = front.Probe(f"key{number}", f"customer{number}", face(1))
        bench.meter.searched(probe, b"here", bench.now)
        bench.kept()
    assert len(bench.meter.scopes()) <= front.MOST_SCOPES


def test_absolved_begins_anew(bench: Bench) -> None:
    seen = Activity()
    for person in range(USUAL.strangers_hour):
        unsteadily(bench, person)
        seen = bench.search(person, source="203.0.113.9")
    assert seen.crowd
    bench.kept()
    with bench.database.begin() as connection:
        bench.meter.absolve(connection, ["key", "customer"])
    assert bench.rows("measures") == []
    assert not bench.search(2_000, source="203.0.113.9").tripped


# -- where the law forbids sketches ---


def test_on_counts_alone_half_as_many_are_a_crowd_and_nobody_is_remembered(bench: Bench) -> None:
    for person in range(USUAL.strangers_hour // 2 - 1):
        unsteadily(bench, person)
        assert not bench.search(person, sketch=False).tripped
    assert bench.search(99, sketch=False).crowd
    assert all(len(scope.people) == 0 for scope in bench.meter.scopes())


def test_on_counts_alone_failures_tell_who_trawls_and_log_ins_pass(bench: Bench) -> None:
    for number in range(60):
        assert not bench.compare(number, b"%d" % number, match=True, sketch=False).one_to_many
    bench.later(days=2)
    seen = [bench.compare(1, b"%d" % number, sketch=False) for number in range(40)]
    assert any(one.one_to_many for one in seen[: USUAL.a_few + 2])
    first = next(number for number, one in enumerate(seen) if one.trawling)
    assert first <= USUAL.failed_day // 2


# -- a clock that jumps ---


@pytest.mark.parametrize("by", [{"days": 400}, {"days": -400}, {"hours": -1}, {"hours": 3}])
def test_a_clock_that_jumps_loses_no_call(bench: Bench, by: dict[str, float]) -> None:
    for person in range(20):
        bench.search(person)
    bench.later(**by)
    assert not bench.search(50).tripped
    bench.restart()
    assert not bench.search(51).tripped


def test_every_limit_is_a_whole_number_from_one_on() -> None:
    assert all(getattr(Metering(), each.name) >= 1 for each in fields(Metering))
