"""Who calls, and what they say of the call: the bearer key, the narrowing headers, the words in the query.

The key is looked up before a byte of the body is read, and once more after a body that took long. What a call says of
itself may narrow its grant, never widen it: the service decides that. Sources: RFC 6750 (bearer keys); docs/api.md.
"""

from __future__ import annotations

import ipaddress
import re
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, cast

from fastapi import Depends, Header, Path
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request  # noqa: TC002  (FastAPI reads the annotations)

from countenance.domain.errors import BadInput, Unauthenticated
from countenance.http.bodies import unknown
from countenance.http.described import LONGEST_HEADER, LONGEST_WORD, NARROWING, WORDS
from countenance.service import auth, people, repeat
from countenance.service.use import Use

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from countenance.service.app import House

_bearer = HTTPBearer(auto_error=False, bearerFormat="cnt_…", description="The key of a grant, as it was shown once.")
FRESH = 0.5  # seconds for which a key that was looked up holds: one that is revoked ends within a second
SECTORS_MOST = 16  # sectors that one call names
REPEATABLE = re.compile(r'"([A-Za-z0-9_-]{16,64})"')  # an Idempotency-Key: a string of RFC 9651, and no parameters


def house_of(request: Request) -> House:
    """The house that this application was made for."""
    return cast("House", request.app.state.house)


async def caller(request: Request, _: Annotated[object, Depends(_bearer)]) -> auth.Principal:
    """The principal of exactly one Authorization header. Raises Unauthenticated: one answer for every way to fail."""
    given = request.headers.getlist("authorization")
    scheme, _gap, key = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or len(key) > 200:
        raise Unauthenticated("this call needs a key", next_step="Send it as `Authorization: Bearer cnt_…`.")
    database = house_of(request).database
    look_up = partial(run_in_threadpool, auth.authenticate, database, key)
    request.state.body_read = partial(_still, look_up, time.monotonic())
    return auth.recall(database, key) or await look_up()


async def _still(look_up: Callable[[], Awaitable[auth.Principal]], since: float) -> None:
    """Look a key up again where it may have ended meanwhile. Raises Unauthenticated."""
    if time.monotonic() - since > FRESH:
        await look_up()


async def said(request: Request) -> Use:
    """What this very call says of itself, in the words of docs/policy.md. Raises BadInput for what is no word.

    Read by hand, once for all eleven: they come with every photograph (described.said).
    """
    words = {name: request.query_params.get(name, "") for name in WORDS}
    purpose, requested_by, authority = (_header(request, name) for name in NARROWING)
    sectors = [word.strip() for word in requested_by.split(",")] if requested_by else []
    if not all(sectors) or len(sectors) > SECTORS_MOST:
        raise BadInput("Countenance-Requested-By names sectors, separated by commas")
    for name, word in (*words.items(), ("Countenance-Purpose", purpose), ("Countenance-Authority", authority)):
        if len(word) > LONGEST_WORD:
            raise BadInput(f"{name}: a word has at most {LONGEST_WORD} characters")
    source = _source(request.client.host if request.client else "")
    return Use(purpose, **words, requested_by=frozenset(sectors), authority=authority, source=source)


def _source(host: str) -> str:
    """The network of the caller's address, for the meter: of IPv6 the /64; empty for what is on this machine."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if address.is_loopback or address.version == 4:
        return "" if address.is_loopback else host
    return str(ipaddress.ip_network((int(address), 64), strict=False).network_address)


def _header(request: Request, name: str) -> str:
    given = request.headers.getlist(name)
    if len(given) > 1 or len("".join(given)) > LONGEST_HEADER:
        raise BadInput(f"{name} comes once, and has at most {LONGEST_HEADER} characters")
    return given[0] if given else ""


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A call that may be sent again under its Idempotency-Key. key: empty where it has none."""

    request: Request
    who: auth.Principal
    key: str

    async def run(
        self, work: repeat.Work, *content: bytes, again: Callable[[repeat.Answer], repeat.Answer] = dict
    ) -> dict[str, Any]:
        """Do it once, in a thread, whoever asks for it how often. content: what the body said."""
        scope, headers = self.request.scope, self.request.headers
        operation = f"{self.request.method} {scope['route'].path_format}"
        said = [headers.get(name, "").encode() for name in NARROWING]
        asked = (str(scope["path"]).encode(), bytes(scope["query_string"]), *said, *content)
        call = repeat.Call(self.key, operation, asked)
        return await run_in_threadpool(repeat.perform, house_of(self.request), self.who, call, work, again)


async def repeatable(
    request: Request,
    who: Caller,
    _: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            description="A text of your own in quotes, 16 to 64 of A-Z a-z 0-9 _ -; new for each thing to be done. "
            "The same call with the same text is done once, and gets the same answer, for 24 hours.",
            json_schema_extra={"pattern": f"^{REPEATABLE.pattern}$"},
        ),
    ] = "",
) -> Repeatable:
    """The Idempotency-Key of a call, if it has one. Raises BadInput where it is not one, or comes twice."""
    given = request.headers.getlist("idempotency-key")
    found = REPEATABLE.fullmatch(given[0]) if len(given) == 1 else None
    if given and found is None:
        raise BadInput(
            "an Idempotency-Key is one text in quotes, of 16 to 64 letters, digits, _ and -",
            next_step='Send one such as Idempotency-Key: "8f14e45f-ceea-467f-a8d2-3d8b1b1f9d1c".',
        )
    return Repeatable(request, who, found[1] if found else "")


async def known_query(request: Request) -> None:
    """Refuse a query with a name that this call does not have, or with one twice that is no list."""
    known = request.app.state.queries.get((request.scope["route"].path_format, request.method), {})
    names = Counter(name for name, _ in request.query_params.multi_items())
    for name, times in names.items():
        if name not in known:
            raise unknown(name, known, "query parameter")
        if times > 1 and not known[name]:
            raise BadInput("a query parameter comes twice")


async def inside(
    request: Request,
    who: Caller,
    collection: Annotated[str, Path(max_length=100, description="Its id or name.", examples=["staff"])],
) -> people.Collection:
    """The caller's collection of this id or name. Raises NotFound, for another tenant's too."""
    house = house_of(request)
    found = people.recall(house, who, collection)
    return await run_in_threadpool(people.collection, house, who, collection) if found is None else found


Caller = Annotated[auth.Principal, Depends(caller)]
Once = Annotated[Repeatable, Depends(repeatable)]
Said = Annotated[Use, Depends(said)]
Inside = Annotated[people.Collection, Depends(inside)]
Alias = Annotated[
    str,
    Path(
        alias="subject", max_length=100, description="Its id, or your own name for the person.", examples=["member-17"]
    ),
]
