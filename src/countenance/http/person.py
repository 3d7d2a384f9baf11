"""A person's own doors: what is held about me, all of it, withdraw, erase. As JSON, and as a page for people.

The token of a link is the only way in: in a header, or in a form's body, and never in an address that is written down.
The page loads nothing from elsewhere and needs no script. Source: docs/people.md.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool

from countenance.console import person as page
from countenance.domain.errors import BadInput, Conflict, CountenanceError, Unauthenticated
from countenance.http import described, own, shapes
from countenance.http.bodies import whole
from countenance.http.callers import house_of
from countenance.http.problems import RECEIPT, STATUS
from countenance.service import person, shown
from countenance.service.person import Visitor

if TYPE_CHECKING:
    from collections.abc import Callable

    from countenance.service.app import House

router = APIRouter(prefix="/v1/person", tags=["a person's own"])
pages = APIRouter(include_in_schema=False)
LONGEST = 1024  # bytes of a form
STRICT = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_bearer = HTTPBearer(auto_error=False, scheme_name="PersonLink", bearerFormat="lnk_…", description="A link's token.")


async def visitor(request: Request, _: Annotated[object, Depends(_bearer)]) -> Visitor:
    """Who holds the link of exactly one Authorization header. Raises Unauthenticated."""
    given = request.headers.getlist("authorization")
    scheme, _gap, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    return await run_in_threadpool(person.enter, house_of(request), token if scheme.lower() == "bearer" else "")


Mine = Annotated[Visitor, Depends(visitor)]


@router.get("", **described.keyed(own.AboutMe))
async def look(request: Request, response: Response, who: Mine) -> Any:
    """What is held about me, for what, who asked and when."""
    found = await run_in_threadpool(person.look, house_of(request), who)
    response.headers[RECEIPT] = found.receipt
    references = [{"reference": name, "created": created} for name, created in found.references]
    return {**asdict(found), "references": references}


@router.get("/export", **described.keyed(own.AllAboutMe))
async def take(request: Request, response: Response, who: Mine) -> Any:
    """All of it, my templates too."""
    found = await run_in_threadpool(_export, house_of(request), who)
    response.headers[RECEIPT] = found["receipt"]
    return found


@router.delete("/consents", **described.keyed(shapes.Withdrawn, 409))
async def withdraw(request: Request, response: Response, who: Mine) -> Any:
    """Withdraw everything that I agreed to; in force before this answers."""
    receipt = await run_in_threadpool(person.withdraw, house_of(request), who)
    response.headers[RECEIPT] = receipt
    return {"receipt": receipt}


@router.delete("", **described.keyed(shapes.Erased))
async def leave(request: Request, response: Response, who: Mine) -> Any:
    """Erase me, and every link to this page with me; the certificate is in this answer."""
    done = await run_in_threadpool(person.leave, house_of(request), who)
    response.headers[RECEIPT] = done.receipt
    return asdict(done)


@pages.get("/person")
async def door(request: Request) -> Response:
    """The page, before it knows whose."""
    return _html(house_of(request), page.door())


@pages.get("/person/page.css")
async def style() -> Response:
    """Its style."""
    return Response(page.STYLE, media_type="text/css", headers={**STRICT, "Cache-Control": "no-cache"})


@pages.post("/person")
async def act(request: Request) -> Response:
    """One of the page's forms."""
    house = house_of(request)
    try:
        form = _form(await whole(request, LONGEST), request.headers.get("content-type", ""))
        return await run_in_threadpool(_act, house, form)
    except (Unauthenticated, BadInput) as error:
        return _html(house, page.door(f"{error.message}. {error.next_step}"), STATUS[type(error)])
    except CountenanceError as error:
        return _html(house, page.sentence("Not now", f"{error.message}. {error.next_step}"), STATUS[type(error)])


def _act(house: House, form: dict[str, str]) -> Response:
    who = person.enter(house, form.get("token", "").strip())
    return ACTS[form.get("do", "look")](house, who, form)


def _shown(house: House, who: Visitor, form: dict[str, str], said: str = "") -> Response:
    return _html(house, page.about(person.look(house, who), form["token"].strip(), said))


def _taken(house: House, who: Visitor, _: dict[str, str]) -> Response:
    whole_of = json.dumps(_export(house, who), ensure_ascii=False, allow_nan=False, indent=1)
    headers = {**STRICT, "Content-Disposition": 'attachment; filename="about-me.json"'}
    return Response(whole_of.encode(), media_type="application/json", headers=headers)


def _withdrawn(house: House, who: Visitor, form: dict[str, str]) -> Response:
    try:
        person.withdraw(house, who)
    except Conflict:
        return _shown(house, who, form, "There was nothing to withdraw: no consent of yours is open.")
    return _shown(house, who, form, "Withdrawn. From now on you are not looked for here.")


def _left(house: House, who: Visitor, form: dict[str, str]) -> Response:
    if form.get("sure") != "yes":
        return _shown(house, who, form, "Nothing was erased: tick the box first.")
    return _html(house, page.erased(person.leave(house, who)))


ACTS: dict[str, Callable[[House, Visitor, dict[str, str]], Response]] = {
    "look": _shown, "export": _taken, "withdraw": _withdrawn, "erase": _left,
}  # fmt: skip


def _export(house: House, who: Visitor) -> dict[str, Any]:
    found = person.take(house, who)
    words = {name: getattr(found, name) for name in ("subject", "customer", "purpose", "receipt")}
    grounds, asked = ([asdict(one) for one in kind] for kind in (found.grounds, found.asked))
    return {**words, "grounds": grounds, "asked": asked, "references": shown.references(found.references)}


def _form(raw: bytes, kind: str) -> dict[str, str]:
    """The fields of a form. Raises BadInput for another body, a name that comes twice, or an act that is none."""
    if kind.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise BadInput("this page takes its own form alone")
    try:
        fields = parse_qs(raw.decode("ascii"), keep_blank_values=True, max_num_fields=4, errors="strict")
    except ValueError:
        raise BadInput("this form cannot be read") from None
    if any(len(values) != 1 for values in fields.values()) or fields.get("do", ["look"])[0] not in ACTS:
        raise BadInput("this form is not of this page")
    return {name: values[0] for name, values in fields.items()}


def _html(house: House, text: str, status: int = 200) -> Response:
    found = house.witnesses.witnessed
    text = page.vouched(text, found.by if found is not None else ())
    return Response(text.encode(), status, headers=STRICT, media_type="text/html; charset=utf-8")
