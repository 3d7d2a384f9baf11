"""Results that are handed on, and demands for a customer's records: each asked of the policy, each on record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from countenance.service import demands
from countenance.storage.admission import demands as table
from tests.http.conftest import Doors, admit_customer, bearer
from tests.http.people import hand
from tests.http.test_standing import leaf_at

if TYPE_CHECKING:
    import httpx

WANTED = {"sector": "police", "instrument": "warrant", "records": ["decisions", "subjects"], "name": "A. Constable"}


def found(doors: Doors) -> int:
    """The index of a search that found somebody."""
    doors.enrolled("ada", 1)
    return int(doors.show("/v1/collections/staff/identify", 1).json()["index"])


def hand_on(doors: Doors, index: int, recipient: str, key: str = "", **more: str) -> httpx.Response:
    headers = bearer(key or doors.admitted.key)
    body = {"recipient": recipient, **more}
    return doors.client.post(f"/v1/decisions/{index}/disclosures", json=body, headers=headers)


def test_a_result_is_handed_on_by_an_ask_of_its_own_that_is_kept_and_exported(doors: Doors) -> None:
    index = found(doors)
    answer = hand_on(doors, index, "commercial")
    assert answer.status_code == 201, answer.text
    leaf = doors.world.proven(answer.json()["receipt"])
    ask: Any = leaf.leaf.open["ask"]
    assert (ask["action"], ask["requested-by"], ask["purpose"]) == ("disclose", ["commercial"], "access-control")
    assert leaf.closed is not None
    (listed,) = doors.get(f"/v1/decisions/{index}/disclosures").json()["disclosures"]
    assert (listed["recipient"], listed["verdict"], listed["index"]) == ("commercial", "allow", answer.json()["index"])
    exported = doors.get("/v1/collections/staff/subjects/ada/export").json()
    assert "disclosed" in [one["outcome"] for one in exported["decisions"]]


def test_to_police_in_the_united_states_nothing_is_handed_on_whatever_they_show(doors: Doors) -> None:
    american = admit_customer(doors.world, "Harbour Gym US", country="US", region="US-OR")
    detected = doors.client.post("/v1/detect", content=photo_of_one(), headers=png(american.key)).json()["index"]
    for instrument in ("none", "warrant"):
        refused = hand_on(doors, detected, "police", american.key, instrument=instrument)
        assert (refused.status_code, refused.json()["code"]) == (403, "refused")
        reasons = [reason["id"] for reason in refused.json()["decision"]["reasons"]]
        assert reasons == ["microsoft-2020.us-police"]
        assert doors.world.proven(refused.json()["receipt"]).leaf.open["verdict"] == "deny"
    headers = bearer(american.key)
    kept = doors.client.get(f"/v1/decisions/{detected}/disclosures", headers=headers).json()["disclosures"]
    assert [(one["verdict"], one["instrument"]) for one in kept] == [("deny", "none"), ("deny", "warrant")]
    assert hand(doors, "auditor").get("/figures").json()["disclosures"] == {"allow": 0, "deny": 2}


def photo_of_one() -> bytes:
    from tests.service.world import photo

    return photo(1)


def png(key: str) -> dict[str, str]:
    return {**bearer(key), "Content-Type": "image/png"}


def test_a_purpose_outside_the_grant_and_an_investigation_without_authority_are_denied(doors: Doors) -> None:
    index = found(doors)
    answer = hand_on(doors, index, "police", purpose="criminal-investigation", instrument="court-order")
    reasons = [reason["id"] for reason in answer.json()["decision"]["reasons"]]
    assert {"core.grant-purpose", "core.investigation-authority", "core.investigation-review"} <= set(reasons)


def test_a_leaf_without_a_result_another_tenants_and_a_missing_one_hand_nothing_on(doors: Doors) -> None:
    index, other = found(doors), admit_customer(doors.world, "Harbour Pool")
    leaves = [one["index"] for one in doors.get("/v1/decisions").json()["decisions"]]
    consent = next(leaf for leaf in leaves if leaf_at(doors, leaf)["kind"] == "consent")
    assert hand_on(doors, consent, "commercial").status_code == 409
    theirs, missing = hand_on(doors, index, "commercial", other.key), hand_on(doors, 99999, "commercial", other.key)
    assert (theirs.status_code, missing.status_code) == (404, 404)
    assert theirs.json()["detail"] == missing.json()["detail"]
    assert doors.get(f"/v1/decisions/{index}/disclosures").json()["disclosures"] == []
    denied = doors.show("/v1/detect?place=publicly-accessible", 1)
    assert hand_on(doors, _index(doors, denied), "commercial").status_code == 409


def _index(doors: Doors, answer: httpx.Response) -> int:
    return doors.world.proven(answer.json()["receipt"]).index


@pytest.mark.parametrize(
    "body", [{}, {"recipient": "friends"}, {"recipient": "police", "instrument": "badge"}, {"recipient": ""},
             {"recipient": "police", "name": "A. Constable"}],
)  # fmt: skip
def test_what_is_no_handing_on_is_named_and_leaves_no_record(doors: Doors, body: dict[str, str]) -> None:
    index = found(doors)
    assert doors.post(f"/v1/decisions/{index}/disclosures", json=body).status_code == 400
    assert doors.get(f"/v1/decisions/{index}/disclosures").json()["disclosures"] == []


def demanded(doors: Doors, **changed: Any) -> str:
    ada = hand(doors, "operator")
    answer = ada.post("/demands", {**WANTED, "customer": doors.admitted.customer, **changed})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["demand"])


def test_a_demand_is_recorded_answered_once_and_counted(doors: Doors) -> None:
    first, second = demanded(doors), demanded(doors, untold="forbidden-by-order")
    bo = hand(doors, "approver")
    answer = bo.post(f"/demands/{first}/answer", {"outcome": "refused"})
    assert answer.status_code == 201, answer.text
    assert bo.post(f"/demands/{first}/answer", {"outcome": "refused"}).status_code == 409
    counts = {(one.outcome, one.told, one.demands) for one in demands.counted(doors.world.house)}
    assert counts == {("refused", 1, 1), ("open", 0, 1)}
    listed = bo.get("/demands").json()["demands"]
    assert {(one["id"], one["state"], one["verdict"]) for one in listed} == {
        (first, "refused", "deny"), (second, "open", ""),
    }  # fmt: skip
    opened = doors.world.proven(answer.json()["receipt"]).leaf.open
    assert (opened["act"], opened["by"]) == ("demand-answer", "provider")


def test_what_the_policy_denies_can_not_be_met_and_stays_open(doors: Doors) -> None:
    demand, bo = demanded(doors), hand(doors, "approver")
    refused = bo.post(f"/demands/{demand}/answer", {"outcome": "met"})
    assert (refused.status_code, refused.json()["code"]) == (403, "refused")
    reasons = [reason["id"] for reason in refused.json()["decision"]["reasons"]]
    assert "core.investigation-authority" in reasons
    leaf = doors.world.proven(refused.json()["receipt"]).leaf.open
    ask: Any = leaf["ask"]
    assert (leaf["kind"], ask["action"], ask["requested-by"]) == ("decision", "disclose", ["police"])
    assert [one["state"] for one in bo.get("/demands").json()["demands"]] == ["open"]


def test_what_the_policy_allows_may_be_met_or_refused_by_a_person(doors: Doors) -> None:
    """Missing people, in Germany: no promise here speaks against it; a person may all the same."""
    for outcome in ("met", "refused"):
        demand, bo = demanded(doors, purpose="missing-persons"), hand(doors, "approver")
        assert bo.post(f"/demands/{demand}/answer", {"outcome": outcome}).status_code == 201
        kept = next(one for one in bo.get("/demands").json()["demands"] if one["id"] == demand)
        assert (kept["state"], kept["verdict"]) == (outcome, "allow")


def test_a_customers_people_see_the_demands_it_was_told_of_without_the_name(doors: Doors) -> None:
    told, _ = demanded(doors), demanded(doors, untold="not-yet")
    other = admit_customer(doors.world, "Harbour Pool")
    own = hand(doors, "auditor", customer=doors.admitted.customer)
    assert [(one["id"], one["name"]) for one in own.get("/demands").json()["demands"]] == [(told, "")]
    assert hand(doors, "auditor", customer=other.customer).get("/demands").json()["demands"] == []
    provider = hand(doors, "auditor").get("/demands?limit=1").json()
    assert provider["demands"][0]["name"] == "A. Constable"
    assert provider["next"]


def test_the_name_of_who_asked_is_sealed_and_in_no_leaf(doors: Doors) -> None:
    demanded(doors, name="Canary Constable")
    doors.world.house.database.checkpoint_truncate()
    assert not doors.world.house.database.contains(b"Canary Constable")
    doors.world.house.log.publish()
    published = b"".join(path.read_bytes() for path in doors.world.settings.ledger.rglob("*") if path.is_file())
    assert b"Canary" not in published
    with doors.world.house.database.read() as connection:
        assert connection.execute(select(table.c.sector)).scalar_one() == "police"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"customer": "cus_" + "0" * 32}, 404), ({"sector": "friends"}, 400), ({"instrument": "badge"}, 400),
        ({"records": []}, 400), ({"records": ["secrets"]}, 400), ({"name": " "}, 400), ({"name": "a\nb"}, 400),
        ({"purpose": "curiosity"}, 400), ({"untold": "because"}, 400), ({"told": True}, 400),
    ],
)  # fmt: skip
def test_what_is_no_demand_is_named(doors: Doors, changed: dict[str, Any], status: int) -> None:
    ada = hand(doors, "operator")
    answer = ada.post("/demands", {**WANTED, "customer": doors.admitted.customer, **changed})
    assert answer.status_code == status, answer.text
    assert demands.counted(doors.world.house) == ()


def test_a_missing_demand_is_not_answered(doors: Doors) -> None:
    bo = hand(doors, "approver")
    assert bo.post("/demands/dem_0/answer", {"outcome": "refused"}).status_code == 404
    assert bo.post(f"/demands/{demanded(doors)}/answer", {"outcome": "perhaps"}).status_code == 400
