"""Promises and laws over HTTP: what everybody sees, and what people with accounts do, one answer each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from countenance.ledger import beside
from countenance.service import changes, notice, records, registry, signed
from countenance.service.wish import Wish
from tests.http.people import Hand, hand
from tests.service.promises import law_text
from tests.service.test_changes import LESS

if TYPE_CHECKING:
    from tests.http.conftest import Doors

LOOSER = {"off": ["microsoft-2020"]}


def approve(who: Hand, change: dict[str, str]) -> int:
    text = notice.statement(change["id"], change["digest"])
    body = {"signature": signed.base64_of(who.key.sign(text))}
    return who.post(f"/policy-changes/{change['id']}/approval", body).status_code


def test_a_change_from_its_proposal_to_its_effect(doors: Doors) -> None:
    one, other = hand(doors), hand(doors)
    change = one.post("/policy-changes", LOOSER).json()["change"]
    shown = doors.client.get("/v1/policies").json()
    assert [each["change"] for each in shown["under_notice"]] == [change["id"]]
    assert shown["under_notice"][0]["why"] == change["why"] != []
    assert approve(one, change) == 201
    assert approve(one, change) == 409
    assert approve(other, change) == 201
    doors.world.later(days=31)
    after = doors.client.get("/v1/policies").json()
    assert [pack["name"] for pack in after["in_force"]] == [*LESS]
    assert (after["under_notice"], len(after["history"]), after["digest"]) == ([], 2, change["after"])
    assert one.get("/policy-changes").json()["changes"][0]["state"] == "in-force"
    assert one.get(f"/policy-changes/{change['id']}").json()["change"]["approvals"][0]["counts"]


def test_the_set_in_force_has_a_tag_and_answers_questions(doors: Doors) -> None:
    first = doors.client.get("/v1/policies")
    again = {"If-None-Match": first.headers["etag"]}
    assert doors.client.get("/v1/policies", headers=again).status_code == 304
    hand(doors).post("/policy-changes", {"on": ["microsoft-2020-strict"]})
    changed = doors.client.get("/v1/policies", headers=again)
    assert changed.status_code == 200
    asked = {"action": "verify", "sector": "intelligence", "country": "DE", "purpose": "access-control"}
    said = doors.client.get("/v1/decide", params=asked).json()
    assert [pack["name"] for pack in said["packs"]] == [pack["name"] for pack in changed.json()["in_force"]]


def test_the_stop_is_loud_and_leaves_a_persons_own_data(doors: Doors) -> None:
    doors.enrolled("ada", 1)
    assert hand(doors).post("/policy-stop").status_code == 201
    assert doors.client.get("/v1/policies").json()["stopped"]
    refused = doors.client.get("/v1/decide", params={
        "action": "verify", "sector": "commercial", "country": "DE", "purpose": "access-control"
    }).json()  # fmt: skip
    assert [reason["id"] for reason in refused["reasons"]] == ["stop.emergency"]
    assert doors.get("/v1/collections/staff/subjects/ada/export").status_code == 200
    assert doors.delete("/v1/collections/staff/subjects/ada").status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "bad-input"),
        ({"off": ["core"]}, "unknown-word"),
        ({"on": ["amazon-1900"]}, "unknown-word"),
        ({"packs": {"own": "permit(principal, action, resource);"}}, "bad-record"),
        ({"off": ["microsoft-2020"], "notice_days": 3}, "bad-input"),
        ({"on": ["core"]}, "conflict"),
    ],
)
def test_a_change_that_can_not_be_is_a_problem(doors: Doors, body: dict[str, object], code: str) -> None:
    assert hand(doors).post("/policy-changes", body).json()["code"] == code


def test_the_registry_is_everybodys_to_read(doors: Doors) -> None:
    assert doors.client.get("/v1/laws").json()["laws"] == []
    operator = hand(doors, "operator")
    law = operator.post("/laws", {"record": law_text().decode()}).json()["law"]
    for role in ("approver", "assessor"):
        who = hand(doors, role)
        message = records.one(doors.world.house.database, law["id"]).record.message
        body = {"signature": signed.base64_of(who.key.sign(message))}
        assert who.post(f"/laws/{law['id']}/signature", body).status_code == 201
    own = hand(doors, "auditor", customer=doors.admitted.customer)
    assert own.post(f"/laws/{law['id']}/objections", {"words": "It tests nobody."}).status_code == 201
    assert operator.post(f"/laws/{law['id']}/recording").status_code == 409
    doors.world.later(days=31)
    assert operator.post(f"/laws/{law['id']}/recording").status_code == 201
    shown = doors.client.get(f"/v1/laws/{law['id']}").json()
    assert (shown["state"], [one["words"] for one in shown["objections"]]) == ("recorded", ["It tests nobody."])
    assert shown["document"]["id"] == law["id"]
    assert operator.post(f"/laws/{law['id']}/repeal").status_code == 201
    assert doors.client.get("/v1/laws").json()["laws"][0]["state"] == "repealed"
    assert doors.client.get("/v1/laws/us-no-such-act").status_code == 404


def test_what_is_beside_the_ledger_is_served_under_its_one_name(doors: Doors) -> None:
    from countenance.http import operation

    public = doors.world.settings.ledger
    digest = doors.world.house.policies.digest.removeprefix("sha256:")
    law = registry.propose_here(doors.world.house, law_text()).law
    change = changes.propose_here(doors.world.house, Wish(on=("microsoft-2020-strict",))).change
    for path in (
        f"policy/{digest}/core.cedar", f"policy/{digest}/schema.cedarschema", "policy/index.json", "laws/index.json",
        f"laws/{law.digest.removeprefix('sha256:')}.json", beside.of_change(change.digest),
    ):  # fmt: skip
        assert operation.read_published(public, path)
    assert json.loads(operation.read_published(public, "laws/index.json"))["records"][0]["id"] == law.id
    for path in (
        f"policy/{digest}/../../../log.vkey", f"policy/{digest}", "policy/", "laws/x.json", "policy/index.json\n",
        f"policy/{digest.upper()}/core.cedar",
    ):  # fmt: skip
        with pytest.raises(Exception, match="the ledger has no"):
            operation.read_published(public, path)
