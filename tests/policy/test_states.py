"""The laws of the States and cities: Illinois, and the drafts that are off until somebody switches them on."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from countenance.domain.decision import Paperwork
from countenance.policy import cedar, packs, words
from tests.policy.asks import FACTS, LAWS, activity, ask, at, authority, decided, facts, filed, ids, law, model, papers

if TYPE_CHECKING:
    from countenance.domain.decision import Ask, Facts

PRIVATE = ("commercial", "nonprofit", "research", "individual")
UNSTALE = cedar.assemble([
    replace(pack, header=replace(pack.header, stale_after=date(2030, 1, 1)))
    for pack in map(packs.read, ("core", *LAWS))
])  # fmt: skip
BIPA_READY = facts(written_release=True, paperwork=filed(), probe_basis="consent")
CASE = authority(purpose="criminal-investigation")


def use(region: str, **changes: Any) -> Ask:
    return ask(**{"country": "US", "region": region, "seat_region": region, **changes})


def alone(pack: str) -> cedar.PolicySet:
    return cedar.load([pack])


def of(pack: str, asked: Ask, known: Facts = FACTS) -> set[str]:
    """The rules of `pack` that decide, without its name."""
    found = ids(cedar.decide(alone(pack), asked, known))
    return {each.removeprefix(f"{pack}.") for each in found if each.startswith(f"{pack}.")}


PLACES = (
    ("US-WA", ""), ("US-IL", ""), ("US-TX", ""), ("US-OR", "Portland, OR"), ("US-OR", ""), ("US-VA", ""),
    ("US-CO", ""), ("US-MA", ""), ("US-ME", ""), ("US-VT", ""), ("US-CA", "San Francisco, CA"), ("", ""),
)  # fmt: skip


def somewhere(chance: random.Random) -> Ask:
    """One of the asks that the laws are about, in a third of the cases in Germany."""
    region, locality = chance.choice(PLACES)
    where = chance.choice([{"country": "US", "region": region, "seat_region": region, "locality": locality}] * 2 + [{}])
    return ask(
        **where,
        sector=chance.choice(["police", "public-agency", "commercial"]),
        requested_by=frozenset(chance.choice([(), (), ("police",)])),
        action=chance.choice(["verify", "identify", "identify", "disclose", "analyse"]),
        purpose=chance.choice(["criminal-investigation", "missing-persons", "attendance", "untargeted-scraping"]),
        mode=chance.choice(["one-off", "post", "real-time"]),
        place=chance.choice(["private", "public-accommodation"]),
        probe=chance.choice(["photograph", "generated"]),
    )


def test_no_rule_of_a_law_is_dead() -> None:
    """Each decides on one of these asks at least, with nothing in order, and only where its law is in force."""
    chance, seen = random.Random(20210701), dict[str, set[str]]()  # noqa: S311
    for _ in range(800):
        asked = somewhere(chance)
        papers = filed(mitigation_due=date(2026, 1, 1), notice_of_intent=None)
        known = facts(
            consent=chance.choice(["demonstration", "none"]),
            probe_basis="none",
            paperwork=chance.choice([papers, Paperwork()]),
            model=model(worst_fnmr_ppm=30_000).model,
        )
        day = chance.choice(["2026-06-30", "2026-11-22", "2027-12-02"])
        for each in ids(cedar.decide(UNSTALE, asked, at(day, known))):
            seen.setdefault(each, set()).add(asked.region or asked.country)
    forbids = {name for name, rule in UNSTALE.rules.items() if rule.effect == "forbid" and not name.startswith("core.")}
    assert forbids - set(seen) == set()
    assert seen["illinois-bipa.release"] == {"US-IL"}
    assert seen["washington-rcw-43.386.region-missing"] == {"US"}
    assert seen["gdpr-9.probe"] == {"DE"}


@pytest.mark.parametrize("pack", [name for name in LAWS if packs.read(name).header.begins is not None])
def test_a_law_begins_on_the_day_that_its_header_says(pack: str) -> None:
    begins, only = packs.read(pack).header.begins, alone(pack)
    assert begins is not None
    chance = random.Random(20210701)  # noqa: S311
    asks = [somewhere(chance) for _ in range(200)]

    def speaks(day: date) -> bool:
        known = at(day.isoformat(), facts(probe_basis="none"))
        return any(each.startswith(f"{pack}.") for asked in asks for each in ids(cedar.decide(only, asked, known)))

    assert not speaks(begins - timedelta(days=1))
    assert speaks(begins)


# ---- duties ---------------------------------------------------------------------------------------------------------

SOUGHT = facts(
    probe_basis="legal-duty",
    paperwork=filed(report_purposes=frozenset(words.PURPOSES), training_valid_until=date(2028, 1, 1)),
    model=model(version="v1").model,
    laws=(law(), law(id="de-law", jurisdiction="DE")),
)


@pytest.mark.parametrize(
    ("pack", "asked", "kind", "day", "duties"),
    [
        ("colorado-24-18", use("US-CO", sector="police"), "warrant", "2026-11-22",
         {"disclose-to-defendant", "not-sole-basis", "keep-records", "january-report"}),
        ("massachusetts-2020", use("US-MA", sector="police"), "court-order", "2026-11-22",
         {"keep-records", "quarterly-report"}),
        ("maine-2021", use("US-ME", requested_by=frozenset({"police"})), "warrant", "2026-11-22",
         {"keep-records", "not-sole-basis"}),
        ("texas-cubi", use("US-TX"), "warrant", "2026-11-22", {"delete-within-1-year", "never-sell"}),
        ("eu-ai-act", ask(sector="police"), "warrant", "2027-12-01", set()),
        ("eu-ai-act", ask(sector="police"), "warrant", "2027-12-02",
         {"keep-records", "annual-report", "delete-if-refused", "not-sole-basis"}),
        ("eu-ai-act", ask(legal_effect="yes"), "warrant", "2027-12-02", {"notice"}),
    ],
)  # fmt: skip
def test_an_allow_says_what_it_obliges_to(pack: str, asked: Ask, kind: str, day: str, duties: set[str]) -> None:
    asked = replace(asked, purpose="criminal-investigation")
    named_by = "de-law" if asked.country == "DE" else "us-law"
    shown = authority(kind=kind, purpose=asked.purpose, recognised_by=named_by, until=date(2028, 1, 1))
    only = cedar.assemble([file for file in UNSTALE.files if file.name in ("core", pack)])
    verdict = cedar.decide(only, asked, at(day, replace(SOUGHT, authority=shown)))
    assert verdict.allowed
    assert set(verdict.duties) == duties | {"two-reviewers"}
    assert set(verdict.duties) <= set(packs.DUTIES)


# ---- Illinois -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["enrol", "verify", "identify"])
def test_illinois_serves_a_private_user_with_release_policy_and_agreement(action: str) -> None:
    verdict = decided("fresh", use("US-IL", action=action), BIPA_READY)
    assert verdict.allowed
    assert verdict.duties == ("delete-within-3-years", "never-sell")


@pytest.mark.parametrize(
    ("rule", "change", "fact"),
    [
        ("release", {"written_release": False}, ("consent.written_release", True)),
        ("public-policy", {"paperwork": filed(public_policy=None)}, ("paperwork.public_policy", True)),
        ("searched", {"probe_basis": "notice"}, ("probe_basis", "consent")),
    ],
)
def test_illinois_names_the_one_thing_missing(rule: str, change: dict[str, Any], fact: tuple[str, object]) -> None:
    verdict = decided("fresh", use("US-IL"), replace(BIPA_READY, **change), lifts=True)
    assert ids(verdict) == [f"illinois-bipa.{rule}"]
    assert [lift.all for lift in verdict.lifted_when] == [(fact,)]


@pytest.mark.parametrize("sector", words.SECTORS)
def test_illinois_binds_private_users(sector: str) -> None:
    for asked in (use("US-IL", sector=sector), use("US-IL", sector="military", requested_by=frozenset({sector}))):
        assert ("release" in of("illinois-bipa", asked)) is (sector in PRIVATE)


def test_illinois_binds_where_seat_or_use_lies_there() -> None:
    for asked, bound in (
        (use("US-IL", seat_region="US-OR"), True),
        (use("US-OR", seat_region="US-IL"), True),
        (use("US-OR"), False),
        (ask(country="NZ"), False),
    ):
        assert bool(of("illinois-bipa", asked)) is bound


def test_a_company_in_the_united_states_names_its_region_or_has_what_illinois_asks() -> None:
    nowhere = ask(country="US", action="verify")
    verdict = decided("fresh", nowhere, lifts=True)
    assert ids(verdict) == ["illinois-bipa.region-missing"]
    assert [{name for name, _ in lift.all} for lift in verdict.lifted_when] == [
        {"consent.written_release", "paperwork.public_policy"}
    ]
    assert decided("fresh", nowhere, BIPA_READY).allowed
    assert decided("fresh", ask(country="US", action="identify"), BIPA_READY).allowed
    assert decided("fresh", use("US-OR", action="verify")).allowed
    assert decided("fresh", ask(country="US", action="detect")).allowed


@pytest.mark.parametrize("basis", words.PROBE_BASES)
@pytest.mark.parametrize("kind", words.AUTHORITY_KINDS)
def test_illinois_hands_on_by_consent_duty_or_order(basis: str, kind: str) -> None:
    asked = use("US-IL", action="disclose")
    open_to = basis in ("consent", "legal-duty")
    assert (of("illinois-bipa", asked, facts(probe_basis=basis)) == set()) is open_to
    shown = facts(probe_basis=basis, authority=authority(kind=kind))
    assert (of("illinois-bipa", asked, shown) == set()) is (open_to or kind in ("warrant", "court-order"))


# ---- drafts ---------------------------------------------------------------------------------------------------------

IN_PORTLAND = use("US-OR", locality="Portland, OR", place="public-accommodation", action="verify")
# (pack, rule, an ask that it denies, its facts, the nearest that it does not, its facts)
RULES: list[tuple[str, str, Ask, Facts, Ask, Facts]] = [
    ("texas-cubi", "consent", use("US-TX"), facts(consent="none"), use("US-OR"), facts(consent="none")),
    ("texas-cubi", "consent", use("US-TX"), facts(consent="none"), use("US-TX", sector="nonprofit"), FACTS),
    (
        "texas-cubi", "public-image", use("US-TX"), at("2026-01-01", facts(consent="demonstration")),
        use("US-TX"), at("2025-12-31", facts(consent="demonstration")),
    ),
    (
        "texas-cubi", "disclosure", use("US-TX", action="disclose"), facts(authority=authority(kind="court-order")),
        use("US-TX", action="disclose"), facts(authority=authority()),
    ),
    (
        "texas-cubi", "disclosure", use("US-TX", action="disclose"), facts(probe_basis="consent"),
        use("US-TX", action="disclose", purpose="missing-persons"), facts(probe_basis="consent"),
    ),
    ("texas-cubi", "region-missing", ask(country="US", action="disclose"), FACTS, ask(country="US"), FACTS),
    *(
        ("portland-34.10", rule, replace(asked, place="public-accommodation"), FACTS, other, known)
        for rule, asked in (
            ("public-accommodation", use("US-OR", locality="Portland, OR")),
            ("locality-missing", use("US-OR")),
            ("locality-missing", ask(country="US")),
        )
        for other, known in (
            (replace(asked, place="private"), FACTS),
            (replace(asked, place="public-accommodation", action="verify"), FACTS),
            (replace(asked, place="public-accommodation", sector="police"), FACTS),
            (replace(asked, place="public-accommodation"), facts(probe_basis="legal-duty")),
            (replace(asked, place="public-accommodation"), at("2020-12-31")),
            (use("US-OR", locality="Salem, OR", place="public-accommodation"), FACTS),
        )
    ),
    (
        "portland-34.10", "public-accommodation", IN_PORTLAND, activity(one_to_many=True),
        IN_PORTLAND, FACTS,
    ),
    ("massachusetts-2020", "written-basis", use("US-MA", sector="police"), FACTS, use("US-MA", sector="police"),
     facts(authority=authority(kind="court-order"))),
    ("massachusetts-2020", "written-basis", use("US-MA", sector="police"),
     facts(authority=authority(kind="judicial-authorisation")), use("US-MA", sector="police"),
     facts(authority=authority(kind="exigency"))),
    ("massachusetts-2020", "written-basis", use("US-MA", sector="police"), at("2021-07-01"),
     use("US-MA", sector="police"), at("2021-06-30")),
    ("massachusetts-2020", "region-missing", ask(country="US", requested_by=frozenset({"police"})), FACTS,
     ask(country="US"), FACTS),
    *(
        ("maine-2021", "own-use", use("US-ME", sector=sector), FACTS, use("US-ME", sector="commercial"), FACTS)
        for sector in ("police", "sheriff", "corrections", "prosecution", "public-agency")
    ),
    ("maine-2021", "own-use", use("US-ME", acts_for=frozenset({"public-agency"}), purpose="missing-persons"), FACTS,
     use("US-ME", requested_by=frozenset({"public-agency"}), purpose="missing-persons"), FACTS),
    ("maine-2021", "own-use", use("US-ME", sector="police"), at("2021-06-01"), use("US-ME", sector="police"),
     at("2021-05-31")),
    ("maine-2021", "request", use("US-ME", requested_by=frozenset({"police"})), FACTS,
     use("US-ME", requested_by=frozenset({"police"}), purpose="deceased-identification"), FACTS),
    ("maine-2021", "region-missing", ask(country="US", sector="public-agency"), FACTS, ask(country="US"), FACTS),
    *(
        ("vermont-2020", "police", use("US-VT", sector=sector), FACTS, use("US-VT", sector="public-agency"), FACTS)
        for sector in ("police", "sheriff", "corrections", "prosecution")
    ),
    ("vermont-2020", "police", use("US-VT", sector="police"), at("2020-10-01"), use("US-VT", sector="police"),
     at("2020-09-30")),
    ("vermont-2020", "region-missing", ask(country="US", sector="police"), FACTS, use("US-OR", sector="police"), FACTS),
    *(
        ("san-francisco-2019", "departments", use("US-CA", sector=sector, locality="San Francisco, CA"), FACTS,
         use("US-CA", sector=sector, locality="Fresno, CA"), FACTS)
        for sector in ("police", "sheriff", "corrections", "prosecution", "public-agency")
    ),
    ("san-francisco-2019", "departments", use("US-CA", sector="police", locality="San Francisco, CA"),
     at("2019-05-21"), use("US-CA", sector="police", locality="San Francisco, CA"), at("2019-05-20")),
    ("san-francisco-2019", "locality-missing", use("US-CA", sector="police"), FACTS, use("US-OR", sector="police"),
     FACTS),
    ("san-francisco-2019", "locality-missing", ask(country="US", sector="police"), FACTS, ask(country="US"), FACTS),
]  # fmt: skip


@pytest.mark.parametrize(("pack", "rule", "asked", "known", "other", "otherwise"), RULES)
def test_each_rule_of_a_draft_denies_and_its_neighbour_is_free(
    pack: str, rule: str, asked: Ask, known: Facts, other: Ask, otherwise: Facts
) -> None:
    assert rule in of(pack, asked, known)
    assert rule not in of(pack, other, otherwise)


BAN = (("maine-2021", "US-ME"), ("vermont-2020", "US-VT"), ("san-francisco-2019", "US-CA"), ("virginia-2022", "US-VA"))


@pytest.mark.parametrize(("pack", "region"), BAN)
def test_records_can_always_be_handed_back(pack: str, region: str) -> None:
    assert of(pack, use(region, sector="police", action="export", locality="San Francisco, CA")) == set()


@pytest.mark.parametrize(
    ("pack", "region"), [("virginia-2022", "US-VA"), ("vermont-2020", "US-VT"), ("maine-2021", "US-ME")]
)
def test_a_ban_is_lifted_by_nothing(pack: str, region: str) -> None:
    verdict = cedar.decide(alone(pack), use(region, sector="police"), papers(), lifts=True)
    assert (verdict.answer, verdict.lifted_when) == ("deny", ())


# ---- Virginia: an authorised use, 2022 to 2026 ----------------------------------------------------------------------

VIRGINIA = use("US-VA", sector="police", purpose="criminal-investigation")
THEN = at("2026-06-30", facts(paperwork=filed(), laws=(law(),), authority=CASE))


def test_virginia_allowed_a_listed_use_until_its_last_day_and_nothing_since() -> None:
    verdict = cedar.decide(alone("virginia-2022"), VIRGINIA, THEN)
    assert verdict.allowed
    assert set(verdict.duties) == {"two-reviewers", "not-sole-basis", "keep-records"}
    since = cedar.decide(alone("virginia-2022"), VIRGINIA, at("2026-07-01", THEN), lifts=True)
    assert (ids(since), since.lifted_when) == (["virginia-2022.sunset"], ())


@pytest.mark.parametrize(
    ("rule", "asked", "known"),
    [
        ("uses", replace(VIRGINIA, purpose="access-control"), THEN),
        ("accuracy", VIRGINIA, replace(THEN, model=model(worst_fnmr_ppm=20_001).model)),
        ("nist", VIRGINIA, replace(THEN, paperwork=filed(nist_evaluated=None))),
        ("public-policy", VIRGINIA, replace(THEN, paperwork=filed(public_policy=None))),
        ("real-time", replace(VIRGINIA, mode="real-time"), THEN),
        ("region-missing", replace(VIRGINIA, region="", seat_region=""), THEN),
    ],
)
def test_virginia_names_what_is_missing(rule: str, asked: Ask, known: Facts) -> None:
    assert of("virginia-2022", asked, known) == {rule}


@pytest.mark.parametrize(("ppm", "right"), [(20_000, True), (20_001, False)])
def test_virginia_asks_for_98_percent_in_every_group(ppm: int, *, right: bool) -> None:
    known = replace(THEN, model=model(worst_fnmr_ppm=ppm).model)
    assert cedar.decide(alone("virginia-2022"), VIRGINIA, known).allowed is right


# ---- Colorado -------------------------------------------------------------------------------------------------------

COLORADO = use("US-CO", sector="public-agency")


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("notice-of-intent", {"notice_of_intent": None}),
        ("report-sections", {"report_sections": frozenset("abc")}),
        ("report-purpose", {"report_purposes": frozenset({"access-control"})}),
        ("report-model", {"report_model_version": "v0"}),
        ("operational-test", {"operational_test_passed": None}),
        ("mitigation", {"mitigation_due": date(2026, 11, 21)}),
    ],
)
def test_colorado_names_the_one_thing_missing(rule: str, change: dict[str, Any]) -> None:
    asked = replace(COLORADO, purpose="benefits-eligibility")
    assert of("colorado-24-18", asked, papers()) == {"records"}
    verdict = cedar.decide(alone("colorado-24-18"), asked, papers(**change), lifts=True)
    assert ids(verdict) == [f"colorado-24-18.{rule}"]
    assert [len(lift.all) for lift in verdict.lifted_when] == [1]


def test_colorado_is_looser_where_its_own_words_are() -> None:
    asked = replace(COLORADO, purpose="benefits-eligibility")
    assert of("colorado-24-18", asked, papers(meetings=0, report_published=None)) == {"records"}
    assert of("colorado-24-18", COLORADO) == set()  # physical access control
    study = replace(COLORADO, purpose="research-evaluation")
    assert of("colorado-24-18", study) == set()
    assert of("colorado-24-18", replace(study, legal_effect="yes")) != set()
    assert of("colorado-24-18", asked, at("2022-08-09")) == set()
    assert of("colorado-24-18", asked, at("2022-08-10")) != set()
    live = replace(asked, mode="ongoing")
    assert of("colorado-24-18", live, papers()) == {"surveillance"}
    shown = replace(papers(), authority=authority(kind="court-order", purpose="benefits-eligibility"))
    assert of("colorado-24-18", live, shown) == {"records"}
    assert of("colorado-24-18", replace(asked, region="", seat_region="")) == {"region-missing"}
    assert of("colorado-24-18", replace(asked, region="", seat_region=""), papers()) == set()
