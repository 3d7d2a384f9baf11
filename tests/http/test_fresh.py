"""What may be kept: rules and description, under a tag of their bytes; nothing else. And tokens that say nothing."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.http.conftest import PURPOSE, consent

if TYPE_CHECKING:
    from tests.http.conftest import Doors

KEPT = ("/v1/policies", "/v1/policies/core", "/v1/openapi.json")


@pytest.mark.parametrize("path", KEPT)
def test_what_is_the_same_to_everybody_is_told_once(doors: Doors, path: str) -> None:
    whole = doors.client.get(path)
    etag = whole.headers["etag"]
    assert etag == f'"{hashlib.sha256(whole.content).hexdigest()[:32]}"'
    assert (whole.status_code, whole.headers["cache-control"]) == (200, "no-cache")
    assert whole.headers["content-type"] == "application/json"
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = doors.client.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    for other in ('"other"', "", etag.strip('"'), f"{etag}x"):
        assert doors.client.get(path, headers={"If-None-Match": other}).content == whole.content


def test_a_tag_on_two_lines_counts(doors: Doors) -> None:
    etag = doors.client.get(KEPT[0]).headers["etag"]
    lines = [("If-None-Match", '"other"'), ("If-None-Match", etag)]
    assert doors.client.get(KEPT[0], headers=lines).status_code == 304


def test_a_tag_changes_with_what_it_is_of(doors: Doors) -> None:
    tags = [doors.client.get(f"/v1/policies/{pack}").headers["etag"] for pack in ("core", "microsoft-2020")]
    assert len({*tags, doors.client.get("/v1/policies").headers["etag"]}) == 3


def test_a_pack_that_is_not_there_is_no_match_for_any_tag(doors: Doors) -> None:
    assert doors.client.get("/v1/policies/none", headers={"If-None-Match": "*"}).status_code == 404


def test_no_answer_to_a_key_has_a_tag(doors: Doors) -> None:
    for path in ("/v1/me", "/v1/keys", "/v1/collections", "/v1/decisions"):
        answer = doors.get(path)
        assert answer.status_code == 200
        assert "etag" not in answer.headers


def test_a_token_of_a_page_says_nothing(doors: Doors) -> None:
    """It is sealed: neither in it nor in its bytes is the id that it goes on from, and no two are alike."""
    doors.post("/v1/collections", json={"name": "staff", "purpose": PURPOSE})
    for alias in ("ada", "bo"):
        doors.post("/v1/collections/staff/consents", json=consent(alias))
    pages = [doors.get(f"/v1/{of}", params={"limit": 1}).json() for of in ("collections/staff/subjects", "decisions")]
    again = doors.get("/v1/collections/staff/subjects", params={"limit": 1}).json()
    last = pages[0]["subjects"][0]["id"]
    raw = base64.urlsafe_b64decode(pages[0]["next"] + "==")
    assert last not in pages[0]["next"]
    assert last.encode() not in raw
    assert bytes.fromhex(last.removeprefix("sub_")) not in raw
    assert len({pages[0]["next"], pages[1]["next"], again["next"]}) == 3
