"""Over generated asks: what is said to lift a promise does, a stranger decides the same, and never is never.

What one pack says of one ask is in test_promises.py. Here the asks, the facts and the packs that are on together are
drawn; a reported set of facts is made true in the records themselves, as in test_lifts.py.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from countenance.cli.main import root
from countenance.domain.decision import Ask, Facts, GrantFacts
from countenance.domain.errors import BadRecord
from countenance.policy import cedar, packs, wire, words
from countenance.policy.context import EXCEPTIONS
from tests.policy.asks import FACTS as PLAIN
from tests.policy.asks import authority, ids, law
from tests.policy.test_lifts import ASKS, EXAMPLES, FACTS, LONG, made_true
from tests.policy.test_promises import PROMISES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from countenance.policy.cedar import PolicySet

EDGES = sorted(
    day for name in PROMISES for day in (packs.read(name).header.begins, packs.read(name).header.ends) if day
)
DAYS = st.sampled_from([day + timedelta(days=by) for day in EDGES for by in (-1, 0, 1)])
CHOSEN = st.one_of(
    st.sampled_from([(name,) for name in PROMISES]),
    st.sets(st.sampled_from(PROMISES), min_size=2).map(lambda found: tuple(sorted(found))),
)
RESCUE = st.sampled_from(["missing-persons", "trafficking-rescue"])
NAMES = st.sampled_from([*EXCEPTIONS, "Thorn Ltd"])
EVERY = packs.shipped()
MANY = EXAMPLES if LONG else EXAMPLES * 3


@lru_cache(maxsize=600)
def loaded(chosen: tuple[str, ...]) -> PolicySet:
    return cedar.load(chosen)


@st.composite
def promised(draw: st.DrawFn) -> tuple[Ask, Facts]:
    """An ask near the edge of a promise: a day on which one begins or ends, and one in three by somebody named."""
    ask, known = draw(ASKS), draw(FACTS)
    if draw(st.booleans()):  # then little but the promise is in the way
        ask = replace(ask, place="private", mode="one-off", minors="no", probe="photograph", capture="attended")
    if draw(st.integers(0, 2)) == 0:
        ask = replace(ask, purpose=draw(RESCUE), minors="no")
        known = replace(known, organisation=draw(NAMES), verified=draw(st.booleans()))
    return ask, replace(known, on=datetime.combine(draw(DAYS), known.on.time(), UTC))


def held(asked: Ask, known: Facts, changes: Sequence[tuple[str, Any]]) -> Facts:
    """The facts with each change made on its record: the day first, on which the others then have to hold."""
    said = dict(changes)
    if "on" in said:
        known = replace(known, on=datetime.fromisoformat(said.pop("on")).replace(tzinfo=UTC))
    if said.pop("paperwork.one_reviewer", False):
        known = replace(known, paperwork=replace(known.paperwork, reviewers=max(1, known.paperwork.reviewers)))
    return made_true(asked, known, list(said.items()))


@seed(20200611)
@settings(max_examples=MANY, deadline=None, suppress_health_check=list(HealthCheck))
@given(promised(), CHOSEN)
def test_what_is_said_to_lift_a_promise_lifts_it_and_no_part_of_it_does(
    asked: tuple[Ask, Facts], chosen: tuple[str, ...]
) -> None:
    (ask, known), policies = asked, loaded(chosen)
    verdict = cedar.decide(policies, ask, known, lifts=True)
    assert not verdict.allowed or verdict.lifted_when == ()
    for lift in verdict.lifted_when:
        assert cedar.decide(policies, ask, held(ask, known, lift.all)).allowed
        for part in combinations(lift.all, len(lift.all) - 1):
            assert not cedar.decide(policies, ask, held(ask, known, part)).allowed


@seed(20200611)
@settings(max_examples=MANY, deadline=None, suppress_health_check=list(HealthCheck))
@given(promised(), CHOSEN)
def test_the_open_part_of_a_leaf_decides_the_same_under_every_promise(
    asked: tuple[Ask, Facts], chosen: tuple[str, ...]
) -> None:
    (ask, known), policies = asked, loaded(chosen)
    verdict = cedar.decide(policies, ask, known)
    opened = json.loads(json.dumps({"ask": wire.ask_words(ask), "context": dict(verdict.context)}))
    hour = known.on.replace(minute=0, second=0, microsecond=0)
    assert cedar.redecide(policies, wire.ask_of(opened["ask"]), hour, opened["context"]) == verdict


@seed(20200611)
@settings(max_examples=MANY, deadline=None, suppress_health_check=list(HealthCheck))
@given(promised(), CHOSEN)
def test_a_promise_only_ever_takes_away(asked: tuple[Ask, Facts], chosen: tuple[str, ...]) -> None:
    """Promises together allow what each of them allows, and nothing else."""
    ask, known = asked
    alone = [cedar.decide(loaded((name,)), ask, known) for name in chosen]
    together = cedar.decide(loaded(chosen), ask, known)
    assert together.allowed == all(each.allowed for each in alone)
    assert not together.errors
    if not together.allowed:
        assert set(ids(together)) == {rule for each in alone if not each.allowed for rule in ids(each)}


@seed(20200611)
@settings(max_examples=MANY, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    promised(),
    st.sets(st.sampled_from(EVERY)).map(lambda found: tuple(sorted(found))),
    st.sampled_from((*words.NEVER_PURPOSES, *words.REFUSED_PURPOSES)),
    st.sampled_from([tuple(words.CRITERIA), ()]),
)
def test_never_is_never_under_any_packs_grants_laws_and_authorities(
    asked: tuple[Ask, Facts], chosen: tuple[str, ...], purpose: str, met: tuple[str, ...]
) -> None:
    """Whatever is on, granted, in force, ordered and on file: the purpose's rule decides, and nothing lifts it."""
    ask, known = replace(asked[0], purpose=purpose), asked[1]
    made = law(jurisdiction=ask.country, assessment=dict.fromkeys(met, "yes"))
    favoured = replace(known, laws=(made,), authority=authority(purpose=purpose), grant=GrantFacts(), verified=True)
    for facts in (known, favoured):
        verdict = cedar.decide(loaded(chosen), ask, facts, lifts=True)
        assert (verdict.answer, verdict.lifted_when) == ("deny", ())
        assert f"core.{purpose}" in ids(verdict)


NATIONAL = (
    "when a national law of the United States that meets all eleven criteria of being grounded in human rights, covers "
    "police and is attested by two people, one of them from outside the provider, is in force"
)
GERMAN = NATIONAL.replace("the United States", "the country DE").replace("police", "border-control")
LIFTS: dict[str, tuple[str, dict[str, Any], dict[str, Any], list[tuple[dict[str, Any], str]]]] = {
    "microsoft-2020, police": (
        "microsoft-2020",
        {"sector": "police"},
        {},
        [({"laws.national.US.grounded_in_human_rights": True}, NATIONAL)],
    ),
    "microsoft-2020-strict, elsewhere": (
        "microsoft-2020-strict",
        {"sector": "border-control", "country": "DE", "seat_country": "DE"},
        {},
        [({"laws.national.DE.grounded_in_human_rights": True}, GERMAN)],
    ),
    "amazon-2020, police": (
        "amazon-2020",
        {"sector": "police"},
        {"on": datetime(2020, 6, 10, tzinfo=UTC)},
        [({"on": "2021-06-10"}, "when it is 2021-06-10 or later")],
    ),
    "amazon-2020, an organisation that is named and whom nobody has verified yet": (
        "amazon-2020",
        {"action": "verify", "sector": "nonprofit", "acts_for": frozenset({"police"}), "purpose": "missing-persons"},
        {"on": datetime(2021, 6, 9, tzinfo=UTC), "organisation": "Thorn", "verified": False},
        [
            ({"verified": True}, "when the customer's facts are verified"),
            ({"on": "2021-06-10"}, "when it is 2021-06-10 or later"),
        ],
    ),
    "amazon-2021, police": ("amazon-2021", {"sector": "police"}, {}, []),
    "amazon-2021, a name that is not among the three": (
        "amazon-2021",
        {"action": "verify", "sector": "police", "purpose": "missing-persons"},
        {"organisation": "Thorn Ltd", "verified": False},
        [],
    ),
    "ibm-2020, anybody": ("ibm-2020", {}, {}, []),
    "aclu-2020, law enforcement": ("aclu-2020", {"sector": "corrections"}, {"laws": (law(),)}, []),
    "ms-mobile-2024, police in the United States": ("ms-mobile-2024", {"sector": "police"}, {"laws": (law(),)}, []),
    "ms-mobile-2024, a camera in a car": (
        "ms-mobile-2024",
        {
            "action": "detect", "sector": "intelligence", "country": "FR", "seat_country": "FR", "mode": "real-time",
            "camera": "mobile", "place": "publicly-accessible",
        },
        {},
        [],
    ),
    "ms-limited-access-2022, a use case that nobody approved": (
        "ms-limited-access-2022",
        {"action": "enrol"},
        {"grant": GrantFacts(approved=False)},
        [({"grant.approved": True}, "when the key's grant is approved for this use case")],
    ),
    "ms-limited-access-2022, traits": ("ms-limited-access-2022", {"action": "analyse"}, {}, []),
    "microsoft-2018, a decision about somebody": (
        "microsoft-2018",
        {"action": "identify", "legal_effect": "yes"},
        {},
        [({"paperwork.one_reviewer": True}, "when a trained reviewer is on file")],
    ),
    "microsoft-2018, following somebody": (
        "microsoft-2018",
        {"action": "identify", "sector": "prosecution", "mode": "ongoing"},
        {},
        [
            (
                {"authority.covers_purpose": True, "authority.current": True, "authority.recognised": True},
                "when there is an authority that was issued for this purpose, is in force at that time and is "
                "recognised by a law in force there that covers the actor",
            )
        ],
    ),
}  # fmt: skip
"""Pack, what the ask and the facts differ in, and what lifts the refusal: as data, and in words. []: nothing does."""


@pytest.mark.parametrize("case", LIFTS)
def test_what_lifts_a_promise_is_said_as_data_and_as_a_sentence(case: str) -> None:
    pack, asked, known, expected = LIFTS[case]
    said = replace(Ask("provision", "commercial", "US", "access-control", seat_country="US", minors="no"), **asked)
    facts = replace(PLAIN, **known)
    verdict = cedar.decide(loaded((pack,)), said, facts, lifts=True)
    assert f"{pack}." in " ".join(ids(verdict))
    found = wire.answer(verdict, facts.on)["lifted_when"]
    assert found == [
        {"all": [{"fact": name, "is": value} for name, value in sorted(alternative.items())], "says": says}
        for alternative, says in expected
    ]


@pytest.mark.parametrize("pack", PROMISES)
def test_every_promise_has_a_case_above(pack: str) -> None:
    assert pack in {found for found, *_ in LIFTS.values()}


DAY_BY_DAY = """
pack                    sector                  2020-06-07 2020-06-08 2020-06-10 2020-06-11 2021-06-09 2021-06-10
microsoft-2020          police                  allow      allow      allow      deny       deny       deny
microsoft-2020          federal-law-enforcement allow      allow      allow      allow      allow      allow
microsoft-2020-strict   corrections             allow      allow      allow      deny       deny       deny
amazon-2020             sheriff                 allow      allow      deny       deny       deny       allow
amazon-2020             intelligence            allow      allow      allow      allow      allow      allow
amazon-2021             police                  allow      allow      allow      allow      deny       deny
amazon-2020+amazon-2021 police                  allow      allow      deny       deny       deny       deny
ibm-2020                individual              allow      deny       deny       deny       deny       deny
aclu-2020               border-control          allow      allow      allow      deny       deny       deny
aclu-2020               commercial              allow      allow      allow      allow      allow      allow
"""


def test_day_by_day_each_promise_answers_as_it_did_then() -> None:
    """Asked to admit somebody in the United States for access control."""
    heading, *rows = [line.split() for line in DAY_BY_DAY.strip().splitlines()]
    for row in rows:
        names, sector, *answers = row
        ask = Ask("provision", sector, "US", "access-control", seat_country="US")
        for day, answer in zip(heading[2:], answers, strict=True):
            known = replace(PLAIN, on=datetime.fromisoformat(day).replace(tzinfo=UTC))
            found = cedar.decide(loaded(tuple(names.split("+"))), ask, known)
            assert (names, sector, day, found.answer) == (names, sector, day, answer)


@pytest.mark.parametrize("name", PROMISES)
def test_what_is_not_known_of_a_promise_is_told(name: str) -> None:
    header = packs.read(name).header
    shown = CliRunner().invoke(root, ["policy", "show", name])
    said = json.loads(CliRunner().invoke(root, ["policy", "show", name, "--json"]).output)
    assert header.gaps
    assert said["gaps"] == list(header.gaps)
    assert all(f"  not known: {gap}" in shown.output.splitlines() for gap in header.gaps)
    assert (said["in_force"]["from"], said["status"]) == (str(header.begins), header.status)
    assert f"in force from {header.begins}" in shown.output


def test_a_gap_may_repeat_and_no_field_that_stands_once_may() -> None:
    text = packs.read("microsoft-2020").text
    gap = "// gap: One thing.\n"
    assert packs.parse(text.replace("// source", f"{gap}// source", 1).encode(), "microsoft-2020").header.gaps[0] == (
        "One thing."
    )
    for line in ("// status: on\n", "// in_force: 2020-06-11 to open\n"):
        with pytest.raises(BadRecord, match="microsoft-2020"):
            packs.parse(text.replace(line, line * 2).encode(), "microsoft-2020")
