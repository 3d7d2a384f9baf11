"""Classes of attributes: what is taken for impossible is impossible, and conditions mean what Cedar says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from countenance.policy import context, terms, words
from countenance.policy.classes import CLOSED, TIES, Class, cut
from countenance.policy.conditions import Conditions
from countenance.policy.cover import cover, span
from countenance.policy.diagram import ALL, NONE, Diagrams, _TooLarge
from countenance.policy.search import Search
from countenance.policy.terms import Below, OneOf
from tests.policy.asks import ask, authority, law
from tests.policy.changes import CONTEXT
from tests.policy.test_lifts import ASKS, FACTS

if TYPE_CHECKING:
    from countenance.domain.decision import Ask, Facts, Law
    from countenance.policy.classes import Attribute

LAWS = st.builds(
    law,
    level=st.sampled_from(["national", "state", "city"]),
    jurisdiction=st.sampled_from(["US", "US-WA", "Portland, OR", "DE"]),
)
WHERE = st.sampled_from([("US", "", ""), ("US", "US-WA", ""), ("US", "US-OR", "Portland, OR"), ("DE", "", "Berlin")])


@seed(20200611)
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(ASKS, FACTS, LAWS, WHERE, st.sampled_from(["", "Thorn", "Acme"]))
def test_facts_that_are_said_to_be_tied_are(
    asked: Ask, known: Facts, found: Law, where: tuple[str, str, str], organisation: str
) -> None:
    country, region, locality = where
    asked = replace(asked, country=country, region=region, locality=locality)
    shown = replace(known.authority or authority(), recognised_by=found.id)
    known = replace(known, laws=(found,), authority=shown if known.authority else None, organisation=organisation)
    said = context.named(context.derive(asked, known))
    for tie in TIES:
        assert tie.holds(*(said[name] if name in said else getattr(asked, name) for name in tie.names)), tie.names


def test_vocabularies_are_those_that_the_gate_holds_asks_to() -> None:
    for name, known in CLOSED.items():
        assert len(set(known)) == len(known)
        if name in context.SHAPE:
            (error,) = context.written(tuple({**CONTEXT, name: "nonsense"}.values())).errors
            assert set(known) == set(error.partition("known are ")[2].split(", "))
        elif name.endswith("country"):
            assert set(known) == set(words.COUNTRIES)
        else:
            assert set(known) == set(words.VOCABULARY[name.replace("_", "-")])


@pytest.mark.parametrize("code", ["US", "US-WA", "EEA", "DE"])
def test_a_code_is_not_the_name_of_a_place(code: str) -> None:
    assert not words.is_locality(code)
    assert "locality" in words.unknown(ask(locality=code))[0]


def test_a_date_is_cut_at_its_edge_and_a_number_between_two() -> None:
    read: list[terms.Term] = [OneOf("country", frozenset({"US"})), Below("model.groups", 4, equal=True)]
    found = {each.name: each.classes for each in cut(read, [])}
    assert [each.words for each in found["country"]] == [("other",), ("US",)]
    assert [(each.since, each.until) for each in found["model.groups"]] == [(None, 5), (5, None)]
    assert found["verified"] == (Class(True, ("true",)), Class(False, ("false",)))  # noqa: FBT003


TERRITORY = {".": {"left": {"Var": "resource"}, "attr": "territories"}}
"""`resource.territories`, as laws read it."""


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        ({"country": "DE", "seat_country": "US"}, {"EEA"}),
        ({"country": "US", "seat_country": "NO"}, {"EEA", "any"}),
        ({"country": "US", "region": "US-WA", "seat_country": "US"}, {"US-WA", "any"}),
        ({"country": "US", "seat_country": "US", "seat_region": "US-WA"}, {"US-WA", "any"}),
        ({"country": "US", "region": "US-OR", "locality": "Portland, OR"}, {"Portland, OR"}),
        ({"country": "US", "region": "US-OR"}, set()),
    ],
)
def test_a_territory_is_where_use_or_seat_lies(said: dict[str, Any], holds: set[str]) -> None:
    """The set is read as the places that it is made of, so no rule on territories stays unread."""
    one = {w: {"contains": {"left": TERRITORY, "right": {"Value": w}}} for w in ("EEA", "US-WA", "Portland, OR")}
    several = {"Set": [{"Value": "US-WA"}, {"Value": "NO"}]}
    read = {w: terms.read(each) for w, each in one.items()}
    read["any"] = terms.read({"containsAny": {"left": TERRITORY, "right": several}})
    conditions = Conditions(cut(read.values(), []))
    asked = ask(**{"seat_country": "CA", **said})
    choice = [_class_of(each, asked) for each in conditions.attributes]
    assert {w for w, term in read.items() if conditions.diagrams.holds(conditions.of(term).holds, choice)} == holds


def _class_of(attribute: Attribute, asked: Ask) -> int:
    """The class of the ask's own word; of facts, any."""
    word = getattr(asked, attribute.name, None)
    if word is None:
        return 0
    other = "other" if "region" not in attribute.name or not word else f"{word[:2]}-other"
    named = [at for at, each in enumerate(attribute.classes) if word in each.words]
    return (named + [at for at, each in enumerate(attribute.classes) if other in each.words])[0]


def test_diagrams_of_one_meaning_are_one() -> None:
    made = Diagrams([2, 3, 2])
    one, two = made.one_of(0, frozenset({1})), made.one_of(1, frozenset({0, 2}))
    assert made.no(made.both(made.no(one), made.no(two))) == made.either(one, two)
    assert made.less(one, one) == NONE
    assert made.either(two, made.no(two)) == ALL
    assert span(made, made.either(made.both(one, two), made.box({0: frozenset({1}), 1: frozenset({1})}))) == {
        0: frozenset({1})
    }
    primes = cover(made, made.either(one, two))
    assert sorted(primes, key=min) == [{0: frozenset({1})}, {1: frozenset({0, 2})}]
    with pytest.raises(_TooLarge):
        cover(made, made.either(one, two), most=1)


def test_a_bound_that_is_hit_is_no_answer() -> None:
    made = Diagrams([2] * 12, most=20)
    with pytest.raises(_TooLarge):
        made.all_of([made.either(made.one_of(n, frozenset({0})), made.one_of(n + 6, frozenset({1}))) for n in range(6)])
    large = Diagrams([2] * 2)
    with pytest.raises(_TooLarge):
        Search(large, 0).find([large.one_of(0, frozenset({1}))])
    assert Search(large, 0).find([NONE]) is None
