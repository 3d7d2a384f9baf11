"""One call, from its request to what is read of the reply: the only place where something is sent a second time.

It is a generator of steps that does nothing itself; two small drivers carry the steps out, one with threads and one
with asyncio. What may be sent again: a GET; what creates, under the same Idempotency-Key, so that it is done once; and
any other call that was never begun, because no connection came about or because the server says so (429, or 503 with
`Retry-After`, no receipt, and a code that means it). Any other call that was sent over a connection that broke is never
sent again. Sources: RFC 9110, sections 9.2.2 and 10.2.3; draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from countenance.client.problems import MEDIA, error_of
from countenance.client.proven import HEADER, Asked, Raw, Reply
from countenance.client.reading import Fields, malformed, parse
from countenance.client.said import Said
from countenance.domain.errors import BadRecord, Misconfigured, Unavailable

if TYPE_CHECKING:
    from countenance.client.answers import Page
    from countenance.client.hand import Hand
    from countenance.client.witness import Witness

T = TypeVar("T")

TRIES = 4
"""How often one call is sent at most."""

LONGEST_WAIT = 10.0
"""Seconds waited at most before another try; where the server asks for more, its error is raised instead."""

FIRST_WAIT = 0.5
"""Seconds before the second try where the server names none; doubled each time."""

MOST = 8 * 2**20
"""Bytes of an answer read at most: 1,000 subjects, or a photograph full of faces with a receipt, are far below."""

NOT_BEGUN = "overloaded"
"""The code by which a server says that nothing was begun. `unavailable` and `log-unavailable` may come after a deed."""

UNDER_WAY = "under-way"
"""The code by which a server says that the first try of this very call is still being answered."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """What is sent and how the reply is read. path: relative, each part quoted; files: photographs of a form by name.

    keyed: whether the key goes with it, or the signature of a person. once: whether it carries an Idempotency-Key, by
    which it is done once however often it is sent. made: the body, where the person's own hand has to sign in it.
    actions, act, closed, said: what the receipt of the reply has to state, as in `proven.Asked`.
    """

    method: str
    path: str
    read: Callable[[Reply], T]
    said: Said = field(default_factory=lambda: Said({}))
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = field(default=None, repr=False)
    files: Mapping[str, bytes] | None = field(default=None, repr=False)
    actions: frozenset[str] = frozenset()
    closed: Mapping[str, str] = field(default_factory=dict)
    keyed: bool = True
    act: str = ""
    made: Callable[[Hand], bytes] | None = field(default=None, repr=False)
    once: bool = False

    @property
    def safe(self) -> bool:
        """Whether it may be sent again even where the first may have been carried out."""
        return self.once or self.method == "GET"


@dataclass(frozen=True, slots=True)
class Pages(Generic[T]):
    """A list in parts. at: the call for the part after a token; the empty one for the first."""

    at: Callable[[str], Call[Page[T]]]


@dataclass(frozen=True, slots=True)
class Broken:
    """No reply came. begun: whether the server may have read the call; trusted: false where its certificate is not."""

    says: str
    begun: bool
    trusted: bool = True


@dataclass(frozen=True, slots=True)
class Send:
    """A step: send the call."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A step: let so many seconds pass."""

    seconds: float


Steps = Generator[Send | Wait, Raw | Broken | None, T]


def steps(call: Call[T], key: str, witness: Witness, account: str = "") -> Steps[T]:
    """The whole of one call. Raises the error that the server told, Unverified, BadRecord, Unavailable."""
    since = witness.size
    for tried in range(1, TRIES + 1):
        since = since if call.once else witness.size  # the leaf may be of the first try
        found = yield Send()
        assert found is not None
        pause = _pause(found, tried, safe=call.safe)
        if pause is None:
            asked = Asked(
                call.said, call.actions, call.closed, key if call.keyed else "", witness, since, call.act, account
            )
            return _outcome(call, found, asked)
        yield Wait(pause)
    raise Unavailable("the call was tried too often")


def following(page: Page[T], seen: set[str]) -> str:
    """The token of the next part, empty at the end. Raises BadRecord where a list leads in a circle."""
    if page.next in seen:
        raise malformed("the list leads back to where it was")
    seen.add(page.next)
    return page.next


def _outcome(call: Call[T], found: Raw | Broken, asked: Asked) -> T:
    if isinstance(found, Broken):
        raise _unreached(found, safe=call.method == "GET")
    reply = Reply(found, asked)
    if not 200 <= found.status < 300:
        raise error_of(reply)
    return call.read(reply)


def _unreached(found: Broken, *, safe: bool) -> Misconfigured | Unavailable:
    if not found.trusted:
        step = "If its operator has an authority of their own, give its certificate as `ca`."
        return Misconfigured("the server's certificate is not trusted here", next_step=step)
    if not found.begun or safe:
        return Unavailable(f"the server is not reached: {found.says}")
    error = Unavailable(
        f"no answer came, and nobody here knows whether the call was carried out: {found.says}",
        next_step="Look whether it was done before you send it again.",
    )
    vars(error).update(retry=False)  # another try might do it twice
    return error


def _pause(found: Raw | Broken, tried: int, *, safe: bool) -> float | None:
    """Seconds before another try; None: this is the outcome."""
    if tried == TRIES:
        return None
    own = FIRST_WAIT * 2 ** (tried - 1)
    if isinstance(found, Broken):
        again = found.trusted and (safe or not found.begun)
        return own if again else None
    asked_for = _retry_after(found.headers)
    if not _may_be_sent_again(found, safe=safe, named=asked_for is not None):
        return None
    wait = own if asked_for is None else asked_for
    return wait if wait <= LONGEST_WAIT else None


def _may_be_sent_again(found: Raw, *, safe: bool, named: bool) -> bool:
    """named: whether the server named a time to wait."""
    told = _problem(found)
    if HEADER in found.headers or (told is not None and not _says_again(told)):
        return False
    code = told.of.get("code") if told is not None else ""
    if safe:
        return found.status in (429, 502, 503, 504) or (found.status == 409 and code == UNDER_WAY)
    if found.status == 503:
        return named and code == NOT_BEGUN
    return found.status == 429


def _says_again(told: Fields) -> bool:
    """Whether a problem means that the same call may succeed later, and left no leaf."""
    return told.of.get("retry") is True and not told.of.get("receipt")


def _problem(found: Raw) -> Fields | None:
    if not found.headers.get("content-type", "").startswith(MEDIA):
        return None
    try:
        return parse(found.body)
    except BadRecord:
        return Fields({})  # `error_of` says what is wrong with it; it is not sent again


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that the server named; a date, which a clock that is wrong would misread, counts as none."""
    text = headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
