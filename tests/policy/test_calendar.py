"""The days that stand in rules, packs and laws: each is found, and on a day that is not found no rule turns."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from countenance.policy import calendar, cedar, packs
from countenance.policy.calendar import Turn
from tests.policy.asks import ASK, facts, law
from tests.policy.test_lifts import own_pack, rule

ROUNDS = 400 if os.environ.get("COUNTENANCE_LONG") else 30
DETECT = replace(ASK, action="detect")


def own_days(condition: str) -> set[date]:
    found = calendar.turns(own_pack(rule("r", condition)))
    return {turn.day for turn in found if turn.name == "own.r"}


@pytest.mark.parametrize(
    ("condition", "days"),
    [
        ('context.on >= datetime("2020-06-11")', {date(2020, 6, 11)}),
        ('!(datetime("2021-06-10") > context.on)', {date(2021, 6, 10)}),
        ('context.on < datetime("2021-06-10T09:00:00Z")', {date(2021, 6, 10)}),
        (
            'context.on == datetime("2021-06-10") && context.on != datetime("2022-06-10")',
            {date(2021, 6, 10), date(2022, 6, 10)},
        ),
        ("context.activity.tripped", set()),
        (
            'if context.verified then context.on < datetime("2021-06-10") else context.on < datetime("2022-01-01")',
            {date(2021, 6, 10), date(2022, 1, 1)},
        ),
    ],
)
def test_each_day_that_stands_in_a_rule_is_found(condition: str, days: set[date]) -> None:
    assert own_days(condition) == days


def test_a_day_is_that_of_utc() -> None:
    assert calendar.days([{"datetime": [{"Value": "2021-06-10T01:00:00+0200"}]}]) == {date(2021, 6, 9)}


def test_packs_turn_on_the_day_after_they_are_stale_and_laws_at_both_ends() -> None:
    laws = (law(), law(id="other", start=date(2026, 5, 1), until=date(2027, 5, 1)))
    found = calendar.turns(cedar.load(), laws)
    stale = {Turn(date(2027, 11, 23), "pack", name) for name in packs.fresh_install()}
    assert stale <= set(found)
    assert [(turn.day, turn.name) for turn in found if turn.cause == "law"] == [
        (date(2026, 1, 1), "us-law"),
        (date(2026, 5, 1), "other"),
        (date(2027, 5, 1), "other"),
    ]
    assert found == tuple(sorted(found))
    assert {turn.cause for turn in found} <= set(calendar.CAUSES)


def test_between_has_both_ends() -> None:
    found = calendar.turns(cedar.load(["microsoft-2020"]))
    day = date(2020, 6, 11)
    assert [turn.name for turn in calendar.between(found, day, day)] == ["microsoft-2020.us-police"]
    assert calendar.between(found, day + timedelta(days=1), date(2027, 11, 22)) == ()


def test_each_turn_is_a_sentence_with_its_source() -> None:
    policies, laws = cedar.load(), (law(until=date(2027, 1, 1)),)
    said = {turn: calendar.spoken(turn, policies, laws) for turn in calendar.turns(policies, laws)}
    assert all(says.endswith(".") and source.startswith("https://") for says, source in said.values())
    assert said[Turn(date(2026, 1, 1), "law", "us-law")][0] == "A law comes into force."
    assert said[Turn(date(2027, 1, 1), "law", "us-law")][0] == "A law ends."
    assert said[Turn(date(2020, 6, 11), "rule", "microsoft-2020.us-police")][0].startswith("Microsoft promised")
    assert calendar.spoken(Turn(date(2027, 1, 1), "model", "x"), policies)[1] == ""


def test_no_answer_of_any_shipped_pack_turns_on_a_day_that_is_not_in_the_calendar() -> None:
    """Every shipped rule's own days, and days at random: where nothing turns, yesterday's answer is today's."""
    policies = cedar.load(packs.shipped())
    turning = {turn.day for turn in calendar.turns(policies)}
    rng = random.Random(20200611)  # noqa: S311
    asked = [replace(DETECT, sector=sector, country="US", seat_country="US") for sector in ("police", "commercial")]
    for _ in range(ROUNDS):
        day = date(2018, 1, 1) + timedelta(days=rng.randrange(3650))
        if day in turning:
            continue
        for ask in asked:
            before, on = (
                cedar.decide(policies, ask, facts(on=datetime(*each.timetuple()[:3], 12, tzinfo=UTC)))
                for each in (day - timedelta(days=1), day)
            )
            assert (before.answer, before.reasons) == (on.answer, on.reasons), day
