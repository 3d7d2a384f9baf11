"""Bodies in: JSON read strictly, photographs from raw bytes, forms or JSON. In memory only, and bounded.

A body's length is checked where the header states it, and counted while it is read; once it is whole, whoever called is
looked up again, as callers.py has it. JSON with a key twice, a number beyond what every reader keeps exact, or a field
that is not known is refused, with the nearest known name. No form is ever spooled to a file. Sources: RFC 8259,
RFC 7578; RFC 4648 section 4 for base64.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import json
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.formparsers import MultiPartException, MultiPartParser

from countenance.domain.errors import BadInput, BodyTooLarge, UnsupportedBody
from countenance.domain.strict import json_object
from countenance.vision.decode import LIMITS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping

    from starlette.requests import Request

M = TypeVar("M", bound=BaseModel)

PHOTO_LIMIT = LIMITS.raw_bytes
IN_BASE64 = 4 * -(-PHOTO_LIMIT // 3)  # characters of the largest photograph in base64
JSON_LIMIT = 64 * 1024  # bytes of a document without a photograph
SLACK = 64 * 1024  # bytes that a form or a document may add to its photographs
LONGEST_INTEGER = 16  # digits; 2^53 has 16 (RFC 8259, section 6)
IMAGES = ("image/jpeg", "image/png", "application/octet-stream")


class _InMemory(MultiPartParser):
    """Starlette's parser, whose files never leave memory: the whole body is bounded before."""

    spool_max_size = 1 << 30


async def document(request: Request, model: type[M]) -> M:
    """The JSON body as this model. Raises BadInput, BodyTooLarge, UnsupportedBody."""
    _require_json(request)
    return _as(model, strict_json(await whole(request, JSON_LIMIT)))


def read_document(request: Request, raw: bytes, model: type[M]) -> M:
    """The same of a body that was read already. Raises BadInput, UnsupportedBody."""
    _require_json(request)
    return _as(model, strict_json(raw))


def _require_json(request: Request) -> None:
    if _kind(request) != "application/json":
        raise UnsupportedBody("this call takes a JSON document", next_step="Send Content-Type: application/json.")


async def photographs(request: Request, *names: str) -> tuple[bytes, ...]:
    """The photographs of these names: the raw body where it is one, a form's files, or base64 in JSON."""
    kind = _kind(request)
    if kind in IMAGES and len(names) == 1:
        return (await whole(request, PHOTO_LIMIT),)
    if kind == "multipart/form-data":
        return await _from_form(request, names)
    if kind == "application/json":
        found = strict_json(await whole(request, len(names) * IN_BASE64 + SLACK))
        return _named(found, names)
    kinds = ("image/jpeg or image/png, " if len(names) == 1 else "") + "multipart/form-data or application/json"
    raise UnsupportedBody("this is not a kind of body that this call takes", next_step=f"Send it as {kinds}.")


def strict_json(raw: bytes) -> dict[str, Any]:
    """A JSON object in which no integer is one that a reader could round, as domain.strict has it. Raises BadInput."""
    return json_object(raw, lambda says: BadInput(f"the body {says}"), integer=_integer)


def unknown(name: str, known: Iterable[str], what: str) -> BadInput:
    """The error for a name that is not known, with the nearest one that is."""
    near = difflib.get_close_matches(name, known := tuple(known), 1, 0.5)
    shown = name if name.isprintable() and len(name) <= 40 else "this name"
    hint = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(sorted(known)) or 'none'}."
    return BadInput(f"{shown} is not a {what} of this call", next_step=hint)


async def whole(request: Request, limit: int) -> bytes:
    """All bytes of the body. Raises BodyTooLarge where there are more than `limit`, UnsupportedBody."""
    return b"".join([chunk async for chunk in _bounded(request, limit)])


async def _bounded(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedBody("a compressed body is not read", next_step="Send it without Content-Encoding.")
    stated = request.headers.get("content-length", "")
    if stated.isascii() and stated.isdigit() and int(stated[:12]) > limit:
        raise _too_large(limit)
    seen = 0
    async for chunk in request.stream():
        seen += len(chunk)
        if seen > limit:
            raise _too_large(limit)
        yield chunk
    await getattr(request.state, "body_read", _nothing)()


async def _nothing() -> None:
    """What a call without a key looks up again once its body is there."""


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is longer than the {limit:,} bytes that this call takes")


async def _from_form(request: Request, names: tuple[str, ...]) -> tuple[bytes, ...]:
    stream = _bounded(request, len(names) * PHOTO_LIMIT + SLACK)
    parser = _InMemory(request.headers, stream, max_files=len(names) + 1, max_fields=1, max_part_size=1024)
    try:
        form = await parser.parse()
    except MultiPartException:
        raise BadInput(
            "the form cannot be read", next_step="Send each photograph once, as a file of the form."
        ) from None
    try:
        return _files(form.multi_items(), names)
    finally:
        await form.close()


def _files(items: list[tuple[str, Any]], names: tuple[str, ...]) -> tuple[bytes, ...]:
    found: dict[str, bytes] = {}
    for name, part in items:
        if name not in names:
            raise unknown(name, names, "field")
        if name in found or isinstance(part, str):
            raise BadInput(f"{name} must come once, as a file of the form")
        found[name] = part.file.read()
    return tuple(_given(found, name) for name in names)


def _named(found: Mapping[str, Any], names: tuple[str, ...]) -> tuple[bytes, ...]:
    for name in found:
        if name not in names:
            raise unknown(name, names, "field")
    return tuple(_unpacked(_given(found, name), name) for name in names)


def _given(found: Mapping[str, Any], name: str) -> Any:
    if name not in found:
        raise BadInput(f"{name} is missing", next_step=f"Send a photograph as {name}.")
    return found[name]


def _unpacked(text: object, name: str) -> bytes:
    try:
        if isinstance(text, str):
            return base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        pass
    raise BadInput(f"{name} is not base64", next_step="Encode the photograph's bytes as RFC 4648, section 4, has it.")


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _integer(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise BadInput("the JSON document has an integer that not every reader keeps exact")
    return int(text)


def _as(model: type[M], found: dict[str, Any]) -> M:
    known = {field.alias or name for name, field in model.model_fields.items()}
    for name in found:
        if name not in known:
            raise unknown(name, known, "field")
    try:
        return model.model_validate_json(json.dumps(found), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        at = ".".join(map(str, first["loc"]))
        raise BadInput(f"{at}: {first['msg'][:1].lower()}{first['msg'][1:]}") from None
