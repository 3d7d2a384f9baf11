"""An agency's people by both kinds of client: a paper is believed once its two receipts and its digest hold."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from countenance.client import AsyncClient, Client
from countenance.domain.errors import Incomplete, NotFound, Refused, Unverified
from countenance.service import agencies
from countenance.service.application import Application
from tests.client.test_office import Office, office
from tests.ledger.world import SIGNER

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["office"]
PURPOSE = "benefits-eligibility"
CHANGE = {"what": "camera", "on": "2026-01-10"}


def clerk(office: Office, *roles: str) -> Any:
    """A person of an agency that was registered to file."""
    application = Application(
        name="Department of Benefits", sector="public-agency", country="US", region="US-WA", contact="A. Person",
        purposes=frozenset({PURPOSE}), attested_by="A. Person",
    )  # fmt: skip
    made = agencies.register_here(office.doors.world.house, application)
    return office.person(*(roles or ("operator",)), customer=made.customer)


def test_a_paper_is_filed_listed_and_shown(office: Office) -> None:
    bo = clerk(office)
    day = office.doors.world.moment.date().isoformat()
    notice = bo.file_paper(
        "notice", {"authority": "The Legislature", "service": "Desk", "purposes": [PURPOSE], "filed": day}
    )
    assert notice.proof.closed["matter"] == notice.id
    draft = json.loads(bo.draft_report([PURPOSE]).text)
    made = bo.file_paper("draft", draft, notice.id)
    assert made.document.startswith("countenance-accountability-report@v1\n")
    assert [(one.kind, one.public, one.sealed) for one in bo.papers(limit=1)] == [
        ("notice", True, ()), ("draft", True, ()),
    ]  # fmt: skip
    assert bo.paper(notice.id).facts["authority"] == "The Legislature"
    stands = bo.standing(PURPOSE)
    assert (stands.in_order, [line.item for line in stands.lines if line.holds][:1]) == (False, ["WA-020-1"])
    with pytest.raises(Incomplete, match="WA-020-3-period"):
        bo.file_paper("publication", {"posted": "https://a.example", "submitted": day}, notice.id)
    assert json.loads(bo.january(2027, "legislature").text)["report"] == "legislature"
    with pytest.raises(NotFound):
        bo.disclosure(notice.id)
    with pytest.raises(NotFound):
        bo.paper("fil_" + "0" * 32)


def test_anybody_reads_what_was_published_and_believes_a_text_by_its_digest(office: Office) -> None:
    bo, day = clerk(office), office.doors.world.moment.date().isoformat()
    facts = {"authority": "The Legislature", "service": "Desk", "purposes": [PURPOSE], "filed": day}
    notice = bo.file_paper("notice", facts)
    bo.file_paper("notice", {**facts, "service": "Another desk"})
    anybody = office.made(Client, AsyncClient)
    found = list(anybody.reports(limit=1))
    assert [(one.agency, one.service, one.state) for one in found] == [
        ("Department of Benefits", "Desk", "notice"), ("Department of Benefits", "Another desk", "notice"),
    ]  # fmt: skip
    whole = anybody.report(notice.id)
    assert (whole.report, whole.text) == (found[0], notice.document)
    assert [(one.kind, one.digest) for one in whole.documents] == [("notice", notice.digest)]
    with pytest.raises(NotFound):
        anybody.report("fil_" + "0" * 32)


def test_a_report_whose_text_was_changed_on_its_way_is_not_believed() -> None:
    told = {
        "id": "fil_1", "agency": "A", "service": "B", "authority": "C", "purposes": [PURPOSE], "state": "notice",
        "opened": "", "comments_until": "", "comments": 0, "meetings": 0, "published": "", "usable_from": "",
        "lapses": "", "digest": "sha256:" + hashlib.sha256(b"as it was").hexdigest(),
    }  # fmt: skip

    def answer(text: str) -> Any:
        body = {"report": told, "text": text, "documents": []}
        transport = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
        return Client("http://127.0.0.1:1", log_key=SIGNER.vkey, transport=transport)

    assert answer("as it was").report("fil_1").text == "as it was"
    with pytest.raises(Unverified, match="not that of its digest"):
        answer("as it became").report("fil_1")


def test_an_agency_applies_as_itself_and_is_believed_by_its_receipts(office: Office) -> None:
    """One whose law asks for papers is refused without them; one that no law binds waits for an approver."""
    words: dict[str, Any] = {"contact": "A. Person", "attested_by": "A. Person"}
    with pytest.raises(Refused) as denied:
        clerk(office).apply(
            name="Department of Benefits",
            sector="public-agency",
            country="US",
            region="US-WA",
            purposes=[PURPOSE],
            **words,
        )
    assert "washington-rcw-43.386.notice-of-intent" in {one.id for one in denied.value.decision.verdict.reasons}
    pool = Application(
        name="Pool", sector="commercial", country="DE", purposes=frozenset({"access-control"}), **words
    )  # fmt: skip
    made = agencies.register_here(office.doors.world.house, pool)
    bo = office.person("operator", customer=made.customer)
    asked = bo.apply(name="Pool", sector="commercial", country="DE", purposes=["access-control"], **words)
    assert [one.ask.action for one in asked.decisions] == ["provision"]
    assert asked.proofs[0].closed["customer"] == made.customer
    ada = office.person("approver")
    assert ada.approve(ada.application(asked.application)).customer == made.customer


def test_the_provider_mitigates_and_files_nothing(office: Office) -> None:
    bo, ada = clerk(office), office.person("operator")
    day = office.doors.world.moment.date().isoformat()
    test = bo.file_paper(
        "independent-test", {"tester": "A university", "received": day, "material": True, "summary": "Unequal."}
    )
    assert ada.mitigate(test.id, "plan", "Better thresholds.").kind == "mitigation"
    with pytest.raises(Refused):
        ada.file_paper("change", CHANGE)
    with pytest.raises(Refused):
        bo.mitigate(test.id, "implemented", "Ours.")


LIES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "another text": lambda body: {**body, "document": body["document"] + " "},
    "another digest": lambda body: {**body, "digest": "sha256:" + "0" * 64},
    "another kind": lambda body: {**body, "kind": "notice"},
    "another paper": lambda body: {**body, "filing": "fil_" + "0" * 32},
    "no receipt of the paper": lambda body: {**body, "filed_receipt": ""},
    "the act's receipt twice": lambda body: {**body, "filed_receipt": body["receipt"]},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_paper_that_its_receipts_do_not_prove_is_not_believed(office: Office, lie: str) -> None:
    bo = clerk(office)
    office.between.lie = LIES[lie]
    with pytest.raises(Unverified):
        bo.file_paper("change", CHANGE)


def test_another_papers_leaf_is_not_believed(office: Office) -> None:
    bo = clerk(office)
    first = bo.file_paper("change", CHANGE)
    fresh = office.person("operator", customer=bo.paper(first.id).proof.closed["customer"])
    office.between.lie = lambda body: {**body, "filed_receipt": first.filed_receipt}
    with pytest.raises(Unverified):
        fresh.file_paper("change", CHANGE)
