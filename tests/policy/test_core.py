"""Every rule of `core`: the ask that it denies, and the nearest neighbour that it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from countenance.domain.decision import MEASURES
from countenance.policy import words
from tests.policy.asks import FACTS, PACKS, activity, ask, authority, decided, facts, grant, ids, law, model, reviewed

if TYPE_CHECKING:
    from countenance.domain.decision import Ask, Facts

WATCH = {"country": "US", "mode": "real-time", "place": "publicly-accessible"}
WARRANT = facts(laws=(law(),), authority=authority())
CASE = {"country": "US", "purpose": "criminal-investigation"}
CASE_WARRANT = authority(purpose="criminal-investigation", names_person=False)
CASE_OPEN = facts(laws=(law(),), authority=CASE_WARRANT, paperwork=reviewed())
STATE_LAW = law(jurisdiction="US-WA", level="state")
CITY_LAW = law(jurisdiction="Portland, OR", level="city")

# (rule, ask it denies, its facts, neighbour that is allowed, its facts)
RULES: list[tuple[str, Ask, Facts, Ask, Facts]] = [
    ("analyse", ask(action="analyse"), FACTS, ask(action="detect"), FACTS),
    ("track", ask(action="track"), FACTS, ask(action="detect"), FACTS),
    *(
        (purpose, ask(purpose=purpose), FACTS, ask(purpose="access-control"), FACTS)
        for purpose in (*words.REFUSED_PURPOSES, *words.NEVER_PURPOSES)
    ),
    ("public-surveillance", ask(**WATCH), FACTS, ask(**WATCH), WARRANT),
    ("public-surveillance", ask(**WATCH), FACTS, ask(**{**WATCH, "mode": "post"}), FACTS),
    ("public-surveillance", ask(**WATCH), FACTS, ask(**{**WATCH, "place": "own-device"}), FACTS),
    ("public-surveillance", ask(**{**WATCH, "place": "public-accommodation"}), FACTS, ask(**WATCH), WARRANT),
    *(
        ("public-surveillance", ask(**WATCH), facts(laws=laws, authority=shown), ask(**WATCH), WARRANT)
        for laws, shown in [
            ((law(),), authority(names_person=False)),
            ((law(),), authority(purpose="housing")),
            ((law(),), authority(start=date(2026, 11, 23))),
            ((law(),), authority(until=date(2026, 11, 22))),
            ((law(),), authority(recognised_by="another")),
            ((law(recognises=frozenset({"exigency"})),), authority()),
            ((law(until=date(2026, 11, 22)),), authority()),
            ((law(covers=frozenset({"police"})),), authority()),
            ((law(jurisdiction="DE"),), authority()),
        ]
    ),
    (
        "region-missing",
        ask(**WATCH),
        facts(laws=(STATE_LAW,), authority=authority()),
        ask(**WATCH, region="US-WA"),
        facts(laws=(STATE_LAW,), authority=authority()),
    ),
    (
        "locality-missing",
        ask(**WATCH),
        facts(laws=(CITY_LAW,), authority=authority()),
        ask(**WATCH, locality="Portland, OR"),
        facts(laws=(CITY_LAW,), authority=authority()),
    ),
    *(
        ("made-up-probe", ask(probe=probe), FACTS, ask(probe=probe, action="verify"), FACTS)
        for probe in ("sketch", "composite", "generated")
    ),
    (
        "made-up-probe",
        ask(probe="sketch", action="verify"),
        activity(one_to_many=True),
        ask(probe="photograph", action="verify"),
        activity(one_to_many=True),
    ),
    *(
        ("minors", ask(action=action, minors=minors), FACTS, ask(action=action), FACTS)
        for action in ("provision", "enrol", "verify", "identify")
        for minors in ("yes", "unknown")
    ),
    ("minors", ask(minors="yes"), FACTS, ask(action="detect", minors="yes"), FACTS),
    *(
        ("capture", ask(purpose=purpose, capture=capture), FACTS, ask(purpose=purpose, capture="attended"), FACTS)
        for purpose in ("account-recovery", "credit", "benefits-eligibility")
        for capture in ("unattended", "unknown")
    ),
    ("capture", ask(purpose="credit", capture="unknown"), FACTS, ask(purpose="housing", capture="unknown"), FACTS),
    ("investigation-review", ask(**CASE), replace(CASE_OPEN, paperwork=reviewed(1)), ask(**CASE), CASE_OPEN),
    ("investigation-authority", ask(**CASE), replace(CASE_OPEN, authority=None), ask(**CASE), CASE_OPEN),
    ("investigation-authority", ask(**CASE), FACTS, ask(**CASE, action="provision"), FACTS),
    ("unverified-identify", ask(), facts(verified=False), ask(action="verify"), facts(verified=False)),
    (
        "unverified-identify",
        ask(action="verify"),
        replace(activity(one_to_many=True), verified=False),
        ask(action="verify"),
        activity(one_to_many=True),
    ),
    ("no-grant", ask(), grant(present=False), ask(action="provision"), grant(present=False)),
    ("grant-purpose", ask(), grant(purpose=False), ask(), FACTS),
    ("grant-mode", ask(), grant(mode=False), ask(), FACTS),
    ("grant-place", ask(), grant(place=False), ask(), FACTS),
    ("grant-ended", ask(), grant(current=False), ask(), FACTS),
    ("grant-unapproved", ask(), grant(approved=False), ask(), FACTS),
    *(
        ("no-consent", ask(action=action), facts(consent="none"), ask(action="detect"), facts(consent="none"))
        for action in ("enrol", "verify", "identify")
    ),
    (
        "no-consent",
        ask(),
        facts(consent="demonstration"),
        ask(purpose="demonstration"),
        facts(consent="demonstration"),
    ),
    ("meter", ask(), activity(tripped=True), ask(), activity(tripped=False)),
    *((f"meter-{name}", ask(), activity(**{name: True}), ask(), activity(**{name: False})) for name in MEASURES),
    ("model-unevaluated", ask(), model(evaluated=False), ask(action="test"), model(evaluated=False)),
    ("model-stale", ask(), model(current=False), ask(action="export"), model(current=False)),
    ("model-unequal-fmr", ask(), model(fmr_max_geomean_milli=6001), ask(), model(fmr_max_geomean_milli=6000)),
    ("model-unequal-fnmr", ask(), model(fnmr_max_geomean_milli=2001), ask(), model(fnmr_max_geomean_milli=2000)),
]


@pytest.mark.parametrize(("rule", "denied", "denied_facts", "allowed", "allowed_facts"), RULES)
def test_a_rule_denies_its_ask_and_not_the_neighbour(
    rule: str, denied: Ask, denied_facts: Facts, allowed: Ask, allowed_facts: Facts
) -> None:
    verdict = decided("core", denied, denied_facts)
    assert not verdict.allowed
    assert f"core.{rule}" in ids(verdict)
    assert decided("core", allowed, allowed_facts).allowed


def test_the_table_reaches_every_forbid() -> None:
    forbids = {name for name, rule in PACKS["core"].rules.items() if rule.effect == "forbid"}
    assert {f"core.{rule}" for rule, *_ in RULES} == forbids


@pytest.mark.parametrize("action", [word for word in words.ACTIONS if word not in ("analyse", "track")])
@pytest.mark.parametrize("purpose", words.ORDINARY_PURPOSES)
def test_every_known_purpose_is_permitted_for_every_known_action(action: str, purpose: str) -> None:
    asked = ask(action=action, purpose=purpose, country="US")
    shown = replace(CASE_WARRANT, purpose=purpose)
    verdict = decided("core", asked, replace(CASE_OPEN, authority=shown))
    assert (verdict.allowed, len(verdict.reasons), verdict.errors) == (True, 1, ())


def test_an_allow_carries_the_duties_of_its_permit() -> None:
    assert decided("core", ask(**CASE), CASE_OPEN).duties == ("two-reviewers",)
    assert decided("core", ask(purpose="demonstration")).duties == ("delete-by",)
    assert decided("core", ask(purpose="demonstration", minors="yes")).duties == ()


@pytest.mark.parametrize("purpose", words.NEVER_PURPOSES)
def test_nothing_lifts_a_never_purpose(purpose: str) -> None:
    asked = ask(purpose=purpose, country="US")
    known = facts(laws=(law(),), authority=authority(purpose=purpose), paperwork=reviewed())
    assert decided("core", asked, known, lifts=True).lifted_when == ()
