"""Answers are read strictly: each field of each answer that is missing or of another type is refused by its name."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from countenance.client import readers
from countenance.client.reading import Fields, parse
from countenance.domain.errors import BadRecord, Unverified
from tests.client.asks import ALL
from tests.client.server import AGAIN, ASKS, DECISION, NOTES, PLAIN, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

NULLABLE = frozenset({
    "false_match_rate", "runner_up", "false_positive_rate", "next", "clear", "revoked", "withdrawn", "keep_days",
    "declared_alone",
})  # fmt: skip
WRONG: tuple[Any, ...] = (None, True, 3.5, "text", [1], {"a": 1}, -1)


def _paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every field of a document, through its objects and lists."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in parts:
        yield (*at, name)
        yield from _paths(inner, (*at, name))


def _whole(name: str) -> dict[str, Any]:
    if name in PLAIN:
        return PLAIN[name]
    result = ASKS[name][2] if name in ASKS else {**NOTES, **AGAIN}[name][3]
    return {**result, **({"decision": DECISION, "index": 0} if name in ASKS else {})}


def _inside(body: Any, path: tuple[Any, ...]) -> Any:
    for step in path[:-1]:
        body = body[step]
    return body


def _fields(name: str) -> list[tuple[Any, ...]]:
    return [path for path in _paths(_whole(name)) if isinstance(path[-1], str)]


@pytest.mark.parametrize("name", ALL)
def test_a_field_that_is_missing_is_named(blocking: Any, server: Server, name: str) -> None:
    for path in _fields(name):

        def without(body: dict[str, Any], path: tuple[Any, ...] = path) -> dict[str, Any]:
            body = copy.deepcopy(body)
            del _inside(body, path)[path[-1]]
            return body

        server.body = without
        with pytest.raises(BadRecord, match=f"`{path[-1]}`") as found:
            ALL[name](blocking)
        assert "versions" in found.value.next_step


@pytest.mark.parametrize("name", ALL)
def test_a_field_of_another_type_is_refused(blocking: Any, server: Server, name: str) -> None:
    """By its reader, or since the answer is then no longer the one that the receipt proves."""
    for path in _fields(name):
        kept = _inside(_whole(name), path)[path[-1]]
        for wrong in WRONG:
            if _fits(kept, wrong, path[-1]):
                continue

            def changed(body: dict[str, Any], wrong: Any = wrong, path: tuple[Any, ...] = path) -> dict[str, Any]:
                body = copy.deepcopy(body)
                _inside(body, path)[path[-1]] = wrong
                return body

            server.body = changed
            with pytest.raises((BadRecord, Unverified)):
                ALL[name](blocking)


def _fits(kept: Any, wrong: Any, name: str) -> bool:
    """Whether another value of this type is a value of the field: text for text, a number for a rate, null for none."""
    if name in NULLABLE:
        return wrong is None or type(wrong) is type(kept) or isinstance(wrong, float | int)
    if name == "witnessed":
        return wrong is None
    if name == "is":
        return isinstance(wrong, str | bool | int)
    if isinstance(kept, bool) or isinstance(wrong, bool):
        return isinstance(kept, bool) and isinstance(wrong, bool)
    if isinstance(kept, int | float):
        return isinstance(wrong, int | float)
    return isinstance(kept, str) and isinstance(wrong, str)


@pytest.mark.parametrize("name", ALL)
def test_a_field_that_nobody_knows_yet_is_let_be(blocking: Any, server: Server, name: str) -> None:
    server.body = lambda body: {**body, "more": [1]}
    assert ALL[name](blocking) is not None


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"null", b"{", b"\xff{}", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":1,"a":2}', b'{"a":{"b":1,"b":1}}',
     b'{"a":"\\ud800"}', b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5000],
)  # fmt: skip
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRecord):
        parse(raw)


@pytest.mark.parametrize(
    "text", ["2026-11-22T12:30:05+00:00", "2026-11-22T12:30:05", "2026-02-30", "today", "\uff12026-11-22"]
)
def test_a_moment_is_in_utc_and_exists(text: str) -> None:
    with pytest.raises(BadRecord, match="moment"):
        readers.moment(Fields({"on": text}), "on")


@pytest.mark.parametrize(
    "points", [[], [[1, 2]] * 4, [[1, 2]] * 6, [[1, 2, 3]] * 5, [[1, "2"]] * 5, [[1, True]] * 5, [1] * 5]
)
def test_landmarks_are_five_points(points: list[Any]) -> None:
    box = {"x": 1, "y": 1, "width": 1, "height": 1}
    with pytest.raises(BadRecord, match="landmark"):
        readers.face(Fields({"box": box, "landmarks": points, "quality": []}))


@pytest.mark.parametrize("text", ["", "x", "AAAA", "AAAAAA==", "AACAfw==", "AADAfw==", "AAAAAB==", "é"])
def test_a_template_is_finite_numbers_in_base64(text: str) -> None:
    body = {"reference": "ref_1", "created": "2026-11-22T12:30:05Z", "model_digest": "sha256:a", "template": text}
    if text == "AAAAAA==":
        assert readers.reference(Fields(body)).template == (0.0,)
        return
    with pytest.raises(BadRecord, match="`template`"):
        readers.reference(Fields(body))


@pytest.mark.parametrize("name", ["identify", "compare"])
def test_there_are_no_more_candidates_or_faces_than_fit(blocking: Any, server: Server, name: str) -> None:
    field = "candidates" if name == "identify" else "faces"
    server.body = lambda body: {**body, field: body[field] * 3}
    with pytest.raises(BadRecord, match=r"more candidates|two faces"):
        ALL[name](blocking)
