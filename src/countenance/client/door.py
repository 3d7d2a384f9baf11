"""The two clients, one source: what each call sends and how its answer is read is in calls.py; here it is carried out.

`Client` blocks, `AsyncClient` is for asyncio; they differ in nothing else. What they never do is in line.py and
talk.py. Sources: docs/client.md; httpx.
"""

from __future__ import annotations

import asyncio
import time
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from countenance.client import calls
from countenance.client.line import Line, broken
from countenance.client.talk import Broken, Call, Pages, Send, Wait, following, steps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
    from pathlib import Path

    from countenance.client.proven import Raw

T = TypeVar("T")
P = ParamSpec("P")


def _blocking(make: Callable[P, Call[T]]) -> Callable[Concatenate[Client, P], T]:
    """The method of `Client` for this call."""

    @wraps(make)
    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(make(*args, **kwargs))

    return method


def _awaited(make: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    """The method of `AsyncClient` for this call."""

    @wraps(make)
    async def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(make(*args, **kwargs))

    return method


def _listed(make: Callable[P, Pages[T]]) -> Callable[Concatenate[Client, P], Iterator[T]]:
    @wraps(make)
    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        pages, after, seen = make(*args, **kwargs), "", set[str]()
        while True:
            page = self._run(pages.at(after))
            yield from page.items
            if not (after := following(page, seen)):
                return

    return method


def _awaited_list(make: Callable[P, Pages[T]]) -> Callable[Concatenate[AsyncClient, P], AsyncIterator[T]]:
    @wraps(make)
    async def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        pages, after, seen = make(*args, **kwargs), "", set[str]()
        while True:
            page = await self._run(pages.at(after))
            for item in page.items:
                yield item
            if not (after := following(page, seen)):
                return

    return method


class Client:
    """A client that blocks; a context manager, and safe to share between threads.

    address: such as https://faces.example.com. log_key: the log's vkey, from whoever you trust, never from the server.
    certificate_key: the vkey of certificates of erasure; where it is given, their signature is checked. ca: PEM file
    of an authority of your own, instead of the public ones. timeout: seconds for one answer.
    Raises BadInput, BadRecord or Misconfigured for what it can't work with.
    """

    def __init__(
        self,
        address: str,
        key: str = "",
        *,
        log_key: str,
        certificate_key: str = "",
        ca: Path | None = None,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._line = Line(address, key, (log_key, certificate_key), timeout, clock)
        self._sleep = sleep
        self._http = httpx.Client(transport=transport, **self._line.settings(ca))

    me = _blocking(calls.me)
    collections = _listed(calls.collections)
    create_collection = _blocking(calls.create_collection)
    subjects = _listed(calls.subjects)
    record_consent = _blocking(calls.record_consent)
    withdraw = _blocking(calls.withdraw)
    enrol = _blocking(calls.enrol)
    verify = _blocking(calls.verify)
    identify = _blocking(calls.identify)
    detect = _blocking(calls.detect)
    compare = _blocking(calls.compare)
    erase = _blocking(calls.erase)
    export = _blocking(calls.export)
    decisions = _listed(calls.decisions)
    decision = _blocking(calls.decision)
    decide = _blocking(calls.decide)
    policies = _blocking(calls.policies)
    policy = _blocking(calls.policy)
    keys = _blocking(calls.keys)
    new_key = _blocking(calls.new_key)
    revoke_key = _blocking(calls.revoke_key)
    log = _blocking(calls.log)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._line.address!r})"

    def _run(self, call: Call[T]) -> T:
        talk = steps(call, self._line.key, self._line.witness)
        try:
            step = next(talk)
            while True:
                step = talk.send(self._take(step, call))
        except StopIteration as done:
            result: T = done.value
            return result

    def _take(self, step: Send | Wait, call: Call[Any]) -> Raw | Broken | None:
        if isinstance(step, Wait):
            self._sleep(step.seconds)
            return None
        intake = self._line.intake()
        try:
            with self._http.stream(**self._line.request(call)) as response:
                for chunk in response.iter_bytes():
                    intake.add(chunk)
                return intake.raw(response)
        except httpx.HTTPError as error:
            return broken(error)


class AsyncClient:
    """The same for asyncio: each call is awaited, each list is iterated with `async for`. See `Client`."""

    def __init__(
        self,
        address: str,
        key: str = "",
        *,
        log_key: str,
        certificate_key: str = "",
        ca: Path | None = None,
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._line = Line(address, key, (log_key, certificate_key), timeout, clock)
        self._sleep = sleep
        self._http = httpx.AsyncClient(transport=transport, **self._line.settings(ca))

    me = _awaited(calls.me)
    collections = _awaited_list(calls.collections)
    create_collection = _awaited(calls.create_collection)
    subjects = _awaited_list(calls.subjects)
    record_consent = _awaited(calls.record_consent)
    withdraw = _awaited(calls.withdraw)
    enrol = _awaited(calls.enrol)
    verify = _awaited(calls.verify)
    identify = _awaited(calls.identify)
    detect = _awaited(calls.detect)
    compare = _awaited(calls.compare)
    erase = _awaited(calls.erase)
    export = _awaited(calls.export)
    decisions = _awaited_list(calls.decisions)
    decision = _awaited(calls.decision)
    decide = _awaited(calls.decide)
    policies = _awaited(calls.policies)
    policy = _awaited(calls.policy)
    keys = _awaited(calls.keys)
    new_key = _awaited(calls.new_key)
    revoke_key = _awaited(calls.revoke_key)
    log = _awaited(calls.log)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient({self._line.address!r})"

    async def _run(self, call: Call[T]) -> T:
        talk = steps(call, self._line.key, self._line.witness)
        try:
            step = next(talk)
            while True:
                step = talk.send(await self._take(step, call))
        except StopIteration as done:
            result: T = done.value
            return result

    async def _take(self, step: Send | Wait, call: Call[Any]) -> Raw | Broken | None:
        if isinstance(step, Wait):
            await self._sleep(step.seconds)
            return None
        intake = self._line.intake()
        try:
            async with self._http.stream(**self._line.request(call)) as response:
                async for chunk in response.aiter_bytes():
                    intake.add(chunk)
                return intake.raw(response)
        except httpx.HTTPError as error:
            return broken(error)
