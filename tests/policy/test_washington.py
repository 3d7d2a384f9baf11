"""RCW 43.386: an agency with everything in order is served; with one thing missing it is refused, by the name of that
thing, and exactly that thing lifts it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from countenance.policy import words
from tests.policy.asks import ask, at, authority, decided, facts, filed, ids, law, papers

if TYPE_CHECKING:
    from countenance.domain.decision import Facts

PACK = "washington-rcw-43.386"
PLACE = {"country": "US", "region": "US-WA", "seat_country": "US", "seat_region": "US-WA"}
ELSEWHERE = {"country": "US", "region": "US-OR", "seat_country": "US", "seat_region": "US-OR"}
AGENCY = ask(sector="public-agency", purpose="benefits-eligibility", legal_effect="yes", **PLACE)
READY = papers()

MISSING: list[tuple[dict[str, Any], str, str, object]] = [
    ({"notice_of_intent": None}, "notice-of-intent", "notice_of_intent", True),
    ({"notice_of_intent": date(2026, 11, 23)}, "notice-of-intent", "notice_of_intent", True),
    *(
        ({"report_sections": frozenset("abcdefgh") - {item}}, "report-sections", "report.all_sections", True)
        for item in "abcdefgh"
    ),
    ({"report_purposes": frozenset({"housing"})}, "report-purpose", "report.covers_purpose", True),
    ({"report_model_version": "v0"}, "report-model", "report.names_model", True),
    ({"meetings": 2}, "report-meetings", "report.three_meetings", True),
    ({"report_published": date(2026, 8, 25)}, "report-published", "report.published_90_days", True),
    ({"report_updated": date(2024, 11, 22)}, "report-updated", "report.updated_within_2_years", True),
    ({"report_addresses_errors": False}, "report-errors", "report.addresses_errors", True),
    ({"operational_test_passed": None}, "operational-test", "operational_test", True),
    ({"reviewers": 0}, "human-review", "one_reviewer", True),
    ({"training_valid_until": date(2026, 11, 22)}, "training", "training_valid", True),
    ({"mitigation_due": date(2026, 11, 21)}, "mitigation", "mitigation_overdue", False),
]


@pytest.mark.parametrize("action", ["provision", "enrol", "verify", "identify"])
def test_an_agency_with_everything_in_order_is_served(action: str) -> None:
    verdict = decided("fresh", replace(AGENCY, action=action), READY)
    assert (verdict.answer, verdict.errors) == ("allow", ())
    duties = {"keep-records", "january-report", "human-review"}
    assert set(verdict.duties) == (set() if action == "provision" else duties)


@pytest.mark.parametrize(("change", "rule", "fact", "good"), MISSING)
def test_with_one_thing_missing_it_is_refused_by_name_and_that_lifts_it(
    change: dict[str, Any], rule: str, fact: str, good: object
) -> None:
    verdict = decided("fresh", AGENCY, papers(**change), lifts=True)
    assert ids(verdict) == [f"{PACK}.{rule}"]
    assert ((f"paperwork.{fact}", good),) in [lift.all for lift in verdict.lifted_when]
    assert len(verdict.lifted_when) == (2 if rule == "report-errors" else 1)


def test_the_last_day_in_time_is_in_time() -> None:
    for change in (
        {"report_published": date(2026, 8, 24)},
        {"report_updated": date(2024, 11, 23)},
        {"training_valid_until": date(2026, 11, 23)},
        {"mitigation_due": date(2026, 11, 22)},
        {"notice_of_intent": date(2026, 11, 22)},
    ):
        assert decided("fresh", AGENCY, papers(**change)).allowed


@pytest.mark.parametrize(("day", "allowed"), [("2021-06-30", True), ("2021-07-01", False)])
def test_it_holds_from_july_2021(day: str, allowed: bool) -> None:  # noqa: FBT001
    assert decided("fresh", AGENCY, at(day)).allowed is allowed


@pytest.mark.parametrize("sector", words.SECTORS)
def test_it_binds_agencies_and_law_enforcement(sector: str) -> None:
    bound = sector in (*words.LAW_ENFORCEMENT, "public-agency")
    asks = (
        ask(sector=sector, **PLACE),
        ask(acts_for=frozenset({sector}), sector="military", **PLACE),
        ask(requested_by=frozenset({sector}), sector="military", **PLACE),
    )
    for asked in asks:
        assert (f"{PACK}.notice-of-intent" in ids(decided("fresh", asked))) is bound


@pytest.mark.parametrize(
    ("place", "bound"),
    [
        (PLACE, True),
        ({**PLACE, "region": "US-OR"}, True),
        ({**PLACE, "seat_region": "US-OR"}, True),
        ({**ELSEWHERE, "seat_country": "DE", "seat_region": "", "region": "US-WA"}, True),
        (ELSEWHERE, False),
        ({"country": "NZ"}, False),
    ],
)
def test_it_binds_where_seat_or_use_lies_in_washington(place: dict[str, str], *, bound: bool) -> None:
    found = ids(decided("fresh", ask(sector="public-agency", **place)))
    assert (f"{PACK}.notice-of-intent" in found) is bound
    assert bound or found == ["core.known-purpose"]


def test_a_missing_region_is_denied_and_named_and_only_where_it_matters() -> None:
    nowhere = {"country": "US"}
    asked = ask(sector="public-agency", purpose="benefits-eligibility", **nowhere)
    verdict = decided("fresh", asked, lifts=True)
    assert ids(verdict) == [f"{PACK}.region-missing"]
    assert "name it" in verdict.reasons[0].says
    assert [lift.all for lift in verdict.lifted_when] == [(("paperwork.complete", True),)]
    assert decided("fresh", asked, READY).allowed
    assert decided("fresh", asked, at("2021-06-30")).allowed
    assert decided("fresh", ask(sector="military", **nowhere)).allowed
    assert decided("fresh", ask(sector="public-agency", **ELSEWHERE)).allowed
    assert ids(decided("fresh", ask(sector="public-agency", **{**ELSEWHERE, "seat_region": ""}))) == [
        f"{PACK}.region-missing"
    ]
    live = ask(sector="public-agency", mode="real-time", purpose="benefits-eligibility", **nowhere)
    assert ids(decided("fresh", live, READY, lifts=True)) == [f"{PACK}.region-missing"]


@pytest.mark.parametrize(("rate", "allowed"), [(9_999, True), (10_000, False)])
def test_the_limit_on_errors_holds_from_one_percent(rate: int, allowed: bool) -> None:  # noqa: FBT001
    known = papers(report_addresses_errors=False)
    for name, other in (("worst_fmr_ppm", "worst_fnmr_ppm"), ("worst_fnmr_ppm", "worst_fmr_ppm")):
        measured: dict[str, Any] = {name: rate, other: 0}
        rates = replace(known.model, **measured)
        assert decided("fresh", AGENCY, replace(known, model=rates)).allowed is allowed


def test_tests_and_review_are_asked_where_a_decision_weighs() -> None:
    bare = papers(operational_test_passed=None, reviewers=0)
    light = ask(sector="public-agency", **PLACE)
    assert decided("fresh", light, bare).allowed
    assert ids(decided("fresh", replace(light, legal_effect="yes"), bare)) == [
        f"{PACK}.operational-test",
        f"{PACK}.human-review",
    ]
    assert ids(decided("fresh", replace(AGENCY, action="test"), bare)) == [f"{PACK}.human-review"]


LIVE = ask(sector="public-agency", mode="real-time", **PLACE)


@pytest.mark.parametrize("mode", ["near-real-time", "real-time", "ongoing", "persistent"])
@pytest.mark.parametrize("kind", words.AUTHORITY_KINDS)
def test_live_use_needs_a_warrant_or_exigency_or_an_order_for_the_missing(mode: str, kind: str) -> None:
    known = replace(READY, authority=authority(kind=kind))
    assert decided("fresh", replace(LIVE, mode=mode), known).allowed is (kind in ("warrant", "exigency"))
    missing = papers(report_purposes=frozenset({"missing-persons"}))
    known = replace(missing, authority=authority(kind=kind, purpose="missing-persons"))
    found = decided("fresh", replace(LIVE, mode=mode, purpose="missing-persons"), known)
    assert found.allowed is (kind != "judicial-authorisation")


@pytest.mark.parametrize(
    "change", [{"purpose": "housing"}, {"start": date(2026, 11, 23)}, {"until": date(2026, 11, 22)}]
)
def test_an_authority_that_falls_short_is_none(change: dict[str, Any]) -> None:
    known = replace(READY, authority=authority(**change))
    verdict = decided("fresh", LIVE, known, lifts=True)
    assert ids(verdict) == [f"{PACK}.surveillance"]
    assert [len(lift.all) for lift in verdict.lifted_when] == [1]


def test_without_an_authority_the_answer_says_which_would_do() -> None:
    verdict = decided("fresh", LIVE, READY, lifts=True)
    kinds = {dict(lift.all).get("authority.kind") for lift in verdict.lifted_when}
    assert kinds == {"warrant", "exigency"}
    assert all("there is an authority that" in lift.says for lift in verdict.lifted_when)


def test_a_federal_exemption_counts_once_reported_and_is_never_proposed() -> None:
    exempt: dict[str, Any] = {"federal_purposes": frozenset({"border-crossing"}), "federal_reported": date(2026, 1, 1)}
    crossing = ask(sector="public-agency", purpose="border-crossing", **PLACE)
    known = facts(paperwork=filed(**exempt, notice_of_intent=None, meetings=0))
    assert decided("fresh", crossing, known).allowed
    assert decided("fresh", crossing, known).duties == ()
    assert not decided("fresh", ask(sector="public-agency", **PLACE), known).allowed
    late = replace(known, paperwork=replace(known.paperwork, federal_reported=date(2026, 11, 23)))
    refused = decided("fresh", crossing, late, lifts=True)
    assert not refused.allowed
    assert "federal" not in str([lift.all for lift in refused.lifted_when])


def test_two_reviewers_are_not_asked_for_as_one_and_two() -> None:
    """Where core asks for two and Washington for one, the answer once named both: two are enough, and that is said."""
    case = ask(sector="public-agency", purpose="criminal-investigation", **PLACE)
    shown = authority(purpose="criminal-investigation")
    known = replace(papers(reviewers=0), laws=(law(),), authority=shown)
    verdict = decided("fresh", case, known, lifts=True)
    assert ids(verdict) == ["core.investigation-review", f"{PACK}.human-review"]
    assert [lift.all for lift in verdict.lifted_when] == [(("paperwork.two_reviewers", True),)]


def test_police_also_need_a_national_law_under_microsofts_promise() -> None:
    case = ask(sector="police", purpose="criminal-investigation", **PLACE)
    shown = authority(purpose="criminal-investigation")
    ready = replace(READY, laws=(law(),), authority=shown)
    verdict = decided("fresh", case, ready)
    assert verdict.allowed
    assert {"disclose-to-defendant", "not-sole-basis", "two-reviewers"} <= set(verdict.duties)
    without: Facts = replace(ready, laws=(law(assessment={}),))
    assert ids(decided("fresh", case, without)) == ["microsoft-2020.us-police"]
