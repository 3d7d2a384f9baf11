"""The native API, /v1: what a customer keeps. Collections, subjects, the bases on record, keys; and the way out.

Wire shapes only. Leaving (withdrawal, erasure, the end of a key) is never asked of the policy, and always works.
Source: docs/api.md.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request  # noqa: TC002  (FastAPI reads the annotations)

from countenance.consent import DETAILS, Basis
from countenance.http import described, own, shapes
from countenance.http.bodies import document
from countenance.http.callers import Alias, Caller, Inside, Once, Said, house_of
from countenance.http.problems import RECEIPT
from countenance.policy.whatif import moment
from countenance.service import admit, agreed, auth, history, pages, people, person, shown
from countenance.service.erase import erase
from countenance.service.export import export

if TYPE_CHECKING:
    from countenance.service.app import House
    from countenance.service.kept import Once as Kept

router = APIRouter(prefix="/v1", tags=["keeping"])
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
After = Annotated[str, Query(max_length=pages.LONGEST, description="`next` of the page before.")]


@router.get("/me", **described.keyed(shapes.Me))
async def me(who: Caller) -> Any:
    """Who asks: the key, its customer and its grant."""
    grant = who.grant
    words = {name: sorted(getattr(grant, name)) for name in ("purposes", "modes", "places")}
    shown = {"id": grant.id, **words, "until": grant.until, "active": grant.active}
    return {"key": who.key, "customer": who.customer.id, "grant": shown}


@router.get("/keys", **described.keyed(shapes.Keys))
async def list_keys(request: Request, who: Caller) -> Any:
    """The keys of the caller's grant, oldest first; never a secret."""
    found = await run_in_threadpool(auth.keys_of, house_of(request).database, who.grant.id)
    return {"keys": [asdict(one) for one in found]}


@router.post("/keys", **described.keyed(shapes.NewKey, 409, 422, status=201))
async def issue_key(request: Request, response: Response, once: Once) -> Any:
    """One more key for the caller's grant. Its text is in this answer and nowhere else, not in that to a repeat."""

    def work(who: auth.Principal, kept: Kept) -> dict[str, Any]:
        return asdict(admit.issue(house_of(request), who, kept))

    return _proven(response, await once.run(work, again=admit.issued_already))


@router.delete("/keys/{key}", **described.keyed(shapes.Revoked, 404))
async def revoke_key(
    request: Request, response: Response, who: Caller, key: Annotated[str, Path(max_length=100)]
) -> Any:
    """End a key of the caller's grant, from the next call on; the one that this call is made with, too."""
    return _proven(response, {"receipt": await run_in_threadpool(admit.revoke, house_of(request), who, key)})


@router.get("/collections", **described.keyed(shapes.Collections))
async def list_collections(request: Request, who: Caller, limit: Limit = 100, after: After = "") -> Any:
    """The caller's collections, by name."""

    def page() -> dict[str, Any]:
        house = house_of(request)
        last = pages.after(house, who, "collections", after)
        found = [asdict(one) for one in people.list_collections(house, who) if one.name > last]
        more = found[limit - 1]["name"] if len(found) > limit else ""
        return {"collections": found[:limit], "next": pages.token(house, who, "collections", more)}

    return await run_in_threadpool(page)


@router.post(
    "/collections",
    **described.keyed(shapes.Collection, 409, 413, 415, 422, status=201),
    openapi_extra=described.taking(shapes.NewCollection),
)
async def create_collection(request: Request, once: Once) -> Any:
    """A new, empty collection for one purpose of the grant."""
    asked = await document(request, shapes.NewCollection)

    def work(who: auth.Principal, kept: Kept) -> dict[str, Any]:
        made = people.create_collection(
            house_of(request), who, asked.name, asked.purpose, kept, keep_days=asked.keep_days
        )
        return asdict(made)

    return await once.run(work, asked.model_dump_json().encode())


@router.get("/collections/{collection}/subjects", **described.keyed(shapes.Subjects, 404))
async def list_subjects(request: Request, who: Caller, inside: Inside, limit: Limit = 100, after: After = "") -> Any:
    """The subjects of a collection, each under your own name for them."""

    def page() -> dict[str, Any]:
        house = house_of(request)
        last = pages.after(house, who, inside.id, after)
        found, more = people.page_of_subjects(house, who, inside, last, limit)
        return {"subjects": [asdict(one) for one in found], "next": pages.token(house, who, inside.id, more)}

    return await run_in_threadpool(page)


@router.post(
    "/collections/{collection}/consents",
    **described.keyed(own.Consented, 404, 409, 413, 415, 422, status=201),
    openapi_extra=described.taking(own.NewConsent),
)
async def record_consent(request: Request, response: Response, inside: Inside, once: Once) -> Any:
    """Put the basis on record on which a person may be enrolled; the person becomes a subject if new."""
    asked = await document(request, own.NewConsent)
    basis = _basis(house_of(request), inside, asked)

    def work(who: auth.Principal, kept: Kept) -> dict[str, Any]:
        return asdict(people.give_consent(house_of(request), who, inside, asked.alias, basis, kept))

    return _proven(response, await once.run(work, asked.model_dump_json().encode()))


@router.get("/collections/{collection}/subjects/{subject}/consents", **described.keyed(own.ConsentRecords, 404))
async def list_consents(request: Request, who: Caller, inside: Inside, subject: Alias) -> Any:
    """Every record of consent of a person, withdrawn and refused ones too: the receipts to give them."""
    found, consents = await run_in_threadpool(agreed.of_subject, house_of(request), who, inside, subject)
    return {"subject": found, "records": list(consents)}


@router.delete("/collections/{collection}/subjects/{subject}/consents", **described.keyed(shapes.Withdrawn, 404, 409))
async def withdraw(request: Request, response: Response, who: Caller, inside: Inside, subject: Alias) -> Any:
    """Withdraw every open basis of a subject. In force before this answers."""
    receipt = await run_in_threadpool(people.withdraw, house_of(request), who, inside, subject)
    return _proven(response, {"receipt": receipt})


@router.post("/collections/{collection}/subjects/{subject}/link", **described.keyed(own.PersonLink, 404, status=201))
async def link_person(
    request: Request, who: Caller, inside: Inside, subject: Alias,
    days: Annotated[int, Query(ge=1, le=person.MOST_DAYS, description="For how long.")] = person.DAYS,
) -> Any:  # fmt: skip
    """A link for a person to their own page, without an account. Its token is in this answer and nowhere else."""
    return asdict(await run_in_threadpool(person.link, house_of(request), who, inside, subject, days))


@router.delete("/collections/{collection}/subjects/{subject}/link", **described.keyed(own.LinksEnded, 404))
async def end_links(request: Request, who: Caller, inside: Inside, subject: Alias) -> Any:
    """End every link of a person, from the next call on."""
    return {"ended": await run_in_threadpool(person.end_links, house_of(request), who, inside, subject)}


@router.delete("/collections/{collection}/subjects/{subject}", **described.keyed(shapes.Erased, 404))
async def erase_subject(request: Request, response: Response, who: Caller, inside: Inside, subject: Alias) -> Any:
    """Erase a subject: rows, index, sealed templates, closed parts; then the storage is read again, then certified."""
    return _proven(response, asdict(await run_in_threadpool(erase, house_of(request), who, inside, subject)))


@router.get(
    "/collections/{collection}/subjects/{subject}/export",
    **described.keyed(own.Exported, 403, 404),
    openapi_extra={"parameters": described.said()},
)
async def export_subject(
    request: Request, response: Response, who: Caller, inside: Inside, subject: Alias, use: Said
) -> Any:
    """All that is held about a person, templates too, for that person."""
    answered = await run_in_threadpool(export, house_of(request), who, inside, subject, use)
    return _proven(response, shown.exported(answered))


@router.get("/decisions", **described.keyed(shapes.Entries))
async def list_decisions(request: Request, who: Caller, limit: Limit = 100, after: After = "") -> Any:
    """Every leaf about the caller whose closed part is kept, oldest first."""

    def page() -> dict[str, Any]:
        house = house_of(request)
        last = pages.after(house, who, "decisions", after)
        found, more = history.page(house, who, int(last or -1), limit)
        token = pages.token(house, who, "decisions", "" if more is None else str(more))
        return {"decisions": [asdict(one) for one in found], "next": token}

    return await run_in_threadpool(page)


@router.get("/decisions/{index}", **described.keyed(shapes.Proof, 404))
async def decision(
    request: Request, response: Response, who: Caller, index: Annotated[int, Path(ge=0, le=history.MOST_INDEX)]
) -> Any:
    """The receipt of one of the caller's leaves, once more: proof in the newest checkpoint."""
    receipt = await run_in_threadpool(history.receipt, house_of(request), who, index)
    return _proven(response, {"index": index, "receipt": receipt})


def _proven(response: Response, body: dict[str, Any]) -> dict[str, Any]:
    """The answer, its receipt in the header too."""
    response.headers[RECEIPT] = body["receipt"]
    return body


def _basis(house: House, inside: people.Collection, asked: own.NewConsent) -> Basis:
    given = moment(asked.given_at, "given_at") if asked.given_at else house.now()
    return Basis(
        basis=asked.basis,
        purpose=asked.purpose or inside.purpose,
        given_at=given,
        until=moment(asked.until, "until"),
        adult=asked.adult,
        manner=asked.manner,
        notice=asked.notice,
        recorded_by=asked.recorded_by,
        event=asked.event,
        **{name: getattr(asked, name) for name in DETAILS},
    )
