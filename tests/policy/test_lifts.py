"""What would lift a refusal: each set of facts reported, made true in the records themselves, allows; no part does.

The facts are set here on the domain's records (a law in the registry, a warrant on file), not on the derived
context, so that the search and the derivation are held to each other.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from countenance.domain.decision import Activity, Ask, Facts, GrantFacts, ModelFacts, Paperwork
from countenance.policy import cedar, lifts, packs, wire, words
from countenance.policy.context import SHAPE
from countenance.policy.lifts import AtMost
from tests.policy.asks import ON, PACKS, authority, decided, facts, ids, law

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")
LONG = bool(os.environ.get("COUNTENANCE_LONG"))
EXAMPLES = 5000 if LONG else 40


def mostly(usual: T, others: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """`usual` four times in five: asks that differ from an allowed one in a few things, not in all."""
    return st.integers(0, 4).flatmap(lambda one_in_five: others if one_in_five == 0 else st.just(usual))


TRUE = mostly(True, st.booleans())  # noqa: FBT003
FALSE = mostly(False, st.booleans())  # noqa: FBT003
COUNTRIES = st.sampled_from(["US", "US", "DE", "FR"])
WHERE = st.sampled_from([
    ("US", "", ""), ("US", "US-WA", ""), ("US", "US-IL", ""), ("US", "US-TX", ""), ("US", "US-VA", ""),
    ("US", "US-CO", ""), ("US", "US-MA", ""), ("US", "US-ME", ""), ("US", "US-VT", ""), ("US", "US-OR", ""),
    ("US", "US-OR", "Portland, OR"), ("US", "US-CA", "San Francisco, CA"), ("US", "US-CA", ""), ("DE", "", ""),
    ("FR", "", ""), ("NZ", "", ""),
])  # fmt: skip
SECTORS = st.sampled_from(words.SECTORS)
GRAVE = ["access-control", "criminal-investigation", "missing-persons", "demonstration", "credit"]
ASKS = st.builds(
    Ask,
    action=mostly("identify", st.sampled_from(words.ACTIONS)),
    sector=SECTORS,
    country=COUNTRIES,
    seat_country=COUNTRIES,
    purpose=mostly("access-control", st.sampled_from([*GRAVE, *words.PURPOSES])),
    acts_for=mostly(frozenset[str](), st.frozensets(SECTORS, max_size=2)),
    requested_by=mostly(frozenset[str](), st.frozensets(SECTORS, max_size=1)),
    mode=mostly("one-off", st.sampled_from(words.MODES)),
    place=mostly("publicly-accessible", st.sampled_from(words.PLACES)),
    camera=st.sampled_from(words.CAMERAS),
    probe=mostly("photograph", st.sampled_from(words.PROBES)),
    capture=mostly("attended", st.sampled_from(words.CAPTURES)),
    minors=mostly("no", st.sampled_from(words.MINORS)),
    legal_effect=st.sampled_from(words.YES_NO),
)


@st.composite
def placed(draw: st.DrawFn) -> Ask:
    """An ask with seat and use in places where the laws are: twice in three both in one."""
    country, region, locality = draw(WHERE)
    seat_country, seat_region, _ = draw(
        st.one_of(st.just((country, region, "")), st.just((country, region, "")), WHERE)
    )
    return replace(
        draw(ASKS),
        country=country,
        region=region,
        locality=locality,
        seat_country=seat_country,
        seat_region=seat_region,
    )


HOME = {
    "washington-rcw-43.386": ("US", "US-WA", ""), "illinois-bipa": ("US", "US-IL", ""), "gdpr-9": ("DE", "", ""),
    "texas-cubi": ("US", "US-TX", ""), "portland-34.10": ("US", "US-OR", "Portland, OR"), "eu-ai-act": ("DE", "", ""),
    "virginia-2022": ("US", "US-VA", ""), "colorado-24-18": ("US", "US-CO", ""), "vermont-2020": ("US", "US-VT", ""),
    "massachusetts-2020": ("US", "US-MA", ""), "maine-2021": ("US", "US-ME", ""),
    "san-francisco-2019": ("US", "US-CA", "San Francisco, CA"),
}  # fmt: skip


@st.composite
def at_home(draw: st.DrawFn) -> tuple[Ask, str]:
    """An ask where one law holds, by those whom laws are about, and that law's pack alone."""
    pack = draw(st.sampled_from(sorted(HOME)))
    country, region, locality = HOME[pack]
    asked = replace(
        draw(ASKS),
        country=country,
        region=region,
        locality=locality,
        seat_country=country,
        seat_region=region,
        sector=draw(st.sampled_from(["police", "public-agency", "commercial"])),
        action=draw(st.sampled_from(["identify", "identify", "verify", "enrol", "disclose"])),
        purpose=draw(st.sampled_from(["access-control", "missing-persons", "criminal-investigation", "credit"])),
        place=draw(st.sampled_from(["private", "publicly-accessible", "public-accommodation"])),
    )
    return asked, pack


ANYWHERE = st.tuples(st.one_of(ASKS, placed(), placed()), st.sampled_from(["us", "all", "fresh", "laws"]))
MODELS = st.builds(
    ModelFacts,
    evaluated=TRUE,
    current=TRUE,
    worst_fmr_ppm=st.integers(0, 10**6),
    worst_fnmr_ppm=st.integers(0, 10**6),
    fmr_max_geomean_milli=mostly(3000, st.integers(1000, 9000)),
    fnmr_max_geomean_milli=mostly(1500, st.integers(1000, 4000)),
    groups=st.integers(0, 20),
    provenance=st.just("shipped"),
    version=st.just("v1"),
)
LAWS = st.builds(
    law,
    id=st.sampled_from(["us-law", "other"]),
    jurisdiction=st.sampled_from(["US", "DE", "FR"]),
    covers=st.sampled_from([frozenset(words.SECTORS), frozenset({"police", "sheriff"})]),
    recognises=st.sampled_from([frozenset(words.AUTHORITY_KINDS), frozenset[str]()]),
)
AUTHORITIES = st.builds(
    authority,
    purpose=st.sampled_from(["access-control", "criminal-investigation"]),
    names_person=st.booleans(),
    until=st.sampled_from([date(2026, 6, 1), date(2030, 1, 1)]),
    kind=st.sampled_from(words.AUTHORITY_KINDS),
    refused_at=mostly(None, st.just(datetime(2026, 3, 1, tzinfo=UTC))),
)
OLD, NEVER = date(2018, 1, 1), date(2100, 1, 1)
DAYS = mostly(OLD, st.none() | st.just(NEVER))
PAPERS = st.just(Paperwork()) | st.builds(
    Paperwork,
    notice_of_intent=DAYS,
    report_published=DAYS,
    report_updated=st.dates(date(2018, 1, 1), date(2027, 1, 1)),
    meetings=mostly(3, st.integers(0, 2)),
    report_purposes=mostly(frozenset(words.PURPOSES), st.just(frozenset[str]())),
    report_sections=mostly(frozenset("abcdefgh"), st.just(frozenset("abc"))),
    report_model_version=mostly("v1", st.just("v0")),
    report_addresses_errors=TRUE,
    operational_test_passed=DAYS,
    training_valid_until=mostly(NEVER, st.just(OLD)),
    reviewers=st.integers(0, 3),
    public_policy=DAYS,
    rights_assessment=DAYS,
    eu_registered=DAYS,
    federal_reported=st.none(),
    mitigation_due=mostly(NEVER, st.just(OLD)),
    nist_evaluated=DAYS,
)
FACTS = st.builds(
    Facts,
    on=st.datetimes(datetime(2019, 1, 1), datetime(2027, 11, 22), timezones=st.just(UTC)),  # noqa: DTZ001
    model=MODELS,
    verified=TRUE,
    grant=st.builds(GrantFacts, TRUE, TRUE, TRUE, TRUE, TRUE, TRUE),
    authority=st.one_of(st.none(), AUTHORITIES),
    laws=st.lists(LAWS, max_size=2, unique_by=lambda each: each.id).map(tuple),
    paperwork=PAPERS,
    consent=mostly("on-record", st.sampled_from(words.CONSENTS)),
    written_release=TRUE,
    probe_basis=st.sampled_from(words.PROBE_BASES),
    activity=st.builds(Activity, *[FALSE] * 8),
)


def made_true(asked: Ask, known: Facts, changes: Sequence[tuple[str, Any]]) -> Facts:
    """The facts with each change made on the record that it is about."""
    shown = {name.removeprefix("authority."): v for name, v in changes if name.startswith("authority.")}
    if shown:
        kind = shown.pop("kind", known.authority.kind if known.authority else "judicial-authorisation")
        known = _authorised(asked, known, set(shown), kind)
    for name, value in changes:
        room, _, rest = name.partition(".")
        if room == "authority":
            continue  # shown above, all aspects at once
        if room == "probe_basis":
            known = replace(known, probe_basis=value)
            continue
        if room == "grant":
            known = replace(known, grant=replace(known.grant, **{rest: value}))
        elif room == "model":
            number: Any = value.limit if isinstance(value, AtMost) else value
            known = replace(known, model=replace(known.model, **{rest: number}))
        elif room == "activity":
            known = replace(known, activity=replace(known.activity, **{rest: value}))
        elif room == "laws":
            country = rest.split(".")[1]
            added = law(id=f"new-{country}", jurisdiction=country, start=date(1999, 1, 1), recognises=frozenset())
            known = replace(known, laws=(*known.laws, added))
        elif room == "paperwork":
            known = replace(known, paperwork=_paper(asked, known, rest))
        else:
            known = replace(known, **_simple(name))
    return known


def _simple(name: str) -> dict[str, Any]:
    simple: dict[str, dict[str, Any]] = {
        "verified": {"verified": True},
        "consent.on_record": {"consent": "on-record"},
        "consent.basis": {"consent": "on-record"},
        "consent.written_release": {"written_release": True},
    }
    return simple[name]


def _paper(asked: Ask, known: Facts, name: str) -> Paperwork:
    """What is on file, with this one thing put in order on the day."""
    paper, today = known.paperwork, known.on.date()
    puts: dict[str, dict[str, Any]] = {
        "notice_of_intent": {"notice_of_intent": today},
        "report.published_90_days": {"report_published": today - timedelta(days=90)},
        "report.updated_within_2_years": {"report_updated": today},
        "report.three_meetings": {"meetings": 3},
        "report.covers_purpose": {"report_purposes": frozenset({asked.purpose})},
        "report.all_sections": {"report_sections": frozenset("abcdefgh")},
        "report.names_model": {"report_model_version": known.model.version},
        "report.addresses_errors": {"report_addresses_errors": True},
        "operational_test": {"operational_test_passed": today},
        "training_valid": {"training_valid_until": today + timedelta(days=1)},
        "one_reviewer": {"reviewers": max(paper.reviewers, 1)},
        "mitigation_overdue": {"mitigation_due": None},
    }
    others: dict[str, dict[str, Any]] = {
        "two_reviewers": {"reviewers": 2},
        "public_policy": {"public_policy": today},
        "rights_assessment": {"rights_assessment": today},
        "eu_registration": {"eu_registered": today},
        "nist_evaluation": {"nist_evaluated": today},
        "complete": {field: value for put in puts.values() for field, value in put.items()},
    }
    return replace(paper, **{**puts, **others}[name])


def _authorised(asked: Ask, known: Facts, aspects: set[str], kind: str) -> Facts:
    """An authority of this kind with the aspects it had and these; recognised by a law of the place made for it."""
    context = cedar.decide(PACKS["core"], asked, known).context
    aspects = aspects | {name for name in SHAPE if name.startswith("authority.") and context[name] is True}
    aspects = {name.removeprefix("authority.") for name in aspects}
    today = known.on.date()
    shown = authority(
        names_person="names_person" in aspects,
        start=today if "current" in aspects else date(1990, 1, 1),
        until=today.replace(year=today.year + 1) if "current" in aspects else date(1990, 1, 2),
        purpose=asked.purpose if "covers_purpose" in aspects else "none",
        recognised_by="made" if "recognised" in aspects else "nothing",
        kind=kind,
        granted_at=datetime(1990, 1, 1, tzinfo=UTC) if "authorised_in_time" in aspects else None,
        refused_at=None if "authorised_in_time" in aspects else datetime(1990, 1, 1, tzinfo=UTC),
    )
    made = law(id="made", jurisdiction=asked.country, start=date(1999, 1, 1), assessment={})
    return replace(known, authority=shown, laws=(*known.laws, made))


@seed(20200611)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(ANYWHERE, at_home(), at_home()), FACTS)
def test_what_is_reported_lifts_and_no_part_of_it_does(said: tuple[Ask, str], known: Facts) -> None:
    asked, packs = said
    verdict = decided(packs, asked, known, lifts=True)
    if verdict.allowed:
        assert verdict.lifted_when == ()
    for lift in verdict.lifted_when:
        assert decided(packs, asked, made_true(asked, known, lift.all)).allowed
        for part in combinations(lift.all, len(lift.all) - 1):
            assert not decided(packs, asked, made_true(asked, known, part)).allowed


@seed(20200611)
@settings(max_examples=EXAMPLES * 2, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(ASKS, placed()), FACTS)
def test_a_pack_of_forbids_never_allows_more_and_no_rule_fails(asked: Ask, known: Facts) -> None:
    verdicts = {name: decided(name, asked, known) for name in ("core", "us", "strict", "all", "fresh", "laws")}
    assert not any(verdict.errors for verdict in verdicts.values())
    for name in ("us", "strict", "all", "fresh", "laws"):
        assert verdicts["core"].allowed or not verdicts[name].allowed
        assert set(ids(verdicts["core"])) <= set(ids(verdicts[name])) or verdicts["core"].allowed
    assert verdicts["fresh"].allowed or not (verdicts["laws"].allowed and verdicts["us"].allowed)
    assert verdicts["all"].allowed == (verdicts["us"].allowed and verdicts["strict"].allowed)


@seed(20200611)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(ASKS, placed()), FACTS, st.sampled_from(["all", "fresh", "laws"]))
def test_a_stranger_decides_the_same_from_the_words_and_the_context(asked: Ask, known: Facts, packs: str) -> None:
    verdict = decided(packs, asked, known)
    hour = known.on.replace(minute=0, second=0, microsecond=0)
    opened = json.loads(json.dumps({"ask": wire.ask_words(asked), "context": dict(verdict.context)}))
    assert cedar.redecide(PACKS[packs], wire.ask_of(opened["ask"]), hour, opened["context"]) == verdict


def test_every_boolean_of_the_context_can_be_said_or_is_named_as_fixed() -> None:
    fixed = {"authority.region_missing", "authority.locality_missing", "paperwork.federal_exemption"}
    assert set(lifts.FACTS) | fixed == {name for name, kind in SHAPE.items() if kind is bool}


def own_pack(rules: str) -> cedar.PolicySet:
    header = (
        "// pack: own\n// title: T\n// promised_by: P\n// in_force: always\n// status: optional\n"
        "// source: https://example.org\n"
        "// checked_on: 2026-01-01\n// stale_after: 2029-01-01\n// secondary: none\n"
    )
    return cedar.assemble([packs.read("core"), packs.parse((header + rules).encode(), "own")])


def rule(name: str, condition: str) -> str:
    return (
        f'@id("own.{name}") @says("No.") @source("https://example.org") @evidence("T")\n'
        f"forbid (principal, action, resource) when {{ {condition} }};\n"
    )


def test_alternatives_are_each_found() -> None:
    own = own_pack(rule("either", "!context.paperwork.training_valid && !context.paperwork.one_reviewer"))
    verdict = cedar.decide(own, Ask("detect", "commercial", "DE", "access-control"), facts(), lifts=True)
    found = [lift.all for lift in verdict.lifted_when]
    assert found == [(("paperwork.one_reviewer", True),), (("paperwork.training_valid", True),)]


def test_a_promise_with_an_end_is_lifted_by_its_end() -> None:
    own = own_pack(rule("year", 'context.on < datetime("2027-06-10")'))
    verdict = cedar.decide(own, Ask("detect", "commercial", "DE", "access-control"), facts(), lifts=True)
    assert [lift.all for lift in verdict.lifted_when] == [(("on", "2027-06-10"),)]


@pytest.mark.parametrize(("condition", "limit"), [("> 4000", 4000), (">= 4000", 3999)])
def test_of_two_limits_the_stricter_is_named(condition: str, limit: int) -> None:
    own = own_pack(rule("strict", f"context.model.fmr_max_geomean_milli {condition}"))
    known = replace(facts(), model=replace(facts().model, fmr_max_geomean_milli=9000))
    verdict = cedar.decide(own, Ask("detect", "commercial", "DE", "access-control"), known, lifts=True)
    assert [lift.all for lift in verdict.lifted_when] == [(("model.fmr_max_geomean_milli", AtMost(limit)),)]


def test_a_stale_pack_denies_what_it_would_allow_and_nothing_lifts_it() -> None:
    later = facts(on=ON.replace(year=2028))
    verdict = decided("us", Ask("detect", "commercial", "DE", "access-control"), later, lifts=True)
    assert ids(verdict) == ["core.stale", "microsoft-2020.stale"]
    assert (verdict.answer, verdict.lifted_when) == ("deny", ())
    last = facts(on=datetime(2027, 11, 22, 23, 59, tzinfo=UTC))
    assert decided("us", Ask("detect", "commercial", "DE", "access-control"), last).allowed
