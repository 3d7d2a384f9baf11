"""A load generator that costs little: HTTP/1.1 over plain sockets, requests as bytes made beforehand.

It measures the server and not itself: no client library, one parse of a status line and a length an answer. The
loads are closed (each line sends its next request when the last is answered) or open (requests at fixed moments,
each timed from the moment it was due, so that a server that stalls is not forgiven the requests that queue up).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE = 60.0  # seconds for one answer
READ = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """status: 0 where none came in time. seconds: from the moment it was due. retry_after: its header, or ""."""

    status: int
    seconds: float
    retry_after: str = ""


def request(method: str, path: str, key: str, body: bytes = b"", kind: str = "image/jpeg") -> bytes:
    """The bytes of one request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
    if body:
        head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


class Line:
    """One connection, kept open between requests."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, raw: bytes, due: float = 0.0) -> Answer:
        """Send and wait for the whole answer. due: the moment that counts as its start; 0: now."""
        due = due or time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._ask(raw, due)
        except (TimeoutError, OSError, EOFError):
            self.close()
            return Answer(0, time.perf_counter() - due)

    async def _ask(self, raw: bytes, due: float) -> Answer:
        if self._writer is None or self._reader is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
        self._writer.write(raw)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        await self._reader.readexactly(int(fields.get("content-length", "0")))
        taken = time.perf_counter() - due
        if fields.get("connection") == "close":
            self.close()
        return Answer(int(head.split(" ", 2)[1]), taken, fields.get("retry-after", ""))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


async def closed(port: int, raw: bytes, lines: int, each: int) -> list[Answer]:
    """So many lines, each with so many requests, one after the other."""

    async def one() -> list[Answer]:
        line = Line(port)
        answers = [await line.ask(raw) for _ in range(each)]
        line.close()
        return answers

    return [answer for part in await asyncio.gather(*(one() for _ in range(lines))) for answer in part]


async def opened(port: int, mix: Sequence[bytes], rate: float, seconds: float, lines: int) -> list[Answer]:
    """`rate` requests a second at fixed moments, in turn from `mix`, over the first free of so many lines."""
    free: asyncio.Queue[Line] = asyncio.Queue()
    for _ in range(lines):
        free.put_nowait(Line(port))
    begun = time.perf_counter() + 0.1

    async def one(number: int) -> Answer:
        due = begun + number / rate
        await asyncio.sleep(due - time.perf_counter())
        line = await free.get()
        answer = await line.ask(mix[number % len(mix)], due)
        free.put_nowait(line)
        return answer

    answers = await asyncio.gather(*(one(number) for number in range(round(rate * seconds))))
    while not free.empty():
        free.get_nowait().close()
    return list(answers)


async def idle(port: int, raw: bytes, many: int) -> list[Line]:
    """So many connections that were used once and are kept open. Raises RuntimeError where one is refused."""
    lines = [Line(port) for _ in range(many)]
    for start in range(0, many, 50):
        answers = await asyncio.gather(*(line.ask(raw) for line in lines[start : start + 50]))
        if any(answer.status != 200 for answer in answers):
            raise RuntimeError("an idle connection was not taken")
    return lines


def quantile(answers: Sequence[Answer], share: float) -> float:
    """Seconds within which this share of the answers came."""
    ranked = sorted(answer.seconds for answer in answers)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]
