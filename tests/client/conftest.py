"""One server a test, and the same client twice: the one that blocks, and the one for asyncio driven to its end."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from countenance.client import AsyncClient, Client
from tests.client.server import CERTIFICATES, KEY, Server
from tests.ledger.world import SIGNER, make_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADDRESS = "https://faces.example.com"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with make_log(tmp_path) as log:
        yield Server(log)


class Driven:
    """An AsyncClient, each of whose calls is awaited to its end; a list comes as a list."""

    def __init__(self, client: AsyncClient, loop: asyncio.AbstractEventLoop) -> None:
        self.client = client
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)

        def driven(*arguments: Any, **named: Any) -> Any:
            given = method(*arguments, **named)
            return self._loop.run_until_complete(given if inspect.isawaitable(given) else _listed(given))

        return driven


async def _listed(found: Any) -> list[Any]:
    return [item async for item in found]


@pytest.fixture(params=["blocking", "asyncio"])
def waits(request: pytest.FixtureRequest) -> tuple[str, list[float]]:
    """Which client, and the seconds that it was told to wait."""
    return request.param, []


@pytest.fixture
def client(server: Server, waits: tuple[str, list[float]]) -> Iterator[Any]:
    kind, waited = waits
    pinned = {"log_key": SIGNER.vkey, "certificate_key": CERTIFICATES.vkey}
    transport = httpx.MockTransport(server.handle)
    if kind == "blocking":
        with Client(ADDRESS, KEY, **pinned, transport=transport, sleep=waited.append) as blocking:  # type: ignore[arg-type]
            yield blocking
        return

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    loop = asyncio.new_event_loop()
    waiting = AsyncClient(ADDRESS, KEY, **pinned, transport=transport, sleep=sleep)  # type: ignore[arg-type]
    yield Driven(waiting, loop)
    loop.run_until_complete(waiting.close())
    loop.close()


@pytest.fixture
def blocking(server: Server) -> Iterator[Client]:
    """The client that blocks, where the other would show nothing new."""
    with Client(ADDRESS, KEY, log_key=SIGNER.vkey, transport=httpx.MockTransport(server.handle)) as made:
        yield made
