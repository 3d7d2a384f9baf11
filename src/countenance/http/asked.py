"""The native API, /v1: what anybody may ask, without a key. The policy's answer to a question, its text, the log's key.

It changes nothing, knows nobody and leaves no leaf: what carries no principal is bounded by the server, not logged.
A question's facts are words only: a flag that names a file on the command line is not taken here.
Source: docs/policy.md, "On the command line".
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request  # noqa: TC002  (FastAPI reads the annotations)

from countenance.domain.errors import BadInput, NotFound, UnknownWord
from countenance.http import described, fresh, public, shapes, witnessed
from countenance.http.bodies import JSON_LIMIT, document, strict_json, unknown, whole
from countenance.http.callers import house_of
from countenance.policy import whatif, wire
from countenance.service import decide as service
from countenance.service import public as posted
from countenance.service import rolled, schedule

router = APIRouter(prefix="/v1", tags=["asked by anybody"])

FILES = ("authority", "law", "paperwork")  # flags whose value is a file
FLAGS = tuple(flag for flag in whatif.FLAGS if flag not in FILES)
LONGEST = 200  # characters of a word
MOST = 20  # words of a flag that may come several times


@router.get(
    "/decide",
    **described.open_to_all(shapes.Decision),
    openapi_extra=described.flags(FLAGS, whatif.SETS),
    response_model_exclude_unset=True,
)
async def decide_query(request: Request) -> Any:
    """What the server would say to an ask, and why. Every fact that it assumed is listed."""
    said: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        said.setdefault(name, []).append(value)
    return await _decided(request, said)


@router.post(
    "/decide",
    **described.open_to_all(shapes.Decision, 413),
    openapi_extra=described.question(FLAGS, whatif.SETS),
    response_model_exclude_unset=True,
)
async def decide_document(request: Request) -> Any:
    """The same, with the words in a JSON object: a text for each flag, a list where it may come several times."""
    found = strict_json(await whole(request, JSON_LIMIT))
    return await _decided(
        request, {name: value if isinstance(value, list) else [value] for name, value in found.items()}
    )


@router.get("/policies", **described.kept(public.Policies))
async def policies(request: Request) -> Any:
    """The packs in force, what is under notice and for whom it would open a door, and every set that was in force."""
    shown = await run_in_threadpool(posted.policies, house_of(request))
    return fresh.document(request, public.Policies.model_validate(shown))


@router.get("/policies/schedule", **described.kept(public.Schedule))
async def policy_schedule(request: Request) -> Any:
    """What is coming: days on which rules, packs, laws and the model turn, and for what kinds answers will change."""
    house = house_of(request)
    today, turns, announced = await run_in_threadpool(schedule.told, house)
    shown = {"on": today.isoformat(), "digest": house.policies.digest, "turns": turns, "announced": announced}
    return fresh.document(request, public.Schedule.model_validate(shown))


@router.get("/policies/{pack}", **described.kept(public.PackText, 404))
async def policy(request: Request, pack: Annotated[str, Path(max_length=64)]) -> Any:
    """A pack, word for word: as it is in force, or else as it ships."""
    try:
        found = await run_in_threadpool(posted.pack, house_of(request), pack)
    except UnknownWord:
        raise NotFound("there is no such pack", next_step="List those in force with GET /v1/policies.") from None
    return fresh.document(request, public.PackText(name=found.name, digest=found.digest, text=found.text))


@router.get("/log", **described.open_to_all(public.Log))
async def log(request: Request) -> Any:
    """The transparency log: its name, its public key, how many leaves it has, and by whom it is witnessed."""
    return await run_in_threadpool(witnessed.log, house_of(request))


@router.post(
    "/log/shown",
    **described.open_to_all(public.Shown, 413, 415, 503),
    openapi_extra=described.taking(public.NewShown),
)
async def show(request: Request) -> Any:
    """Show the log a receipt or checkpoint of its own. One that it does not hold stops it: it was rolled back."""
    asked = await document(request, public.NewShown)
    return asdict(await run_in_threadpool(rolled.show, house_of(request), asked.proof.encode("utf-8", "replace")))


async def _decided(request: Request, said: dict[str, list[Any]]) -> dict[str, Any]:
    for name, values in said.items():
        if name not in FLAGS:
            raise unknown(name, FLAGS, "word")
        if len(values) > MOST or not all(isinstance(value, str) and len(value) <= LONGEST for value in values):
            raise BadInput(f"{name} takes texts of at most {LONGEST} characters")
    house = house_of(request)

    def answer() -> dict[str, Any]:
        asked = service.question(said, house.now(), house.laws)
        return wire.answer(posted.verdict(house, asked), asked.facts.on, asked.assumed)

    return await run_in_threadpool(answer)
