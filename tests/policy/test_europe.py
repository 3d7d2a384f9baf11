"""The AI Act and Article 9 of the GDPR: what holds where and from which day, and what an operator in Germany gets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from countenance.policy import context, words
from tests.policy.asks import FACTS, activity, ask, at, authority, decided, facts, filed, ids, law

if TYPE_CHECKING:
    from countenance.domain.decision import Ask, Authority, Facts

ACT, GDPR = "eu-ai-act", "gdpr-9"


def european(verdict_ids: list[str]) -> list[str]:
    return [each for each in verdict_ids if each.startswith((f"{ACT}.", f"{GDPR}."))]


def test_a_german_company_verifies_with_consent_on_record() -> None:
    for action in ("provision", "enrol", "verify", "identify", "detect"):
        verdict = decided("fresh", ask(action=action, purpose="identity-verification"))
        assert verdict.allowed
        assert verdict.duties == (("erase-on-withdrawal",) if action in ("enrol", "verify", "identify") else ())


@pytest.mark.parametrize("action", ["enrol", "verify", "identify"])
@pytest.mark.parametrize("consent", ["none", "demonstration"])
def test_without_explicit_consent_it_does_not_and_consent_lifts_it(action: str, consent: str) -> None:
    for purpose in ("access-control", "demonstration"):
        verdict = decided("fresh", ask(action=action, purpose=purpose), facts(consent=consent), lifts=True)
        expected = "explicit-consent" if (consent, purpose) != ("demonstration",) * 2 else "not-asked"
        assert f"{GDPR}.{expected}" in ids(verdict)
        lifted = "consent.on_record" if expected == "explicit-consent" else "consent.basis"
        assert [[name for name, _ in lift.all] for lift in verdict.lifted_when] == [[lifted]]


@pytest.mark.parametrize("country", sorted(words.COUNTRIES))
def test_it_holds_in_the_union_and_the_three_and_nowhere_else(country: str) -> None:
    for asked in (ask(country=country, seat_country="NZ"), ask(country="NZ", seat_country=country)):
        found = european(ids(decided("fresh", asked, facts(consent="none"))))
        assert bool(found) is (country in words.EEA)


def test_the_european_economic_area_has_thirty_members() -> None:
    assert len(words.EEA) == 30
    assert set(words.COUNTRIES) >= words.EEA
    assert not words.EEA & {"GB", "CH", "TR"}


@pytest.mark.parametrize("place", words.PLACES)
@pytest.mark.parametrize("basis", words.PROBE_BASES)
def test_passers_by_are_searched_with_consent_or_by_duty(place: str, basis: str) -> None:
    verdict = decided("fresh", ask(place=place), facts(probe_basis=basis), lifts=True)
    public = place in ("publicly-accessible", "public-accommodation")
    assert verdict.allowed is (basis in ("consent", "legal-duty") or (basis == "notice" and not public))
    if not verdict.allowed:
        wanted = ["consent", "legal-duty"] if public else ["consent", "legal-duty", "notice"]
        assert [lift.all for lift in verdict.lifted_when] == [(("probe_basis", word),) for word in wanted]
    turned = decided("fresh", ask(place=place, action="verify"), replace(activity(one_to_many=True), probe_basis=basis))
    assert turned.allowed is verdict.allowed


PROHIBITED: list[tuple[str, Ask]] = [
    ("scraping", ask(purpose="untargeted-scraping")),
    ("traits", ask(action="analyse")),
    ("real-time-assessment", ask(sector="police", mode="real-time", place="publicly-accessible")),
]


@pytest.mark.parametrize(("rule", "asked"), PROHIBITED)
@pytest.mark.parametrize(("day", "holds"), [("2025-02-01", False), ("2025-02-02", True)])
def test_prohibitions_hold_from_february_2025(rule: str, asked: Ask, day: str, *, holds: bool) -> None:
    assert (f"{ACT}.{rule}" in ids(decided("fresh", asked, at(day)))) is holds


@pytest.mark.parametrize(("day", "allowed"), [("2026-12-01", True), ("2026-12-02", False)])
def test_generated_pictures_are_not_taken_from_december_2026(day: str, *, allowed: bool) -> None:
    assert decided("fresh", ask(action="verify", probe="generated"), at(day)).allowed is allowed
    assert decided("fresh", ask(action="verify", probe="generated", country="NZ"), at(day)).allowed


HIGH: list[tuple[str, dict[str, Any]]] = [
    ("public place", {"place": "public-accommodation"}),
    ("unattended", {"capture": "unattended"}),
    ("recordings", {"mode": "post"}),
    ("police", {"sector": "police"}),
]


@pytest.mark.parametrize("change", [change for _, change in HIGH], ids=[name for name, _ in HIGH])
@pytest.mark.parametrize(("day", "holds"), [("2027-12-01", False), ("2027-12-02", True)])
def test_annex_iii_holds_from_december_2027(change: dict[str, str], day: str, *, holds: bool) -> None:
    """By then the packs of today are stale; what decides beside that shows what the rules say."""
    bare = at(day, facts(probe_basis="consent"))
    found = european(ids(decided("fresh", ask(**change), bare)))
    owed = {f"{ACT}.two-people", f"{ACT}.oversight"}
    public = {f"{ACT}.assessment", f"{ACT}.registration"} if "sector" in change else set()
    assert {each for each in found if not each.endswith(".stale")} >= (owed | public if holds else set())
    assert bool(owed & set(found)) is holds
    ready = replace(bare, paperwork=filed(training_valid_until=date(2028, 1, 1)))
    assert not {each for each in european(ids(decided("fresh", ask(**change), ready))) if "stale" not in each}
    assert not {each for each in european(ids(decided("fresh", ask(action="verify"), bare))) if "stale" not in each}


def live(**changes: Any) -> Ask:
    """A specific missing person is sought by police, live, in a street of Berlin."""
    said = {"sector": "police", "mode": "real-time", "place": "publicly-accessible", "purpose": "missing-persons"}
    return ask(**{**said, **changes})


def sought(**changes: Any) -> Authority:
    """A judge's authorisation for that, under a German law."""
    said = {"kind": "judicial-authorisation", "purpose": "missing-persons", "recognised_by": "de-law"}
    return authority(**{**said, **changes})


READY = facts(
    probe_basis="legal-duty", paperwork=filed(), laws=(law(id="de-law", jurisdiction="DE"),), authority=sought()
)


def test_a_specific_search_with_everything_in_order_is_served() -> None:
    verdict = decided("fresh", live(), READY)
    assert verdict.allowed
    assert {"report-each-use", "delete-if-refused", "not-sole-basis"} <= set(verdict.duties)


@pytest.mark.parametrize(
    ("rule", "known", "fact"),
    [
        ("real-time-target", replace(READY, authority=sought(names_person=False)), "authority.names_person"),
        ("real-time-law", replace(READY, laws=()), "authority.recognised"),
        (
            "real-time-assessment",
            replace(READY, paperwork=filed(rights_assessment=None)),
            "paperwork.rights_assessment",
        ),
        ("real-time-registration", replace(READY, paperwork=filed(eu_registered=None)), "paperwork.eu_registration"),
        (
            "real-time-authorisation",
            replace(READY, authority=sought(refused_at=datetime(2026, 11, 22, tzinfo=UTC))),
            "authority.authorised_in_time",
        ),
    ],
)
def test_with_one_thing_missing_that_thing_is_named_and_lifts_it(rule: str, known: Facts, fact: str) -> None:
    verdict = decided("fresh", live(), known, lifts=True)
    assert european(ids(verdict)) == [f"{ACT}.{rule}"]
    assert [lift.all for lift in verdict.lifted_when] == [((fact, True),)]


def test_another_aim_is_prohibited_and_nothing_lifts_it() -> None:
    known = replace(READY, authority=sought(purpose="venue-entry"))
    verdict = decided("fresh", live(purpose="venue-entry"), known, lifts=True)
    assert (ids(verdict), verdict.lifted_when) == ([f"{ACT}.real-time-aim"], ())


START = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("mode", "hour", "times", "in_time"),
    [
        ("real-time", 24, {}, True),
        ("real-time", 25, {}, False),
        ("real-time", 40, {"requested_at": 24}, True),
        ("real-time", 40, {"requested_at": 25}, False),
        ("real-time", 40, {"requested_at": 41}, False),
        ("real-time", 40, {"requested_at": 10, "granted_at": 39}, True),
        ("real-time", 40, {"requested_at": 30, "granted_at": 39}, True),
        ("real-time", 40, {"requested_at": 10, "granted_at": 41}, True),
        ("real-time", 40, {"requested_at": 10, "granted_at": 20, "refused_at": 40}, False),
        ("real-time", 40, {"requested_at": 10, "refused_at": 41}, True),
        ("post", 48, {}, True),
        ("post", 49, {}, False),
        ("post", 60, {"requested_at": 48}, True),
        ("post", 60, {"requested_at": 49}, False),
    ],
)
@pytest.mark.parametrize("kind", ["exigency", "judicial-authorisation"])
def test_urgency_has_its_hours(kind: str, mode: str, hour: int, times: dict[str, int], *, in_time: bool) -> None:
    moments = {name: START.replace(day=22 + at // 24, hour=at % 24) for name, at in times.items()}
    shown = authority(kind=kind, start=START.date(), **moments)
    on = START.replace(day=22 + hour // 24, hour=hour % 24)
    found = context.named(context.derive(ask(mode=mode), replace(FACTS, on=on, authority=shown)))
    if kind != "exigency" and not times:
        in_time = True  # the document is itself the authorisation
    assert found["authority.authorised_in_time"] is in_time


def test_no_authority_and_one_that_has_not_begun_are_not_in_time() -> None:
    later = facts(authority=authority(start=date(2026, 11, 23)))
    for known in (FACTS, later):
        assert context.named(context.derive(ask(), known))["authority.authorised_in_time"] is False


def test_recordings_are_searched_for_a_cause_only() -> None:
    day = facts(probe_basis="legal-duty", paperwork=filed(training_valid_until=date(2028, 1, 1)))
    then = at("2027-12-02", day)
    for purpose, holds in (("attendance", True), ("missing-persons", False)):
        found = ids(decided("fresh", ask(sector="police", mode="post", purpose=purpose), then))
        assert (f"{ACT}.post-untargeted" in found) is holds
    case = ask(sector="police", purpose="criminal-investigation")
    assert f"{ACT}.post-authorisation" in ids(decided("fresh", case, then))
    shown = authority(purpose="criminal-investigation", until=date(2028, 1, 1))
    assert f"{ACT}.post-authorisation" not in ids(decided("fresh", case, replace(then, authority=shown)))
