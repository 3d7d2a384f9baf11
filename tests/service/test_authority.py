"""Authorities, mitigation, disclosure, January and exemptions over the service; and who may file what for whom."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from countenance.domain import ids
from countenance.domain.errors import BadInput, Conflict, Incomplete, NotFound, Refused, Unauthenticated, UnknownWord
from countenance.service import accounts, detect, filings, identify, signed, statements
from countenance.service.use import Use
from tests.service.agency import PURPOSE, Agency, account
from tests.service.world import photo

if TYPE_CHECKING:
    from countenance.service.filings import Filed
    from tests.service.world import World


@pytest.fixture
def agency(world: World) -> Agency:
    made = Agency(world)
    made.in_order()
    return made


def warrant(agency: Agency, days: int = 30, **changed: Any) -> Filed:
    whole = {
        "kind": "warrant", "issuer": "Superior Court", "purpose": PURPOSE, "modes": ["one-off"],
        "start": ids.utc(agency.world.moment), "until": ids.utc(agency.at(days=days)), "person": "canary sought",
    }  # fmt: skip
    facts = {name: value for name, value in {**whole, **changed}.items() if value is not None}
    return agency.file("authority", **facts)


def called(agency: Agency, authority: str, **use: Any) -> Any:
    return detect.detect(agency.world.house, agency.who, photo(1), Use(authority=authority, **use))


def test_a_call_names_an_authority_and_the_rules_read_it(agency: Agency) -> None:
    filed = warrant(agency)
    context = called(agency, filed.filing).decision.verdict.context
    assert context["authority.kind"] == "warrant"
    assert (
        context["authority.names_person"] is context["authority.current"] is context["authority.covers_purpose"] is True
    )
    assert called(agency, "").decision.verdict.context["authority.kind"] == "none"
    nameless = warrant(agency, person=None)
    assert called(agency, nameless.filing).decision.verdict.context["authority.names_person"] is False


def test_an_authority_narrows_a_call_that_would_need_none(agency: Agency) -> None:
    inside = agency.world.collection(agency.who, "applicants", PURPOSE)
    for changed, says in (
        ({"purpose": "missing-persons", "kind": "court-order"}, "is for missing-persons"),
        ({"modes": ["post"]}, "for the mode post"),
        ({"collections": [inside.id]}, "another collection"),
        ({"days": 1}, "ended at"),
    ):
        filed = warrant(agency, **changed)
        agency.world.later(days=2 if "days" in changed else 0)
        with pytest.raises(Conflict, match=says) as refused:
            called(agency, filed.filing)
        leaf = agency.world.proven(refused.value.receipt).leaf.open
        assert (leaf["verdict"], leaf["outside-policy"]) == ("allow", "conflict")


def test_an_authority_for_a_collection_is_for_a_search_in_it(agency: Agency) -> None:
    inside = agency.world.collection(agency.who, "applicants", PURPOSE)
    filed = warrant(agency, collections=[inside.id])
    use = Use(authority=filed.filing)
    assert identify.identify(agency.world.house, agency.who, inside, photo(1), use).result.candidates == ()
    with pytest.raises(NotFound, match="no such collection"):
        warrant(agency, collections=["col_" + "0" * 32])


def test_another_agencys_authority_and_a_missing_one_are_one_answer(agency: Agency) -> None:
    theirs = warrant(Agency(agency.world)).filing
    said = []
    for name in (theirs, "fil_" + "0" * 32, agency.filed["notice"]):
        with pytest.raises(NotFound) as refused:
            called(agency, name)
        assert agency.world.proven(refused.value.receipt).leaf.open["context"]["authority.kind"] == "none"  # type: ignore[call-overload, index]
        said.append((refused.value.message, refused.value.next_step))
    assert len(set(said)) == 1


def test_exigency_holds_48_hours_to_the_second_and_is_not_extended(agency: Agency) -> None:
    filed = warrant(agency, kind="exigency", until=None, circumstances="canary: a child in the river")
    agency.world.later(hours=47, minutes=59, seconds=59)
    assert called(agency, filed.filing).decision.verdict.context["authority.current"] is True
    with pytest.raises(Conflict, match="not extended"):
        agency.file("extension", "authority", issuer="Court", until=ids.utc(agency.at(days=3)))
    agency.world.later(seconds=1)
    with pytest.raises(Conflict, match="ended at"):
        called(agency, filed.filing)


def test_an_extension_moves_the_end_and_an_ending_holds_at_once(agency: Agency) -> None:
    filed = warrant(agency, days=1)
    end = ids.utc(agency.at(days=3))
    with pytest.raises(BadInput, match="after the end"):
        agency.file("extension", "authority", issuer="Court", until=ids.utc(agency.at(hours=1)))
    agency.file("extension", "authority", issuer="Court", until=end)
    agency.world.later(days=2)
    assert called(agency, filed.filing)
    agency.file("ending", "authority", reason="Found.")
    with pytest.raises(Conflict, match="ended at"):
        called(agency, filed.filing)
    with pytest.raises(Conflict, match="ended at"):
        agency.file("extension", "authority", issuer="Court", until=ids.utc(agency.at(days=9)))


def test_what_a_judge_said_is_read_by_the_rules(agency: Agency) -> None:
    filed = warrant(agency)
    assert called(agency, filed.filing).decision.verdict.context["authority.authorised_in_time"] is True
    agency.file("ruling", "authority", step="refused", at=ids.utc(agency.world.moment), by="Superior Court")
    assert called(agency, filed.filing).decision.verdict.context["authority.authorised_in_time"] is False


def test_the_person_sought_is_sealed_and_in_no_list(agency: Agency) -> None:
    filed = warrant(agency, circumstances="canary facts")
    house = agency.world.house
    listed = filings.listed(house, agency.clerk, "", "authority", "", 100).result[0]
    assert [(one.id, one.sealed) for one in listed] == [(filed.filing, ("circumstances", "person"))]
    assert "canary" not in str(listed)
    assert filings.shown(house, agency.clerk, filed.filing).result.facts["person"] == "canary sought"
    stored = b"".join(path.read_bytes() for path in house.settings.data.rglob("*") if path.is_file())
    assert b"canary" not in stored


# -- who may file what ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["operator", "approver", "auditor", "reviewer"])
def test_the_providers_people_file_nothing_for_an_agency(agency: Agency, role: str) -> None:
    person = account(agency.world, role)
    with pytest.raises(Refused):
        filings.file(agency.world.house, person, "reviewer", "", {"account": agency.clerk.id, "alters": True})
    for read in (
        lambda: filings.shown(agency.world.house, person, agency.filed["notice"]),
        lambda: statements.draft(agency.world.house, person, [PURPOSE]),
        lambda: statements.january(agency.world.house, person, 2028, "judge"),
    ):
        with pytest.raises(Refused):
            read()


def test_an_auditor_of_the_agency_reads_and_files_nothing(agency: Agency) -> None:
    auditor = account(agency.world, "auditor", customer=agency.customer)
    assert filings.shown(agency.world.house, auditor, agency.filed["notice"]).result.kind == "notice"
    with pytest.raises(Refused):
        filings.file(agency.world.house, auditor, "reviewer", "", {"account": auditor.id, "alters": True})


def test_another_agencys_paper_is_a_missing_one(agency: Agency) -> None:
    other = Agency(agency.world)
    for about in (agency.filed["notice"], "fil_" + "0" * 32, "", "x"):
        with pytest.raises(NotFound, match="there is no such notice"):
            other.file("meeting", about, held=other.day, place="Here", attended=1, summary="No.")
    with pytest.raises(NotFound, match="there is no such paper"):
        filings.shown(agency.world.house, other.clerk, agency.filed["notice"])
    with pytest.raises(NotFound):
        other.file("operators", key=agency.who.key, accounts=[other.clerk.id])
    with pytest.raises(NotFound):
        other.file("reviewer", account=agency.clerk.id, alters=True)
    with pytest.raises(NotFound):
        other.file("disclosure", case="1", defendant="X", trial="2029-01-01", decisions=["0"])


def test_a_paper_that_begins_is_about_nothing_and_an_unknown_kind_is_named(agency: Agency) -> None:
    with pytest.raises(BadInput, match="about no other paper"):
        agency.file("reviewer", agency.filed["notice"], account=agency.clerk.id, alters=True)
    with pytest.raises(UnknownWord, match="no kind of paper"):
        agency.file("wish")


def test_the_private_key_shows_who_files_on_the_machine(agency: Agency) -> None:
    key, other = signed.PersonKey(bytes(range(32))), signed.PersonKey(bytes(32))
    new = accounts.NewAccount("Bo Person", frozenset({"operator"}), key.public, agency.customer)
    made = accounts.register_here(agency.world.house, new)
    assert accounts.held(agency.world.house, made.id, key).customer == agency.customer
    for name, given in ((made.id, other), ("acc_" + "0" * 32, key)):
        with pytest.raises(Unauthenticated):
            accounts.held(agency.world.house, name, given)
    accounts.end_here(agency.world.house, made.id)
    with pytest.raises(Unauthenticated):
        accounts.held(agency.world.house, made.id, key)


# -- the provider's duty --------------------------------------------------------------------------------------


def unfair(agency: Agency, days_ago: int = 0) -> str:
    received = (agency.world.moment - timedelta(days=days_ago)).date().isoformat()
    return agency.file(
        "independent-test", tester="A university", received=received, material=True, summary="Unequal."
    ).filing


def test_an_independent_test_is_answered_step_by_step_by_the_provider(agency: Agency) -> None:
    house, operator = agency.world.house, account(agency.world, "operator")
    test = unfair(agency)
    with pytest.raises(Conflict, match="the provider's"):
        agency.file("mitigation", test, step="plan", text="Ours?")
    with pytest.raises(Refused):
        filings.mitigate(house, agency.clerk, test, {"step": "plan", "text": "Ours?"})
    with pytest.raises(Refused) as other:
        filings.mitigate(house, Agency(agency.world).clerk, test, {"step": "plan", "text": "Ours?"})
    closed = agency.world.proven(other.value.receipt).closed
    assert closed is not None
    assert (closed["customer"] == agency.customer, closed["matter"]) == (False, "")
    with pytest.raises(Refused):
        filings.mitigate(house, account(agency.world, "auditor"), test, {"step": "plan", "text": "Ours?"})
    for wrong in ("implemented", "retested"):
        with pytest.raises(Conflict, match="comes next here is plan"):
            filings.mitigate(house, operator, test, {"step": wrong, "text": "Now."})
    for step in ("plan", "implemented", "retested"):
        assert filings.mitigate(house, operator, test, {"step": step, "text": "Done."}).result.kind == "mitigation"
    with pytest.raises(Conflict, match="nothing"):
        filings.mitigate(house, operator, test, {"step": "plan", "text": "Again."})
    with pytest.raises(NotFound):
        filings.mitigate(house, operator, agency.filed["notice"], {"step": "plan", "text": "What?"})


def test_overdue_mitigation_blocks_what_is_new_at_every_agency(agency: Agency) -> None:
    other, operator = Agency(agency.world), account(agency.world, "operator")
    test = unfair(agency, days_ago=90)
    other.tested()
    agency.world.later(days=1)
    with pytest.raises(Incomplete, match="WA-050-2"):
        other.tested()
    other.notice()
    other.draft()
    with pytest.raises(Incomplete, match="mitigation is overdue"):
        other.published()
    for step in ("plan", "implemented"):
        filings.mitigate(agency.world.house, operator, test, {"step": step, "text": "Done."})
    other.tested()


def test_a_test_without_the_developers_guidance_is_not_taken(agency: Agency) -> None:
    with pytest.raises(Incomplete, match="WA-040"):
        agency.tested(guidance=False)


# -- what the server writes -----------------------------------------------------------------------------------


def test_a_disclosure_is_written_from_what_was_done(agency: Agency) -> None:
    used = detect.detect(agency.world.house, agency.who, photo(1), Use())
    trial = (agency.world.moment + timedelta(days=60)).date()
    filed = agency.file(
        "disclosure", case="27-1", defendant="canary defendant", trial=trial.isoformat(), decisions=[str(used.index)]
    )
    text = statements.disclosure(agency.world.house, agency.clerk, filed.filing).result.text
    for part in ("27-1", "canary defendant", f"leaf {used.index} ", "may not be the sole basis", "all, false match",
                 (trial - timedelta(days=30)).isoformat()):  # fmt: skip
        assert part in text.replace("\n", " ")
    stands = statements.stands(agency.world.house, agency.clerk, PURPOSE, "private", "none", agency.who.key).result
    assert ("disclosure", "due") in [(one.kind, one.state) for one in stands.due]
    agency.file("disclosed", "disclosure", on=agency.day, how="By letter.")
    stands = statements.stands(agency.world.house, agency.clerk, PURPOSE, "private", "none", agency.who.key).result
    assert ("disclosure", "told") in [(one.kind, one.state) for one in stands.due]
    with pytest.raises(NotFound):
        statements.disclosure(agency.world.house, Agency(agency.world).clerk, filed.filing)


def test_january_reports_on_the_year_before(agency: Agency) -> None:
    year = agency.world.moment.year
    whole: dict[str, Any] = {
        "sought": "warrant", "outcome": "denied", "applied": f"{year}-01-02", "ended": f"{year}-01-03", "days": 30,
        "extensions": 0, "extension_days": 0, "judge": "J. Judge", "officer": "O.", "agency": "A.",
        "authorised_by": "B.", "spaces": "A square.",
    }  # fmt: skip
    for persons in (["female|white|18-29|king"] * 12, ["male|black|30-44|pierce"] * 15, ["male|asian|30-44|king"] * 3):
        agency.file("warrant-application", **whole, persons=persons)
    house, clerk = agency.world.house, agency.clerk
    judge = json.loads(statements.january(house, clerk, year + 1, "judge").result.text)
    assert [(one["judge"], one["outcome"]) for one in judge["applications"]] == [("J. Judge", "denied")] * 3
    assert "persons" not in str(judge["applications"])
    law = json.loads(statements.january(house, clerk, year + 1, "legislature").result.text)
    assert law["persons"]["gender"] == {"counts": {"female": 12, "male": 18}, "withheld": 0, "total": 30}
    assert law["persons"]["race"] == {"counts": {}, "withheld": 30, "total": 30}  # 3 alone would be 30 less the others
    assert law["item"]["evidence"] == "T"
    assert json.loads(statements.january(house, clerk, year, "judge").result.text)["applications"] == []
    for wrong in ((year, "everybody"), (2020, "judge")):
        with pytest.raises(BadInput):
            statements.january(house, clerk, *wrong)


def test_an_exemption_is_read_for_its_purpose(agency: Agency) -> None:
    assert called(agency, "").decision.verdict.context["paperwork.federal_exemption"] is False
    agency.file(
        "exemption", ground="federal-mandate", basis="An order", purposes=[PURPOSE], reported_to="The Legislature",
        reported=agency.day,
    )  # fmt: skip
    assert called(agency, "").decision.verdict.context["paperwork.federal_exemption"] is True
    stands = statements.stands(agency.world.house, agency.clerk, PURPOSE, "private", "none", "").result
    assert (stands.exempt, stands.in_order) == ("federal-mandate", True)


def test_an_unknown_use_is_named(agency: Agency) -> None:
    with pytest.raises(UnknownWord):
        statements.stands(agency.world.house, agency.clerk, "spying", "private", "none", "")
    for purposes in ([], ["spying"]):
        with pytest.raises(UnknownWord):
            statements.draft(agency.world.house, agency.clerk, purposes)
