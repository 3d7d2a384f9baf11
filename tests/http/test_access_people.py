"""Who with an account may open which door: a row for every operation under /v1/administration and for applicants.

The columns are kinds of people: of the provider by role, of the customer that it is about, of another customer, and
whose account has ended. Keys of grants open none of these doors, nor do people open those of keys.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from countenance.domain.decision import activity_of
from countenance.service import auth, changes, checks, demands, notice, records, registry, signed
from countenance.storage.metering import locks
from tests.http.conftest import Doors, admit_customer
from tests.http.people import Hand, hand, newcomer
from tests.http.test_applications import POOL, apply
from tests.service.promises import LOOSER, law_text

if TYPE_CHECKING:
    import httpx

KINDS = (
    "operator", "approver", "auditor", "reviewer", "customer's operator", "customer's auditor", "other's operator",
    "ended",
)  # fmt: skip

TABLE = {
    "GET /accounts": (200, 403, 200, 403, 200, 200, 200, 401),
    "POST /accounts": (201, 403, 403, 403, 201, 403, 201, 401),
    "DELETE /accounts/{account}": (200, 403, 403, 403, 200, 403, 404, 401),
    "GET /grants": (200, 200, 200, 403, 200, 200, 200, 401),
    "DELETE /grants/{grant}": (200, 403, 403, 403, 200, 403, 404, 401),
    "GET /grants/{grant}/keys": (200, 403, 200, 403, 200, 200, 404, 401),
    "POST /grants/{grant}/keys": (201, 403, 403, 403, 201, 403, 404, 401),
    "DELETE /grants/{grant}/keys/{key}": (200, 403, 403, 403, 200, 403, 404, 401),
    "GET /schedule": (200, 200, 200, 403, 200, 200, 200, 401),
    "GET /locks": (200, 200, 200, 403, 403, 403, 403, 401),
    "POST /locks/{lock}/look": (201, 201, 403, 403, 403, 403, 403, 401),
    "GET /decisions": (403, 403, 403, 403, 200, 200, 200, 401),
    "GET /applications": (200, 200, 200, 403, 403, 403, 403, 401),
    "POST /applications": (403, 403, 403, 403, 409, 403, 409, 401),
    "GET /applications/{application}": (200, 200, 200, 403, 403, 403, 403, 401),
    "POST /applications/{application}/approval": (403, 201, 403, 403, 403, 403, 403, 401),
    "POST /applications/{application}/refusal": (201, 201, 403, 403, 403, 403, 403, 401),
    "POST /statute/filings": (403, 403, 403, 403, 201, 403, 201, 401),
    "GET /statute/filings": (200, 403, 200, 403, 200, 200, 200, 401),
    "GET /statute/filings/{filing}": (403, 403, 403, 403, 200, 200, 404, 401),
    "POST /statute/filings/{filing}/mitigation": (201, 403, 403, 403, 403, 403, 403, 401),
    "GET /statute/filings/{filing}/disclosure": (403, 403, 403, 403, 404, 404, 404, 401),
    "GET /statute/standing": (403, 403, 403, 403, 200, 200, 200, 401),
    "GET /statute/draft": (403, 403, 403, 403, 200, 200, 200, 401),
    "GET /statute/january": (403, 403, 403, 403, 200, 200, 200, 401),
    "GET /policy-changes": (200, 200, 200, 403, 403, 403, 403, 401),
    "GET /policy-changes/{change}": (200, 200, 200, 403, 403, 403, 403, 401),
    "POST /policy-changes": (201, 201, 403, 403, 403, 403, 403, 401),
    "POST /policy-changes/{change}/approval": (403, 201, 403, 403, 403, 403, 403, 401),
    "POST /policy-changes/{change}/withdrawal": (201, 201, 403, 403, 403, 403, 403, 401),
    "POST /policy-stop": (201, 201, 403, 403, 403, 403, 403, 401),
    "POST /policy-resume": (409, 409, 403, 403, 403, 403, 403, 401),
    "POST /laws": (201, 201, 403, 403, 403, 403, 403, 401),
    "POST /laws/{law}/signature": (403, 201, 403, 403, 403, 403, 403, 401),
    "POST /laws/{law}/objections": (201, 201, 201, 201, 201, 201, 201, 401),
    "POST /laws/{law}/recording": (409, 409, 403, 403, 403, 403, 403, 401),
    "POST /laws/{law}/repeal": (409, 409, 403, 403, 403, 403, 403, 401),
    "GET /customers/{customer}/facts": (200, 200, 200, 403, 200, 200, 404, 401),
    "POST /customers/{customer}/facts": (201, 403, 403, 403, 201, 403, 404, 401),
    "GET /customers/{customer}/verifications": (200, 200, 200, 403, 200, 200, 404, 401),
    "POST /customers/{customer}/verifications": (201, 403, 403, 403, 403, 403, 403, 401),
    "DELETE /customers/{customer}/verifications/{verification}": (200, 403, 403, 403, 403, 403, 403, 401),
    "POST /customers/{customer}/challenges": (409, 403, 403, 403, 403, 403, 403, 401),
    "POST /customers/{customer}/challenges/{challenge}/look": (404, 403, 403, 403, 403, 403, 403, 401),
    "GET /figures": (200, 200, 200, 403, 403, 403, 403, 401),
    "GET /demands": (200, 200, 200, 403, 200, 200, 200, 401),
    "POST /demands": (201, 403, 403, 403, 403, 403, 403, 401),
    "POST /demands/{demand}/answer": (403, 201, 403, 403, 403, 403, 403, 401),
}
QUERIES = {
    "GET /statute/standing": "?purpose=access-control",
    "GET /statute/draft": "?purposes=access-control",
    "GET /statute/january": "?year=2026&to=judge",
}
ROUNDS = 60
UNFAIR = {
    "kind": "independent-test",
    "facts": {"tester": "A university", "received": "2026-11-22", "material": True, "summary": "Unequal."},
}
SENT: defaultdict[str, dict[str, Any]] = defaultdict(dict, {
    "POST /customers/{customer}/facts": {"contact": "C. Person"},
    "POST /customers/{customer}/verifications": {
        "method": "official-list", "facts": ["name"], "evidence": "the register", "until": "2027-01-01",
    },
    "POST /customers/{customer}/challenges": {"domain": "example.org", "facts": ["name"]},
    "POST /customers/{customer}/challenges/{challenge}/look": {},
    "POST /applications": POOL,
    "POST /demands": {"sector": "police", "instrument": "warrant", "records": ["decisions"], "name": "A. Constable"},
    "POST /demands/{demand}/answer": {"outcome": "refused"},
})  # fmt: skip


@dataclass
class Access:
    """The doors, one of each kind of people, and the ids behind the doors."""

    doors: Doors
    people: dict[str, Hand]
    ids: dict[str, str]
    facts: dict[str, Any]

    def ask(self, row: str, kind: str, **changed: str) -> httpx.Response:
        method, path = row.split(" ")
        target = path.format(**{**self.ids, **changed}) + QUERIES.get(row, "")
        return self.people[kind].send(method, target, self.document(row, kind))

    def document(self, row: str, kind: str) -> dict[str, Any] | None:
        """What the call sends: good, whoever sends it."""
        if row == "POST /accounts":
            return newcomer()
        if row == "POST /statute/filings":
            return {"kind": "change", "facts": {"what": "camera", "on": "2026-11-22"}}
        if row.endswith("/mitigation"):
            return {"step": "plan", "text": "Better thresholds."}
        if "policy-" in row or "/laws" in row:
            return self.promised(row, kind)
        if row.endswith("/approval"):
            text = signed.statement(self.ids["application"], self.facts, "")
            signature = self.people[kind].key.sign(text.encode())
            return {"until": "", "signature": signed.base64_of(signature)}
        return {**SENT[row], **({"customer": self.ids["customer"]} if row == "POST /demands" else {})} or None

    def promised(self, row: str, kind: str) -> dict[str, Any] | None:
        """The same, for promises and laws."""
        house, key = self.doors.world.house, self.people[kind].key
        if row == "POST /policy-changes":
            return {"on": ["microsoft-2020-strict"]}
        if row == "POST /laws":
            return {"record": law_text(id='"us-another-act"').decode()}
        if row.endswith("/objections"):
            return {"words": "It tests no group of people."}
        if row == "POST /laws/{law}/signature":
            return {
                "signature": signed.base64_of(key.sign(records.one(house.database, self.ids["law"]).record.message))
            }
        if row == "POST /policy-changes/{change}/approval":
            change = changes.one(house.database, self.ids["change"])
            return {"signature": signed.base64_of(key.sign(notice.statement(change.id, change.digest)))}
        return None


def demanded(customer: str) -> demands.NewDemand:
    return demands.NewDemand(customer, "police", "warrant", frozenset({"decisions"}), "A. Constable")


def locked(doors: Doors, key: str) -> str:
    """A lock on this key; its id."""
    house = doors.world.house
    house.locks.impose(auth.authenticate(house.database, key), activity_of({"crowd"}))
    with house.database.read() as connection:
        return str(connection.execute(select(locks.c.id)).scalar_one())


@pytest.fixture
def access(doors: Doors) -> Access:
    own, other = doors.admitted.customer, admit_customer(doors.world, "Harbour Pool")
    people = {role: hand(doors, role) for role in KINDS[:4]}
    people["customer's operator"] = hand(doors, "operator", customer=own)
    people["customer's auditor"] = hand(doors, "auditor", customer=own)
    people["other's operator"] = hand(doors, "operator", customer=other.customer)
    people["ended"] = hand(doors, "operator", "approver", "auditor")
    assert people["operator"].delete(f"/accounts/{people['ended'].account}").status_code == 200
    ids = {
        "account": hand(doors, "auditor", customer=own).account, "application": apply(doors)["application"],
        "grant": doors.admitted.grant, "key": doors.post("/v1/keys").json()["id"],
        "filing": people["customer's operator"].post("/statute/filings", UNFAIR).json()["filing"],
        "change": changes.propose_here(doors.world.house, LOOSER).change.id,
        "law": registry.propose_here(doors.world.house, law_text()).law.id,
        "customer": own, "lock": locked(doors, other.key),
        "verification": checks.records_of(doors.world.house, own)[0].id,
        "demand": demands.record_here(doors.world.house, demanded(own))[0],
        "challenge": "cha_" + "0" * 32,
    }  # fmt: skip
    facts = people["approver"].get(f"/applications/{ids['application']}").json()["facts"]
    return Access(doors, people, ids, facts)


@pytest.mark.parametrize(("row", "kind"), [(row, kind) for row in TABLE for kind in KINDS])
def test_each_kind_of_people_gets_what_the_table_says(access: Access, row: str, kind: str) -> None:
    answer = access.ask(row, kind)
    assert answer.status_code == TABLE[row][KINDS.index(kind)], answer.text
    assert ("countenance-receipt" in answer.headers) == (answer.status_code != 401)


@pytest.mark.parametrize("row", TABLE)
def test_no_key_of_a_grant_opens_a_door_of_people(access: Access, row: str) -> None:
    method, path = row.split(" ")
    target = f"/v1/administration{path.format(**access.ids)}"
    for headers in ({}, access.doors.key):
        assert access.doors.client.request(method, target, headers=headers).status_code == 401


@pytest.mark.parametrize("row", [row for row in TABLE if "{" in row and "{law}" not in row and "{change}" not in row])
def test_another_customers_id_is_the_same_answer_as_a_missing_one(access: Access, row: str) -> None:
    part = row.split("{")[1].split("}")[0]
    theirs = access.ask(row, "other's operator").json()
    none = access.ask(row, "other's operator", **{part: f"{access.ids[part][:4]}{'0' * 32}"}).json()
    same = ("type", "title", "status", "code", "detail", "next_step", "retry")
    assert [theirs[name] for name in same] == [none[name] for name in same]
    assert set(theirs) == set(none)


def test_no_random_call_of_another_customers_people_learns_or_changes_anything(access: Access) -> None:
    rng = random.Random(11)  # noqa: S311
    rows = [row for row in TABLE if TABLE[row][KINDS.index("other's operator")] == 404]
    before = access.doors.get("/v1/decisions").json()
    for _ in range(ROUNDS):
        chosen = {name: rng.choice([value, f"{value[:4]}{'0' * 32}", "x"]) for name, value in access.ids.items()}
        answer = access.ask(rng.choice(rows), "other's operator", **chosen)
        assert answer.status_code == 404
        assert not any(value in answer.text for value in access.ids.values())
    assert access.doors.get("/v1/decisions").json() == before
