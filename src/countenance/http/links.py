"""How one answer leads to the next call: the links of the description, made from its shapes and paths.

An answer that names a thing leads to every operation whose path asks for that thing. It names one where a field is
called as the part of the path is (`subject`), where the last word of its shape is (`Collection`, `IssuedKey`: their
`id`, for the `key` of a new one is its secret), or as FIRST has it for lists; what else a path asks for comes from the
request's own. A page leads to the next one. What ends a thing is led to by the call that made it alone: the first of a
list may be the key that asks. It describes and checks nothing else. Source: OpenAPI 3.1, "Link Object" and
"Runtime Expressions".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FIRST: Mapping[str, Mapping[str, str]] = {
    "Collections": {"collection": "/collections/0/id"},
    "Subjects": {"subject": "/subjects/0/id"},
    "Entries": {"index": "/decisions/0/index"},
    "OwnEntries": {"index": "/decisions/0/index"},
    "Grants": {"grant": "/grants/0/id"},
    "Locks": {"lock": "/locks/0/id"},
    "Policies": {"pack": "/in_force/0/name"},
}
"""By the shape of a list: which part of a path its first entry names, and where in the answer."""

_PART = re.compile(r"\{([a-z_]+)\}")
_LAST_WORD = re.compile(r"[A-Z][a-z]*\Z")


class _Operation(NamedTuple):
    """An operation of the document: its own words, and the parts of its path."""

    method: str
    parts: tuple[str, ...]
    words: dict[str, Any]


def connect(document: dict[str, Any]) -> None:
    """Write the links into the good answer of each operation that leads somewhere."""
    operations = [
        _Operation(method, tuple(_PART.findall(path)), words)
        for path, methods in document["paths"].items()
        for method, words in methods.items()
    ]
    for source in operations:
        status, answer = _good(source)
        named = _named(answer, document["components"]["schemas"])
        links = dict(_links(source, status, named, operations)) | dict(_next_page(source, document))
        if links:
            answer["links"] = links


def _links(
    source: _Operation, status: str, named: Mapping[str, str], operations: list[_Operation]
) -> Iterator[tuple[str, Any]]:
    """The operations that can be asked with what the answer and the request name, and something of the answer."""
    known = {part: f"$request.path.{part}" for part in source.parts} | {
        part: f"$response.body#{place}" for part, place in named.items()
    }
    for target in operations:
        can = named.keys() & set(target.parts) and known.keys() >= set(target.parts)
        if can and target is not source and (target.method != "delete" or status == "201"):
            yield _link(target, {f"path.{part}": known[part] for part in target.parts})


def _next_page(source: _Operation, document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """A list whose answer has `next` leads to itself."""
    taken = {parameter["name"] for parameter in source.words.get("parameters", ()) if parameter["in"] == "query"}
    if "after" in taken and "next" in _fields(_good(source)[1], document["components"]["schemas"])[1]:
        path = {f"path.{part}": f"$request.path.{part}" for part in source.parts}
        yield _link(source, {**path, "query.after": "$response.body#/next"})


def _link(target: _Operation, parameters: dict[str, str]) -> tuple[str, Any]:
    name = target.words["operationId"]
    return name, {"operationId": name, "parameters": parameters}


def _named(answer: dict[str, Any], schemas: Mapping[str, Any]) -> dict[str, str]:
    """By the part of a path that an answer names: where in it. What may be empty, by its examples, names nothing."""
    shape, fields = _fields(answer, schemas)
    if not shape:
        return {}
    last = _LAST_WORD.search(shape)
    own = {last[0].lower(): "/id"} if last and "id" in fields else {}
    sure = {field: its for field, its in fields.items() if "" not in its.get("examples", ())}
    return {**{field: _place(field, its, schemas) for field, its in sure.items()}, **own, **FIRST.get(shape, {})}


def _place(field: str, its: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """Where a field says which: in itself, or in the `id` of what it holds (`Me`: its `grant`)."""
    held = schemas.get(its.get("$ref", "").rpartition("/")[2], {})
    return f"/{field}/id" if "id" in held.get("properties", {}) else f"/{field}"


def _fields(answer: dict[str, Any], schemas: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The name and the fields of the shape of an answer."""
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    shape = schema.get("$ref", "").rpartition("/")[2]
    return shape, schemas[shape].get("properties", {}) if shape else {}


def _good(operation: _Operation) -> tuple[str, dict[str, Any]]:
    """Status and words of the one good answer."""
    return next((status, answer) for status, answer in operation.words["responses"].items() if status[0] == "2")
