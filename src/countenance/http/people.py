"""Who administers: the person behind a signed call. The signature is verified before a byte of the body is read.

There is no other way in: no key, no session, no cookie. What was signed is the path and query as they came over the
line, so a proxy that rewrites them breaks every signature. Sources: RFC 9421, RFC 9530; docs/accounts.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import Depends
from fastapi.security import APIKeyHeader
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request  # noqa: TC002  (FastAPI reads the annotations)

from countenance.http.bodies import JSON_LIMIT, read_document, whole
from countenance.http.callers import house_of
from countenance.service import accounts, signed

if TYPE_CHECKING:
    from pydantic import BaseModel

    M = TypeVar("M", bound=BaseModel)

_signature = APIKeyHeader(
    name="Signature", scheme_name="PersonSignature", auto_error=False,
    description="RFC 9421 by a registered Ed25519 key, with `Signature-Input`, and `Content-Digest` where there is a "
    "body: docs/accounts.md.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signer:
    """A person, and the body that they signed; empty where they signed none."""

    account: accounts.Account
    body: bytes


async def person(request: Request, _: Annotated[object, Depends(_signature)]) -> Signer:
    """The person who signed this call. Raises Unauthenticated: one answer for every way to fail."""
    call = _read(request)
    account = await run_in_threadpool(accounts.authenticate, house_of(request), call)
    body = b"" if call.digest is None else await whole(request, JSON_LIMIT)
    call.check_body(body)
    return Signer(account, body)


def document_of(request: Request, who: Signer, model: type[M]) -> M:
    """The signed body as this model. Raises BadInput, UnsupportedBody."""
    return read_document(request, who.body, model)


def _read(request: Request) -> signed.SignedCall:
    path = request.scope.get("raw_path") or b""
    call = signed.read(request.method, path, request.scope["query_string"], request.headers.getlist)
    if call.digest is None and _has_body(request):
        raise signed.nobody()
    return call


def _has_body(request: Request) -> bool:
    """Whether the headers announce a body."""
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


Person = Annotated[Signer, Depends(person)]
