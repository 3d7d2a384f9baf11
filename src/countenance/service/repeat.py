"""A call that may be sent again: it is done once, and who repeats it gets the answer of the first time.

    1. the key still holds        a caller whose key ended meanwhile is told nothing, kept or new
    2. nobody else is at it       the same call under way in another thread: come again
    3. kept?                      the same request: its answer, whose leaf is written first where it is still owed;
                                  another request under the same key: refused
    4. the deed                   which keeps its answer in its own transaction

What is under way is known in memory alone: one process holds the data folder, and after a crash nothing is. An error
is not kept: it changed nothing, so a repeat asks anew. A repeat is no ask: it reads, decides and changes nothing, so it
owes no leaf. Sources: docs/adr/0063-idempotency.md; draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import hmac
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from countenance.domain.errors import RepeatDiffers, UnderWay
from countenance.service import auth, kept, owed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from countenance.service.app import House
    from countenance.service.auth import Principal

    Answer = dict[str, Any]
    Work = Callable[[Principal, kept.Once], Answer]

EVERY = 64  # calls of one customer between two sweeps of its kept answers
PAUSE = timedelta(minutes=10)  # after which the next call sweeps, whoever's it is


@dataclass(frozen=True, slots=True)
class Call:
    """One call. key: what its caller named it, empty where they did not; operation: such as `POST /v1/collections`.

    asked: everything that makes two requests the same one, in a fixed order.
    """

    key: str
    operation: str
    asked: tuple[bytes, ...]


class Repeats:
    """Which calls are under way, and when kept answers are swept. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._under_way: set[bytes] = set()
        self._calls: Counter[str] = Counter()
        self._swept: datetime | None = None

    @contextmanager
    def alone(self, scope: bytes) -> Iterator[None]:
        """Hold one call. Raises UnderWay where it is held already."""
        with self._lock:
            if scope in self._under_way:
                raise UnderWay("this very call is still under way")
            self._under_way.add(scope)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(scope)

    def due(self, customer: str, now: datetime) -> bool:
        """Count one call of a customer; whether to sweep before it."""
        with self._lock:
            number = self._calls[customer]
            self._calls[customer] += 1
            due = number % EVERY == 0 or self._swept is None or not timedelta() <= now - self._swept < PAUSE
            self._swept = now if due else self._swept
            return due


def perform(house: House, who: Principal, call: Call, work: Work, again: Callable[[Answer], Answer] = dict) -> Answer:
    """The answer of this call, done now or kept from before. again: what a repeat makes of the kept answer.

    Raises Unauthenticated, UnderWay, RepeatDiffers, LogUnavailable, and what the work or `again` raises.
    """
    who = auth.still(house.database, who)
    if not call.key:
        return work(who, kept.FREELY)
    now = house.now()
    if house.repeats.due(who.customer.id, now):
        kept.sweep(house.database, now, who.customer.id)
    once = _keyed(house, who, call)
    with house.repeats.alone(once.scope):
        found = _recalled(once)
        return work(who, once) if found is None else again(found)


def _keyed(house: House, who: Principal, call: Call) -> kept.Keyed:
    """Scope: the customer, so that no deed of theirs is done twice. Request: the caller's own key is part of it, and
    the scope, so that no two rows have anything in common."""
    digest = house.vault.digest
    named = _joined(part.encode() for part in (who.customer.id, call.operation, call.key))
    scope = digest(named, label="idempotency-key")
    request = digest(_joined((scope, who.key.encode(), *call.asked)), label="idempotency-request")
    return kept.Keyed(house, who, scope, request)


def _recalled(once: kept.Keyed) -> Answer | None:
    """The kept answer, None where there is none; its leaf is durable by then."""
    row = once.found()
    if row is None:
        return None
    if not hmac.compare_digest(row.request, once.request):
        raise RepeatDiffers("this Idempotency-Key stands for another request")
    answer = once.opened(row)
    if row.debt is not None:
        answer["receipt"] = owed.pay_one(once.house, row.debt)
    return answer


def _joined(parts: Iterable[bytes]) -> bytes:
    """Parts one after the other, each with its length before it, so that no two lists are the same bytes."""
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)
