"""The native API, /v1/reports: what agencies published, for anybody; and what anybody says of a draft, within a budget.

Wire shapes only. Nothing here asks for a key; reading leaves no leaf, and a comment leaves one, so it has a budget of
its own. Source: docs/washington.md, "What is published".
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, cast

from fastapi import APIRouter, Path, Query, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request  # noqa: TC002  (FastAPI reads the annotations)

from countenance.domain.errors import BadInput
from countenance.http import described, fresh, papers
from countenance.http.bodies import document
from countenance.http.callers import house_of
from countenance.http.problems import RECEIPT
from countenance.service import reports

if TYPE_CHECKING:
    from countenance.http.budget import Budget

router = APIRouter(prefix="/v1/reports", tags=["asked by anybody"])
Id = Annotated[str, Path(max_length=100)]
LONGEST_NUMBER = 12  # digits of a mark


@router.get("", **described.kept(papers.Reports))
async def list_reports(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 100,
    after: Annotated[str, Query(max_length=LONGEST_NUMBER, description="`next` of the page before.")] = "",
) -> Any:
    """Every accountability report, from its notice of intent on, oldest first."""
    if after and not (after.isascii() and after.isdigit()):
        raise BadInput("`after` is not from this list", next_step="Give `next` of the page before, or leave it out.")
    found, more = await run_in_threadpool(reports.public, house_of(request), after, limit)
    shown = {"reports": [asdict(one) for one in found], "next": more or None}
    return fresh.document(request, papers.Reports.model_validate(shown))


@router.get("/{report}", **described.kept(papers.WholeReport, 404))
async def show_report(request: Request, report: Id) -> Any:
    """A report: how it stands, its text word for word, and every public paper of its round."""
    found = await run_in_threadpool(reports.shown, house_of(request), report)
    return fresh.document(request, papers.WholeReport.model_validate(asdict(found)))


@router.get(
    "/{report}/text",
    response_class=Response,
    responses={
        **described.errors(400, 404, 500),
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The text."},
    },
)
async def report_text(request: Request, report: Id) -> Response:
    """The text alone, as UTF-8: its SHA-256 is the digest."""
    text = await run_in_threadpool(reports.text, house_of(request), report)
    return fresh.tagged(request, text.encode(), "text/plain; charset=utf-8")


@router.post(
    "/{report}/comments",
    **described.open_to_all(papers.Commented, 404, 409, 413, 415, 429, 503, status=201),
    openapi_extra=described.taking(papers.NewComment),
)
async def comment(request: Request, response: Response, report: Id) -> Any:
    """Say something of a draft that is open for comment. It is sealed for the agency, which answers it in public."""
    cast("Budget", request.app.state.commenting).take(request.client.host if request.client else "")
    asked = await document(request, papers.NewComment)
    made = await run_in_threadpool(reports.comment, house_of(request), report, asked.text)
    response.headers[RECEIPT] = made.filed_receipt
    return {
        "comment": made.filing, "digest": made.digest, "document": made.document, "receipt": made.filed_receipt,
    }  # fmt: skip
