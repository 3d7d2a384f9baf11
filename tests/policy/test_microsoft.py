"""The promise of June 2020, in its own words and kept for all law enforcement: whom, where, when, and what lifts it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from countenance.domain.decision import Facts, Signature
from countenance.policy import words
from tests.policy.asks import MODEL, TWO, ask, decided, facts, ids, law

FIRST = datetime(2020, 6, 11, tzinfo=UTC)
US, STRICT = "microsoft-2020.us-police", "microsoft-2020-strict.law-enforcement"
POLICE = {"sector": "police", "country": "US"}


@pytest.mark.parametrize(
    ("said", "denied"),
    [
        (POLICE, True),
        ({"sector": "sheriff", "country": "US"}, True),
        ({"acts_for": frozenset({"police"}), "country": "US"}, True),
        ({"requested_by": frozenset({"sheriff"}), "country": "US"}, True),
        ({"sector": "police", "country": "DE", "seat_country": "US"}, True),
        ({"sector": "police", "country": "US", "seat_country": "DE"}, True),
        ({"sector": "police", "country": "DE"}, False),
        ({"sector": "commercial", "country": "US"}, False),
        *(({"sector": sector, "country": "US"}, False) for sector in words.LAW_ENFORCEMENT[2:]),
        ({**POLICE, "action": "export"}, False),
    ],
)
def test_us_police_and_whoever_acts_for_them(said: dict[str, Any], denied: bool) -> None:  # noqa: FBT001
    verdict = decided("us", ask(**said))
    assert verdict.allowed is not denied
    assert (US in ids(verdict)) is denied


@pytest.mark.parametrize("action", [word for word in words.ACTIONS if word != "export"])
def test_every_action_but_export(action: str) -> None:
    assert US in ids(decided("us", ask(**POLICE, action=action)))


@pytest.mark.parametrize("pack", ["us", "strict"])
def test_from_the_eleventh_of_june_inclusive(pack: str) -> None:
    before = Facts(FIRST - timedelta(seconds=1), MODEL)
    assert decided(pack, ask(**POLICE), before).allowed
    assert not decided(pack, ask(**POLICE), Facts(FIRST, MODEL)).allowed


@pytest.mark.parametrize("sector", words.LAW_ENFORCEMENT)
@pytest.mark.parametrize("country", ["US", "FR", "JP"])
def test_strict_is_all_law_enforcement_everywhere(sector: str, country: str) -> None:
    assert ids(decided("strict", ask(sector=sector, country=country))) == [STRICT]
    assert ids(decided("strict", ask(acts_for=frozenset({sector}), country=country))) == [STRICT]


def test_strict_is_lifted_by_a_law_of_the_country_of_use_only() -> None:
    french = facts(laws=(law(jurisdiction="FR"),))
    assert decided("strict", ask(sector="police", country="FR"), french).allowed
    assert not decided("strict", ask(sector="police", country="DE"), french).allowed
    assert not decided("strict", ask(sector="police", country="DE", seat_country="FR"), french).allowed


@pytest.mark.parametrize(
    ("changes", "lifted"),
    [
        ({}, True),
        ({"start": date(2026, 11, 22)}, True),
        ({"start": date(2026, 11, 23)}, False),
        ({"until": date(2026, 11, 23)}, True),
        ({"until": date(2026, 11, 22)}, False),
        ({"covers": frozenset({"police"})}, True),
        ({"covers": frozenset({"sheriff"})}, False),
        ({"jurisdiction": "DE"}, False),
        ({"jurisdiction": "US-WA", "level": "state"}, False),
        *(({"assessment": {**law().assessment, one: "no"}}, False) for one in words.CRITERIA),
        ({"assessment": {**law().assessment, "remedy": "unclear"}}, False),
        ({"assessment": {}}, False),
        ({"signed": ()}, False),
        ({"signed": TWO[:1]}, False),
        ({"signed": (TWO[0], TWO[0])}, False),
        ({"signed": (TWO[0], Signature("C", False, TWO[0].key, "x"))}, False),  # noqa: FBT003
        ({"signed": (TWO[0], Signature("C", False, TWO[0].key.rstrip("="), "x"))}, False),  # noqa: FBT003
        ({"signed": (TWO[1], Signature("C", False, "b3RoZXI=", "x"))}, False),  # noqa: FBT003
    ],
)
def test_what_it_takes_for_a_law_to_lift_it(changes: dict[str, Any], lifted: bool) -> None:  # noqa: FBT001
    assert decided("us", ask(**POLICE), facts(laws=(law(**changes),))).allowed is lifted


def test_every_police_party_must_be_covered() -> None:
    said = ask(**POLICE, acts_for=frozenset({"sheriff"}))
    assert not decided("us", said, facts(laws=(law(covers=frozenset({"police"})),))).allowed
    both = (law(covers=frozenset({"police"})), law(id="other", covers=frozenset({"sheriff"})))
    assert decided("us", said, facts(laws=both)).allowed


def test_the_refusal_says_what_would_lift_it() -> None:
    verdict = decided("us", ask(**POLICE, action="provision"), Facts(FIRST, MODEL), lifts=True)
    assert [lift.all for lift in verdict.lifted_when] == [(("laws.national.US.grounded_in_human_rights", True),)]
    assert verdict.lifted_when[0].says.startswith("when a national law of the United States")
