"""Who attests an application: signed over exactly its facts, or a typed name that is called one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from countenance.service import attestation, signed
from tests.http.people import hand, new_key
from tests.http.test_applications import POOL, apply

if TYPE_CHECKING:
    from tests.http.conftest import Doors

NOW = "2026-11-22T10:30:00Z"
FACTS: dict[str, Any] = {
    **POOL, "acts_for": [], "region": "", "locality": "", "seat_country": "", "seat_region": "", "modes": ["one-off"],
    "places": ["private"], "camera": "none", "capture": "attended", "minors": "no", "legal_effect": "no",
    "verification": None,
}  # fmt: skip


def signed_over(facts: dict[str, Any], moment: str = NOW, key: signed.PersonKey | None = None) -> dict[str, str]:
    """The attestation of these facts, as a document has it."""
    key = key or new_key()
    made = key.sign(attestation.statement(facts, moment).encode())
    return {"moment": moment, "public_key": key.public, "signature": signed.base64_of(made)}


def test_a_typed_name_is_called_that_in_the_answer_and_on_record(doors: Doors) -> None:
    asked = apply(doors)
    told = asked["attestation"]
    assert (told["name"], told["signed"], told["says"]) == ("B. Person", False, attestation.TYPED)
    shown = hand(doors, "approver").get(f"/applications/{asked['application']}").json()
    assert shown["attestation"] == told


def test_a_signed_one_is_kept_and_verifies_for_whoever_has_the_facts(doors: Doors) -> None:
    asked = apply(doors, attestation=signed_over(FACTS))
    assert asked["attestation"]["signed"] is True
    shown = hand(doors, "approver").get(f"/applications/{asked['application']}").json()
    text = attestation.statement(shown["facts"], shown["attestation"]["moment"])
    assert shown["attestation"]["statement"] == text
    assert attestation.NOT_POLICE in text
    assert text.splitlines()[3] == signed.facts_digest(shown["facts"]) == shown["digest"]


def test_the_text_says_of_us_police_what_the_facts_say() -> None:
    us = {**FACTS, "country": "US"}
    assert attestation.NOT_POLICE in attestation.statement(us, NOW)
    for police in ({**us, "sector": "sheriff"}, {**us, "acts_for": ["police"]}, {**FACTS, "sector": "police",
                   "seat_country": "US"}):  # fmt: skip
        assert attestation.POLICE in attestation.statement(police, NOW)
    assert attestation.NOT_POLICE in attestation.statement({**FACTS, "sector": "police"}, NOW)


@pytest.mark.parametrize(
    "given",
    [
        signed_over({**FACTS, "sector": "nonprofit"}), signed_over({**FACTS, "attested_by": "C. Person"}),
        signed_over(FACTS, "2026-11-01T10:30:00Z"), signed_over(FACTS, "2026-11-22T11:30:00Z"),
        signed_over(FACTS, "2026-11-22"), {**signed_over(FACTS), "public_key": new_key().public},
        {**signed_over(FACTS), "signature": "A" * 86 + "=="}, {**signed_over(FACTS), "moment": "2026-11-22T10:29:00Z"},
        {**signed_over(FACTS), "public_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}, {}, {"moment": NOW},
    ],
)  # fmt: skip
def test_one_that_does_not_hold_is_refused_before_anything_is_asked(doors: Doors, given: dict[str, str]) -> None:
    before = doors.world.house.log.size
    answer = doors.client.post("/v1/applications", content=json.dumps({**POOL, "attestation": given}),
                               headers={"Content-Type": "application/json"})  # fmt: skip
    assert answer.status_code == 400, answer.text
    assert doors.world.house.log.size == before


def test_it_opens_nothing_that_the_policy_denies(doors: Doors) -> None:
    police = {**FACTS, "sector": "police", "country": "US"}
    body = {**POOL, "sector": "police", "country": "US", "attestation": signed_over(police)}
    answer = doors.client.post("/v1/applications", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "refused")
