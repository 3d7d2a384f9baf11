"""What is remembered of look-ups holds until something is written, for half a second, and never of a miss."""

from __future__ import annotations

import pytest

from countenance.storage.recent import HOLDS, MOST, Recent


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def found(recent: Recent, name: str, value: str) -> str:
    return recent.look_up(name, lambda: value)


def test_a_look_up_is_kept_until_something_is_written() -> None:
    recent = Recent(Clock())
    assert recent.recall("a") is None
    assert found(recent, "a", "first") == "first"
    assert found(recent, "a", "second") == "first" == recent.recall("a")
    recent.forget()
    assert recent.recall("a") is None
    assert found(recent, "a", "second") == "second"


def test_it_holds_for_half_a_second_and_is_not_prolonged() -> None:
    clock = Clock()
    recent = Recent(clock)
    found(recent, "a", "first")
    clock.now += HOLDS / 2
    assert found(recent, "a", "second") == "first"
    clock.now += HOLDS / 2
    assert recent.recall("a") is None
    assert found(recent, "a", "second") == "second"


def test_what_was_read_before_a_write_is_answered_but_not_kept() -> None:
    recent = Recent(Clock())

    def read() -> str:
        recent.forget()  # a transaction commits in the middle of the look-up
        return "old"

    assert recent.look_up("a", read) == "old"
    assert recent.recall("a") is None


def test_a_miss_is_not_kept() -> None:
    recent = Recent(Clock())

    def read() -> str:
        raise LookupError

    with pytest.raises(LookupError):
        recent.look_up("a", read)
    assert found(recent, "a", "there now") == "there now"


def test_it_has_a_bound() -> None:
    recent = Recent(Clock())
    for number in range(MOST + 1):
        found(recent, str(number), "x")
    assert recent.recall("0") is None
    assert recent.recall(str(MOST)) == "x"
