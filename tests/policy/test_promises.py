"""What companies promised and others demanded: the days of it, by and for whom, and what lifts it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from countenance.domain.decision import Ask, Facts, GrantFacts
from countenance.policy import cedar, packs, words
from tests.policy.asks import FACTS, LAWS, authority, ids, law

if TYPE_CHECKING:
    from countenance.domain.decision import Verdict

PROMISES = tuple(name for name in packs.shipped() if name not in LAWS and packs.read(name).header.begins is not None)
SETS = {name: cedar.load([name]) for name in PROMISES}
ACTIONS = tuple(action for action in words.ACTIONS if action not in ("analyse", "track"))  # which core never permits
POLICE_US = Ask("provision", "police", "US", "identity-verification", seat_country="US")


def on(day: str, **changes: Any) -> Facts:
    return replace(FACTS, on=datetime.fromisoformat(day).replace(tzinfo=UTC), **changes)


def decided(pack: str, asked: Ask, known: Facts, *, lifts: bool = False) -> Verdict:
    return cedar.decide(SETS[pack], asked, known, lifts=lifts)


@pytest.mark.parametrize(
    ("pack", "asked", "before", "since"),
    [
        ("microsoft-2020", POLICE_US, "2020-06-10", "2020-06-11"),
        ("microsoft-2020-strict", replace(POLICE_US, sector="corrections"), "2020-06-10", "2020-06-11"),
        ("amazon-2020", POLICE_US, "2020-06-09", "2020-06-10"),
        ("amazon-2021", POLICE_US, "2021-05-17", "2021-05-18"),
        ("ibm-2020", replace(POLICE_US, sector="commercial"), "2020-06-07", "2020-06-08"),
        ("aclu-2020", replace(POLICE_US, sector="prosecution"), "2020-06-10", "2020-06-11"),
        ("ms-mobile-2024", POLICE_US, "2024-04-30", "2024-05-01"),
    ],
)
def test_a_promise_begins_on_its_day(pack: str, asked: Ask, before: str, since: str) -> None:
    assert decided(pack, asked, on(before)).allowed
    denied = decided(pack, asked, on(since))
    assert (denied.answer, {each.partition(".")[0] for each in ids(denied)}) == ("deny", {pack})
    header = packs.read(pack).header
    assert str(header.begins) == since
    assert decided(pack, asked, on(before) if header.ends is None else on(str(header.ends))).allowed


def test_amazons_year_ends_and_its_extension_does_not() -> None:
    assert not decided("amazon-2020", POLICE_US, on("2021-06-09")).allowed
    assert decided("amazon-2020", POLICE_US, on("2021-06-10")).allowed
    both = cedar.load(["amazon-2020", "amazon-2021"])
    for day in ("2021-05-17", "2021-05-18", "2021-06-09", "2021-06-10", "2026-11-22"):
        assert not cedar.decide(both, POLICE_US, on(day)).allowed
    first = decided("amazon-2020", POLICE_US, on("2020-12-24"), lifts=True)
    assert [(lift.all, lift.says) for lift in first.lifted_when] == [
        ((("on", "2021-06-10"),), "when it is 2021-06-10 or later")
    ]
    assert decided("amazon-2021", POLICE_US, on("2021-06-10"), lifts=True).lifted_when == ()


@pytest.mark.parametrize("pack", ["microsoft-2020", "amazon-2020", "amazon-2021", "ms-mobile-2024"])
@pytest.mark.parametrize("action", ACTIONS)
def test_police_are_police_whether_they_ask_or_somebody_asks_for_them(pack: str, action: str) -> None:
    day = on("2021-06-01") if pack.startswith("amazon") else on("2026-11-22")
    company = Ask(action, "commercial", "US", "identity-verification", seat_country="US")
    assert decided(pack, company, day).allowed
    for asked in (
        replace(company, sector="sheriff"),
        replace(company, acts_for=frozenset({"police"})),
        replace(company, requested_by=frozenset({"sheriff", "commercial"})),
    ):
        assert decided(pack, asked, day).allowed == (action == "export")


@pytest.mark.parametrize("pack", ["microsoft-2020", "ms-mobile-2024"])
def test_seat_or_use_in_the_united_states(pack: str) -> None:
    day = on("2026-11-22")
    assert decided(pack, replace(POLICE_US, country="DE", seat_country="DE"), day).allowed
    assert not decided(pack, replace(POLICE_US, country="DE"), day).allowed
    assert not decided(pack, replace(POLICE_US, seat_country="DE"), day).allowed
    assert decided(pack, replace(POLICE_US, sector="federal-law-enforcement"), day).allowed


@pytest.mark.parametrize("pack", ["amazon-2020", "amazon-2021"])
@pytest.mark.parametrize(
    "name", ["Thorn", "International Centre for Missing and Exploited Children", "Marinus Analytics"]
)
@pytest.mark.parametrize("purpose", ["missing-persons", "trafficking-rescue"])
def test_the_named_may_search_for_victims_even_for_police(pack: str, name: str, purpose: str) -> None:
    asked = Ask("identify", "nonprofit", "US", purpose, seat_country="US", acts_for=frozenset({"police"}), minors="no")
    day = on("2021-06-01", organisation=name)
    assert decided(pack, asked, day).allowed
    assert not decided(pack, asked, replace(day, organisation="")).allowed
    assert not decided(pack, asked, replace(day, organisation=name.upper())).allowed  # no other spelling
    assert not decided(pack, replace(asked, purpose="fraud-prevention"), day).allowed
    declared = decided(pack, asked, replace(day, verified=False))  # a name that nobody checked
    assert f"{pack}.police" in ids(declared)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("sector", words.SECTORS)
def test_ibm_serves_nobody_and_lets_them_take_what_is_theirs(action: str, sector: str) -> None:
    asked = Ask(action, sector, "JP", "identity-verification", seat_country="JP")
    denied = decided("ibm-2020", asked, on("2026-11-22"), lifts=True)
    assert denied.allowed == (action == "export")
    assert denied.lifted_when == ()


@pytest.mark.parametrize("action", ACTIONS)
def test_the_aclu_leaves_law_enforcement_nothing_and_nothing_lifts_it(action: str) -> None:
    known = on("2026-11-22", laws=(law(),), authority=authority())
    for sector in words.SECTORS:
        asked = Ask(action, sector, "US", "identity-verification", seat_country="US")
        denied = decided("aclu-2020", asked, known, lifts=True)
        assert denied.allowed == (sector not in words.LAW_ENFORCEMENT)
        assert denied.lifted_when == ()
        assert not decided("aclu-2020", replace(asked, requested_by=frozenset({"intelligence"})), known).allowed


def test_limited_access_needs_an_approved_use_case_and_detection_needs_none() -> None:
    unapproved = on("2022-06-21", grant=GrantFacts(approved=False))
    rule = "ms-limited-access-2022.approval"
    for action in ACTIONS:
        asked = Ask(action, "commercial", "US", "access-control", seat_country="US")
        assert (rule in ids(decided("ms-limited-access-2022", asked, unapproved))) == (
            action in ("enrol", "verify", "identify")
        )
        assert decided("ms-limited-access-2022", asked, on("2022-06-21")).allowed
        before = replace(unapproved, on=unapproved.on - timedelta(days=1))
        assert rule not in ids(decided("ms-limited-access-2022", asked, before))
    asked = Ask("verify", "commercial", "US", "access-control", seat_country="US")
    (lift,) = decided("ms-limited-access-2022", asked, unapproved, lifts=True).lifted_when
    assert lift.all == (("grant.approved", True),)


@pytest.mark.parametrize("pack", ["ms-limited-access-2022", "microsoft-2018", "ibm-2020"])
def test_traits_are_read_for_nobody(pack: str) -> None:
    asked = Ask("analyse", "research", "US", "research-evaluation", seat_country="US")
    denied = decided(pack, asked, on("2026-11-22"), lifts=True)
    assert {each.partition(".")[0] for each in ids(denied)} == {"core", pack}
    assert denied.lifted_when == ()


@pytest.mark.parametrize(
    ("changes", "denied"),
    [
        ({}, True),
        ({"camera": "fixed"}, False),
        ({"camera": "none"}, False),
        ({"place": "private"}, False),
        ({"mode": "one-off"}, False),
        ({"mode": "near-real-time"}, True),
        ({"sector": "commercial"}, False),
        ({"sector": "commercial", "requested_by": frozenset({"intelligence"})}, True),
        ({"action": "export"}, False),
    ],
)
def test_live_recognition_on_mobile_cameras(changes: dict[str, Any], *, denied: bool) -> None:
    asked = Ask(
        "identify", "federal-law-enforcement", "FR", "missing-persons", seat_country="FR", mode="real-time",
        place="publicly-accessible", camera="mobile", minors="no",
    )  # fmt: skip
    found = decided("ms-mobile-2024", replace(asked, **changes), on("2026-11-22"))
    assert ("ms-mobile-2024.mobile-camera" in ids(found)) == denied
    assert "ms-mobile-2024.mobile-camera" not in ids(decided("ms-mobile-2024", asked, on("2024-04-30")))


def test_the_six_principles_as_far_as_a_server_holds_them() -> None:
    asked = Ask("identify", "commercial", "US", "access-control", seat_country="US", legal_effect="yes")
    denied = decided("microsoft-2018", asked, on("2026-11-22"), lifts=True)
    assert ids(denied) == ["microsoft-2018.human-control"]
    assert [lift.all for lift in denied.lifted_when] == [(("paperwork.one_reviewer", True),)]
    untold = decided("microsoft-2018", replace(asked, legal_effect="no"), on("2026-11-22", probe_basis="none"))
    assert ids(untold) == ["microsoft-2018.notice"]
    watched = replace(asked, sector="border-control", legal_effect="no", mode="ongoing")
    assert ids(decided("microsoft-2018", watched, on("2026-11-22"))) == ["microsoft-2018.lawful-surveillance"]
    held = on("2026-11-22", authority=authority(), laws=(law(),))
    assert decided("microsoft-2018", watched, held).allowed
    assert decided("microsoft-2018", watched, on("2018-12-16")).allowed


def test_the_header_says_the_days_on_which_the_rules_change_their_mind() -> None:
    """Before the first day a pack of forbids changes no answer; on its last it has nothing left to say."""
    core = cedar.load([])
    asks = [
        Ask(
            action,
            sector,
            "US",
            purpose,
            seat_country="US",
            legal_effect="yes",
            mode=mode,
            camera="mobile",
            place=place,
        )
        for action in words.ACTIONS
        for sector in ("police", "corrections", "commercial")
        for purpose in ("identity-verification", "missing-persons")
        for mode, place in (("one-off", "private"), ("real-time", "publicly-accessible"))
    ]
    for pack in PROMISES:
        header = packs.read(pack).header
        assert header.begins is not None
        quiet = [header.begins - timedelta(days=1), *([header.ends] if header.ends else [])]
        loud = [header.begins, *([header.ends - timedelta(days=1)] if header.ends else [])]
        for days, speaks in ((quiet, False), (loud, True)):
            for day in days:
                known = on(str(day), probe_basis="none")
                differs = [ids(decided(pack, each, known)) != ids(cedar.decide(core, each, known)) for each in asks]
                assert any(differs) == speaks, (pack, day)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("in_force: 2020-06-11", "in_force: must be `always`"),
        ("in_force: 2020-06-11 to 2020-06-11", "must end after it begins"),
        ("in_force: open to 2020-06-11", "must be a date"),
        ("in_force: 2020-02-30 to open", "must be a date"),
        ("status: maybe", "status: must be one of on, optional, draft"),
    ],
)
def test_a_header_that_says_no_such_day_or_status_is_refused(line: str, says: str) -> None:
    text = packs.read("microsoft-2020").text
    field = line.partition(":")[0]
    (old,) = [each for each in text.split("\n") if each.startswith(f"// {field}: ")]
    with pytest.raises(Exception, match=says):
        packs.parse(text.replace(old, f"// {line}").encode(), "microsoft-2020")
    with pytest.raises(Exception, match=f"line 1: the header lacks `{field}`"):
        packs.parse(text.replace(f"{old}\n", "").encode(), "microsoft-2020")


@pytest.mark.parametrize("chosen", [("core",), packs.shipped()])
def test_what_is_never_served_is_denied_under_every_pack_law_and_authority(chosen: tuple[str, ...]) -> None:
    policies = cedar.load(chosen)
    for purpose in (*words.NEVER_PURPOSES, *words.REFUSED_PURPOSES):
        held = on(
            "2026-11-22",
            laws=(law(),),
            authority=authority(purpose=purpose),
            organisation="Thorn",
            probe_basis="consent",
        )
        for action in words.ACTIONS:
            for sector in ("police", "individual", "public-agency"):
                asked = Ask(action, sector, "US", purpose, seat_country="US", region="US-WA", seat_region="US-WA")
                denied = cedar.decide(policies, asked, held, lifts=True)
                assert f"core.{purpose}" in ids(denied)
                assert (denied.answer, denied.lifted_when) == ("deny", ())
