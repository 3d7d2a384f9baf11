"""Idempotency-Key at the doors: the same bytes again, one deed, and no way to another's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from countenance.domain.errors import UnderWay
from countenance.http import problems
from tests.http.conftest import PURPOSE, b64, bearer, consent
from tests.service.world import photo

if TYPE_CHECKING:
    import httpx

    from tests.http.conftest import Doors

KEY = "8f14e45f-ceea-467f-a8d2-3d8b1b1f9d1c"
SHOWN = {"content": photo(1), "headers": {"Content-Type": "image/png"}}
CREATES: dict[str, tuple[str, dict[str, Any]]] = {
    "collection": ("/v1/collections", {"json": {"name": "visitors", "purpose": PURPOSE}}),
    "consent": ("/v1/collections/staff/consents", {"json": consent("bo")}),
    "reference": ("/v1/collections/staff/subjects/ada/references", SHOWN),
    "key": ("/v1/keys", {}),
}


def send(doors: Doors, what: str, key: str = f'"{KEY}"', **more: Any) -> httpx.Response:
    path, sent = CREATES[what]
    headers = {"Idempotency-Key": key, **sent.get("headers", {}), **more.pop("headers", {})}
    return doors.post(path, **{**sent, **more, "headers": headers})


@pytest.fixture(autouse=True)
def _ada(doors: Doors) -> None:
    doors.enrolled("ada", 1)


@pytest.mark.parametrize("what", ["collection", "consent", "reference"])
def test_a_repeat_is_the_same_answer_to_the_byte(doors: Doors, what: str) -> None:
    first, size = send(doors, what), doors.world.house.log.size
    again = send(doors, what)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert first.headers.get("Countenance-Receipt") == again.headers.get("Countenance-Receipt")
    assert first.headers["Content-Type"] == again.headers["Content-Type"]
    assert doors.world.house.log.size == size
    if what != "collection":
        assert doors.world.proven(again.headers["Countenance-Receipt"]).index == size - 1


def test_a_repeated_issue_of_a_key_tells_which_to_revoke_and_not_its_text(doors: Doors) -> None:
    first = send(doors, "key").json()
    again = send(doors, "key")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert first["id"] in again.json()["next_step"]
    assert first["key"] not in again.text
    assert again.headers["Countenance-Receipt"] == first["receipt"]
    assert len(doors.get("/v1/keys").json()["keys"]) == 2


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("collection", {"json": {"name": "guests", "purpose": PURPOSE}}),
        ("consent", {"json": consent("bo", notice="something else")}),
        ("consent", {"json": consent("ada")}),
        ("reference", {"content": photo(1, variant=1)}),
        ("reference", {"params": {"minors": "unknown"}}),
        ("reference", {"headers": {"Countenance-Purpose": PURPOSE}}),
        ("reference", {"headers": {"Countenance-Requested-By": "commercial"}}),
    ],
)
def test_the_same_key_with_another_request_is_refused(doors: Doors, what: str, changed: dict[str, Any]) -> None:
    assert send(doors, what).status_code == 201
    other = send(doors, what, **changed)
    assert (other.status_code, other.json()["code"]) == (422, "repeat-differs")
    assert "receipt" not in other.json()
    assert send(doors, what).status_code == 201


def test_the_same_key_for_another_subject_or_collection_is_refused(doors: Doors) -> None:
    send(doors, "reference")
    doors.post("/v1/collections/staff/consents", json=consent("bo"))
    other = "/v1/collections/staff/subjects/bo/references"
    refused = doors.show(other, 1, headers={"Idempotency-Key": f'"{KEY}"'})
    assert (refused.status_code, refused.json()["code"]) == (422, "repeat-differs")


def test_how_a_photograph_is_sent_makes_no_other_request(doors: Doors) -> None:
    path, named = CREATES["reference"][0], {"Idempotency-Key": f'"{KEY}"'}
    first = send(doors, "reference").content
    assert doors.post(path, json={"photo": b64(photo(1))}, headers=named).content == first
    assert doors.post(path, files={"photo": photo(1)}, headers=named).content == first


@pytest.mark.parametrize(
    "key",
    [KEY, '""', '"short"', f'"{"a" * 15}"', f'"{"a" * 65}"', f'"{KEY}', f'{KEY}"', f"'{KEY}'", f'"{KEY}";a=1',
     f'"{KEY}", "{KEY}"', f'"{KEY} "', '"sixteen-lettérs-"', '"0123456789:abcdef"', '"0123456789/abcdef"', f':{KEY}:',
     "", "0123456789abcdef"],
)  # fmt: skip
def test_a_key_that_is_none_is_refused_before_the_body_is_read(doors: Doors, key: str) -> None:
    read = 0

    async def counted() -> Any:
        nonlocal read
        read += 1
        yield photo(1)

    path, kind = CREATES["reference"][0], {"Content-Type": "image/png"}
    headers: Any = {**kind, "Idempotency-Key": key.encode()}
    answer = doors.post(path, content=counted(), headers=headers)
    assert (answer.status_code, answer.json()["code"], read) == (400, "bad-input", 0)
    assert "Idempotency-Key: " in answer.json()["next_step"]


@pytest.mark.parametrize("key", ["a" * 16, "A" * 64, "0123456789_-azAZ"])
def test_a_key_of_the_stated_form_is_taken(doors: Doors, key: str) -> None:
    assert send(doors, "collection", f'"{key}"').status_code == 201


def test_a_key_that_comes_twice_is_refused(doors: Doors) -> None:
    twice = [("Idempotency-Key", f'"{KEY}"')] * 2 + [("Authorization", doors.key["Authorization"])]
    answer = doors.client.post("/v1/keys", headers=twice)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-input")


@pytest.mark.parametrize("what", CREATES)
def test_the_callers_key_is_checked_for_every_repeat(doors: Doors, what: str) -> None:
    """A kept answer is for the key that it was given to, and for that only while it is in force."""
    spare = bearer(doors.post("/v1/keys").json()["key"])
    first = send(doors, what, headers=spare)
    assert first.status_code == 201
    refused = send(doors, what)  # another key of the same grant
    assert (refused.status_code, refused.json()["code"]) == (422, "repeat-differs")
    doors.client.delete(f"/v1/keys/key_{spare['Authorization'].split('_')[1]}", headers=spare)
    for headers in (spare, {"Authorization": ""}, bearer("cnt_" + "0" * 32 + "_" + "A" * 43)):
        assert send(doors, what, headers=headers).status_code == 401
        assert send(doors, what, "nonsense", headers=headers).status_code == 401
    stranger = send(doors, what, headers=doors.another())
    assert stranger.status_code == (404 if "staff" in CREATES[what][0] else 201)
    assert stranger.content != first.content


def test_under_way_says_when_to_come_again() -> None:
    told = problems.response(UnderWay("this very call is still under way"))
    assert (told.status_code, told.headers["retry-after"]) == (409, "2")
