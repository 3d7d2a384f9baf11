"""The links of the description lead where they say, by hand: from a collection to a person's end, from page to page."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.http.conftest import PURPOSE, consent
from tests.http.test_described import COMMITTED, operations
from tests.service.world import photo

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.http.conftest import Doors

DOCUMENT = json.loads(COMMITTED.read_text(encoding="utf-8"))
SHAPES = DOCUMENT["components"]["schemas"]
BY_ID = {operation["operationId"]: (method, path) for method, path, operation in operations(DOCUMENT)}


def links() -> Iterator[tuple[str, str, str, Any]]:
    """(method, path, status, link) of each."""
    for method, path, operation in operations(DOCUMENT):
        for status, answer in operation["responses"].items():
            for link in answer.get("links", {}).values():
                yield method, path, status, link


def test_every_part_of_a_path_is_named_by_some_answer() -> None:
    """Where a new one is not: name its field or its shape after it, or add its list to links.FIRST."""
    asked = {part for path in DOCUMENT["paths"] for part in re.findall(r"\{(\w+)\}", path)}
    given = {
        name.removeprefix("path.")
        for *_, link in links()
        for name, place in link["parameters"].items()
        if place.startswith("$response")
    }
    assert asked <= given


def test_a_link_fills_every_part_of_the_path_that_it_leads_to() -> None:
    for *_, link in links():
        _, path = BY_ID[link["operationId"]]
        assert {f"path.{part}" for part in re.findall(r"\{(\w+)\}", path)} == set(link["parameters"]) - {"query.after"}


def test_what_ends_a_thing_is_led_to_by_what_made_it_alone() -> None:
    """`GET /v1/keys` would lead to the end of its first key: the caller's own."""
    ends = [(method, status) for method, _, status, link in links() if BY_ID[link["operationId"]][0] == "delete"]
    assert ends
    assert set(ends) == {("post", "201")}


def _follow(doors: Doors, answer: httpx.Response, link: dict[str, Any], asked: dict[str, str], **sent: Any) -> Any:
    """The call that a link names, carried out by hand. asked: the parts of the path that led to the answer."""
    method, path = BY_ID[link["operationId"]]
    filled = {
        name: asked[place.rpartition(".")[2]] if place.startswith("$request") else _at(answer.json(), place)
        for name, place in link["parameters"].items()
    }
    parts = {name.removeprefix("path."): value for name, value in filled.items() if name.startswith("path.")}
    query = {"params": {"after": filled["query.after"], "limit": 1}} if "query.after" in filled else {}
    return doors.client.request(method.upper(), path.format(**parts), headers=doors.key, **query, **sent)


def _at(body: Any, place: str) -> Any:
    for step in place.removeprefix("$response.body#/").split("/"):
        body = body[int(step)] if isinstance(body, list) else body[step]
    return body


def _links(path: str, status: str, method: str = "post") -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][path][method]["responses"][status]["links"]
    return {BY_ID[name][0] + " " + BY_ID[name][1].rpartition("/")[2]: link for name, link in found.items()}


def test_from_a_collection_to_a_persons_end_by_links_alone(doors: Doors) -> None:
    made = doors.post("/v1/collections", json={"name": "staff", "purpose": PURPOSE})
    given = _follow(doors, made, _links("/v1/collections", "201")["post consents"], {}, json=consent("ada"))
    assert given.status_code == 201
    inside = {"collection": "staff"}
    after = _links("/v1/collections/{collection}/consents", "201")
    enrolled = _follow(doors, given, after["post references"], inside, files={"photo": photo(1)})
    assert enrolled.status_code == 201
    proof = _links("/v1/collections/{collection}/subjects/{subject}/references", "201")["get {index}"]
    assert _follow(doors, enrolled, proof, {}).json()["index"] == enrolled.json()["index"]
    assert _follow(doors, given, after["post verify"], inside, files={"photo": photo(1)}).json()["match"] is True
    assert _follow(doors, given, after["delete {subject}"], inside).status_code == 200
    assert _follow(doors, given, after["get export"], inside).status_code == 404


@pytest.mark.parametrize("path", ["/v1/collections", "/v1/decisions"])
def test_a_page_leads_to_the_next(doors: Doors, path: str) -> None:
    for name in ("a", "b"):
        doors.post("/v1/collections", json={"name": name, "purpose": PURPOSE})
        doors.post("/v1/keys")
    first = doors.get(path, params={"limit": 1})
    second = _follow(doors, first, next(iter(_pages(path))), {})
    assert second.status_code == 200
    assert second.json() != first.json()


def _pages(path: str) -> Iterator[dict[str, Any]]:
    for method, source, _, link in links():
        if (method, source) == ("get", path) and "query.after" in link["parameters"]:
            yield link


def test_a_new_key_leads_on_by_its_id_and_never_by_its_secret() -> None:
    """`key` of an answer that issues one is its text; a path is written down on the way."""
    secret = {shape for shape, its in SHAPES.items() if {"id", "key"} <= its.get("properties", {}).keys()}
    assert {"NewKey", "IssuedKey", "FirstKey"} <= secret
    for method, path, status, link in links():
        answer = DOCUMENT["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
        if answer.get("$ref", "").rpartition("/")[2] in secret:
            assert "$response.body#/key" not in link["parameters"].values()


def test_a_link_names_a_text_or_a_number_never_a_thing(doors: Doors) -> None:
    me = doors.get("/v1/me")
    link = DOCUMENT["paths"]["/v1/me"]["get"]["responses"]["200"]["links"]
    (place,) = {its["parameters"]["path.grant"] for its in link.values() if "path.grant" in its["parameters"]}
    assert _at(me.json(), place) == doors.admitted.grant


def test_no_two_shapes_have_one_name() -> None:
    """Two named alike are described under the names of their modules, and links.FIRST finds neither."""
    assert not [shape for shape in SHAPES if "__" in shape]
