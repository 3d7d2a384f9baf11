"""The native API, /v1/applications: a customer's way in. Asked without a key, within a budget of its own.

Wire shapes only. What is declared here is never verified. A person of the provider decides on what the policy allows
(http/administration.py); the applicant comes back with the claim that was shown once. Source: docs/accounts.md.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Response
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request  # noqa: TC002  (FastAPI reads the annotations)

from countenance.domain.errors import Unauthenticated
from countenance.http import described, matters, standing
from countenance.http.bodies import document
from countenance.http.callers import house_of
from countenance.http.problems import RECEIPT
from countenance.service import applications, checks, shown, signed
from countenance.service.application import Application
from countenance.service.attestation import Attestation

if TYPE_CHECKING:
    from countenance.http.budget import Budget

router = APIRouter(prefix="/v1/applications", tags=["applying"])
_bearer = HTTPBearer(auto_error=False, scheme_name="Claim", bearerFormat="cla_…", description="An applicant's claim.")
Id = Annotated[str, Path(max_length=100)]


async def claim(request: Request, _: Annotated[object, Depends(_bearer)]) -> str:
    """The claim of exactly one Authorization header. Raises Unauthenticated."""
    given = request.headers.getlist("authorization")
    scheme, _gap, text = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or len(text) > 200:
        raise Unauthenticated(
            "this claim is not in force here", next_step="Send it as it was shown: `Authorization: Bearer cla_…`."
        )
    return text


Claim = Annotated[str, Depends(claim)]


@router.post(
    "",
    **described.open_to_all(matters.Asked, 403, 413, 415, 429, 503, status=201),
    openapi_extra=described.taking(matters.NewApplication),
)
async def apply(request: Request) -> Any:
    """Ask to be admitted. What the policy denies is refused at once; what it allows waits for a person."""
    cast("Budget", request.app.state.applying).take(request.client.host if request.client else "")
    asked = await document(request, matters.NewApplication)
    attested = attestation_of(asked)
    made = await run_in_threadpool(applications.ask, house_of(request), application_of(asked), attested)
    return asked_of(made)


@router.get("/{application}", **described.keyed(matters.State))
async def state(request: Request, application: Id, text: Claim) -> Any:
    """What became of the application that this claim is for."""
    return asdict(await run_in_threadpool(applications.state, house_of(request), application, text))


@router.post("/{application}/key", **described.keyed(matters.FirstKey, 409, status=201))
async def take_key(request: Request, response: Response, application: Id, text: Claim) -> Any:
    """The first key of the grant, once it is approved, and once. Its text is in this answer and nowhere else."""
    made = await run_in_threadpool(applications.take_key, house_of(request), application, text)
    response.headers[RECEIPT] = made.receipt
    return asdict(made)


@router.post(
    "/{application}/challenges/{challenge}",
    **described.keyed(standing.Proven, 404, 409, 413, 415, status=201),
    openapi_extra=described.taking(standing.Code),
)
async def answer_challenge(request: Request, response: Response, application: Id, challenge: Id, text: Claim) -> Any:
    """Bring back a code that was sent to an address of your domain. What it proves is verified from then on."""
    asked = await document(request, standing.Code)
    made = await run_in_threadpool(checks.answer, house_of(request), application, text, challenge, asked.code)
    response.headers[RECEIPT] = made.receipt
    return asdict(made)


def asked_of(made: applications.Asked) -> dict[str, Any]:
    """What an applicant is told, the claim this once."""
    return {
        "application": made.application, "state": "pending", "claim": made.claim,
        "decisions": [shown.decision(answer.decision) for answer in made.answers],
        "receipts": [answer.receipt for answer in made.answers], "attestation": asdict(made.attestation),
    }  # fmt: skip


def application_of(asked: matters.NewApplication) -> Application:
    """What was asked for, as the service has it."""
    said = asked.model_dump(exclude={"attestation"})
    sets = {name: frozenset(said[name]) for name in ("purposes", "modes", "places", "acts_for")}
    return Application(**{**said, **sets})


def attestation_of(asked: matters.NewApplication) -> Attestation | None:
    """Who signed it; None: a typed name. Raises BadInput."""
    if (given := asked.attestation) is None:
        return None
    key, signature = signed.public_key(given.public_key), signed.signature_of(given.signature)
    return Attestation(asked.attested_by, given.moment, key, signature)
