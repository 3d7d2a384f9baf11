"""Many asks at once: each verdict is the one that `decide` gives, with facts written out into the rules or not."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from countenance.domain.decision import Activity, Ask, Facts, GrantFacts
from countenance.policy import cedar, constant, packs, words
from tests.policy.asks import FACTS, authority, law, reviewed
from tests.policy.test_lifts import own_pack, rule

ROUNDS = 3000 if os.environ.get("COUNTENANCE_LONG") else 300
KNOWN = (
    FACTS,
    replace(FACTS, laws=(law(),), authority=authority(), paperwork=reviewed(), on=datetime(2026, 7, 1, tzinfo=UTC)),
    replace(FACTS, verified=False, grant=GrantFacts(mode=False), activity=Activity(one_to_many=True)),
    replace(FACTS, consent="demonstration", organisation="Thorn", on=datetime(2020, 6, 10, 23, tzinfo=UTC)),
    replace(FACTS, on=datetime(2030, 1, 1, tzinfo=UTC), laws=(law(jurisdiction="DE", until=date(2031, 1, 1)),)),
    replace(FACTS, consent="on a napkin"),
)


def asks(rng: random.Random, count: int) -> list[Ask]:
    def one() -> Ask:
        country, region = rng.choice([("US", "US-WA"), ("US", "US-IL"), ("US", ""), ("DE", ""), ("US", "DE-BE")])
        return Ask(
            rng.choice([*words.ACTIONS, "dance"]), rng.choice(words.SECTORS), country, rng.choice(words.PURPOSES),
            region=region, seat_country=rng.choice(["US", "DE", ""]), mode=rng.choice(words.MODES),
            place=rng.choice(words.PLACES), probe=rng.choice(words.PROBES), capture=rng.choice(words.CAPTURES),
            minors=rng.choice(words.MINORS), acts_for=frozenset(rng.sample(words.SECTORS, rng.randrange(2))),
        )  # fmt: skip

    return [one() for _ in range(count)]


@pytest.mark.parametrize("known", KNOWN)
def test_many_say_what_each_says_alone_with_every_shipped_pack(known: Facts) -> None:
    policies = cedar.load(packs.shipped())
    many, rng = cedar.Many(policies), random.Random(20200611)  # noqa: S311
    for _ in range(2):  # the second time the facts are written out
        asked = [(ask, known) for ask in asks(rng, ROUNDS)]
        for (ask, _facts), said in zip(asked, many.decide(asked), strict=True):
            assert said == cedar.decide(policies, ask, known)


def test_a_rule_that_fails_is_named_as_it_stands() -> None:
    policies = own_pack(rule("big", "context.model.groups * 9223372036854775807 > 1 || context.verified"))
    known = replace(FACTS, model=replace(FACTS.model, groups=9))
    many = cedar.Many(policies)
    asked = [(ask, known) for ask in asks(random.Random(5), 250)]  # noqa: S311
    for _ in range(2):
        assert many.decide(asked) == [cedar.decide(policies, *each) for each in asked]
    assert all(said.answer == "deny" and said.errors for said in many.decide(asked))


def test_mixed_facts_keep_their_order() -> None:
    policies, rng = cedar.load(), random.Random(3)  # noqa: S311
    asked = [(ask, rng.choice(KNOWN)) for ask in asks(rng, 600)]
    assert cedar.Many(policies).decide(asked) == [cedar.decide(policies, *each) for each in asked]


CONTEXT: dict[str, Any] = {"a": {"b": True, "c": {"d": "x"}}, "on": {"__extn": {"fn": "datetime", "arg": "2020-06-11"}}}


def read(*path: str) -> dict[str, Any]:
    node: dict[str, Any] = {"Var": "context"}
    for name in path:
        node = {".": {"left": node, "attr": name}}
    return node


def test_a_fact_is_replaced_by_its_value_and_nothing_else_is() -> None:
    said = {"&&": {"left": read("a", "b"), "right": {"Var": "principal"}}}
    assert constant.written_out(said, CONTEXT) == {"&&": {"left": {"Value": True}, "right": {"Var": "principal"}}}
    of_ask = {".": {"left": {"Var": "resource"}, "attr": "a"}}
    assert constant.written_out([of_ask], CONTEXT) == [of_ask]
    assert constant.written_out(read("on"), CONTEXT) == {"datetime": [{"Value": "2020-06-11"}]}
    assert constant.written_out(read("a", "c"), CONTEXT) == {"Record": {"d": {"Value": "x"}}}
    has = {"has": {"left": read("a"), "attr": "b"}}
    record = {"Record": {"b": {"Value": True}, "c": {"Record": {"d": {"Value": "x"}}}}}
    assert constant.written_out(has, CONTEXT) == {"has": {"left": record, "attr": "b"}}


def test_a_fact_that_is_not_there_is_no_false() -> None:
    with pytest.raises(KeyError):
        constant.written_out(read("a", "z"), CONTEXT)
