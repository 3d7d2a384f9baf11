"""The native API: demands for a customer's records, and a customer's own results that are handed on.

Wire shapes only. A demand is run by people of the provider with their signatures; whether a result may be handed on is
asked with a customer's key. Source: docs/admission.md.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request  # noqa: TC002  (FastAPI reads the annotations)

from countenance.http import described, standing
from countenance.http.administration import After, Id, Limit, listed, told
from countenance.http.bodies import document
from countenance.http.callers import Caller, house_of
from countenance.http.people import Person, document_of
from countenance.service import demands, disclose, history

if TYPE_CHECKING:
    from countenance.service.app import House
    from countenance.service.gate import Answered

router = APIRouter(prefix="/v1", tags=["demands"])
Which = Annotated[int, Path(ge=0, le=history.MOST_INDEX)]


@router.get("/administration/demands", **described.signed(standing.Demands))
async def list_demands(request: Request, response: Response, who: Person, limit: Limit = 100, after: After = "") -> Any:
    """Demands, oldest first; for a customer's people those that the customer was told of."""

    def part(house: House, last: str) -> Answered[Any]:
        return demands.listed(house, who.account, last, limit)

    return await listed(request, response, who, "demands", "demands", after, part)


@router.post(
    "/administration/demands",
    **described.signed(standing.RecordedDemand, 404, 413, 415, status=201),
    openapi_extra=described.taking(standing.NewDemand),
)
async def record_demand(request: Request, response: Response, who: Person) -> Any:
    """Record that somebody demands records of a customer, before it is answered."""
    asked = document_of(request, who, standing.NewDemand).model_dump()
    new = demands.NewDemand(**{**asked, "records": frozenset(asked["records"])})
    made = await run_in_threadpool(demands.record, house_of(request), who.account, new)
    return told(response, made, demand=made.result)


@router.post(
    "/administration/demands/{demand}/answer",
    **described.signed(standing.AnsweredDemand, 404, 409, 413, 415, status=201),
    openapi_extra=described.taking(standing.DemandAnswer),
)
async def answer_demand(request: Request, response: Response, who: Person, demand: Id) -> Any:
    """Meet a demand, where the policy allows it, or refuse it."""
    asked = document_of(request, who, standing.DemandAnswer)
    done = await run_in_threadpool(demands.answer, house_of(request), who.account, demand, asked.outcome)
    return told(response, done, demand=done.result, outcome=asked.outcome)


@router.get("/decisions/{index}/disclosures", **described.keyed(standing.Disclosures, 404))
async def list_disclosures(request: Request, who: Caller, index: Which) -> Any:
    """What was asked to be handed on of one of your results, oldest first, the refused too."""
    found = await run_in_threadpool(disclose.listed, house_of(request), who, index)
    return {"disclosures": [asdict(one) for one in found]}


@router.post(
    "/decisions/{index}/disclosures",
    **described.keyed(standing.Disclosed, 403, 404, 409, 413, 415, status=201),
    openapi_extra=described.taking(standing.Handing),
)
async def disclose_result(request: Request, response: Response, who: Caller, index: Which) -> Any:
    """Ask whether one of your results may be handed on to somebody else. Nothing is sent to anybody by this."""
    asked = await document(request, standing.Handing)
    handing = disclose.Handing(**asked.model_dump())
    answered = await run_in_threadpool(disclose.disclose, house_of(request), who, index, handing)
    return told(response, answered, disclosure=answered.result)
