"""A domain that says so itself: a code in its file, read by the server where the settings say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from countenance.config import from_environment
from countenance.domain.errors import Misconfigured, Unavailable
from tests.http.people import Hand, hand
from tests.http.test_standing import leaf_at

if TYPE_CHECKING:
    import httpx

    from tests.http.conftest import Doors

ASKED = {"domain": "pool.example", "facts": ["name", "contact"], "method": "domain-challenge"}


class Web:
    """The files of all domains. asked: in order. It keeps the promise of http/wellknown.py: bytes, or Unavailable."""

    def __init__(self, doors: Doors) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        doors.world.house.look = self

    def __call__(self, domain: str) -> bytes:
        self.asked.append(domain)
        if domain not in self.files:
            raise Unavailable("the domain answers with status 404, and no redirect is followed")
        return self.files[domain]


def made(doors: Doors, ada: Hand) -> dict[str, Any]:
    answer = ada.post(f"/customers/{doors.admitted.customer}/challenges", ASKED)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def look(doors: Doors, ada: Hand, challenge: str, customer: str = "") -> httpx.Response:
    return ada.post(f"/customers/{customer or doors.admitted.customer}/challenges/{challenge}/look")


def records(doors: Doors, ada: Hand) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ada.get(f"/customers/{doors.admitted.customer}/verifications").json()["verifications"]
    return [one for one in found if one["method"] == "domain-challenge"]


def test_a_code_that_stands_in_the_domains_file_verifies_name_and_contact_for_a_year(doors: Doors) -> None:
    """Also of a customer that was admitted on the machine itself, and has no claim to bring a code back with."""
    web, ada = Web(doors), hand(doors, "operator")
    sent = made(doors, ada)
    assert (sent["method"], sent["application"]) == ("domain-challenge", "")
    web.files["pool.example"] = f"another-code\r\n  {sent['code']}\r\n".encode()
    answer = look(doors, ada, sent["id"])
    assert answer.status_code == 201, answer.text
    assert (answer.json()["facts"], answer.json()["until"]) == (["contact", "name"], "2027-11-22")
    assert web.asked == ["pool.example"]
    leaf = doors.world.proven(answer.json()["receipt"]).leaf.open
    assert (leaf["act"], leaf["by"], leaf["verdict"]) == ("challenge-look", "provider", "allow")
    (record,) = records(doors, ada)
    assert (record["id"], record["account"]) == (answer.json()["verification"], ada.account)
    assert record["evidence"] == "https://pool.example/.well-known/countenance-challenge held the code"
    assert look(doors, ada, sent["id"]).status_code == 404  # once
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    ("file", "status"),
    [
        (None, 503), (b"", 400), (b"A" * 22, 400), (b"{code}x\n", 400), (b"x {code}\n", 400),
        (b"\n" * 20 + b"{code}\n", 400),
    ],
)  # fmt: skip
def test_a_file_without_the_code_proves_nothing_and_may_be_looked_at_again(
    doors: Doors, file: bytes | None, status: int
) -> None:
    web, ada = Web(doors), hand(doors, "operator")
    sent = made(doors, ada)
    if file is not None:
        web.files["pool.example"] = file.replace(b"{code}", sent["code"].encode())
    answer = look(doors, ada, sent["id"])
    assert answer.status_code == status
    assert sent["code"] not in answer.text
    assert leaf_at(doors, doors.world.proven(answer.json()["receipt"]).index)["outside-policy"]
    assert records(doors, ada) == []
    web.files["pool.example"] = sent["code"].encode()
    assert look(doors, ada, sent["id"]).status_code == 201


def test_without_the_setting_no_domain_is_asked_and_it_says_what_to_do(doors: Doors) -> None:
    ada = hand(doors, "operator")
    answer = ada.post(f"/customers/{doors.admitted.customer}/challenges", ASKED)
    assert (answer.status_code, answer.json()["detail"]) == (409, "this house asks no domain")
    assert "COUNTENANCE_DOMAIN_CHECKS=https" in answer.json()["next_step"]


def test_a_code_that_runs_out_and_another_customers_are_not_looked_for(doors: Doors) -> None:
    from tests.http.conftest import admit_customer

    web, ada = Web(doors), hand(doors, "operator")
    sent, other = made(doors, ada), admit_customer(doors.world, "Harbour Pool").customer
    web.files["pool.example"] = sent["code"].encode()
    assert look(doors, ada, sent["id"], other).status_code == 404
    doors.world.later(days=7)
    assert look(doors, ada, sent["id"]).status_code == 404
    assert web.asked == []


def test_whoever_may_not_look_asks_nobody(doors: Doors) -> None:
    web, ada = Web(doors), hand(doors, "operator")
    sent = made(doors, ada)
    for roles, customer in (("approver", ""), ("auditor", ""), ("operator", doors.admitted.customer)):
        assert look(doors, hand(doors, roles, customer=customer), sent["id"]).status_code == 403
    assert web.asked == []


@pytest.mark.parametrize(
    "domain", ["localhost", "10.0.0.8", "[::1]", "pool.example:8443", "pool.example/x", "POOL.example"]
)
def test_what_is_no_domain_is_never_asked(doors: Doors, domain: str) -> None:
    web, ada = Web(doors), hand(doors, "operator")
    answer = ada.post(f"/customers/{doors.admitted.customer}/challenges", {**ASKED, "domain": domain})
    assert answer.status_code == 400
    assert web.asked == []


def test_a_domain_proves_no_sector_and_its_code_does_not_come_back_as_a_message(doors: Doors) -> None:
    from tests.http.test_standing import Newcomer

    Web(doors)
    ada, pool = hand(doors, "operator"), Newcomer(doors)
    refused = ada.post(f"/customers/{pool.id}/challenges", {**ASKED, "facts": ["sector"]})
    assert (refused.status_code, refused.json()["detail"]) == (400, "domain-challenge cannot prove sector")
    sent = ada.post(f"/customers/{pool.id}/challenges", ASKED).json()
    path = f"/v1/applications/{pool.application}/challenges/{sent['id']}"
    back = doors.client.post(path, json={"code": sent["code"]}, headers={"Authorization": f"Bearer {pool.claim}"})
    assert back.status_code == 404


def test_the_setting_is_off_or_https() -> None:
    assert from_environment({"HOME": "/a"}).domain_checks is False
    assert from_environment({"HOME": "/a", "COUNTENANCE_DOMAIN_CHECKS": "https"}).domain_checks is True
    with pytest.raises(Misconfigured, match="neither off nor https"):
        from_environment({"HOME": "/a", "COUNTENANCE_DOMAIN_CHECKS": "http"})
