"""The native doors, end to end on painted faces: the answers, their receipts, and what a refusal carries."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.http.conftest import PURPOSE, admit_customer, b64, bearer, consent
from tests.service.world import photo, template

if TYPE_CHECKING:
    from tests.http.conftest import Doors


def test_a_person_is_enrolled_verified_identified_and_erased(doors: Doors) -> None:
    subject = doors.enrolled("ada", 1)
    same = doors.show("/v1/collections/staff/subjects/ada/verify", 1).json()
    other = doors.show(f"/v1/collections/staff/subjects/{subject}/verify", 2).json()
    assert (same["match"], other["match"]) == (True, False)
    found = doors.show("/v1/collections/staff/identify", 1).json()
    assert [one["subject"] for one in found["candidates"]] == [subject]
    assert doors.show("/v1/collections/staff/identify", 9).json()["candidates"] == []
    gone = doors.delete("/v1/collections/staff/subjects/ada")
    assert gone.status_code == 200
    assert "countenance-erasure@v1" in gone.json()["certificate"]
    assert doors.show("/v1/collections/staff/identify", 1).json()["candidates"] == []
    assert doors.show("/v1/collections/staff/subjects/ada/verify", 1).status_code == 404


def test_every_answer_carries_a_receipt_that_proves_it(doors: Doors) -> None:
    answer = doors.show("/v1/detect", 1, 2)
    body = answer.json()
    proven = doors.world.proven(body["receipt"])
    assert answer.headers["Countenance-Receipt"] == body["receipt"]
    assert proven.index == body["index"]
    assert proven.leaf.open["verdict"] == body["decision"]["decision"] == "allow"
    assert len(body["faces"]) == 2


def test_a_refusal_is_a_problem_with_its_reasons_and_its_receipt(doors: Doors) -> None:
    refused = doors.show("/v1/detect", 1, headers={"Countenance-Purpose": "investigation"})
    assert refused.status_code == 403
    assert refused.headers["Content-Type"] == "application/problem+json"
    body = refused.json()
    assert body["code"] == "refused"
    assert body["decision"]["decision"] == "deny"
    assert doors.world.proven(body["receipt"]).leaf.open["verdict"] == "deny"
    assert doors.world.engine.shown == 0


def test_work_that_comes_to_nothing_has_its_leaf_too(doors: Doors) -> None:
    nobody = doors.show("/v1/collections/staff/subjects/ada/verify", 1)
    assert nobody.status_code == 404
    doors.enrolled("ada", 1)
    empty = doors.show("/v1/collections/staff/identify")
    assert (empty.status_code, empty.json()["code"]) == (422, "no-face")
    assert doors.world.proven(empty.json()["receipt"]).leaf.open["outside-policy"] == "no-face"
    unknown = doors.show("/v1/collections/staff/subjects/nobody/verify", 1)
    assert doors.world.proven(unknown.json()["receipt"]).leaf.open["outside-policy"] == "not-found"


def test_a_call_made_for_somebody_else_is_judged_as_that(doors: Doors) -> None:
    american = bearer(admit_customer(doors.world, "Pier Gym", country="US", region="US-CA").key)
    shown: dict[str, Any] = {"content": photo(1), "headers": {**american, "Content-Type": "image/png"}}
    assert doors.client.post("/v1/detect", **shown).status_code == 200
    shown["headers"]["Countenance-Requested-By"] = "commercial, police"
    refused = doors.client.post("/v1/detect", **shown).json()
    assert "microsoft-2020.us-police" in {reason["id"] for reason in refused["decision"]["reasons"]}
    shown["headers"]["Countenance-Requested-By"] = "a word that nobody knows"
    assert doors.client.post("/v1/detect", **shown).status_code == 403


def test_what_a_call_says_of_itself_may_be_in_the_query(doors: Doors) -> None:
    live = doors.show("/v1/detect?place=publicly-accessible&mode=real-time", 1)
    assert live.status_code == 403
    reasons = {reason["id"] for reason in live.json()["decision"]["reasons"]}
    assert "core.grant-place" in reasons


def test_photographs_come_raw_in_a_form_or_in_json(doors: Doors) -> None:
    raw = doors.show("/v1/detect", 1)
    form = doors.post("/v1/detect", files={"photo": ("a.png", photo(1), "image/png")})
    json = doors.post("/v1/detect", json={"photo": b64(photo(1))})
    assert raw.json()["faces"] == form.json()["faces"] == json.json()["faces"]
    two = doors.post("/v1/compare", files={"photo": photo(1), "other": photo(1, variant=1)})
    same = doors.post("/v1/compare", json={"photo": b64(photo(1)), "other": b64(photo(2))})
    assert (two.json()["match"], same.json()["match"]) == (True, False)


def test_collections_and_subjects_are_listed_in_pages(doors: Doors) -> None:
    for name in ("c", "a", "b"):
        assert doors.post("/v1/collections", json={"name": name, "purpose": PURPOSE}).status_code == 201
    first = doors.get("/v1/collections?limit=2").json()
    rest = doors.get("/v1/collections", params={"limit": 2, "after": first["next"]}).json()
    assert [one["name"] for one in (*first["collections"], *rest["collections"])] == ["a", "b", "c"]
    assert rest["next"] is None
    for number in range(5):
        doors.post("/v1/collections/a/consents", json=consent(f"person {number}"))
    seen, after = [], ""
    while True:
        page = doors.get("/v1/collections/a/subjects", params={"limit": 2, "after": after}).json()
        seen += [one["alias"] for one in page["subjects"]]
        if not (after := page["next"] or ""):
            break
    assert sorted(seen) == [f"person {number}" for number in range(5)]


def test_a_page_token_is_of_its_list_and_its_customer(doors: Doors) -> None:
    for name in ("a", "b"):
        doors.post("/v1/collections", json={"name": name, "purpose": PURPOSE})
    token = doors.get("/v1/collections?limit=1").json()["next"]
    for wrong in (token[:-2], token + "A", "not a token", "é"):
        answer = doors.get("/v1/collections", params={"after": wrong})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad-input")
    assert doors.get("/v1/collections/a/subjects", params={"after": token}).status_code == 400
    stranger = doors.client.get("/v1/collections", params={"after": token}, headers=doors.another())
    assert stranger.status_code == 400


def test_withdrawal_takes_effect_before_it_answers(doors: Doors) -> None:
    doors.enrolled("ada", 1)
    left = doors.delete("/v1/collections/staff/subjects/ada/consents")
    assert doors.world.proven(left.json()["receipt"]).leaf.open["kind"] == "withdrawal"
    assert doors.show("/v1/collections/staff/identify", 1).json()["candidates"] == []
    assert doors.delete("/v1/collections/staff/subjects/ada/consents").status_code == 409


def test_keys_are_issued_once_listed_without_secret_and_revoked_at_once(doors: Doors) -> None:
    made = doors.post("/v1/keys").json()
    listed = doors.get("/v1/keys").json()["keys"]
    assert made["id"] in [key["id"] for key in listed]
    assert made["key"] not in str(listed)
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert doors.client.get("/v1/me", headers=headers).json()["key"] == made["id"]
    ended = doors.delete(f"/v1/keys/{made['id']}")
    assert doors.world.proven(ended.json()["receipt"]).leaf.open["kind"] == "revocation"
    assert doors.client.get("/v1/me", headers=headers).status_code == 401
    assert doors.delete(f"/v1/keys/{made['id']}").status_code == 404


def test_a_grant_has_no_more_keys_than_it_may(doors: Doors) -> None:
    answers = [doors.post("/v1/keys").status_code for _ in range(21)]
    assert answers.count(201) == 19
    assert set(answers[19:]) == {409}


def test_anybody_may_ask_the_policy(doors: Doors) -> None:
    words = {"action": "provision", "sector": "police", "country": "US", "purpose": "criminal-investigation"}
    before = doors.world.house.log.size
    told = doors.client.get("/v1/decide", params={**words, "on": "2020-06-12"}).json()
    same = doors.client.post("/v1/decide", json={**words, "on": "2020-06-12", "requested-by": []}).json()
    assert told == same
    assert told["decision"] == "deny"
    assert "microsoft-2020.us-police" in {reason["id"] for reason in told["reasons"]}
    assert doors.world.house.log.size == before


@pytest.mark.parametrize("flag", ["law", "authority", "paperwork"])
def test_a_question_never_opens_a_file_of_the_server(doors: Doors, flag: str) -> None:
    words = {"action": "detect", "sector": "police", "country": "US", "purpose": "attendance", flag: "/etc/passwd"}
    told = doors.client.get("/v1/decide", params=words)
    assert (told.status_code, told.json()["code"]) == (400, "bad-input")


def test_policies_and_the_logs_key_are_public(doors: Doors) -> None:
    in_force = doors.client.get("/v1/policies").json()
    names = [pack["name"] for pack in in_force["in_force"]]
    assert "core" in names
    whole = doors.client.get("/v1/policies/core").json()
    assert whole["digest"] in [pack["digest"] for pack in in_force["in_force"]]
    assert "forbid" in whole["text"]
    assert doors.client.get("/v1/policies/none").status_code == 404
    log = doors.client.get("/v1/log").json()
    assert log["vkey"] == doors.world.settings.log_vkey.read_text().strip()
    assert log["size"] == doors.world.house.log.size


def test_a_person_gets_all_that_is_held_about_them(doors: Doors) -> None:
    subject = doors.enrolled("ada", 1)
    doors.enrolled("bob", 2)
    doors.show("/v1/collections/staff/subjects/ada/verify", 1)
    answer = doors.get("/v1/collections/staff/subjects/ada/export")
    held = answer.json()
    asked = doors.world.proven(held["receipt"]).leaf.open["ask"]
    assert isinstance(asked, dict)
    assert asked["action"] == "export"
    assert held["subject"] == subject
    assert [ground["notice"] for ground in held["grounds"]] == ["what it is for"]
    (reference,) = held["references"]
    stored = np.frombuffer(base64.b64decode(reference["template"]), "<f4")
    assert float(stored @ template(1)) > 0.99
    assert [entry["outcome"] for entry in held["decisions"]][1:] == ["enrolled", "match"]
    assert all(entry["subject"] == subject for entry in held["decisions"])


def test_each_of_the_callers_leaves_can_be_proven_again(doors: Doors) -> None:
    doors.enrolled("ada", 1)
    seen, after = [], ""
    while True:
        page = doors.get("/v1/decisions", params={"limit": 2, "after": after}).json()
        seen += page["decisions"]
        if not (after := page["next"] or ""):
            break
    assert [entry["index"] for entry in seen] == sorted({entry["index"] for entry in seen})
    assert len(seen) == 3  # the grant, the consent, the enrolment
    for entry in seen:
        again = doors.get(f"/v1/decisions/{entry['index']}").json()
        proven = doors.world.proven(again["receipt"])
        assert proven.closed is not None
        assert (proven.index, proven.closed["outcome"]) == (entry["index"], entry["outcome"])
    doors.delete("/v1/collections/staff/subjects/ada")
    assert doors.get(f"/v1/decisions/{seen[-1]['index']}").status_code == 404
    assert doors.get("/v1/decisions/-1").status_code == 400
    assert doors.get(f"/v1/decisions/{2**64}").status_code == 400
