"""Grants and keys, run by people: ended and revoked within a call, each customer's people within their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from countenance.service.admit import MOST_KEYS
from tests.http.conftest import Doors, admit_customer, bearer
from tests.http.people import Hand, hand
from tests.service.world import photo

if TYPE_CHECKING:
    import httpx


def detect(doors: Doors, key: str) -> httpx.Response:
    return doors.client.post("/v1/detect", content=photo(1), headers={**bearer(key), "Content-Type": "image/png"})


@pytest.fixture(params=["provider", "customer"])
def ada(doors: Doors, request: pytest.FixtureRequest) -> Hand:
    """An operator, of either side."""
    return hand(doors, "operator", customer=doors.admitted.customer if request.param == "customer" else "")


def test_a_key_is_issued_works_is_listed_and_is_refused_from_the_call_after_its_end_on(doors: Doors, ada: Hand) -> None:
    keys = f"/grants/{doors.admitted.grant}/keys"
    made = ada.post(keys)
    assert made.status_code == 201, made.text
    assert detect(doors, made.json()["key"]).status_code == 200
    listed = ada.get(keys).json()["keys"]
    assert made.json()["id"] in [one["id"] for one in listed]
    assert "cnt_" not in ada.get(keys).text
    ended = ada.delete(f"{keys}/{made.json()['id']}")
    assert (ended.status_code, ended.json()["ended"]) == (200, made.json()["id"])
    assert detect(doors, made.json()["key"]).status_code == 401
    assert ada.delete(f"{keys}/{made.json()['id']}").status_code == 404
    closed = doors.world.proven(ended.json()["receipt"]).closed
    assert closed is not None
    assert (closed["account"], closed["key"], closed["grant"], closed["customer"], closed["outcome"]) == (
        ada.account, made.json()["id"], doors.admitted.grant, doors.admitted.customer, "revoked",
    )  # fmt: skip
    last = doors.get("/v1/decisions").json()["decisions"][-3:-1]
    kinds = [doors.world.proven(doors.get(f"/v1/decisions/{one['index']}").json()["receipt"]).leaf.kind for one in last]
    assert kinds == ["administration", "revocation"]


def test_an_ended_grant_refuses_from_the_next_call_on_and_its_keys_still_open_the_way_out(
    doors: Doors, ada: Hand
) -> None:
    doors.enrolled("ada", 1)
    assert detect(doors, doors.admitted.key).status_code == 200
    assert ada.delete(f"/grants/{doors.admitted.grant}").status_code == 200
    refused = detect(doors, doors.admitted.key)
    assert (refused.status_code, refused.json()["code"]) == (403, "refused")
    assert "core.grant-ended" in [reason["id"] for reason in refused.json()["decision"]["reasons"]]
    assert doors.delete("/v1/collections/staff/subjects/ada").status_code == 200
    again = ada.delete(f"/grants/{doors.admitted.grant}")
    assert (again.status_code, again.json()["detail"]) == (409, "this grant has ended")
    assert ada.post(f"/grants/{doors.admitted.grant}/keys").status_code == 409
    assert [one["active"] for one in ada.get("/grants").json()["grants"]] == [False]


def test_a_grant_has_so_many_keys_and_no_more(doors: Doors, ada: Hand) -> None:
    keys = f"/grants/{doors.admitted.grant}/keys"
    for _ in range(MOST_KEYS - 1):
        assert ada.post(keys).status_code == 201
    answer = ada.post(keys)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert doors.world.proven(answer.json()["receipt"]).leaf.open["outside-policy"] == "conflict"
    assert len(ada.get(keys).json()["keys"]) == MOST_KEYS


def test_the_provider_sees_every_grant_and_a_customers_people_their_own(doors: Doors) -> None:
    other = admit_customer(doors.world, "Harbour Pool")
    provider, own = hand(doors, "auditor"), hand(doors, "auditor", customer=doors.admitted.customer)
    assert {one["name"] for one in provider.get("/grants").json()["grants"]} == {"Harbour Gym", "Harbour Pool"}
    assert [one["id"] for one in provider.get(f"/grants?customer={other.customer}").json()["grants"]] == [other.grant]
    assert [one["id"] for one in own.get("/grants").json()["grants"]] == [doors.admitted.grant]
    for named in (other.customer, "cus_" + "0" * 32, "x"):
        assert own.get(f"/grants?customer={named}").status_code == 404
    assert provider.get("/grants?customer=cus_0").status_code == 404
    part = provider.get("/grants?limit=1").json()
    rest = provider.get(f"/grants?limit=1&after={part['next']}").json()
    assert len({part["grants"][0]["id"], rest["grants"][0]["id"]}) == 2
    assert rest["next"] is None


def test_a_key_of_another_grant_is_a_missing_key(doors: Doors) -> None:
    other = admit_customer(doors.world, "Harbour Pool")
    provider = hand(doors, "operator")
    key = provider.get(f"/grants/{other.grant}/keys").json()["keys"][0]["id"]
    answers = [
        provider.delete(f"/grants/{doors.admitted.grant}/keys/{named}") for named in (key, "key_" + "0" * 32, "x")
    ]
    assert {(one.status_code, one.json()["detail"]) for one in answers} == {(404, "there is no such key in force")}
    assert detect(doors, other.key).status_code == 200


def test_a_customers_people_read_every_leaf_about_the_customer_and_who_administered(doors: Doors) -> None:
    provider, own = hand(doors, "operator"), hand(doors, "auditor", customer=doors.admitted.customer)
    detect(doors, doors.admitted.key)
    provider.post(f"/grants/{doors.admitted.grant}/keys")
    found: list[Any] = []
    after = ""
    while True:
        part = own.get(f"/decisions?limit=2{after}").json()
        found += part["decisions"]
        if part["next"] is None:
            break
        after = f"&after={part['next']}"
    assert {"faces", "issued", "listed"} <= {one["outcome"] for one in found}
    assert provider.account in {one["account"] for one in found if one["outcome"] == "issued"}
    assert provider.get("/decisions").status_code == 403


@pytest.mark.parametrize("path", ["/grants/{grant}", "/grants/{grant}/keys/{key}"])
def test_an_end_holds_when_the_log_can_not_be_written(doors: Doors, path: str) -> None:
    """What ends and the debt of its leaf are one transaction: a full disk keeps no key alive."""
    ada, made = hand(doors, "operator"), doors.post("/v1/keys").json()
    doors.world.house.log.close()
    ended = ada.delete(path.format(grant=doors.admitted.grant, key=made["id"]))
    assert ended.status_code == 503
    assert made["id"] not in ended.text
    before = doors.world.house.log.size
    house = doors.world.restart()
    assert house.log.size == before + 2  # the leaves that were owed: of the act, and the revocation
    from countenance.domain.errors import Unauthenticated
    from countenance.service import auth

    if "{key}" in path:
        with pytest.raises(Unauthenticated):
            auth.authenticate(house.database, made["key"])
    else:
        assert auth.authenticate(house.database, made["key"]).grant.until <= "2026-11-22T10:30:00Z"
