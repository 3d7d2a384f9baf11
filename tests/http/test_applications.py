"""A customer's way in over HTTP: asked, decided, signed by an approver, and the first key taken once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from countenance.http.budget import Budget, Rate
from countenance.service import applications, signed
from countenance.storage.tables import applications as table
from countenance.storage.tables import approvals, claims
from tests.http.conftest import bearer
from tests.http.people import Hand, hand

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tests.http.conftest import Doors

POOL = {
    "name": "Harbour Pool", "sector": "commercial", "country": "DE", "purposes": ["access-control", "attendance"],
    "contact": "B. Person", "attested_by": "B. Person",
}  # fmt: skip
POLICE = {**POOL, "name": "Springfield PD", "sector": "police", "country": "US", "purposes": ["criminal-investigation"]}


def apply(doors: Doors, **changed: Any) -> dict[str, Any]:
    answer = doors.client.post("/v1/applications", json={**POOL, **changed})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def approval(ada: Hand, application: str, until: str = "") -> dict[str, str]:
    """A body that approves, signed over the facts that the server shows."""
    facts = ada.get(f"/applications/{application}").json()["facts"]
    text = signed.statement(application, facts, until)
    return {"until": until, "signature": signed.base64_of(ada.key.sign(text.encode()))}


def state(doors: Doors, asked: dict[str, Any]) -> dict[str, Any]:
    answer = doors.client.get(f"/v1/applications/{asked['application']}", headers=bearer(asked["claim"]))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_from_an_application_to_a_first_answer(doors: Doors) -> None:
    asked = apply(doors)
    assert (asked["state"], len(asked["decisions"]), len(asked["receipts"])) == ("pending", 2, 2)
    for receipt in asked["receipts"]:
        opened = doors.world.proven(receipt).leaf.open
        assert (opened["verdict"], opened["context"]["verified"]) == ("allow", False)  # type: ignore[index,call-overload]
    assert state(doors, asked)["state"] == "pending"
    ada, path = hand(doors, "approver"), f"/applications/{asked['application']}"
    made = ada.post(f"{path}/approval", approval(ada, asked["application"]))
    assert made.status_code == 201, made.text
    assert state(doors, asked) == {
        "id": asked["application"], "created": "2026-11-22T10:30:00Z", "state": "approved",
        "customer": made.json()["customer"], "grant": made.json()["grant"], "until": "2027-11-22T10:30:00Z",
        "taken": False,
    }  # fmt: skip
    key = doors.client.post(f"/v1{path}/key", headers=bearer(asked["claim"]))
    assert key.status_code == 201, key.text
    me = doors.client.get("/v1/me", headers=bearer(key.json()["key"])).json()
    assert (me["grant"]["id"], me["grant"]["purposes"]) == (made.json()["grant"], ["access-control", "attendance"])
    opened = doors.world.proven(key.json()["receipt"]).leaf.open
    assert (opened["act"], opened["by"]) == ("key-issue", "applicant")
    assert state(doors, asked)["taken"] is True


def test_the_first_key_is_taken_once_and_not_before_it_is_approved(doors: Doors) -> None:
    asked = apply(doors)
    path, headers = f"/v1/applications/{asked['application']}/key", bearer(asked["claim"])
    early = doors.client.post(path, headers=headers)
    assert (early.status_code, early.json()["detail"]) == (409, "this application is pending")
    ada = hand(doors, "approver")
    ada.post(f"/applications/{asked['application']}/approval", approval(ada, asked["application"]))
    assert doors.client.post(path, headers=headers).status_code == 201
    again = doors.client.post(path, headers=headers)
    assert (again.status_code, again.json()["detail"]) == (409, "the first key was taken")


def test_what_the_policy_denies_is_refused_at_once_with_its_receipt_and_nobody_can_approve_it(doors: Doors) -> None:
    answer = doors.client.post("/v1/applications", json=POLICE)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (403, "refused")
    assert body["decision"]["decision"] == "deny"
    assert body["decision"]["lifted_when"]
    assert doors.world.proven(body["receipt"]).leaf.open["verdict"] == "deny"
    ada = hand(doors, "operator", "approver")
    kept = next(one for one in ada.get("/applications").json()["applications"] if one["state"] == "refused")
    late = ada.post(f"/applications/{kept['id']}/approval", approval(ada, kept["id"]))
    assert (late.status_code, late.json()["detail"]) == (409, "this application is refused")


def test_an_application_is_decided_again_on_the_day_it_is_approved(doors: Doors) -> None:
    """The evaluation of the model has grown old: what was allowed when it was asked for is not granted now."""
    asked = apply(doors)
    ada = hand(doors, "approver")
    doors.world.later(days=800)
    answer = ada.post(f"/applications/{asked['application']}/approval", approval(ada, asked["application"]))
    assert (answer.status_code, answer.json()["code"]) == (403, "refused")
    assert "core.model-stale" in [reason["id"] for reason in answer.json()["decision"]["reasons"]]
    assert doors.world.proven(answer.json()["receipt"]).leaf.kind == "decision"
    assert state(doors, asked)["state"] == "pending"


def test_a_refused_application_stays_refused_and_its_applicant_learns_it(doors: Doors) -> None:
    asked = apply(doors)
    ada, path = hand(doors, "approver"), f"/applications/{asked['application']}"
    assert ada.post(f"{path}/refusal").status_code == 201
    assert state(doors, asked)["state"] == "refused"
    assert ada.post(f"{path}/refusal").status_code == 409
    assert ada.post(f"{path}/approval", approval(ada, asked["application"])).status_code == 409
    key = doors.client.post(f"/v1{path}/key", headers=bearer(asked["claim"]))
    assert (key.status_code, key.json()["detail"]) == (409, "this application is refused")


def test_an_approval_is_kept_and_verifies_for_whoever_has_the_facts_and_the_key(doors: Doors) -> None:
    asked = apply(doors)
    ada, until = hand(doors, "approver"), "2027-01-01T00:00:00Z"
    made = ada.post(f"/applications/{asked['application']}/approval", approval(ada, asked["application"], until))
    assert made.json()["until"] == until
    with doors.world.house.database.read() as connection:
        kept = connection.execute(select(approvals)).one()
        facts = connection.execute(select(table.c.facts).where(table.c.id == asked["application"])).scalar_one()
    text = signed.statement(asked["application"], facts, kept.until)
    assert kept.account_id == ada.account
    assert signed.verify(signed.public_key(ada.key.public), text.encode(), kept.signature)
    leaf = doors.world.proven(made.json()["receipt"])
    assert leaf.closed is not None
    assert (leaf.leaf.open["act"], leaf.closed["matter"], leaf.closed["customer"]) == (
        "application-approve", asked["application"], made.json()["customer"],
    )  # fmt: skip


def _other_application(doors: Doors, ada: Hand, asked: dict[str, Any]) -> dict[str, str]:
    del asked
    return approval(ada, apply(doors, name="Harbour Bar")["application"])


def _other_end(doors: Doors, ada: Hand, asked: dict[str, Any]) -> dict[str, str]:
    del doors
    return {**approval(ada, asked["application"], "2027-01-01T00:00:00Z"), "until": "2027-02-01T00:00:00Z"}


def _other_person(doors: Doors, ada: Hand, asked: dict[str, Any]) -> dict[str, str]:
    del ada
    return approval(hand(doors, "approver"), asked["application"])


def _other_facts(doors: Doors, ada: Hand, asked: dict[str, Any]) -> dict[str, str]:
    """The facts change between reading and approving."""
    body = approval(ada, asked["application"])
    with doors.world.house.database.begin() as connection:
        facts = connection.execute(select(table.c.facts).where(table.c.id == asked["application"])).scalar_one()
        changed = {**facts, "purposes": ["access-control", "insurance"]}
        connection.execute(update(table).where(table.c.id == asked["application"]).values(facts=changed))
    return body


@pytest.mark.parametrize("how", [_other_application, _other_end, _other_person, _other_facts])
def test_a_signature_over_something_else_approves_nothing(doors: Doors, how: Any) -> None:
    asked, ada = apply(doors), hand(doors, "approver")
    answer = ada.post(f"/applications/{asked['application']}/approval", how(doors, ada, asked))
    assert (answer.status_code, answer.json()["detail"]) == (400, "this is not your signature over this application")
    assert doors.world.proven(answer.json()["receipt"]).leaf.open["outside-policy"] == "bad-input"
    assert state(doors, asked)["state"] == "pending"


@pytest.mark.parametrize(
    "until", ["2026-11-22T10:30:00Z", "2020-01-01T00:00:00Z", "2027-01-01", "soon", "2027-1-1T0:0:0Z"]
)
def test_an_end_that_is_past_or_none_is_refused(doors: Doors, until: str) -> None:
    asked, ada = apply(doors), hand(doors, "approver")
    answer = ada.post(f"/applications/{asked['application']}/approval", approval(ada, asked["application"], until))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-input")


@pytest.mark.parametrize("signature", ["A" * 88, "A" * 86 + "=A", "!" * 88, "A" * 85 + "B=="])
def test_what_is_no_signature_is_named(doors: Doors, signature: str) -> None:
    asked, ada = apply(doors), hand(doors, "approver")
    answer = ada.post(f"/applications/{asked['application']}/approval", {"until": "", "signature": signature})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-input")


def test_only_an_approver_approves_whatever_else_they_are(doors: Doors) -> None:
    asked = apply(doors)
    bo = hand(doors, "operator", "auditor", "reviewer")
    answer = bo.post(f"/applications/{asked['application']}/approval", approval(bo, asked["application"]))
    assert (answer.status_code, answer.json()["code"]) == (403, "refused")
    customers = hand(doors, "operator", customer=doors.admitted.customer)
    for path in ("/applications", f"/applications/{asked['application']}"):
        assert customers.get(path).status_code == 403


def test_a_missing_application_and_a_wrong_claim_are_one_answer(doors: Doors) -> None:
    asked, other = apply(doors), apply(doors, name="Harbour Bar")
    number, secret = asked["claim"].split("_", 2)[1:]
    tried = [
        (asked["application"], other["claim"]), (asked["application"], f"cla_{number}_{'A' * 43}"),
        ("app_" + "0" * 32, asked["claim"]), ("app_" + "0" * 32, f"cla_{'0' * 32}_{secret}"),
        (asked["application"], doors.admitted.key), (asked["application"], "cla_"), (asked["application"], "x" * 300),
        (number, asked["claim"]),
    ]  # fmt: skip
    answers = set()
    for application, claim in tried:
        for method, path in (("GET", ""), ("POST", "/key")):
            answer = doors.client.request(method, f"/v1/applications/{application}{path}", headers=bearer(claim))
            body = answer.json()
            answers.add((answer.status_code, body["code"], body["detail"], "receipt" in body))
    assert answers == {(401, "unauthenticated", "this claim is not in force here", False)}
    assert doors.client.get(f"/v1/applications/{asked['application']}").status_code == 401
    assert doors.client.get("/v1/me", headers=bearer(asked["claim"])).status_code == 401


def test_a_claim_is_hashed_at_rest(doors: Doors) -> None:
    asked = apply(doors)
    secret = asked["claim"].split("_", 2)[2]
    doors.world.house.database.checkpoint_truncate()
    assert not doors.world.house.database.contains(secret.encode())
    with doors.world.house.database.read() as connection:
        assert len(connection.execute(select(claims.c.hash)).scalar_one()) == 32


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"verification": {"method": "document-seen"}}, 400), ({"verified": True}, 400), ({"name": ""}, 400),
        ({"name": "a\nb"}, 400), ({"purposes": []}, 400), ({"purposes": ["access-control"] * 33}, 400),
        ({"contact": None}, 400), ({"modes": []}, 400), ({"sector": "x" * 65}, 400), ({"country": 49}, 400),
        ({"purposes": ["no-such-purpose"]}, 403), ({"sector": "pirates"}, 403),
        ({"modes": ["one-off", "post", "near-real-time"], "places": ["private", "own-device"],
          "purposes": ["access-control", "attendance", "education", "housing", "credit", "insurance"]}, 400),
    ],
)  # fmt: skip
def test_what_can_not_be_applied_for_is_named(doors: Doors, changed: dict[str, Any], status: int) -> None:
    answer = doors.client.post("/v1/applications", json={**POOL, **changed})
    assert answer.status_code == status, answer.text


def test_an_address_may_apply_so_often_and_is_told_when_again(doors: Doors) -> None:
    before = doors.world.house.log.size
    app: FastAPI = doors.client._client._transport.app  # type: ignore[attr-defined]  # noqa: SLF001
    app.state.applying = Budget(Rate(burst=2, every=60))
    for _ in range(2):
        assert doors.client.post("/v1/applications", json=POLICE).status_code == 403
    answer = doors.client.post("/v1/applications", json=POLICE)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (429, "too-often", "60")
    assert answer.json()["retry"] is True
    assert doors.world.house.log.size == before + 2


def test_no_more_wait_than_may(doors: Doors) -> None:
    rows: list[dict[str, Any]] = [
        {"id": f"app_{n:032x}", "created": "", "facts": {}, "outcome": "pending", "customer_id": None, "leaf_index": 0}
        for n in range(applications.MOST_PENDING)
    ]
    with doors.world.house.database.begin() as connection:
        connection.execute(table.insert(), rows)
    before = doors.world.house.log.size
    answer = doors.client.post("/v1/applications", json=POOL)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3600")
    assert doors.world.house.log.size == before


def test_applications_are_listed_by_state_in_parts(doors: Doors) -> None:
    ada = hand(doors, "approver")
    asked = []
    for name in ("A", "B", "C"):
        doors.world.later(seconds=1)
        asked.append(apply(doors, name=name))
    ada.post(f"/applications/{asked[-1]['application']}/refusal")
    first = ada.get("/applications?state=pending&limit=1").json()
    second = ada.get(f"/applications?state=pending&limit=1&after={first['next']}").json()
    assert second["next"] is None
    names = [
        ada.get(f"/applications/{part['applications'][0]['id']}").json()["facts"]["name"] for part in (first, second)
    ]
    assert names == ["A", "B"]
    assert [one["state"] for one in ada.get("/applications").json()["applications"]] == [
        "admitted", "pending", "pending", "refused",
    ]  # fmt: skip
    assert ada.get("/applications?state=lost").status_code == 400
    assert ada.get("/applications/app_0").status_code == 404


def test_nothing_is_granted_while_the_log_can_not_be_written(doors: Doors) -> None:
    asked, ada = apply(doors), hand(doors, "approver")
    body = approval(ada, asked["application"])
    doors.world.house.log.close()
    assert ada.post(f"/applications/{asked['application']}/approval", body).status_code == 503
    house = doors.world.restart()
    assert applications.state(house, asked["application"], asked["claim"]).state == "pending"
