"""Answers that a caller may keep and ask after: a tag made of their bytes, and 304 where the caller has them already.

It is for what is the same to everybody: rules, the description of the API, the public ledger. An answer to a key, or
about a face, is never kept on the way and has no tag. Source: RFC 9110, sections 8.8.3, 13.1.2 and 15.4.5.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from pydantic import BaseModel
    from starlette.requests import Request

ASK_FIRST = "no-cache"
"""May be kept, and is asked after each time: it can change, and then the newest counts."""


def document(request: Request, shown: BaseModel) -> Response:
    """A document in JSON, under its tag."""
    return tagged(request, shown.model_dump_json().encode(), "application/json")


def tagged(request: Request, raw: bytes, media: str, keep: str = ASK_FIRST) -> Response:
    """These bytes, or 304 without them where If-None-Match names them. keep: the Cache-Control of both."""
    etag = f'"{hashlib.sha256(raw).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": keep, "Content-Type": media}
    if _known(",".join(request.headers.getlist("if-none-match")), etag):
        return Response(status_code=304, headers=headers)
    headers["Content-Length"] = str(len(raw))
    return Response(b"" if request.method == "HEAD" else raw, headers=headers)


def _known(given: str, etag: str) -> bool:
    """Whether If-None-Match names what there is; a weak tag counts (RFC 9110, section 13.1.2)."""
    tags = {tag.strip().removeprefix("W/") for tag in given.split(",")}
    return given.strip() == "*" or etag in tags
