"""Washington over HTTP: the whole walk from a notice to an allowed call, what anybody reads, and comments."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from countenance.domain.errors import Conflict
from countenance.http.budget import Budget, Rate
from countenance.service import admit, agencies
from countenance.service.application import Application
from countenance.statute.papers import TOPICS
from tests.http.conftest import Doors, bearer
from tests.http.people import Hand, hand
from tests.http.test_applications import approval
from tests.service.world import photo

if TYPE_CHECKING:
    import httpx

PURPOSE = "benefits-eligibility"


@dataclass
class Agency:
    """A state agency, one of its people; and a key, once it is admitted."""

    doors: Doors
    customer: str
    clerk: Hand
    key: str = ""
    key_id: str = ""

    def admit(self) -> None:
        made = admit.apply(self.doors.world.house, application(self.doors), customer=self.customer)
        self.key = made.key
        self.key_id = self.doors.client.get("/v1/me", headers=bearer(made.key)).json()["key"]

    @property
    def day(self) -> str:
        return self.doors.world.moment.date().isoformat()

    def file(self, kind: str, about: str = "", /, **facts: Any) -> httpx.Response:
        return self.clerk.post("/statute/filings", {"kind": kind, "about": about, "facts": facts})

    def filed(self, kind: str, about: str = "", /, **facts: Any) -> str:
        made = self.file(kind, about, **facts)
        assert made.status_code == 201, made.text
        assert made.headers["countenance-receipt"] == made.json()["receipt"]
        return str(made.json()["filing"])

    def call(self, **headers: str) -> httpx.Response:
        sent = {**bearer(self.key), "Content-Type": "image/png", **headers}
        return self.doors.client.post("/v1/detect", content=photo(1), headers=sent)

    def draft(self, notice: str) -> str:
        facts = json.loads(self.clerk.get(f"/statute/draft?purposes={PURPOSE}").json()["text"])
        facts["sections"] = {
            letter: text.replace("[[the agency: ", "We say of ").replace("]]", ".")
            for letter, text in facts["sections"].items()
        }
        return self.filed("draft", notice, **facts)


def application(doors: Doors) -> Application:
    return Application(
        name="Department of Benefits", sector="public-agency", country="US", region="US-WA", seat_country="US",
        seat_region="US-WA", purposes=frozenset({PURPOSE}), legal_effect="yes", contact="A. Person",
        attested_by="A. Person", verification=doors.world.verification(),
    )  # fmt: skip


@pytest.fixture
def agency(doors: Doors) -> Agency:
    customer = agencies.register_here(doors.world.house, application(doors)).customer
    return Agency(doors, customer, hand(doors, "operator", customer=customer))


def walk(agency: Agency) -> str:
    """Everything from the notice to the training; the id of the report."""
    world, client = agency.doors.world, agency.doors.client
    notice = agency.filed(
        "notice", authority="The Legislature", service="Benefits desk", purposes=[PURPOSE], filed=agency.day
    )
    agency.draft(notice)
    said = client.post(f"/v1/reports/{notice}/comments", json={"text": "Who looks at a wrong match?"})
    assert said.status_code == 201, said.text
    for place in ("Olympia", "Spokane", "Yakima"):
        agency.filed("meeting", notice, held=agency.day, place=place, attended=20, summary="Talked over.")
    agency.filed("issue", notice, raised="Wrong", answer="Two people look.", comments=[said.json()["comment"]])
    early = agency.file("publication", notice, posted="https://agency.example/report", submitted=agency.day)
    assert (early.status_code, early.json()["code"]) == (409, "incomplete")
    assert "WA-020-3-period" in early.json()["detail"]
    world.later(days=30)
    agency.filed("publication", notice, posted="https://agency.example/report", submitted=agency.day)
    world.later(days=90)
    agency.filed(
        "operational-test", context="At the desk.", passed=agency.day, purposes=[PURPOSE], places=["private"],
        cameras=["none"], guidance=True,
    )  # fmt: skip
    expires = agency.day.replace("2027", "2028")
    who = agency.clerk.account
    agency.filed("training", account=who, topics=[*TOPICS], completed=agency.day, expires=expires, trainer="C. Person")
    agency.filed("reviewer", account=who, alters=True)
    agency.admit()
    agency.filed("operators", key=agency.key_id, accounts=[who])
    return notice


def test_from_a_notice_to_an_allowed_call(agency: Agency) -> None:
    stands = agency.clerk.get(f"/statute/standing?purpose={PURPOSE}&key={agency.key_id}").json()
    assert (stands["in_order"], sum(line["holds"] for line in stands["lines"])) == (False, 1)  # nothing to mitigate
    walk(agency)
    stands = agency.clerk.get(f"/statute/standing?purpose={PURPOSE}&key={agency.key_id}").json()
    assert (stands["in_order"], stands["exempt"]) == (True, "")
    assert {line["evidence"] for line in stands["lines"]} >= {"T", "S", "R"}
    answer = agency.call()
    assert (answer.status_code, answer.json()["decision"]["decision"]) == (200, "allow")


def test_anybody_reads_a_report_word_for_word_under_its_digest(agency: Agency) -> None:
    notice, client = walk(agency), agency.doors.client
    (one,) = client.get("/v1/reports").json()["reports"]
    assert (one["id"], one["agency"], one["state"]) == (notice, "Department of Benefits", "final")
    assert (one["published"], one["usable_from"], one["lapses"]) == ("2026-12-22", "2027-03-22", "2028-12-22")
    whole = client.get(f"/v1/reports/{notice}")
    text = client.get(f"/v1/reports/{notice}/text")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.text == whole.json()["text"]
    assert "sha256:" + hashlib.sha256(text.content).hexdigest() == one["digest"]
    kinds = [document["kind"] for document in whole.json()["documents"]]
    assert kinds == ["notice", "draft", "meeting", "meeting", "meeting", "issue", "publication"]
    for path in ("/v1/reports", f"/v1/reports/{notice}", f"/v1/reports/{notice}/text"):
        etag = client.get(path).headers["etag"]
        assert client.get(path, headers={"If-None-Match": etag}).status_code == 304
    assert client.get("/v1/reports/fil_" + "0" * 32).status_code == 404
    training = agency.clerk.get("/statute/filings?kind=training").json()["filings"][0]["id"]
    assert client.get(f"/v1/reports/{training}").status_code == 404


def test_lists_go_on_where_they_stopped(agency: Agency) -> None:
    for number in range(3):
        agency.filed(
            "notice", authority="The Legislature", service=f"Desk {number}", purposes=[PURPOSE], filed=agency.day
        )
    client = agency.doors.client
    first = client.get("/v1/reports?limit=2").json()
    rest = client.get(f"/v1/reports?limit=2&after={first['next']}").json()
    assert [one["service"] for one in (*first["reports"], *rest["reports"])] == ["Desk 0", "Desk 1", "Desk 2"]
    assert rest["next"] is None
    for odd in ("x", "-1", "\u0663"):
        assert client.get("/v1/reports", params={"after": odd}).status_code == 400
    page = agency.clerk.get("/statute/filings?limit=2").json()
    assert len(agency.clerk.get(f"/statute/filings?limit=2&after={page['next']}").json()["filings"]) == 1


def test_comments_have_a_budget_of_their_own(agency: Agency) -> None:
    notice = agency.filed("notice", authority="The Legislature", service="Desk", purposes=[PURPOSE], filed=agency.day)
    agency.draft(notice)
    client = agency.doors.client
    client.app.state.commenting = Budget(Rate(burst=1, every=60), Rate(burst=9, every=1))
    path = f"/v1/reports/{notice}/comments"
    assert client.post(path, json={"text": "Why?"}).status_code == 201
    late = client.post(path, json={"text": "Why?"})
    assert (late.status_code, late.json()["code"]) == (429, "too-often")


@pytest.mark.parametrize(
    ("document", "status"),
    [({"text": ""}, 400), ({"text": " "}, 400), ({"text": "x" * 8001}, 400), ({}, 400), ({"text": 1}, 400),
     ({"text": "Why?", "name": "canary"}, 400), ({"text": "\u001b[2J"}, 400)],
)  # fmt: skip
def test_a_comment_that_is_none_is_refused(agency: Agency, document: dict[str, Any], status: int) -> None:
    notice = agency.filed("notice", authority="The Legislature", service="Desk", purposes=[PURPOSE], filed=agency.day)
    agency.draft(notice)
    size = agency.doors.world.house.log.size
    assert agency.doors.client.post(f"/v1/reports/{notice}/comments", json=document).status_code == status
    assert agency.doors.world.house.log.size == size


@pytest.mark.parametrize(
    ("document", "code", "says"),
    [({"kind": "wish", "facts": {}}, "bad-input", "kind"),
     ({"kind": "notice", "facts": {}}, "bad-input", "notice.authority"),
     ({"kind": "notice", "facts": {"when": 1}}, "bad-input", "when is no field of a notice"),
     ({"kind": "draft", "facts": {}}, "not-found", "no such notice"),
     ({"kind": "change", "facts": {"what": "hat", "on": "2026-11-22"}}, "unknown-word", "hat")],
)  # fmt: skip
def test_a_paper_that_is_none_is_named_and_leaves_its_leaf(
    agency: Agency, document: dict[str, Any], code: str, says: str
) -> None:
    refused = agency.clerk.post("/statute/filings", document)
    assert refused.json()["code"] == code
    assert says in refused.json()["detail"]


WIRE = {
    "name": "Department of Benefits", "sector": "public-agency", "country": "US", "region": "US-WA",
    "seat_country": "US", "seat_region": "US-WA", "purposes": [PURPOSE], "legal_effect": "yes", "contact": "A. Person",
    "attested_by": "A. Person",
}  # fmt: skip


class ByWire(Agency):
    """An agency that is admitted over HTTP: asked for by its clerk, signed by an approver, taken with the claim."""

    def admit(self) -> None:
        asked = self.clerk.post("/applications", WIRE)
        assert asked.status_code == 201, asked.text
        assert asked.headers["countenance-receipt"] == asked.json()["receipt"]
        ada, made = hand(self.doors, "approver"), asked.json()
        path = f"/applications/{made['application']}"
        approved = ada.post(f"{path}/approval", approval(ada, made["application"]))
        assert approved.status_code == 201, approved.text
        assert approved.json()["customer"] == self.customer
        taken = self.doors.client.post(f"/v1{path}/key", headers=bearer(made["claim"])).json()
        self.key, self.key_id = taken["key"], taken["id"]


@pytest.fixture
def wired(doors: Doors) -> ByWire:
    customer = agencies.register_here(doors.world.house, application(doors)).customer
    return ByWire(doors, customer, hand(doors, "operator", customer=customer))


def test_an_agency_applies_over_http_with_what_is_on_file_and_not_without(wired: ByWire) -> None:
    early = wired.clerk.post("/applications", WIRE)
    named = {reason["id"].rpartition(".")[2] for reason in early.json()["decision"]["reasons"]}
    assert (early.status_code, named >= {"notice-of-intent", "report-published", "training"}) == (403, True)
    walk(wired)
    assert wired.call().json()["decision"]["decision"] == "allow"
    again = wired.clerk.post("/applications", WIRE)
    assert (again.status_code, again.json()["detail"]) == (409, "this customer was admitted before")


def test_the_same_application_of_a_stranger_finds_no_papers(wired: ByWire) -> None:
    walk(wired)
    stranger = wired.doors.client.post("/v1/applications", json=WIRE)
    assert stranger.status_code == 403
    reasons = {reason["id"] for reason in stranger.json()["decision"]["reasons"]}
    assert "washington-rcw-43.386.notice-of-intent" in reasons


def test_an_approval_decides_an_agency_again_by_the_papers_of_that_day(wired: ByWire) -> None:
    """Between asking and approving the camera was changed, so the operational test is of another one."""

    def changed_meanwhile() -> None:
        asked = wired.clerk.post("/applications", WIRE).json()
        wired.filed("change", what="camera", on=wired.day)
        ada = hand(wired.doors, "approver")
        late = ada.post(f"/applications/{asked['application']}/approval", approval(ada, asked["application"]))
        reasons = [reason["id"] for reason in late.json()["decision"]["reasons"]]
        assert (late.status_code, reasons) == (403, ["washington-rcw-43.386.operational-test"])
        raise Stopped

    wired.admit = changed_meanwhile  # type: ignore[method-assign]
    with pytest.raises(Stopped):
        walk(wired)


class Stopped(Exception):
    """The walk ended where the test wanted."""


def test_what_was_checked_of_an_agency_its_application_cannot_say_otherwise(wired: ByWire) -> None:
    ada = hand(wired.doors, "operator")
    seen = {"method": "document-seen", "facts": ["name"], "evidence": "The state's register.", "until": "2027-11-01"}
    assert ada.post(f"/customers/{wired.customer}/verifications", seen).status_code == 201
    other = wired.clerk.post("/applications", {**WIRE, "name": "Thorn"})
    assert (other.status_code, other.json()["detail"]) == (409, "the application says another name than was checked")
    with pytest.raises(Conflict, match="another name"):
        admit.apply(wired.doors.world.house, replace(application(wired.doors), name="Thorn"), customer=wired.customer)


def test_a_call_names_its_authority_in_a_header(agency: Agency) -> None:
    walk(agency)
    moment = agency.doors.world.moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    warrant = agency.filed(
        "authority", kind="warrant", issuer="Superior Court", purpose=PURPOSE, modes=["post"], start=moment,
        until="2028-01-01T00:00:00Z", person="Somebody.",
    )  # fmt: skip
    outside = agency.call(**{"Countenance-Authority": warrant})
    assert (outside.status_code, outside.json()["code"]) == (409, "conflict")
    assert "for the mode post" in outside.json()["detail"]
    missing = agency.call(**{"Countenance-Authority": "fil_" + "0" * 32})
    assert (missing.status_code, missing.json()["code"]) == (404, "not-found")
    assert agency.call(**{"Countenance-Authority": "x" * 101}).status_code == 400


def test_a_disclosure_and_january_are_written_for_the_agency(agency: Agency) -> None:
    walk(agency)
    index = agency.call().json()["index"]
    filed = agency.filed("disclosure", case="27-1", defendant="Somebody", trial="2027-09-01", decisions=[str(index)])
    assert "27-1" in agency.clerk.get(f"/statute/filings/{filed}/disclosure").json()["text"]
    assert json.loads(agency.clerk.get("/statute/january?year=2028&to=legislature").json()["text"])["applications"] == 0
    assert agency.clerk.get("/statute/january?year=2028&to=everybody").status_code == 400
