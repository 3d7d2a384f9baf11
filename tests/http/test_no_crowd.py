"""No door takes a video, a stream or a folder of a crowd; detection names nobody; no trait is inferred from a face.

Held over the committed description, over the doors themselves and over the code, so that none can come in unseen.
"""

from __future__ import annotations

import ast
import io
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image as Pillow

from countenance.domain.face import Face, Quality
from tests.http.conftest import b64
from tests.service.world import photo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.http.conftest import Doors

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
KINDS = {"image/jpeg", "image/png", "application/json", "multipart/form-data", "text/plain", "application/octet-stream"}
TRAIT = re.compile(
    r"\b(emotion|feeling|mood|smil|gender|sex\b|ages?\b|ethnic|race\b|racial|skin|beard|glasses|attractive|nationalit)"
)
NAMING = {"subject", "subjects", "candidates", "match", "reference", "alias", "likeness", "identity", "person"}
OTHER = ("video/mp4", "image/gif", "multipart/x-mixed-replace", "application/zip", "text/uri-list")
FACES = ("/v1/detect", "/v1/compare", "/v1/collections/{collection}/identify")


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if method in ("get", "post", "put", "patch", "delete"):
                yield f"{method.upper()} {path}", operation


def bodies() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, operation in operations():
        for kind, body in operation.get("requestBody", {}).get("content", {}).items():
            yield name, kind, body["schema"]


def whole(schema: dict[str, Any], seen: frozenset[str] = frozenset()) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property that a schema reaches, by name."""
    ref = schema.get("$ref", "").rpartition("/")[2]
    if ref and ref not in seen:
        yield from whole(DOCUMENT["components"]["schemas"][ref], seen | {ref})
    for name, inner in schema.get("properties", {}).items():
        yield name, inner
        yield from whole(inner, seen)
    for word in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(word, []):
            yield from whole(inner, seen)
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield from whole(schema[word], seen)


def is_photo(schema: dict[str, Any]) -> bool:
    return schema.get("contentEncoding") == "base64" or schema.get("format") == "binary"


# -- no video, no stream, no folder ---


def test_every_body_is_a_still_photograph_or_words() -> None:
    assert {kind for _, kind, _ in bodies()} <= KINDS
    for name, _, schema in bodies():
        photos = [field for field, inner in whole(schema) if is_photo(inner)]
        assert len(photos) <= 2, name
        assert len(photos) < 2 or name == "POST /v1/compare"
        for field, inner in whole(schema):
            assert inner.get("type") != "array" or not is_photo(inner.get("items", {})), (name, field)


def test_no_call_names_a_picture_by_an_address_or_a_folder() -> None:
    elsewhere = {"url", "uri", "path", "folder", "stream", "video", "bucket"}
    for name, _, schema in bodies():
        assert not {field for field, _ in whole(schema)} & elsewhere, name
    assert not [path for path in DOCUMENT["paths"] if re.search(r"video|stream|batch|bulk|crowd|live|watch", path)]


def test_every_route_is_a_call_with_an_answer(doors: Doors) -> None:
    """No WebSocket, nothing mounted that the description does not know."""
    kinds = {type(route).__name__ for route in doors.client.app.router.routes}
    assert not {kind for kind in kinds if "WebSocket" in kind or kind == "Mount"}


@pytest.mark.parametrize("kind", OTHER)
@pytest.mark.parametrize("path", FACES)
def test_what_is_no_photograph_is_refused_by_its_kind(doors: Doors, path: str, kind: str) -> None:
    doors.enrolled("ada", 1)
    answer = doors.post(path.format(collection="staff"), content=photo(1), headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "body-unsupported")


def test_a_picture_that_moves_is_no_photograph(doors: Doors) -> None:
    out = io.BytesIO()
    frames = [Pillow.new("RGB", (96, 96), colour) for colour in ("red", "blue")]
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    answer = doors.post("/v1/detect", content=out.getvalue(), headers={"Content-Type": "image/png"})
    assert answer.json()["code"] == "image-animated"


def test_a_list_of_photographs_is_refused_and_a_crowd_in_one_is_searched_for_nobody(doors: Doors) -> None:
    doors.enrolled("ada", 1)
    identify = "/v1/collections/staff/identify"
    assert doors.post(identify, json={"photo": [b64(photo(1)), b64(photo(2))]}).status_code == 400
    several = {"photo": ("a.png", photo(1), "image/png"), "another": ("b.png", photo(2), "image/png")}
    assert doors.post(identify, files=several).status_code == 400
    crowd = doors.show(identify, 1, 2, 3, 4)
    assert (crowd.status_code, crowd.json()["code"]) == (422, "several-faces")


# -- detection names nobody ---


def test_detection_answers_boxes_and_quality_and_nothing_that_names_anybody() -> None:
    answer = DOCUMENT["paths"]["/v1/detect"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    schema = DOCUMENT["components"]["schemas"][answer["$ref"].rpartition("/")[2]]
    faces = {name for name, _ in whole(schema["properties"]["faces"])}
    assert faces
    assert not faces & NAMING


def test_detection_makes_no_template(doors: Doors) -> None:
    doors.world.engine.embed = None  # type: ignore[assignment,method-assign]  # a template asked for would be an error
    answer = doors.show("/v1/detect", 1, 2)
    assert (answer.status_code, len(answer.json()["faces"])) == (200, 2)


# -- no traits ---


def test_no_field_of_any_call_or_answer_is_a_trait() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for field in schema.get("properties", {}):
            assert not TRAIT.search(field.replace("_", " ")), (name, field)
    for name, operation in operations():
        for parameter in operation.get("parameters", []):
            assert not TRAIT.search(parameter["name"].lower().replace("-", " ")), name


def test_what_is_known_of_a_face_is_where_it_is_and_how_good_its_picture() -> None:
    assert {each.name for each in fields(Face)} == {"box", "landmarks", "confidence", "quality", "template"}
    assert {each.name for each in fields(Quality)} == {"measures"}


def named(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg


def test_nothing_in_the_code_is_called_a_trait() -> None:
    """The groups of an evaluation are words of its labels, which people gave of themselves: never names in the code."""
    for path in (ROOT / "src" / "countenance").rglob("*.py"):
        words = {name.lower().replace("_", " ") for name in named(ast.parse(path.read_text(encoding="utf-8")))}
        assert not [word for word in words if TRAIT.search(word)], path.name


def test_analysis_and_tracking_are_no_doors_and_refused_by_core() -> None:
    assert not [path for path in DOCUMENT["paths"] if re.search(r"analy[sz]e|track|attribute|trait", path)]
    core = (ROOT / "src/countenance/policy/packs/core.cedar").read_text(encoding="utf-8")
    for action in ("analyse", "track"):
        assert f'forbid (principal, action == Action::"{action}", resource);' in core
