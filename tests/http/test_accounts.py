"""Accounts over HTTP: registered, listed and ended, each with its leaf; names sealed; bad input named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from countenance.service import accounts
from tests.http.people import hand, new_key, newcomer

if TYPE_CHECKING:
    from tests.http.conftest import Doors


def test_a_person_is_registered_and_then_signs_for_themselves(doors: Doors) -> None:
    ada, key = hand(doors), new_key()
    doors.world.later(seconds=1)
    made = ada.post("/accounts", newcomer(public_key=key.public, roles=["operator", "auditor"]))
    assert made.status_code == 201, made.text
    bo = type(ada)(doors.world, doors.client, made.json()["account"], key)
    listed = bo.get("/accounts").json()["accounts"]
    assert [(one["name"], one["roles"], one["ended"]) for one in listed] == [
        ("Ada Person", ["approver", "auditor", "operator"], None), ("Bo Person", ["auditor", "operator"], None),
    ]  # fmt: skip
    proven = doors.world.proven(made.json()["receipt"])
    assert proven.closed is not None
    assert (proven.leaf.open["act"], proven.closed["matter"], proven.closed["account"]) == (
        "account-register", bo.account, ada.account,
    )  # fmt: skip


def test_a_person_on_the_machine_leaves_a_leaf_that_says_machine(doors: Doors) -> None:
    new = accounts.NewAccount("Ada Person", frozenset({"operator"}), new_key().public)
    made = accounts.register_here(doors.world.house, new)
    ended = accounts.end_here(doors.world.house, made.id)
    for receipt, act in ((made.receipt, "account-register"), (ended, "account-end")):
        opened = doors.world.proven(receipt).leaf.open
        assert (opened["act"], opened["by"], opened["roles"], opened["reasons"]) == (act, "machine", [], [])


def test_a_name_is_sealed_and_in_no_leaf(doors: Doors) -> None:
    ada = hand(doors, name="Canary Person")
    hand(doors, name="Canary Customer", customer=doors.admitted.customer)
    assert ada.post("/accounts", newcomer(name="Canary Third")).status_code == 201
    house = doors.world.house
    house.log.check()
    assert not house.database.contains(b"Canary Person")
    assert not house.database.contains(b"Canary Customer")
    assert not house.database.contains(b"Canary Third")
    written = b"".join(path.read_bytes() for path in doors.world.settings.data.rglob("*") if path.is_file())
    assert b"Canary" not in written
    assert ada.account.encode() not in b"".join(
        path.read_bytes() for path in doors.world.settings.ledger.rglob("*") if path.is_file()
    )


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"name": ""}, 400, "bad-input"), ({"name": " "}, 400, "bad-input"), ({"name": "a\nb"}, 400, "bad-input"),
        ({"name": "a" * 101}, 400, "bad-input"), ({"roles": []}, 400, "bad-input"),
        ({"roles": ["root"]}, 400, "bad-input"), ({"roles": "operator"}, 400, "bad-input"),
        ({"public_key": "A" * 44}, 400, "bad-input"), ({"public_key": "AQ" + "A" * 41 + "="}, 400, "bad-input"),
        ({"public_key": "short"}, 400, "bad-input"), ({"customer": "cus_" + "0" * 32}, 404, "not-found"),
        ({"extra": 1}, 400, "bad-input"),
    ],
)  # fmt: skip
def test_what_can_not_be_registered_is_named(doors: Doors, changed: dict[str, Any], status: int, code: str) -> None:
    answer = hand(doors).post("/accounts", newcomer(**changed))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_two_accounts_of_one_organisation_never_have_one_key(doors: Doors) -> None:
    """Else one person could apply as one and approve as the other."""
    ada = hand(doors)
    answer = ada.post("/accounts", newcomer(public_key=ada.key.public))
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    opened = doors.world.proven(answer.json()["receipt"]).leaf.open
    assert (opened["verdict"], opened["outside-policy"]) == ("allow", "conflict")
    bo = newcomer()
    assert ada.post("/accounts", bo).status_code == 201
    assert ada.post("/accounts", {**bo, "name": "Bo Again"}).status_code == 409


def test_an_ended_accounts_key_does_not_come_back(doors: Doors) -> None:
    ada, bo = hand(doors), hand(doors)
    assert ada.delete(f"/accounts/{bo.account}").status_code == 200
    assert ada.delete(f"/accounts/{bo.account}").status_code == 404
    assert ada.post("/accounts", newcomer(public_key=bo.key.public)).status_code == 409


def test_another_tenants_key_is_no_secret_that_a_registration_tells(doors: Doors) -> None:
    theirs = hand(doors, "operator", customer=doors.admitted.customer)
    other = _another_customer(doors)
    ours = hand(doors, "operator", customer=other)
    assert ours.post("/accounts", newcomer(public_key=theirs.key.public)).status_code == 201


def test_a_refusal_names_the_rule_and_leaves_its_leaf(doors: Doors) -> None:
    bo = hand(doors, "operator")
    answer = bo.post("/accounts", newcomer(roles=["approver"]))
    body = answer.json()
    assert (answer.status_code, body["code"]) == (403, "refused")
    assert body["detail"] == "refused: Nobody gives a role in their own organisation that they do not hold themselves."
    assert [reason["id"] for reason in body["decision"]["reasons"]] == ["roles.own-roles"]
    opened = doors.world.proven(body["receipt"]).leaf.open
    assert (opened["verdict"], opened["reasons"], opened["roles"]) == ("deny", ["roles.own-roles"], ["operator"])
    assert len(bo.get("/accounts").json()["accounts"]) == 1


def test_a_customers_people_reach_their_own_organisation_only(doors: Doors) -> None:
    provider, other = hand(doors), _another_customer(doors)
    ours = hand(doors, "operator", customer=doors.admitted.customer)
    theirs = hand(doors, "operator", customer=other)
    assert [one["id"] for one in ours.get("/accounts").json()["accounts"]] == [ours.account]
    for of in (other, "cus_" + "0" * 32):
        assert ours.get(f"/accounts?customer={of}").status_code == 404
        assert ours.post("/accounts", newcomer(customer=of)).status_code == 404
    for account in (theirs.account, provider.account, "acc_" + "0" * 32, "x"):
        answer = ours.delete(f"/accounts/{account}")
        assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such account in force")
    assert theirs.get("/accounts").status_code == 200
    assert provider.get(f"/accounts?customer={other}").json()["accounts"][0]["id"] == theirs.account


def test_what_one_tenant_tries_stands_in_no_list_of_another(doors: Doors) -> None:
    other = _another_customer(doors)
    theirs = hand(doors, "operator", customer=other)
    before = doors.get("/v1/decisions").json()["decisions"]
    theirs.get(f"/accounts?customer={doors.admitted.customer}")
    theirs.post("/accounts", newcomer(customer=doors.admitted.customer))
    assert doors.get("/v1/decisions").json()["decisions"] == before


def test_the_list_comes_in_parts_whose_tokens_are_ones_own(doors: Doors) -> None:
    ada = hand(doors)
    for number in range(4):
        doors.world.later(seconds=1 if number % 2 else 0)
        hand(doors, name=f"Person {number}")
    seen, after = [], ""
    while True:
        part = ada.get(f"/accounts?limit=2{after}").json()
        seen += [one["name"] for one in part["accounts"]]
        if part["next"] is None:
            break
        after = f"&after={part['next']}"
    assert sorted(seen) == ["Ada Person", "Person 0", "Person 1", "Person 2", "Person 3"]
    token = ada.get("/accounts?limit=2").json()["next"]
    assert hand(doors).get(f"/accounts?after={token}").status_code == 400


def test_an_end_holds_when_the_log_can_not_be_written(doors: Doors) -> None:
    """The account is ended and the leaf is owed in one transaction; the caller is not answered before the leaf."""
    ada, bo = hand(doors), hand(doors)
    doors.world.house.log.close()
    answer = ada.delete(f"/accounts/{bo.account}")
    assert answer.status_code == 503
    assert "receipt" not in answer.json()
    house = doors.world.restart()
    ended = {one.id: one.ended for one in accounts.everybody(house)}
    assert ended[bo.account] is not None
    assert ended[ada.account] is None


def _another_customer(doors: Doors) -> str:
    from tests.http.conftest import admit_customer

    return admit_customer(doors.world, "Harbour Pool").customer


def test_the_leaf_of_a_registration_that_came_to_nothing_names_no_account_that_never_was(doors: Doors) -> None:
    ada = hand(doors)
    answer = ada.post("/accounts", newcomer(public_key=ada.key.public))
    closed = doors.world.proven(answer.json()["receipt"]).closed
    assert closed is not None
    assert (answer.status_code, closed["account"], closed["matter"]) == (409, ada.account, "")
