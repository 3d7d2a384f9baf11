"""The native API, /v1/administration/statute: an agency's people file and read what RCW 43.386 asks for.

Wire shapes only: each call is one act, decided by roles.cedar at the gate, with its receipt. An agency's people reach
their own agency's papers; the provider's see what is not sealed, and answer independent tests.
Source: docs/washington.md.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request  # noqa: TC002  (FastAPI reads the annotations)

from countenance.http import described, papers
from countenance.http.administration import After, Limit, Named, listed, told
from countenance.http.callers import house_of
from countenance.http.people import Person, document_of
from countenance.service import filings, statements

if TYPE_CHECKING:
    from countenance.service.app import House
    from countenance.service.gate import Answered

router = APIRouter(prefix="/v1/administration/statute", tags=["statute"])
Id = Annotated[str, Path(max_length=100)]
Word = Annotated[str, Query(max_length=64)]


@router.post(
    "/filings",
    **described.signed(papers.Filed, 404, 409, 413, 415, status=201),
    openapi_extra=described.taking(papers.NewFiling),
)
async def file_paper(request: Request, response: Response, who: Person) -> Any:
    """File a paper for your own agency. It is never edited; a later one may continue it."""
    asked = document_of(request, who, papers.NewFiling)
    made = await run_in_threadpool(filings.file, house_of(request), who.account, asked.kind, asked.about, asked.facts)
    return told(response, made, **asdict(made.result))


@router.get("/filings", **described.signed(papers.Filings, 404))
async def list_papers(
    request: Request,
    response: Response,
    who: Person,
    customer: Named = "",
    kind: Annotated[papers.Kind | None, Query(description="Only those of this kind.")] = None,
    limit: Limit = 100,
    after: After = "",
) -> Any:
    """The papers of an agency, oldest first, without what is sealed."""

    def part(house: House, last: str) -> Answered[Any]:
        return filings.listed(house, who.account, customer, kind or "", last, limit)

    return await listed(request, response, who, "filings", f"filings {customer} {kind or ''}", after, part)


@router.get("/filings/{filing}", **described.signed(papers.ShownFiling, 404))
async def show_paper(request: Request, response: Response, who: Person, filing: Id) -> Any:
    """A paper of your own agency, whole, with what is sealed and the text that its digest is over."""
    found = await run_in_threadpool(filings.shown, house_of(request), who.account, filing)
    return told(response, found, **asdict(found.result))


@router.post(
    "/filings/{filing}/mitigation",
    **described.signed(papers.Filed, 404, 409, 413, 415, status=201),
    openapi_extra=described.taking(papers.NewMitigation),
)
async def mitigate(request: Request, response: Response, who: Person, filing: Id) -> Any:
    """The provider's next step on an independent test: plan, implemented, retested. For people of the provider."""
    asked = document_of(request, who, papers.NewMitigation)
    made = await run_in_threadpool(filings.mitigate, house_of(request), who.account, filing, asked.model_dump())
    return told(response, made, **asdict(made.result))


@router.get("/filings/{filing}/disclosure", **described.signed(papers.Written, 404))
async def write_disclosure(request: Request, response: Response, who: Person, filing: Id) -> Any:
    """What a criminal defendant is told, from a `disclosure` paper."""
    made = await run_in_threadpool(statements.disclosure, house_of(request), who.account, filing)
    return told(response, made, **asdict(made.result))


@router.get("/standing", **described.signed(papers.Stands))
async def stand(
    request: Request,
    response: Response,
    who: Person,
    purpose: Annotated[str, Query(max_length=64, examples=["benefits-eligibility"])],
    key: Annotated[str, Query(max_length=100, description="The id of a key: whose users have to be trained.")] = "",
    place: Word = "private",
    camera: Word = "none",
) -> Any:
    """How your agency stands for a use: each thing that has to be in order, and what is missing."""
    found = await run_in_threadpool(statements.stands, house_of(request), who.account, purpose, place, camera, key)
    return told(response, found, **asdict(found.result))


@router.get("/draft", **described.signed(papers.Written))
async def write_draft(
    request: Request,
    response: Response,
    who: Person,
    purposes: Annotated[
        str, Query(max_length=500, description="One or more, separated by commas.", examples=["benefits-eligibility"])
    ],
) -> Any:
    """A draft of the accountability report from what the server knows: the facts of a `draft` paper."""
    named = [word.strip() for word in purposes.split(",") if word.strip()]
    made = await run_in_threadpool(statements.draft, house_of(request), who.account, named)
    return told(response, made, **asdict(made.result))


@router.get("/january", **described.signed(papers.Written))
async def write_january(
    request: Request,
    response: Response,
    who: Person,
    year: Annotated[int, Query(ge=2021, le=9999, description="It reports on the year before.")],
    to: Annotated[str, Query(max_length=16, description="`judge` or `legislature`.", examples=["judge"])],
) -> Any:
    """A January report from the warrant applications that were filed."""
    made = await run_in_threadpool(statements.january, house_of(request), who.account, year, to)
    return told(response, made, **asdict(made.result))
