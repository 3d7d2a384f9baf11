"""The native API, /v1: faces. Detect, compare, enrol, verify, identify; each asks the gate and carries its receipt.

Wire shapes only: a body is read, one call of the service is made, its answer is shown. The work runs in a thread, so
that waiting for a disk or a network holds up nobody else. Source: docs/api.md.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request  # noqa: TC002  (FastAPI reads the annotations)

from countenance.http import described, shapes
from countenance.http.bodies import photographs
from countenance.http.callers import Alias, Caller, Inside, Once, Said, house_of
from countenance.http.problems import RECEIPT
from countenance.service import auth, shown
from countenance.service.detect import detect as service_detect
from countenance.service.enrol import enrol as service_enrol
from countenance.service.identify import MOST_CANDIDATES
from countenance.service.identify import identify as service_identify
from countenance.service.verify import compare as service_compare
from countenance.service.verify import verify as service_verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from countenance.service.gate import Answered
    from countenance.service.kept import Once as Kept

T = TypeVar("T")
router = APIRouter(prefix="/v1", tags=["faces"])


async def _answer(
    shape: Callable[[Answered[T]], dict[str, Any]],
    call: Callable[..., Answered[T]],
    *arguments: Any,
) -> Response:
    """One call of the service in a thread, its receipt in the header too."""
    answered = await run_in_threadpool(call, *arguments)
    shown = json.dumps(shape(answered), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(shown.encode(), media_type="application/json", headers={RECEIPT: answered.receipt})


@router.post("/detect", **described.faces("photo", answer=shapes.Detected))
async def detect(request: Request, who: Caller, use: Said) -> Any:
    """Every face of a photograph, largest first, and how good its picture is. Nobody is told apart."""
    (photo,) = await photographs(request, "photo")
    return await _answer(shown.detected, service_detect, house_of(request), who, photo, use)


@router.post("/compare", **described.faces("photo", "other", answer=shapes.Compared))
async def compare(request: Request, who: Caller, use: Said) -> Any:
    """Do two photographs show one person? Nobody is enrolled and nothing is kept."""
    photo, other = await photographs(request, "photo", "other")
    return await _answer(shown.compared, service_compare, house_of(request), who, photo, other, use)


@router.post("/collections/{collection}/identify", **described.faces("photo", answer=shapes.Identified))
async def identify(
    request: Request,
    who: Caller,
    inside: Inside,
    use: Said,
    top: Annotated[int, Query(ge=1, le=MOST_CANDIDATES, description="Candidates at most.")] = 1,
) -> Any:
    """Who of the collection is in the photograph, among those whose basis covers this ask? No match is an answer."""
    (photo,) = await photographs(request, "photo")

    call = partial(service_identify, top=top)
    return await _answer(shown.identified, call, house_of(request), who, inside, photo, use)


@router.post("/collections/{collection}/subjects/{subject}/verify", **described.faces("photo", answer=shapes.Verified))
async def verify(request: Request, who: Caller, inside: Inside, subject: Alias, use: Said) -> Any:
    """Is the person in the photograph this subject?"""
    (photo,) = await photographs(request, "photo")
    return await _answer(shown.verified, service_verify, house_of(request), who, inside, subject, photo, use)


@router.post(
    "/collections/{collection}/subjects/{subject}/references",
    **described.faces("photo", answer=shapes.Enrolled, status=201),
)
async def enrol(request: Request, response: Response, inside: Inside, subject: Alias, use: Said, once: Once) -> Any:
    """Add a reference from one photograph of a subject whose basis is on record. The photograph is not kept."""
    (photo,) = await photographs(request, "photo")

    def work(who: auth.Principal, kept: Kept) -> dict[str, Any]:
        return shown.enrolled(service_enrol(house_of(request), who, inside, subject, photo, use, kept))

    answer = await once.run(work, photo)
    response.headers[RECEIPT] = answer["receipt"]
    return answer
