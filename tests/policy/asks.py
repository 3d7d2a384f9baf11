"""Asks and facts for the tests of the policy: one that is allowed, from which each test changes one thing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from countenance.domain.decision import (
    Activity,
    Ask,
    Authority,
    Facts,
    GrantFacts,
    Law,
    ModelFacts,
    Paperwork,
    Signature,
    Verdict,
)
from countenance.policy import cedar, words

ON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MODEL = ModelFacts(
    evaluated=True,
    current=True,
    worst_fmr_ppm=1000,
    worst_fnmr_ppm=20_000,
    fmr_max_geomean_milli=6000,
    fnmr_max_geomean_milli=2000,
    groups=8,
    provenance="shipped",
)
FACTS = Facts(ON, MODEL)
ASK = Ask("identify", "commercial", "DE", "access-control", seat_country="DE")
ALL_YES = dict.fromkeys(words.CRITERIA, "yes")
TWO = (Signature("A", True, "a2V5MQ==", "c2ln"), Signature("B", False, "a2V5Mg==", "c2ln"))  # noqa: FBT003
LAWS = (
    "washington-rcw-43.386", "eu-ai-act", "gdpr-9", "illinois-bipa", "texas-cubi", "portland-34.10", "virginia-2022",
    "colorado-24-18", "massachusetts-2020", "maine-2021", "vermont-2020", "san-francisco-2019",
)  # fmt: skip
PACKS = {
    "core": cedar.load(["core"]),
    "us": cedar.load(["microsoft-2020"]),
    "strict": cedar.load(["microsoft-2020-strict"]),
    "all": cedar.load(["microsoft-2020", "microsoft-2020-strict"]),
    "fresh": cedar.load(),
    "laws": cedar.load(LAWS),
    **{name: cedar.load([name]) for name in LAWS},
}


def ask(**changes: Any) -> Ask:
    """ASK with `changes`; the seat follows the country unless said."""
    if "country" in changes:
        changes.setdefault("seat_country", changes["country"])
    return replace(ASK, **changes)


def facts(**changes: Any) -> Facts:
    return replace(FACTS, **changes)


def model(**changes: Any) -> Facts:
    return facts(model=replace(MODEL, **changes))


def grant(**changes: bool) -> Facts:
    return facts(grant=GrantFacts(**changes))


def activity(**changes: bool) -> Facts:
    return facts(activity=Activity(**changes))


def law(**changes: Any) -> Law:
    """A national law of the US that meets every criterion, in force since 2026."""
    found = Law(
        id="us-law",
        title="A law",
        jurisdiction="US",
        level="national",
        covers=frozenset(words.SECTORS),
        start=date(2026, 1, 1),
        until=None,
        sources=("https://example.org/law",),
        recognises=frozenset(words.AUTHORITY_KINDS),
        assessment=ALL_YES,
        signed=TWO,
    )
    return replace(found, **changes)


def authority(**changes: Any) -> Authority:
    """A warrant for ASK's purpose, current on ON, under `law`."""
    found = Authority(
        kind="warrant",
        issuer="A court",
        names_person=True,
        purpose="access-control",
        start=date(2026, 1, 1),
        until=date(2027, 1, 1),
        recognised_by="us-law",
    )
    return replace(found, **changes)


def filed(**changes: Any) -> Paperwork:
    """Everything that any law asks to be on file on ON, for the purpose of ASK and the model `v1`."""
    found = Paperwork(
        notice_of_intent=date(2026, 1, 10),
        report_published=date(2026, 3, 1),
        report_updated=date(2026, 3, 1),
        meetings=3,
        report_purposes=frozenset({"access-control", "benefits-eligibility", "criminal-investigation"}),
        report_sections=frozenset("abcdefgh"),
        report_model_version="v1",
        report_addresses_errors=True,
        operational_test_passed=date(2026, 2, 20),
        training_valid_until=date(2027, 2, 1),
        reviewers=2,
        public_policy=date(2026, 1, 1),
        rights_assessment=date(2026, 1, 1),
        eu_registered=date(2026, 1, 1),
        nist_evaluated=date(2026, 1, 1),
    )
    return replace(found, **changes)


def papers(**changes: Any) -> Facts:
    """FACTS with such papers, and a model that the report names."""
    return facts(paperwork=filed(**changes), model=replace(MODEL, version="v1"))


def at(day: str, known: Facts = FACTS) -> Facts:
    """The facts of `known` on another day, at noon."""
    return replace(known, on=datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC))


def reviewed(reviewers: int = 2) -> Paperwork:
    return Paperwork(reviewers=reviewers)


def decided(packs: str, said: Ask, known: Facts = FACTS, *, lifts: bool = False) -> Verdict:
    return cedar.decide(PACKS[packs], said, known, lifts=lifts)


def ids(verdict: Verdict) -> list[str]:
    return [reason.id for reason in verdict.reasons]
