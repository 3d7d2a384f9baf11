"""How a call is carried out: by a client that blocks, or by one for asyncio, which differ in nothing else.

Each client class names its calls; the two bases here send them, wait, and read no more than fits. What they never do
is in line.py and talk.py. Source: httpx.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from countenance.client.line import broken
from countenance.client.talk import Broken, Call, Pages, Send, Wait, following, steps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
    from pathlib import Path

    from countenance.client.line import Line
    from countenance.client.proven import Raw

T = TypeVar("T")
P = ParamSpec("P")


class Blocking:
    """What a client that blocks is made of: it carries out one call after the other over its line."""

    def __init__(
        self, line: Line, ca: Path | None, transport: httpx.BaseTransport | None, sleep: Callable[[float], None]
    ) -> None:
        self._line = line
        self._sleep = sleep
        self._http = httpx.Client(transport=transport, **line.settings(ca))

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._line.address!r})"

    def _run(self, call: Call[T]) -> T:
        talk = steps(call, self._line.key, self._line.witness, self._line.account)
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


class Awaiting:
    """The same for asyncio."""

    def __init__(
        self,
        line: Line,
        ca: Path | None,
        transport: httpx.AsyncBaseTransport | None,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._line = line
        self._sleep = sleep
        self._http = httpx.AsyncClient(transport=transport, **line.settings(ca))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._line.address!r})"

    async def _run(self, call: Call[T]) -> T:
        talk = steps(call, self._line.key, self._line.witness, self._line.account)
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


def blocking(make: Callable[P, Call[T]]) -> Callable[Concatenate[Blocking, P], T]:
    """The method of a client that blocks."""

    @wraps(make)
    def method(self: Blocking, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(make(*args, **kwargs))

    return method


def awaited(make: Callable[P, Call[T]]) -> Callable[Concatenate[Awaiting, P], Coroutine[Any, Any, T]]:
    """The method of a client for asyncio."""

    @wraps(make)
    async def method(self: Awaiting, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(make(*args, **kwargs))

    return method


def listed(make: Callable[P, Pages[T]]) -> Callable[Concatenate[Blocking, P], Iterator[T]]:
    @wraps(make)
    def method(self: Blocking, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        pages, after, seen = make(*args, **kwargs), "", set[str]()
        while True:
            page = self._run(pages.at(after))
            yield from page.items
            if not (after := following(page, seen)):
                return

    return method


def awaited_list(make: Callable[P, Pages[T]]) -> Callable[Concatenate[Awaiting, P], AsyncIterator[T]]:
    @wraps(make)
    async def method(self: Awaiting, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        pages, after, seen = make(*args, **kwargs), "", set[str]()
        while True:
            page = await self._run(pages.at(after))
            for item in page.items:
                yield item
            if not (after := following(page, seen)):
                return

    return method
