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
from countenance.statute.papers import PUBLIC, TOPICS
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


def context(agency: Agency, **use: Any) -> dict[str, Any]:
    """What the rules read of one call."""
    try:
        answered = detect.detect(agency.world.house, agency.again(), photo(1), Use(**use))
    except Refused as refused:
        return dict(refused.decision.verdict.context)
    return dict(answered.decision.verdict.context)


def lacking(agency: Agency, **use: Any) -> set[str]:
    """Each fact of the chapter that a call lacks."""
    found = context(agency, **use)
    asked = [name for name in found if name.startswith("paperwork.")]
    other = {"public_policy", "rights_assessment", "eu_registration", "federal_exemption", "nist_evaluation",
             "two_reviewers", "complete", "mitigation_overdue"}  # fmt: skip
    words = {name.removeprefix("paperwork."): found[name] for name in asked}
    late = {"mitigation_overdue"} if words["mitigation_overdue"] else set()
    return {name for name, value in words.items() if not value and name not in other} | late


def test_with_nothing_filed_everything_is_lacking_and_in_order_nothing_is(agency: Agency) -> None:
    assert len(lacking(agency)) == 11
    agency.in_order()
    assert lacking(agency) == set()
    assert context(agency)["paperwork.complete"] is True


def _without(*names: str) -> Callable[[Agency], None]:
    return lambda agency: agency.in_order(names)


def _untrained_colleague(agency: Agency) -> None:
    agency.in_order()
    other = account(agency.world, "operator", customer=agency.who.customer.id)
    agency.operators(agency.clerk.id, other.id)


def _two_topics(agency: Agency) -> None:
    agency.in_order(("training",))
    agency.trained(TOPICS[:2])


def _camera_changed(agency: Agency) -> None:
    agency.in_order()
    agency.file("change", what="camera", on=agency.day)


def _lapsed(agency: Agency) -> None:
    agency.in_order(("training", "test"))
    agency.world.later(days=700)  # two years after the publication, which was 90 days before
    agency.trained()
    agency.tested()


def _unequal(agency: Agency) -> None:
    agency.in_order()
    agency.file(
        "independent-test", tester="A university", received=agency.day, material=False, summary="Elders.",
        rates={"elders": 10_000},
    )  # fmt: skip


def _overdue(agency: Agency) -> None:
    agency.in_order()
    received = (agency.world.moment - timedelta(days=91)).date().isoformat()
    agency.file("independent-test", tester="A university", received=received, material=True, summary="Unequal.")


def _ended_account(agency: Agency) -> None:
    agency.in_order()
    accounts.end_here(agency.world.house, agency.clerk.id)


MISSING: dict[str, tuple[Callable[[Agency], None], set[str]]] = {
    "90 days": (_without("90 days"), {"report.published_90_days"}),
    "an operational test": (_without("test"), {"operational_test"}),
    "training": (_without("training"), {"training_valid", "one_reviewer"}),
    "whoever uses the key": (_without("operators"), {"training_valid"}),
    "a reviewer": (_without("reviewer"), {"one_reviewer"}),
    "a colleague's training": (_untrained_colleague, {"training_valid"}),
    "a topic": (_two_topics, {"training_valid", "one_reviewer"}),
    "a test after the camera changed": (_camera_changed, {"operational_test"}),
    "an update after two years": (_lapsed, {"report.updated_within_2_years"}),
    "a remedy for one percent": (_unequal, {"report.addresses_errors"}),
    "mitigation in time": (_overdue, {"mitigation_overdue"}),
    "an account in force": (_ended_account, {"training_valid", "one_reviewer"}),
}


@pytest.mark.parametrize("thing", MISSING)
def test_the_gate_reads_which_single_thing_is_missing(agency: Agency, thing: str) -> None:
    prepare, facts = MISSING[thing]
    prepare(agency)
    assert lacking(agency) == facts
    assert context(agency)["paperwork.complete"] is False
    stands = statements.stands(agency.world.house, agency.clerk, PURPOSE, "private", "none", agency.who.key).result
    named = {line.fact.removeprefix("paperwork.") for line in stands.lines if not line.holds}
    assert named == facts
    assert not stands.in_order


@pytest.mark.parametrize("thing", ["place", "camera"])
def test_a_context_that_was_not_tested_is_missing_its_test(agency: Agency, thing: str) -> None:
    agency.in_order()
    word = {"place": "public-accommodation", "camera": "fixed"}[thing]
    assert lacking(agency, **{thing: word}) == {"operational_test"}


def test_a_restart_reads_the_same(agency: Agency) -> None:
    agency.in_order()
    agency.world.restart()
    assert lacking(agency) == set()


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
    assert (proven.closed["matter"], proven.closed["customer"]) == (made.filing, agency.who.customer.id)


def test_the_digest_of_a_paper_that_is_not_public_is_salted(agency: Agency) -> None:
    first, second = agency.reviewer(), agency.reviewer()
    assert first.digest != second.digest
    one, other = (json.loads(each.document) for each in (first, second))
    assert one["facts"] == other["facts"]
    assert len(one["salt"]) == len(other["salt"]) == 32
    assert one["salt"] != other["salt"]
