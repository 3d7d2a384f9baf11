"""The native API, /v1/administration: what people with accounts do. Accounts, applications, grants, keys.

Wire shapes only: each call is one act, decided by roles.cedar at the gate, and its answer carries the receipt of its
leaf, whether it changes something or reads. A customer's people reach what is their own. Source: docs/accounts.md.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request  # noqa: TC002  (FastAPI reads the annotations)

from countenance.http import applying, described, keeping, matters
from countenance.http.callers import house_of
from countenance.http.people import Person, document_of
from countenance.http.problems import RECEIPT
from countenance.service import accounts, applications, grants, locks, pages, schedule, shown, signed

if TYPE_CHECKING:
    from collections.abc import Callable

    from countenance.http.people import Signer
    from countenance.service.app import House
    from countenance.service.gate import Answered

router = APIRouter(prefix="/v1/administration", tags=["administration"])
Named = Annotated[str, Query(max_length=100, description="A customer's id; your own organisation where left out.")]
Limit = keeping.Limit
After = keeping.After
Id = Annotated[str, Path(max_length=100)]


@router.get("/accounts", **described.signed(matters.People, 404))
async def list_accounts(
    request: Request,
    response: Response,
    who: Person,
    customer: Named = "",
    limit: Limit = 100,
    after: After = "",
) -> Any:
    """The accounts of an organisation, oldest first, the ended ones too."""

    def part(house: House, last: str) -> Answered[Any]:
        return accounts.listed(house, who.account, customer, last, limit)

    return await listed(request, response, who, "accounts", f"accounts {customer}", after, part)


@router.post(
    "/accounts",
    **described.signed(matters.Registered, 404, 409, 413, 415, status=201),
    openapi_extra=described.taking(matters.NewAccount),
)
async def register_account(request: Request, response: Response, who: Person) -> Any:
    """Register a person by their public key. Nobody gives a role in their own organisation that they don't hold."""
    asked = document_of(request, who, matters.NewAccount)
    new = accounts.NewAccount(asked.name, frozenset(asked.roles), asked.public_key, asked.customer)
    made = await run_in_threadpool(accounts.register, house_of(request), who.account, new)
    return told(response, made, account=made.result)


@router.delete("/accounts/{account}", **described.signed(matters.Ended, 404))
async def end_account(request: Request, response: Response, who: Person, account: Id) -> Any:
    """End an account: from its next call on its signatures count no more. Anybody may end their own."""
    done = await run_in_threadpool(accounts.end, house_of(request), who.account, account)
    return told(response, done, ended=done.result)


@router.get("/applications", **described.signed(matters.Applications))
async def list_applications(
    request: Request,
    response: Response,
    who: Person,
    state: Annotated[matters.Condition | None, Query(description="Only those in this state.")] = None,
    limit: Limit = 100,
    after: After = "",
) -> Any:
    """Applications, oldest first."""

    def part(house: House, last: str) -> Answered[Any]:
        return applications.listed(house, who.account, state or "", last, limit)

    return await listed(request, response, who, "applications", f"applications {state or ''}", after, part)


@router.post(
    "/applications",
    **described.signed(matters.AskedFor, 404, 409, 413, 415, 429, status=201),
    openapi_extra=described.taking(matters.NewApplication),
)
async def apply_for_agency(request: Request, response: Response, who: Person) -> Any:
    """Ask to be admitted, for people of an agency that was registered to file first; its papers are looked up."""
    asked = document_of(request, who, matters.NewApplication)
    application, attested = applying.application_of(asked), applying.attestation_of(asked)
    made = await run_in_threadpool(applications.ask_for, house_of(request), who.account, application, attested)
    return told(response, made, **applying.asked_of(made.result))


@router.get("/applications/{application}", **described.signed(matters.ShownApplication, 404))
async def show_application(request: Request, response: Response, who: Person, application: Id) -> Any:
    """One application, whole, with the digest that an approval signs."""
    found = await run_in_threadpool(applications.shown, house_of(request), who.account, application)
    return told(response, found, **asdict(found.result))


@router.post(
    "/applications/{application}/approval",
    **described.signed(matters.Approved, 404, 409, 413, 415, status=201),
    openapi_extra=described.taking(matters.Approval),
)
async def approve_application(request: Request, response: Response, who: Person, application: Id) -> Any:
    """Grant what an application asks for, signed by the approver. The policy decides again, on this day."""
    asked = document_of(request, who, matters.Approval)
    signature = signed.signature_of(asked.signature)
    made = await run_in_threadpool(
        applications.approve, house_of(request), who.account, application, asked.until, signature
    )
    return told(response, made, **asdict(made.result))


@router.post("/applications/{application}/refusal", **described.signed(matters.Refusal, 404, 409, status=201))
async def refuse_application(request: Request, response: Response, who: Person, application: Id) -> Any:
    """Turn an application away."""
    done = await run_in_threadpool(applications.refuse, house_of(request), who.account, application)
    return told(response, done, application=done.result)


@router.get("/grants", **described.signed(matters.Grants, 404))
async def list_grants(
    request: Request, response: Response, who: Person, customer: Named = "", limit: Limit = 100, after: After = ""
) -> Any:
    """Grants, oldest first: a customer's, or all that you may see."""

    def part(house: House, last: str) -> Answered[Any]:
        return grants.listed(house, who.account, customer, last, limit)

    return await listed(request, response, who, "grants", f"grants {customer}", after, part)


@router.delete("/grants/{grant}", **described.signed(matters.Ended, 404, 409))
async def end_grant(request: Request, response: Response, who: Person, grant: Id) -> Any:
    """End a grant, from the next call on. Its keys still open the way out: withdrawal, erasure, export."""
    done = await run_in_threadpool(grants.end, house_of(request), who.account, grant)
    return told(response, done, ended=done.result)


@router.get("/grants/{grant}/keys", **described.signed(matters.GrantKeys, 404))
async def list_grant_keys(request: Request, response: Response, who: Person, grant: Id) -> Any:
    """The keys of a grant, oldest first; never a secret."""
    found = await run_in_threadpool(grants.keys, house_of(request), who.account, grant)
    return told(response, found, keys=[asdict(one) for one in found.result])


@router.post("/grants/{grant}/keys", **described.signed(matters.IssuedKey, 404, 409, status=201))
async def issue_grant_key(request: Request, response: Response, who: Person, grant: Id) -> Any:
    """One more key of a grant. Its text is in this answer and nowhere else."""
    made = await run_in_threadpool(grants.issue, house_of(request), who.account, grant)
    return told(response, made, **asdict(made.result))


@router.delete("/grants/{grant}/keys/{key}", **described.signed(matters.Ended, 404))
async def revoke_grant_key(request: Request, response: Response, who: Person, grant: Id, key: Id) -> Any:
    """End a key of a grant, from the next call on."""
    done = await run_in_threadpool(grants.revoke, house_of(request), who.account, grant, key)
    return told(response, done, ended=done.result)


@router.get("/schedule", **described.signed(matters.GrantSchedule, 404))
async def list_schedule(
    request: Request, response: Response, who: Person, customer: Named = "", limit: Limit = 100, after: After = ""
) -> Any:
    """Days within the next 30 on which answers will change, and for which grants; as they were announced."""

    def part(house: House, last: str) -> Answered[Any]:
        return schedule.listed(house, who.account, customer, last, limit)

    return await listed(request, response, who, "schedule", f"schedule {customer}", after, part)


@router.get("/locks", **described.signed(matters.Locks))
async def list_locks(request: Request, response: Response, who: Person, limit: Limit = 100, after: After = "") -> Any:
    """Keys that the meter locked, oldest first, and how many people have looked; for the provider's people."""

    def part(house: House, last: str) -> Answered[Any]:
        return locks.listed(house, who.account, last, limit)

    return await listed(request, response, who, "locks", "locks", after, part)


@router.post("/locks/{lock}/look", **described.signed(matters.LookedAtLock, 404, 409, status=201))
async def look_at_lock(request: Request, response: Response, who: Person, lock: Id) -> Any:
    """Say that you looked and that the key may go on. It does once two people of the provider have said so."""
    done = await run_in_threadpool(locks.look, house_of(request), who.account, lock)
    return told(response, done, **asdict(done.result))


@router.get("/decisions", **described.signed(matters.OwnEntries))
async def list_own_decisions(
    request: Request, response: Response, who: Person, limit: Limit = 100, after: After = ""
) -> Any:
    """Every leaf about your own organisation whose closed part is kept, oldest first; for a customer's people."""

    def part(house: House, last: str) -> Answered[Any]:
        return grants.decisions(house, who.account, int(last or -1), limit)

    return await listed(request, response, who, "decisions", "decisions", after, part)


async def listed(
    request: Request,
    response: Response,
    who: Signer,
    name: str,
    of: str,
    after: str,
    part: Callable[[House, str], Answered[Any]],
) -> dict[str, Any]:
    """A part of a list: its entries under `name`, and the token for what follows."""
    house, person = house_of(request), who.account.id

    def page() -> dict[str, Any]:
        answered = part(house, pages.after_mark(house, person, of, after))
        found, more = answered.result
        entries = {name: [asdict(one) for one in found], "next": pages.mark(house, person, of, more)}
        return told(response, answered, **entries)

    return await run_in_threadpool(page)


def told(response: Response, answered: Answered[Any], **result: Any) -> dict[str, Any]:
    """The answer, its receipt in the header too."""
    response.headers[RECEIPT] = answered.receipt
    return shown.answer(answered, **result)
