"""What a change opens: nothing missed, nothing made up, against a naive product; and every kind of edit is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, seed, settings

from countenance.policy import cedar, diff
from countenance.policy.context import derive, named
from tests.policy.changes import ATOMS, Point, R, changed, condition, covers, made, points
from tests.policy.test_lifts import ASKS, FACTS

if TYPE_CHECKING:
    from countenance.domain.decision import Ask, Facts

EVERYTHING = R("permit", "all", "true")


def same_as_product(old_rules: list[R], new_rules: list[R], read: set[str]) -> tuple[int, int]:
    """Compare the openings with what Cedar says of every ask; (asks opened, openings)."""
    old, new = made(*old_rules), made(*new_rules)
    found = diff.openings(old, new)
    assert found.proven, found.unproven
    opened = 0
    for point in points(sorted(read)):
        before, after = point.allowed(old), point.allowed(new)
        said = [each for each in found.openings if covers(found, each.when, point)]
        gone = [each for each in found.closings if covers(found, each.when, point)]
        assert (after and not before) == (after and bool(said)), (old_rules, new_rules, point)
        assert (before and not after) == (before and bool(gone)), (old_rules, new_rules, point)
        opened += after and not before
    assert found.loosens or not opened
    return opened, len(found.openings)


@pytest.mark.parametrize("number", range(60))
def test_openings_are_the_naive_product(number: int) -> None:
    random = Random(number)  # noqa: S311  (a seeded test)
    atoms = random.sample(sorted(ATOMS), 3)
    read = {name for atom in atoms for names in ATOMS[atom] for name in names}
    rules = [EVERYTHING if random.random() < 0.6 else R("permit", "some", condition(random, atoms))]
    rules += [R("forbid", f"f{at}", condition(random, atoms)) for at in range(random.randint(1, 3))]
    same_as_product(rules, changed(random, rules, atoms), read)


POLICE_US = (
    'context.on >= datetime("2020-06-11") && action != Action::"export" && '
    'principal.parties.containsAny(["police", "sheriff"]) && '
    '(principal.seat_country == "US" || resource.country == "US")'
)
BASE = (EVERYTHING, R("forbid", "police", POLICE_US), R("forbid", "meter", "context.model.groups > 4"))


def edited(name: str, **changes: str) -> list[R]:
    return [replace(rule, **changes) if rule.name == name else rule for rule in BASE]


def without(name: str) -> list[R]:
    return [rule for rule in BASE if rule.name != name]


@pytest.mark.parametrize(
    ("new", "says"),
    [
        (
            without("police"),
            "by or for police or sheriff, with a seat or a use in the United States, to every action but export, from "
            "2020-06-11 on.",
        ),
        (without("meter"), "where model.groups is at least 5."),
        (
            edited("police", when=POLICE_US.replace("2020-06-11", "2020-06-12")),
            "by or for police or sheriff, with a seat or a use in the United States, to every action but export, from "
            "2020-06-11 until before 2020-06-12.",
        ),
        (
            edited("police", when=POLICE_US.replace('["police", "sheriff"]', '["police"]')),
            "by or for sheriff, neither by nor for police, with a seat or a use in the United States, to every action "
            "but export, from 2020-06-11 on.",
        ),
        (
            edited("police", when=POLICE_US.replace('principal.seat_country == "US" || ', "")),
            "by or for police or sheriff, used in a place that is not the United States, with a seat in the United "
            "States, to every action but export, from 2020-06-11 on.",
        ),
        (
            edited("police", when=f'{POLICE_US} && context.exception != "thorn"'),
            "by or for police or sheriff, with a seat or a use in the United States, to every action but export, from "
            "2020-06-11 on, where the exception for thorn applies.",
        ),
        (edited("meter", when="context.model.groups > 5"), "where model.groups is 5."),
    ],
)
def test_an_edit_that_opens_is_said_in_one_sentence(new: list[R], says: str) -> None:
    found = diff.openings(made(*BASE), made(*new))
    assert [each.says for each in found.openings] == [says]
    assert (found.proven, found.loosens, found.closings) == (True, True, ())
    assert diff.openings(made(*new), made(*BASE)).loosens is False


def test_a_wider_permit_opens() -> None:
    narrow = [R("permit", "some", 'resource.purpose == "credit"'), *BASE[1:]]
    wide = [R("permit", "some", '["credit", "housing"].contains(resource.purpose)'), *BASE[1:]]
    (found,) = diff.openings(made(*narrow), made(*wide)).openings
    assert (found.kind, found.says, found.rules) == ("permit", "for housing.", ("made.some",))


def test_what_another_rule_still_denies_is_not_opened() -> None:
    twice = [*BASE, R("forbid", "again", f"{POLICE_US} || context.verified")]
    assert not diff.openings(made(*twice), made(*(rule for rule in twice if rule.name != "police"))).openings


def test_names_order_and_form_change_nothing() -> None:
    turned = POLICE_US.replace("context.on >= ", "!(context.on < ").replace('11")', '11"))')
    assert turned != POLICE_US
    renamed = [replace(BASE[2], name="gauge"), replace(BASE[1], name="officers", when=turned), BASE[0]]
    parted = [*renamed[:1], *(R("forbid", f"p{word}", POLICE_US.replace('["police", "sheriff"]', f'["{word}"]'))
              for word in ("police", "sheriff")), BASE[0]]  # fmt: skip
    for new in (renamed, parted):
        found = diff.openings(made(*BASE), made(*new))
        assert (found.openings, found.closings, found.eased, found.loosens, found.proven) == ((), (), (), False, True)


def test_a_word_that_nobody_may_say_opens_nothing() -> None:
    misspelt = [EVERYTHING, R("forbid", "typo", 'resource.purpose == "credits" || principal.parties.contains("cops")')]
    assert not diff.openings(made(*misspelt), made(EVERYTHING)).openings
    assert not diff.openings(made(EVERYTHING), made(*misspelt)).closings


def test_sources_that_were_read_again_open_the_days_after() -> None:
    (found,) = diff.openings(made(*BASE), made(*BASE, stale="2028-11-22")).openings
    assert (found.kind, found.rules) == ("stale", ("made.stale",))
    assert found.says == "from 2027-11-23 on."
    assert not diff.openings(made(*BASE, stale="2028-11-22"), made(*BASE)).loosens


def test_a_duty_that_is_dropped_counts_as_loosening() -> None:
    bound = [R("permit", "all", "true", "notice, two-reviewers"), R("forbid", "no", 'resource.minors != "no"')]
    found = diff.openings(made(*bound), made(replace(bound[0], duties="notice"), bound[1]))
    assert (found.openings, found.closings, found.loosens) == ((), (), True)
    (eased,) = found.eased
    assert (eased.kind, eased.rules, eased.says) == ("duty", ("made.all",), "every ask.")
    assert not diff.openings(made(replace(bound[0], duties="notice"), bound[1]), made(*bound)).loosens


def test_each_example_is_what_cedar_says_of_it() -> None:
    old, new = made(*BASE), made(EVERYTHING)
    for each in diff.openings(old, new).openings:
        assert each.example is not None
        point = Point(each.example.ask, each.example.on, dict(each.example.context))
        assert (point.allowed(old), point.allowed(new)) == (False, True)
        assert covers(diff.openings(old, new), each.when, point)


def test_what_is_not_followed_counts_as_loosening() -> None:
    """Arithmetic is not followed: an edit of it can't be called harmless, although here it is."""
    sums = [EVERYTHING, R("forbid", "sum", "context.model.groups + 1 > 5")]
    moved = [EVERYTHING, R("forbid", "sum", "context.model.groups + 2 > 6")]
    found = diff.openings(made(*sums), made(*moved))
    assert (found.proven, found.loosens, [each.kind for each in found.openings]) == (False, True, ["unread"])
    assert "made.sum" in found.unproven[0]
    assert not diff.openings(made(*sums), made(*reversed(sums))).loosens


def test_a_rule_that_can_fail_denies_where_it_fails() -> None:
    """A sum that overflows is an error, and an error is a deny: taking the rule away opens a door."""
    failing = [EVERYTHING, R("forbid", "sum", "context.model.groups + 9223372036854775807 < 0")]
    found = diff.openings(made(*failing), made(EVERYTHING))
    assert found.loosens
    assert not found.proven or found.openings


def test_an_end_of_the_bound_is_said() -> None:
    old, new = made(*BASE), made(EVERYTHING)
    short = diff.openings(old, new, steps=3)
    assert (short.proven, short.loosens) == (False, True)
    assert all(each.example is None for each in short.openings)


def test_on_one_day_only_that_day_counts() -> None:
    old, new = made(*BASE), made(*without("police"))
    assert not diff.openings(old, new, datetime(2020, 6, 10, 23, 59, 59, tzinfo=UTC)).openings
    assert len(diff.openings(old, new, datetime(2020, 6, 11, tzinfo=UTC)).openings) == 1


def test_real_facts_find_no_opening_that_was_missed() -> None:
    """Asks and records made at random, read as the server reads them: what opened is spoken of."""
    old, new = cedar.load(["microsoft-2020-strict"]), cedar.load(["microsoft-2020"])
    found, opened = diff.openings(old, new), []

    @seed(20200611)
    @settings(max_examples=800, deadline=None, suppress_health_check=list(HealthCheck))
    @given(ASKS, FACTS)
    def one(ask: Ask, facts: Facts) -> None:
        if cedar.decide(new, ask, facts).allowed and not cedar.decide(old, ask, facts).allowed:
            point = Point(ask, facts.on, named(derive(ask, facts)))
            assert any(covers(found, each.when, point) for each in found.openings)
            opened.append(point)

    one()
    assert len(opened) > 10
