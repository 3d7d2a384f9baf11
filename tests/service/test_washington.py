"""Washington, whole, over the service: from a notice to an answer, and each single thing that can be missing.

What an agency filed is read by the gate of every call; the policy says what is missing, and names it.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from countenance.domain.errors import Conflict, Incomplete, NotFound, Refused
from countenance.service import accounts, detect, filings, reports, statements
from countenance.service.use import Use
from countenance.statute.papers import PUBLIC
from countenance.storage.tables import filings as rows
from tests.service.agency import PURPOSE, Agency, account
from tests.service.world import photo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.service.world import World


@pytest.fixture
def agency(world: World) -> Agency:
    return Agency(world)


PACK = "washington-rcw-43.386"
RULES = {
    "notice_of_intent": "notice-of-intent", "report.all_sections": "report-sections",
    "report.covers_purpose": "report-purpose", "report.names_model": "report-model",
    "report.three_meetings": "report-meetings", "report.published_90_days": "report-published",
    "report.updated_within_2_years": "report-updated", "report.addresses_errors": "report-errors",
    "operational_test": "operational-test", "one_reviewer": "human-review", "training_valid": "training",
    "mitigation_overdue": "mitigation",
}  # fmt: skip
"""By the fact that is read: the rule of the pack that names it."""


def call(agency: Agency, **use: Any) -> Any:
    return detect.detect(agency.world.house, agency.again(), photo(1), Use(**use))


def refused(agency: Agency, **use: Any) -> set[str]:
    """The facts that the policy refused a call for, by the rules that it named."""
    with pytest.raises(Refused) as denied:
        call(agency, **use)
    return facts_of(denied.value)


def facts_of(denied: Refused) -> set[str]:
    named = {reason.id for reason in denied.decision.verdict.reasons}
    assert all(name.startswith(f"{PACK}.") for name in named)
    return {fact for fact, rule in RULES.items() if f"{PACK}.{rule}" in named}


def test_an_agency_with_everything_in_order_is_admitted_and_allowed(agency: Agency) -> None:
    agency.in_order()
    context = call(agency).decision.verdict.context
    assert context["paperwork.complete"] is True


def test_with_nothing_filed_an_agency_is_not_admitted_and_each_thing_is_named(agency: Agency) -> None:
    with pytest.raises(Refused) as denied:
        agency.admit()
    assert facts_of(denied.value) == set(RULES) - {"mitigation_overdue", "report.addresses_errors"}


BEFORE: dict[str, tuple[str, str]] = {
    "90 days": ("90 days", "report.published_90_days"),
    "an operational test": ("test", "operational_test"),
    "a reviewer": ("reviewer", "one_reviewer"),
}


@pytest.mark.parametrize("thing", BEFORE)
def test_an_agency_that_lacks_one_thing_is_not_admitted_and_it_is_named(agency: Agency, thing: str) -> None:
    without, fact = BEFORE[thing]
    with pytest.raises(Refused) as denied:
        agency.in_order((without,))
    assert facts_of(denied.value) == {fact}


def test_without_training_there_is_no_reviewer_either(agency: Agency) -> None:
    with pytest.raises(Refused) as denied:
        agency.in_order(("training",))
    assert facts_of(denied.value) == {"training_valid", "one_reviewer"}


def _untrained_colleague(agency: Agency) -> None:
    other = account(agency.world, "operator", customer=agency.customer)
    agency.operators(agency.clerk.id, other.id)


def _camera_changed(agency: Agency) -> None:
    agency.file("change", what="camera", on=agency.day)


def _unequal(agency: Agency) -> None:
    agency.file(
        "independent-test", tester="A university", received=agency.day, material=False, summary="Elders.",
        rates={"elders": 10_000},
    )  # fmt: skip


def _overdue(agency: Agency) -> None:
    received = (agency.world.moment - timedelta(days=91)).date().isoformat()
    agency.file("independent-test", tester="A university", received=received, material=True, summary="Unequal.")


def _ended_account(agency: Agency) -> None:
    accounts.end_here(agency.world.house, agency.clerk.id)


def _no_reviewer(agency: Agency) -> None:
    agency.reviewer(alters=False)


AFTER: dict[str, tuple[Callable[[Agency], None], set[str]]] = {
    "a colleague's training": (_untrained_colleague, {"training_valid"}),
    "a test after the camera changed": (_camera_changed, {"operational_test"}),
    "mitigation in time": (_overdue, {"mitigation_overdue"}),
    "an account in force": (_ended_account, {"training_valid", "one_reviewer"}),
    "a reviewer who may alter": (_no_reviewer, {"one_reviewer"}),
}


@pytest.mark.parametrize("thing", AFTER)
def test_a_single_thing_that_falls_away_is_refused_and_named(agency: Agency, thing: str) -> None:
    prepare, facts = AFTER[thing]
    agency.in_order()
    prepare(agency)
    assert refused(agency) == facts
    stands = statements.stands(agency.world.house, agency.clerk, PURPOSE, "private", "none", agency.who.key).result
    named = {line.fact.removeprefix("paperwork.") for line in stands.lines if not line.holds}
    assert named == facts
    assert not stands.in_order


def test_who_uses_the_key_has_to_be_named(agency: Agency) -> None:
    agency.in_order(("operators",))
    assert refused(agency) == {"training_valid"}
    agency.operators()
    assert call(agency)


def test_a_rate_at_one_percent_needs_its_remedy_on_the_day_it_is_found(agency: Agency) -> None:
    agency.in_order()
    _unequal(agency)
    assert call(agency).decision.verdict.context["paperwork.report.addresses_errors"] is False
    agency.draft(remedies={})
    with pytest.raises(Incomplete, match="rate at or above one percent of elders"):
        agency.published()
    agency.draft()
    agency.published()
    assert call(agency).decision.verdict.context["paperwork.report.addresses_errors"] is True


def test_the_report_lapses_two_years_after_its_last_update(agency: Agency) -> None:
    agency.in_order()
    on_file, customer = agency.world.house.on_file, agency.customer
    use = on_file.use(PURPOSE, "private", "none")
    updated = on_file.paperwork(customer, use, "", agency.world.moment).report_updated
    assert updated is not None
    agency.draft()
    agency.published()
    again = on_file.paperwork(customer, use, "", agency.world.moment)
    assert again.report_updated == agency.world.moment.date() > updated
    assert again.report_published == updated  # the 90 days are not counted anew for the same model and purposes


def test_a_camera_that_was_not_tested_is_missing_its_test(agency: Agency) -> None:
    agency.in_order()
    assert refused(agency, camera="fixed") == {"operational_test"}


def test_a_restart_reads_the_same(agency: Agency) -> None:
    agency.in_order()
    agency.world.restart()
    assert call(agency)


def test_whoever_is_no_agency_has_nothing_on_file_and_costs_no_look(world: World) -> None:
    gym = world.customer()
    before = detect.detect(world.house, gym, photo(1), Use()).decision.verdict.context
    assert not any(before[name] for name in before if name.startswith("paperwork."))
    assert world.house.on_file._held == {}  # noqa: SLF001  what is not looked up is not kept


# -- reports --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("letter", "abcdefgh")
def test_a_report_without_an_item_is_not_published_and_the_item_is_named(agency: Agency, letter: str) -> None:
    agency.notice()
    agency.draft(without=letter)
    for place in ("Olympia", "Spokane", "Yakima"):
        agency.meeting(place)
    agency.world.later(days=30)
    with pytest.raises(Incomplete) as refused:
        agency.published()
    assert f"section {letter} is not written (WA-020-2{letter}, evidence" in refused.value.message
    assert agency.world.proven(refused.value.receipt).leaf.open["outside-policy"] == "incomplete"
    agency.draft()
    agency.published()


def test_every_gap_is_named_at_once(agency: Agency) -> None:
    agency.notice()
    with pytest.raises(Incomplete, match="there is no draft yet"):
        agency.meeting("Olympia")
    agency.draft(sections={}, remedies={})
    agency.meeting("Olympia")
    with pytest.raises(Incomplete) as refused:
        agency.published()
    for item in (*(f"WA-020-2{letter}" for letter in "abcdefgh"), "WA-020-3,", "WA-020-3-period"):
        assert item in refused.value.message


def test_a_new_purpose_needs_a_notice_of_its_own(agency: Agency) -> None:
    agency.notice()
    with pytest.raises(Incomplete, match="WA-020-7"):
        agency.draft(purposes=[PURPOSE, "credit"])


def test_a_comment_is_sealed_answered_in_public_and_then_the_report_is_final(agency: Agency) -> None:
    house = agency.world.house
    notice = agency.notice().filing
    with pytest.raises(Conflict, match="not open for comment"):
        reports.comment(house, notice, "Too early")
    agency.draft()
    said = reports.comment(house, notice, "canary: who looks at a wrong match?")
    leaf = agency.world.proven(said.filed_receipt).leaf.open
    assert (leaf["kind"], leaf["filed"], leaf["document"]) == ("filing", "comment", said.digest)
    for place in ("Olympia", "Spokane", "Yakima"):
        agency.meeting(place)
    agency.world.later(days=30)
    with pytest.raises(Incomplete, match=r"1 comment\(s\) are taken up by no issue"):
        agency.published()
    shown = filings.shown(house, agency.clerk, said.filing).result
    assert shown.facts["text"].startswith("canary")
    agency.file("issue", "notice", raised="Wrong matches", answer="Two people look.", comments=[said.filing])
    agency.published()
    with pytest.raises(Conflict, match="not open for comment"):
        reports.comment(house, notice, "Too late")
    whole = reports.shown(house, notice)
    assert "Two people look." in whole.text
    assert "canary" not in whole.text
    assert b"canary" not in b"".join(path.read_bytes() for path in house.settings.data.rglob("*") if path.is_file())


def test_an_issue_takes_up_comments_on_its_own_report_only(agency: Agency) -> None:
    agency.notice()
    agency.draft()
    with pytest.raises(NotFound, match="no such comment"):
        agency.file("issue", "notice", raised="A", answer="B", comments=["fil_" + "0" * 32])


def test_what_is_published_lies_beside_the_ledger_under_its_digest(agency: Agency, tmp_path: Path) -> None:
    agency.in_order()
    house = agency.world.house
    with house.database.read() as connection:
        filed = connection.execute(select(rows)).all()
    public = {row.digest: row.document for row in filed if row.document is not None}
    assert {row.kind for row in filed if row.document is not None} <= PUBLIC
    folder = house.settings.documents
    assert {path.name for path in folder.iterdir()} == {f"{name.replace(':', '-')}.txt" for name in public}
    for digest, text in public.items():
        raw = (folder / f"{digest.replace(':', '-')}.txt").read_bytes()
        assert raw.decode() == text == reports.document(house, digest)
        assert "sha256:" + hashlib.sha256(raw).hexdigest() == digest
    lost = next(folder.iterdir())
    kept = lost.read_bytes()
    lost.unlink()
    agency.world.restart()
    assert lost.read_bytes() == kept
    assert not any(tmp_path.rglob(".*.new"))


def test_each_paper_leaves_a_leaf_with_its_digest_and_nothing_else(agency: Agency) -> None:
    agency.in_order()
    house = agency.world.house
    with house.database.read() as connection:
        filed = connection.execute(select(rows).order_by(rows.c.number)).all()
    for row in filed:
        shown = filings.shown(house, agency.clerk, row.id).result
        assert "sha256:" + hashlib.sha256(shown.document.encode()).hexdigest() == row.digest == shown.digest
    made = agency.trained()
    proven = agency.world.proven(made.filed_receipt)
    assert set(proven.leaf.open) == {"v", "kind", "time", "policy", "laws", "model", "wheel", "filed", "document"}
    assert proven.closed is not None
    assert (proven.closed["matter"], proven.closed["customer"]) == (made.filing, agency.customer)


def test_the_digest_of_a_paper_that_is_not_public_is_salted(agency: Agency) -> None:
    first, second = agency.reviewer(), agency.reviewer()
    assert first.digest != second.digest
    one, other = (json.loads(each.document) for each in (first, second))
    assert one["facts"] == other["facts"]
    assert len(one["salt"]) == len(other["salt"]) == 32
    assert one["salt"] != other["salt"]
