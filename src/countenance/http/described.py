"""How a route is described: its answer, the errors it may come to, and the body it reads by hand.

It describes and checks nothing. The document that comes of it is committed as docs/openapi.json, and a test holds the
two together. Source: OpenAPI 3.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from countenance.http import shapes
from countenance.http.bodies import IN_BASE64
from countenance.http.problems import MEDIA, RECEIPT, TITLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

_RECEIPT = {RECEIPT: {"description": "The receipt, as in the document.", "schema": {"type": "string"}}}
_TAG = {"ETag": {"description": "The tag of these bytes.", "schema": {"type": "string"}}}
_UNCHANGED = {"description": "The caller has it already", "headers": _TAG}
_KNOWN = {
    "name": "If-None-Match", "in": "header", "schema": {"type": "string"},
    "description": "The `ETag` of an earlier answer: 304 where nothing has changed.",
}  # fmt: skip
ASKED = {"action": "verify", "sector": "commercial", "country": "DE", "purpose": "access-control"}
"""What a question to the policy has to say, with an example each."""
WORDS = ("mode", "place", "camera", "probe", "capture", "minors", "legal_effect")
"""Query parameters in which a call about faces says something of itself."""
NARROWING = ("Countenance-Purpose", "Countenance-Requested-By", "Countenance-Authority")
"""Headers in which it does: its purpose, and the sectors that asked for it, separated by commas."""
LONGEST_WORD, LONGEST_HEADER = 64, 500  # characters
_WORD = {"type": "string", "maxLength": 200}
_PHOTO = {"type": "string", "contentEncoding": "base64", "maxLength": IN_BASE64}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The responses for these statuses, each a problem."""
    return {status: _problem(status) for status in statuses}


def open_to_all(answer: type[BaseModel], *statuses: int, status: int = 200) -> dict[str, Any]:
    """A route without a key."""
    return {"response_model": answer, "status_code": status, "responses": errors(400, *statuses, 500)}


def kept(answer: type[BaseModel], *statuses: int) -> dict[str, Any]:
    """A route without a key whose answer may be kept, as fresh.py has it."""
    route = open_to_all(answer, *statuses)
    route["responses"] = {**route["responses"], 200: {"headers": _TAG}, 304: _UNCHANGED}
    return {**route, "openapi_extra": {"parameters": [_KNOWN]}}


def keyed(answer: type[BaseModel], *statuses: int, status: int = 200) -> dict[str, Any]:
    """A route that needs a key."""
    return {
        "response_model": answer,
        "status_code": status,
        "responses": errors(*sorted({400, 401, 500, 503, *statuses})),
    }


def signed(answer: type[BaseModel], *statuses: int, status: int = 200) -> dict[str, Any]:
    """A route that needs a person's signature, and asks the gate whether the person's roles permit it."""
    route = keyed(answer, 403, *statuses, status=status)
    route["responses"] = {**route["responses"], status: {"headers": _RECEIPT}}
    return route


def taking(model: type[BaseModel]) -> dict[str, Any]:
    """A JSON body of this model, read by hand."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def faces(*names: str, answer: type[BaseModel], status: int = 200) -> dict[str, Any]:
    """A route that reads photographs of these names and asks the gate."""
    route = keyed(answer, 403, 404, 409, 413, 415, 422, status=status)
    route["responses"] = {**route["responses"], status: {"headers": _RECEIPT}}
    body = {"requestBody": {"required": True, "content": _kinds(names)}}
    return {**route, "openapi_extra": {**body, "parameters": said()}}


def said() -> list[dict[str, Any]]:
    """What a call says of itself, read by hand."""
    kinds = [("header", name) for name in NARROWING] + [("query", name) for name in WORDS]
    longest = {"Countenance-Requested-By": LONGEST_HEADER}
    return [
        {"name": name, "in": kind, "schema": {"type": "string", "maxLength": longest.get(name, LONGEST_WORD)}}
        for kind, name in kinds
    ]


def flags(names: Sequence[str], several: Sequence[str]) -> dict[str, Any]:
    """Query parameters of these names, each a word, read by hand; those that may come several times are lists."""
    return {"parameters": [_flag(name, several) for name in names]}


def _flag(name: str, several: Sequence[str]) -> dict[str, Any]:
    if name in several:
        return {"name": name, "in": "query", "schema": {"type": "array", "items": _WORD, "maxItems": 20}}
    if name not in ASKED:
        return {"name": name, "in": "query", "schema": _WORD}
    return {"name": name, "in": "query", "required": True, "schema": {**_WORD, "examples": [ASKED[name]]}}


def question(names: Sequence[str], several: Sequence[str]) -> dict[str, Any]:
    """A JSON object of these names: a word each, or a list of words where there may be several."""
    words = {"anyOf": [_WORD, {"type": "array", "items": _WORD, "maxItems": 20}]}
    properties = {name: words if name in several else _WORD for name in names}
    for name, word in ASKED.items():
        properties[name] = {**_WORD, "examples": [word]}
    schema = {"type": "object", "properties": properties, "required": [*ASKED], "additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _kinds(names: tuple[str, ...]) -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    form = {"type": "object", "required": list(names), "additionalProperties": False}
    kinds: dict[str, Any] = {
        "application/json": {"schema": {**form, "properties": dict.fromkeys(names, _PHOTO)}},
        "multipart/form-data": {"schema": {**form, "properties": dict.fromkeys(names, binary["schema"])}},
    }
    raw = {"image/jpeg": binary, "image/png": binary} if len(names) == 1 else {}
    return {**raw, **kinds}


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{shapes.Problem.__name__}"}
    example = {
        "type": "urn:countenance:error:example", "title": TITLES[status], "status": status, "code": "example",
        "detail": "One sentence that is safe to show.", "next_step": "What to do next.", "retry": status in (429, 503),
    }  # fmt: skip
    return {"description": TITLES[status], "content": {MEDIA: {"schema": schema, "example": example}}}
