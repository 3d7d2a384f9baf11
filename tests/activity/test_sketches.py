"""Sketches: two probes of one person are told to be one for an hour at most, and nothing else is told."""

from __future__ import annotations

import numpy as np
import pytest

from countenance.activity.sketches import BITS, EVERY, LIVES, REMEMBERED, People, Person, Salts, agreeing
from tests.activity.toy import SAME, face, seeded

LEAST = agreeing(SAME)


def test_bits_agree_as_the_angle_says() -> None:
    salt = Salts(128, seeded()).at(0.0)[0]
    for alike in (0.0, 0.3, 0.5, 0.7, 0.9):
        shares = [
            BITS - int(np.bitwise_count(salt.sketch(face(n)) ^ salt.sketch(face(n, 1, alike))).sum()) for n in range(60)
        ]
        assert abs(np.mean(shares) - agreeing(alike)) < 12


def test_the_same_person_is_known_again_and_others_are_not() -> None:
    salts, people = Salts(128, seeded()), People(LEAST)
    for person in range(200):
        _, new = people.sighted([(salt, salt.sketch(face(person))) for salt in salts.at(1.0)], 1.0)
        assert new, person
    for person in range(200):
        _, new = people.sighted([(salt, salt.sketch(face(person, 1))) for salt in salts.at(2.0)], 2.0)
        assert not new, person


def test_nobody_is_known_by_a_sketch_when_its_salt_has_died() -> None:
    salts, people = Salts(128, seeded()), People(LEAST)
    first = salts.at(0.0)[0]
    people.sighted([(first, first.sketch(face(1)))], 0.0)
    assert [salt is first for salt in salts.at(LIVES - 1)] == [True, False]
    live = salts.at(LIVES)
    assert first not in live
    _, new = people.sighted([(salt, salt.sketch(face(1))) for salt in live], LIVES)
    assert new


def test_who_is_seen_on_both_sides_of_a_new_salt_is_known_across_it() -> None:
    salts, people = Salts(128, seeded()), People(LEAST)
    who = Person()
    for moment in (0.0, EVERY + 1, EVERY + 2, LIVES + 1, LIVES + 2):
        who, new = people.sighted([(salt, salt.sketch(face(1))) for salt in salts.at(moment)], moment)
        assert new is (moment == 0.0)
        who.places[b"there"] = moment
    assert who.places == {b"there": LIVES + 2}


def test_a_clock_that_goes_back_forgets_everybody() -> None:
    salts = Salts(128, seeded())
    before = salts.at(5_000.0)[0]
    assert before not in salts.at(4_999.0)


def test_two_salts_have_nothing_in_common() -> None:
    """So a sketch of one can't be found among those of another: half the bits agree, as for two strangers."""
    one, other = (Salts(128).at(0.0)[0] for _ in range(2))
    agreed = [BITS - int(np.bitwise_count(one.sketch(face(n)) ^ other.sketch(face(n))).sum()) for n in range(100)]
    assert abs(np.mean(agreed) - BITS / 2) < 10


def test_memory_is_bounded_and_who_was_not_seen_for_longest_makes_room() -> None:
    salts, people = Salts(128, seeded()), People(agreeing(0.9))

    def sighted(person: int, now: float) -> bool:
        return people.sighted([(salt, salt.sketch(face(person))) for salt in salts.at(now)], now)[1]

    for person in range(REMEMBERED):
        assert sighted(person, person / 10)
    assert not sighted(0, 60.0)
    assert sighted(REMEMBERED, 61.0)
    assert len(people) == REMEMBERED
    assert not sighted(0, 62.0)
    assert sighted(1, 63.0)


@pytest.mark.parametrize(("cosine", "bits"), [(1.0, BITS), (0.0, BITS // 2), (-1.0, 0), (2.0, BITS)])
def test_what_agrees_at_the_ends(cosine: float, bits: int) -> None:
    assert agreeing(cosine) == bits
