"""The public transparency page, as JSON and for people; any leaf for people; and the page that checks a receipt.

No key is asked for. The pages load nothing, from here or elsewhere, and each carries the policy that makes a browser
hold to it; the one that checks receipts may not connect to anything at all. Source: docs/transparency-page.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from countenance.console import receipt, transparency
from countenance.domain.errors import BadRecord, CountenanceError, NotFound
from countenance.http import described, fresh, posted, problems, witnessed
from countenance.http.callers import house_of
from countenance.ledger import checkpoint, leaf
from countenance.service import transparency as service

if TYPE_CHECKING:
    from collections.abc import Callable

router = APIRouter(prefix="/v1", tags=["asked by anybody"])
pages = APIRouter(include_in_schema=False)
HTML = "text/html; charset=utf-8"


@router.get("/transparency", **described.kept(posted.Transparency, 503))
async def document(request: Request) -> Any:
    """Decisions by kind, sector, purpose and country, promises and laws and what changes them, counted from leaves."""
    shown = await run_in_threadpool(_document, request)
    return fresh.document(request, posted.Transparency.model_validate(shown))


@pages.get("/transparency")
async def page(request: Request) -> Response:
    """The same for people."""
    return await _html(request, lambda: transparency.whole(_document(request)))


@pages.get("/transparency/leaves/{index}")
async def one_leaf(request: Request, index: str) -> Response:
    """One leaf, what it says, and its proof."""
    return await _html(request, lambda: _leaf(request, index))


@pages.get("/verify")
async def verify(request: Request) -> Response:
    """The page that checks a receipt in the browser."""
    answer = fresh.tagged(request, receipt.PAGE, HTML)
    answer.headers.update(_strict(receipt.POLICY))
    return answer


def _document(request: Request) -> dict[str, Any]:
    house = house_of(request)
    return service.told(house, witnessed.log(house))


def _leaf(request: Request, named: str) -> str:
    """Raises NotFound, LogUnavailable, LogDamaged."""
    house = house_of(request)
    try:
        index = checkpoint.number(named)
    except BadRecord:
        raise NotFound("there is no such leaf", next_step="A leaf is named by its index, in plain digits.") from None
    if index >= house.log.size:
        raise NotFound(
            "the log has no such leaf yet", next_step=f"It has {house.log.size:,}, the first of them leaf 0."
        )
    proof = house.log.prove(index)
    found = house.witnesses.witnessed
    return transparency.of_leaf(
        leaf.parse(proof.extra), proof, house.log.size, witnessed=found is not None and index < found.head.size
    )


async def _html(request: Request, made: Callable[[], str]) -> Response:
    """A page, or one that says what went wrong."""
    try:
        answer = fresh.tagged(request, (await run_in_threadpool(made)).encode(), HTML)
    except CountenanceError as error:
        said = transparency.sentence(error.message, error.next_step).encode()
        headers = {"Cache-Control": "no-store"}
        answer = Response(said, problems.STATUS[type(error)], media_type=HTML, headers=headers)
    answer.headers.update(_strict(transparency.POLICY))
    return answer


def _strict(policy: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
    }  # fmt: skip
