"""The native API, /v1/administration/customers: what a customer's facts are, what they rest on, and what changed.

Wire shapes only: each call is one act, decided by roles.cedar at the gate, and its answer carries the receipt of its
leaf. A customer's people reach what is their own. Source: docs/admission.md.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request  # noqa: TC002  (FastAPI reads the annotations)

from countenance.http import described, standing
from countenance.http.administration import Id, told
from countenance.http.callers import house_of
from countenance.http.people import Person, document_of
from countenance.policy.whatif import moment
from countenance.service import checks, domains, facts, figures

router = APIRouter(prefix="/v1/administration", tags=["customers"])


@router.get("/customers/{customer}/facts", **described.signed(standing.HeldFacts, 404))
async def show_facts(request: Request, response: Response, who: Person, customer: Id) -> Any:
    """A customer's facts, what each rests on, and the newest changes."""
    found = await run_in_threadpool(facts.shown, house_of(request), who.account, customer)
    return told(response, found, **asdict(found.result))


@router.post(
    "/customers/{customer}/facts",
    **described.signed(standing.Changed, 404, 409, 413, 415, status=201),
    openapi_extra=described.taking(standing.NewFacts),
)
async def change_facts(request: Request, response: Response, who: Person, customer: Id) -> Any:
    """Enter what has changed. Every grant is decided anew; one that does not hold is suspended before this answers."""
    said = document_of(request, who, standing.NewFacts).model_dump(exclude_none=True)
    new = {name: frozenset(value) if isinstance(value, list) else value for name, value in said.items()}
    made = await run_in_threadpool(facts.change, house_of(request), who.account, customer, new)
    return told(response, made, **asdict(made.result))


@router.get("/customers/{customer}/verifications", **described.signed(standing.Checks, 404))
async def list_verifications(request: Request, response: Response, who: Person, customer: Id) -> Any:
    """Every check of a customer's facts, oldest first, the withdrawn ones too."""
    found = await run_in_threadpool(checks.listed, house_of(request), who.account, customer)
    return told(response, found, verifications=[asdict(one) for one in found.result])


@router.post(
    "/customers/{customer}/verifications",
    **described.signed(standing.Recorded, 404, 413, 415, status=201),
    openapi_extra=described.taking(standing.NewCheck),
)
async def record_verification(request: Request, response: Response, who: Person, customer: Id) -> Any:
    """Record that you checked facts of a customer, how, on what evidence, and until when that holds."""
    asked = document_of(request, who, standing.NewCheck)
    check = checks.Check(asked.method, frozenset(asked.facts), asked.evidence, moment(asked.until, "until").date())
    made = await run_in_threadpool(checks.record, house_of(request), who.account, customer, check)
    return told(response, made, verification=made.result)


@router.delete("/customers/{customer}/verifications/{verification}", **described.signed(standing.WithdrawnCheck, 404))
async def withdraw_verification(
    request: Request, response: Response, who: Person, customer: Id, verification: Id
) -> Any:
    """Let a check count no more, from the next call on."""
    done = await run_in_threadpool(checks.withdraw, house_of(request), who.account, customer, verification)
    return told(response, done, withdrawn=done.result)


@router.post(
    "/customers/{customer}/challenges",
    **described.signed(standing.Challenge, 404, 409, 413, 415, status=201),
    openapi_extra=described.taking(standing.NewChallenge),
)
async def make_challenge(request: Request, response: Response, who: Person, customer: Id) -> Any:
    """A code for a domain. You send it to an address there and the applicant brings it back; or, where this house asks
    domains, the applicant puts it into the domain's file, and you let the server look.
    """
    asked = document_of(request, who, standing.NewChallenge)
    wanted = frozenset(asked.facts)
    made = await run_in_threadpool(
        checks.challenge, house_of(request), who.account, customer, asked.domain, wanted, asked.method
    )
    return told(response, made, **asdict(made.result))


@router.post(
    "/customers/{customer}/challenges/{challenge}/look",
    **described.signed(standing.Looked, 404, 409, 413, status=201),
)
async def look_at_domain(request: Request, response: Response, who: Person, customer: Id, challenge: Id) -> Any:
    """Read the domain's file, once, and record what it proves. Only where the settings say that domains are asked."""
    made = await run_in_threadpool(domains.look, house_of(request), who.account, customer, challenge)
    return told(response, made, **asdict(made.result))


@router.get("/figures", **described.signed(standing.Figures))
async def show_figures(request: Request, response: Response, who: Person) -> Any:
    """What rests on declarations alone, counted; and demands, and what was handed on."""
    found = await run_in_threadpool(figures.shown, house_of(request), who.account)
    return told(response, found, **asdict(found.result))
