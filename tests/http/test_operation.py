"""The operator's doors and the ledger's: alive, ready, counted, and no file of the machine but the public ones."""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx
import pytest
from fastapi import FastAPI

from countenance.domain.errors import LogUnavailable, NotFound
from countenance.http import operation
from countenance.http.metrics import Metrics
from countenance.http.watch import Watched
from countenance.ledger import tiles
from countenance.ledger.checkpoint import open_checkpoint
from tests.service.world import World, new_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOR_EVER = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A house with some leaves, all of them published; a test that spoils one has a world of its own."""
    made = new_world(tmp_path_factory.mktemp("world"))
    made.customer()
    made.house.log.publish()
    yield made
    made.house.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[World]:
    made = new_world(tmp_path)
    yield made
    made.house.close()


def ask(world: World, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """One request through watch and doors; the path goes in as a server gives it, with its dots."""
    metrics = Metrics(world.house)
    app = FastAPI()
    operation.attach(app, world.house, metrics)
    lines: list[Any] = []
    watched = Watched(app, metrics=metrics, log=lines.append)
    raw, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": unquote(raw),
        "raw_path": raw.encode(), "root_path": "", "scheme": "http", "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(watched(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in sent[1:])
    assert [line["route"] for line in lines] in (["/ledger/{path:path}"], [raw], ["none"])
    return httpx.Response(sent[0]["status"], headers=sent[0]["headers"], content=body)


def test_alive(world: World) -> None:
    assert ask(world, "/healthz").json() == {"alive": True}


def test_ready_while_the_log_can_append(world: World) -> None:
    assert ask(world, "/readyz").json() == {"ready": True}


def test_not_ready_once_the_log_is_closed(own: World) -> None:
    own.house.close()
    answer = ask(own, "/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "log-unavailable")
    assert answer.json()["request"] == answer.headers["request-id"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert ask(own, "/healthz").status_code == 200


def test_not_ready_while_the_clock_stands_in_the_logs_past(own: World) -> None:
    own.later(days=-1)
    assert ask(own, "/readyz").json()["code"] == "clock-went-back"
    own.later(days=1)
    assert ask(own, "/readyz").status_code == 200


def test_not_ready_while_the_published_checkpoint_is_stale(own: World) -> None:
    """As it is with a publisher that hangs: durable leaves that no stranger can see."""

    class Behind:
        def check(self) -> None:
            own.house.log.check()

        overdue = operation.STALE + 1

    class Stuck:
        log = Behind()

    with pytest.raises(LogUnavailable, match="behind"):
        operation.require_ready(Stuck())  # type: ignore[arg-type]
    operation.require_ready(own.house)


def test_metrics_are_text_of_the_stated_version(world: World) -> None:
    answer = ask(world, "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert f"countenance_leaves {float(world.house.log.size)}" in answer.text


def test_the_checkpoint_is_fresh_each_time_and_verifies(world: World) -> None:
    answer = ask(world, "/ledger/checkpoint")
    assert open_checkpoint(answer.content, world.house.log.verifier).size == world.house.log.size
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    etag = answer.headers["etag"]
    assert etag == f'"{hashlib.sha256(answer.content).hexdigest()[:32]}"'
    for tag in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        unchanged = ask(world, "/ledger/checkpoint", **{"If-None-Match": tag})
        assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", etag)
    assert ask(world, "/ledger/checkpoint", **{"If-None-Match": '"other"'}).status_code == 200


def test_every_published_tile_is_served_and_kept_for_ever(world: World) -> None:
    public = world.settings.ledger
    names = [path.relative_to(public).as_posix() for path in (public / "tile").rglob("*") if path.is_file()]
    assert {name.split("/")[1] for name in names} == {"0", "entries"}
    for name in names:
        answer = ask(world, f"/ledger/{name}")
        assert answer.content == (public / name).read_bytes()
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["cache-control"] == FOR_EVER


def test_head_says_the_same_without_the_bytes(world: World) -> None:
    whole, head = (ask(world, "/ledger/checkpoint", method) for method in ("GET", "HEAD"))
    assert head.content == b""
    kept = ("content-length", "content-type", "etag", "cache-control")
    assert [head.headers[name] for name in kept] == [whole.headers[name] for name in kept]


@pytest.mark.parametrize(
    "path",
    [
        "/ledger/", "/ledger/tile", "/ledger/tile/0", "/ledger/tile/0/000", "/ledger/tile/0/999", "/ledger/Checkpoint",
        "/ledger/checkpoint/", "/ledger//checkpoint", "/ledger/./checkpoint", "/ledger/tile/../checkpoint",
        "/ledger/../log.vkey", "/ledger/%2e%2e/log.vkey", "/ledger/..%2flog.vkey", "/ledger/%2fetc%2fpasswd",
        "/ledger/tile/0/..%2f..%2f..%2fcountenance.db", "/ledger/.checkpoint.new", "/ledger/checkpoint%00",
        "/ledger/checkpoint%0a", "/ledger/tile/0/0", "/ledger/tile/00/000", "/ledger/tile/0/x000/000",
        "/ledger/tile/0/000.p/256", "/ledger/tile/0/000.p/0", "/ledger/tile/0/000.p/01", "/ledger/tile/64/000",
        "/ledger/tile/entries/%D9%A0%D9%A0%D9%A0", "/ledger/tile/0/000.p", "/ledger/checkpoint?x=1/../../log.vkey%2f..",
    ],
)  # fmt: skip
def test_no_other_name_names_anything(world: World, path: str) -> None:
    answer = ask(world, path)
    if "?" in path:  # what follows is no part of the name
        assert answer.content == (world.settings.ledger / "checkpoint").read_bytes()
        return
    assert answer.status_code == 404
    assert str(world.settings.data) not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_is_written_through_this_door(world: World, method: str) -> None:
    assert ask(world, "/ledger/checkpoint", method).status_code == 405


@contextmanager
def _replaced(path: Path, by: Callable[[Path], object]) -> Iterator[None]:
    aside = path.with_name("aside")
    path.rename(aside)
    try:
        by(path)
        yield
    finally:
        path.unlink() if not path.is_dir() or path.is_symlink() else path.rmdir()
        aside.rename(path)


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def test_a_link_is_not_followed_nor_a_pipe_waited_for(world: World) -> None:
    public, key = world.settings.ledger, world.settings.log_vkey
    name = tiles.Tile(tiles.ENTRIES, 0, world.house.log.size).path
    assert operation.read_published(public, name)
    for place in (public / "checkpoint", public / name):
        with _replaced(place, lambda path: path.symlink_to(key)), pytest.raises(LogUnavailable):
            operation.read_published(public, place.relative_to(public).as_posix())
        for kind in (Path.mkdir, _fifo):
            with _replaced(place, kind), pytest.raises(NotFound):
                operation.read_published(public, place.relative_to(public).as_posix())
    with _replaced(public / "tile", lambda path: path.symlink_to(public / "aside")), pytest.raises(NotFound):
        operation.read_published(public, name)


def test_no_descriptor_is_left_open(world: World) -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = count()
    for _ in range(20):
        operation.read_published(world.settings.ledger, "checkpoint")
        with pytest.raises(NotFound):
            operation.read_published(world.settings.ledger, "tile/0/x001/000")
    assert count() == before
