"""Bodies that cannot be used: each is one clear error, before the gate, without a leaf and without a result."""

from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from countenance.domain.errors import BadInput
from countenance.http.bodies import strict_json
from tests.http.conftest import PURPOSE, b64, consent
from tests.service.world import photo

if TYPE_CHECKING:
    from tests.http.conftest import Doors

MIB = 1024 * 1024
GZIP = {"Content-Type": "image/png", "Content-Encoding": "gzip"}


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"3", b"null",
     b'{"a": 1, "a": 2}', b'{"a": {"b": 1, "b": 1}}', b'{"a": NaN}', b'{"a": Infinity}',
     b'{"a": 12345678901234567}', b'{"a": ' + b"9" * 5000 + b"}", b"\xff\xfe{}", b'{"a": "\xed\xa0\x80"}',
     b"[" * 100_000, b'{"a":' * 50_000, b"{} {}", b"{'a': 1}"],
)  # fmt: skip
def test_json_that_readers_could_take_in_two_ways_is_refused(raw: bytes) -> None:
    with pytest.raises(BadInput):
        strict_json(raw)


def test_json_is_read_as_it_was_written() -> None:
    whole = {"text": "é\u2028", "list": [1, -2, 0.5, None, True], "nested": {"a": {"b": []}}, "n": 9007199254740992}
    assert strict_json(json.dumps(whole).encode()) == whole


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415, "body-unsupported"),
        ({"content": b"x"}, 415, "body-unsupported"),
        ({"content": b"", "headers": {"Content-Type": "image/png"}}, 422, "image-empty"),
        ({"content": b"x" * (5 * MIB + 1), "headers": {"Content-Type": "image/png"}}, 413, "body-too-large"),
        ({"content": b"x", "headers": GZIP}, 415, "body-unsupported"),
        ({"json": {}}, 400, "bad-input"),
        ({"json": {"photo": "not base64!"}}, 400, "bad-input"),
        ({"json": {"photo": "YWJj\nYWJj"}}, 400, "bad-input"),
        ({"json": {"photo": 3}}, 400, "bad-input"),
        ({"json": {"photo": b64(photo(1)), "foto": "x"}}, 400, "bad-input"),
        ({"json": {"photo": "https://example.org/a.png"}}, 400, "bad-input"),
        ({"files": {"foto": photo(1)}}, 400, "bad-input"),
        ({"files": [("photo", photo(1)), ("photo", photo(1))]}, 400, "bad-input"),
        ({"files": {"photo": (None, "text")}}, 400, "bad-input"),
        ({"content": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400, "bad-input"),
        ({"content": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data"}}, 400, "bad-input"),
        ({"content": b"GIF89a", "headers": {"Content-Type": "image/png"}}, 415, "image-unsupported"),
    ],
)  # fmt: skip
def test_a_body_without_a_photograph_is_one_clear_error(
    doors: Doors, sent: dict[str, Any], status: int, code: str
) -> None:
    answer = doors.post("/v1/detect", **sent)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["next_step"]


DOCUMENTS = {
    "/v1/collections": {"name": "visitors", "purpose": PURPOSE},
    "/v1/collections/staff/consents": consent("eve"),
    "/v1/decide": {"action": "detect", "sector": "commercial", "country": "DE", "purpose": PURPOSE},
}


@pytest.mark.parametrize("path", DOCUMENTS)
@pytest.mark.parametrize(
    "changed",
    [
        lambda text: text[:-1] + ', "purpose": "access-control", "purpose": "access-control"}',
        lambda text: text[:-1] + ', "n": ' + "9" * 400 + "}",
        lambda text: text[:-1] + ', "n": 1e999}',
        lambda text: text[:-1] + ', "n": -Infinity}',
        lambda text: text[:-1] + ', "n": {"a": {"b": 1, "b": 2}}}',
        lambda text: text[: len(text) // 2],
        lambda text: "[" + text + "]",
        lambda text: text.replace('"', "'"),
        lambda text: "\ufeff" + text,
        lambda text: text + "x",
    ],
)
def test_a_document_that_is_none_is_one_clear_error_and_does_nothing(doors: Doors, path: str, changed: Any) -> None:
    doors.post("/v1/collections", json={"name": "staff", "purpose": PURPOSE})
    size = doors.world.house.log.size
    sent = changed(json.dumps(DOCUMENTS[path])).encode()
    answer = doors.post(path, content=sent, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-input")
    assert answer.json()["next_step"]
    assert doors.world.house.log.size == size
    assert len(doors.get("/v1/collections").json()["collections"]) == 1


@pytest.mark.parametrize("path", ["/v1/collections", "/v1/collections/staff/consents"])
@pytest.mark.parametrize("kind", ["", "text/plain", "image/png", "application/xml", "application/x-www-form-urlencoded",
                                  "multipart/form-data; boundary=x", "application/json5", "text/json"])  # fmt: skip
def test_a_document_of_another_kind_is_not_read(doors: Doors, path: str, kind: str) -> None:
    doors.post("/v1/collections", json={"name": "staff", "purpose": PURPOSE})
    sent = json.dumps(DOCUMENTS[path]).encode()
    answer = doors.post(path, content=sent, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "body-unsupported")
    assert "application/json" in answer.json()["next_step"]


def test_a_name_that_is_not_known_is_told_the_nearest(doors: Doors) -> None:
    field = doors.post("/v1/detect", json={"photo": b64(photo(1)), "photos": ""}).json()
    assert field["next_step"] == "Did you mean photo?"
    query = doors.show("/v1/detect?plce=private", 1).json()
    assert query["next_step"] == "Did you mean place?"
    body = doors.post("/v1/collections", json={"name": "a", "porpoise": PURPOSE}).json()
    assert body["next_step"] == "Did you mean purpose?"
    assert doors.show("/v1/detect?place=private&place=private", 1).status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [{"adult": "yes"}, {"adult": 1}, {"adult": False}, {"until": "tomorrow"}, {"until": "2020-01-01"}, {"alias": ""},
     {"alias": "x" * 101}, {"manner": "guessed"}, {"purpose": "attendance"}, {"given_at": "2099-01-01"}, {"notice": ""},
     {"until": None}, {"alias": ["ada"]}, {"subject": "ada"}],
)  # fmt: skip
def test_a_basis_that_cannot_stand_is_not_recorded(doors: Doors, wrong: dict[str, Any]) -> None:
    doors.post("/v1/collections", json={"name": "staff", "purpose": PURPOSE})
    answer = doors.post("/v1/collections/staff/consents", json=consent("ada") | wrong)
    assert answer.status_code == 400
    assert doors.get("/v1/collections/staff/subjects").json()["subjects"] == []


def test_a_body_is_counted_while_it_is_read(doors: Doors) -> None:
    """No length is stated, and the stream would never end by itself."""
    read = 0

    async def endless() -> Any:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 65_536

    answer = doors.post("/v1/detect", content=endless(), headers={"Content-Type": "image/png"})
    assert answer.status_code == 413
    assert read <= 5 * MIB // 65_536 + 2


def test_a_form_of_megabytes_never_becomes_a_file(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a file was made")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    answer = doors.post("/v1/detect", files={"photo": photo(1) + bytes(4 * MIB)})
    assert answer.status_code in (200, 422)


def test_nobody_spends_our_time_without_a_key(doors: Doors) -> None:
    read = 0

    async def counted() -> Any:
        nonlocal read
        read += 1
        yield photo(1)

    answer = doors.client.post("/v1/detect", content=counted(), headers={"Content-Type": "image/png"})
    assert answer.status_code == 401
    assert read == 0
    assert doors.world.engine.shown == 0
