"""The native API, /v1: promises and laws, as people with accounts change them and everybody may see them.

Wire shapes only: each call under /v1/administration is one act, decided by roles.cedar at the gate, and carries the
receipt of its leaf. What everybody may see has a tag and needs no key. Sources: docs/policy.md; docs/laws.md.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request  # noqa: TC002  (FastAPI reads the annotations)

from countenance.http import described, fresh, rulings
from countenance.http.administration import told
from countenance.http.callers import house_of
from countenance.http.people import Person, document_of
from countenance.service import changes, public, registry, signed
from countenance.service.wish import Wish

if TYPE_CHECKING:
    from collections.abc import Callable

    from countenance.service.gate import Answered

router = APIRouter(prefix="/v1", tags=["promises and laws"])
CHANGES, LAWS = "/administration/policy-changes", "/administration/laws"
Id = Annotated[str, Path(max_length=100)]
LawId = Annotated[str, Path(max_length=100, examples=["us-face-act-2027"])]


@router.get("/laws", **described.kept(rulings.Laws))
async def list_laws(request: Request) -> Any:
    """The registry of laws: every record, its signatures, and what was said against it."""
    found = await run_in_threadpool(public.laws, house_of(request))
    return fresh.document(request, rulings.Laws.model_validate(found))


@router.get("/laws/{law}", **described.kept(rulings.WholeLaw, 404))
async def show_law(request: Request, law: LawId) -> Any:
    """One record, with its text."""
    found = await run_in_threadpool(public.law, house_of(request), law)
    return fresh.document(request, rulings.WholeLaw.model_validate(found))


@router.post(
    LAWS, **described.signed(rulings.ShownLaw, 409, 413, 415, status=201),
    openapi_extra=described.taking(rulings.NewLaw),
)  # fmt: skip
async def propose_law(request: Request, response: Response, who: Person) -> Any:
    """Propose a record. It is public from now on, and its period of objection runs."""
    asked = document_of(request, who, rulings.NewLaw)
    return await _law(response, registry.propose, house_of(request), who.account, asked.record.encode())


@router.post(
    LAWS + "/{law}/signature", **described.signed(rulings.ShownLaw, 404, 409, 413, 415, status=201),
    openapi_extra=described.taking(rulings.Signature),
)  # fmt: skip
async def sign_law(request: Request, response: Response, who: Person, law: LawId) -> Any:
    """Sign a record that is proposed: as an approver of the provider, or as an assessor from outside."""
    asked = document_of(request, who, rulings.Signature)
    signature = signed.signature_of(asked.signature)
    return await _law(response, registry.sign, house_of(request), who.account, law, signature)


@router.post(
    LAWS + "/{law}/objections", **described.signed(rulings.ShownLaw, 404, 409, 413, 415, status=201),
    openapi_extra=described.taking(rulings.NewObjection),
)  # fmt: skip
async def object_to_law(request: Request, response: Response, who: Person, law: LawId) -> Any:
    """Object to a record that is proposed. Anybody with an account may, and everybody can read it."""
    asked = document_of(request, who, rulings.NewObjection)
    return await _law(response, registry.object_to, house_of(request), who.account, law, asked.words)


@router.post(LAWS + "/{law}/recording", **described.signed(rulings.ShownLaw, 404, 409, status=201))
async def record_law(request: Request, response: Response, who: Person, law: LawId) -> Any:
    """Record a law that has its two signatures, once its period of objection is over."""
    return await _law(response, registry.record, house_of(request), who.account, law)


@router.post(LAWS + "/{law}/repeal", **described.signed(rulings.ShownLaw, 404, 409, status=201))
async def repeal_law(request: Request, response: Response, who: Person, law: LawId) -> Any:
    """End a recorded law, at once: whatever it lifted is refused again."""
    return await _law(response, registry.repeal, house_of(request), who.account, law)


@router.get(CHANGES, **described.signed(rulings.Changes))
async def list_policy_changes(request: Request, response: Response, who: Person) -> Any:
    """Every change of the policy set, oldest first, and who approved it."""
    found = await run_in_threadpool(changes.listed, house_of(request), who.account)
    return told(response, found, changes=[asdict(one) for one in found.result])


@router.get(CHANGES + "/{change}", **described.signed(rulings.ShownChange, 404))
async def show_policy_change(request: Request, response: Response, who: Person, change: Id) -> Any:
    """One change, with the digest that an approval signs."""
    return await _change(response, changes.shown, house_of(request), who.account, change)


@router.post(
    CHANGES, **described.signed(rulings.ShownChange, 409, 413, 415, status=201),
    openapi_extra=described.taking(rulings.NewChange),
)  # fmt: skip
async def propose_policy_change(request: Request, response: Response, who: Person) -> Any:
    """Propose packs on or off, or another text of one. What is stricter holds at once; what loosens waits."""
    asked = document_of(request, who, rulings.NewChange)
    texts = tuple((name, text.encode()) for name, text in asked.packs.items())
    wish = Wish(tuple(asked.on), tuple(asked.off), texts, asked.notice_days)
    return await _change(response, changes.propose, house_of(request), who.account, wish)


@router.post(
    CHANGES + "/{change}/approval", **described.signed(rulings.ShownChange, 404, 409, 413, 415, status=201),
    openapi_extra=described.taking(rulings.Signature),
)  # fmt: skip
async def approve_policy_change(request: Request, response: Response, who: Person, change: Id) -> Any:
    """Approve a change under notice, signed by the approver. It takes two with different keys."""
    asked = document_of(request, who, rulings.Signature)
    signature = signed.signature_of(asked.signature)
    return await _change(response, changes.approve, house_of(request), who.account, change, signature)


@router.post(CHANGES + "/{change}/withdrawal", **described.signed(rulings.ShownChange, 404, 409, status=201))
async def withdraw_policy_change(request: Request, response: Response, who: Person, change: Id) -> Any:
    """Withdraw a change under notice."""
    return await _change(response, changes.withdraw, house_of(request), who.account, change)


@router.post("/administration/policy-stop", **described.signed(rulings.ShownChange, 409, status=201))
async def stop_house(request: Request, response: Response, who: Person) -> Any:
    """Emergency stop: everything but a person's own data is refused, at once. One person may; two have to lift it."""
    return await _change(response, changes.stop, house_of(request), who.account)


@router.post("/administration/policy-resume", **described.signed(rulings.ShownChange, 409, status=201))
async def resume_house(request: Request, response: Response, who: Person) -> Any:
    """Propose to lift an emergency stop, which loosens: it waits for two approvers and its notice."""
    return await _change(response, changes.resume, house_of(request), who.account)


async def _change(response: Response, act: Callable[..., Answered[Any]], *given: Any) -> dict[str, Any]:
    found = await run_in_threadpool(partial(act, *given))
    return told(response, found, change=asdict(found.result))


async def _law(response: Response, act: Callable[..., Answered[Any]], *given: Any) -> dict[str, Any]:
    found = await run_in_threadpool(partial(act, *given))
    return told(response, found, law=public.law_words(found.result))
