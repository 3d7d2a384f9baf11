"""What is sent a second time and what never is, and how long is waited in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from countenance.client.talk import LONGEST_WAIT, MOST, TRIES
from countenance.domain.errors import (
    BadRecord,
    Conflict,
    CountenanceError,
    LogUnavailable,
    Misconfigured,
    NotCalibrated,
    Overloaded,
    Unavailable,
)
from tests.client.asks import ALL
from tests.client.server import CREATES, NOTES, Server

if TYPE_CHECKING:
    from collections.abc import Callable

GETS = (
    "me", "collections", "subjects", "policies", "policy", "keys", "log", "transparency", "export", "decisions",
    "decision",
    "consents",
)  # fmt: skip
CHANGES = tuple(name for name in ALL if name not in (*GETS, *CREATES))
AFTER = {"retry-after": "2"}
REFUSED = httpx.ConnectError("[Errno 111] Connection refused")
BROKEN = (httpx.ReadError("reset"), httpx.RemoteProtocolError("closed"), httpx.WriteError("pipe"))
LATE = (httpx.ReadTimeout("slow"), httpx.WriteTimeout("slow"))


def busy(server: Server, status: int = 503, code: str = "overloaded", **more: Any) -> httpx.Response:
    return server.problem(status, code, retry=True, headers=AFTER, **more)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("status", [429, 503])
def test_what_was_not_begun_is_sent_again(client: Any, server: Server, waits: Any, name: str, status: int) -> None:
    server.before = [busy(server, status), busy(server, status)]
    assert ALL[name](client) is not None
    assert waits[1] == [2.0, 2.0]
    assert len(server.seen) == 3


@pytest.mark.parametrize("name", ["me", "enrol"])
def test_it_ends_after_a_few_tries(client: Any, server: Server, waits: Any, name: str) -> None:
    server.before = [busy(server) for _ in range(9)]
    with pytest.raises(Overloaded, match="It went wrong"):
        ALL[name](client)
    assert len(server.seen) == TRIES
    assert sum(waits[1]) <= TRIES * LONGEST_WAIT


@pytest.mark.parametrize("name", ALL)
def test_a_connection_that_never_was_is_tried_again(client: Any, server: Server, waits: Any, name: str) -> None:
    server.before = [REFUSED, httpx.ConnectTimeout("slow"), httpx.PoolTimeout("full")]
    assert ALL[name](client) is not None
    assert waits[1] == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_never_sent_over_again_after_a_broken_connection(
    client: Any, server: Server, waits: Any, name: str
) -> None:
    for times, broken in enumerate([*BROKEN, *LATE], start=1):
        server.before = [broken]
        with pytest.raises(Unavailable, match="nobody here knows") as found:
            ALL[name](client)
        assert found.value.retry is False
        assert "before you send it again" in found.value.next_step
        assert (len(server.seen), waits[1]) == (times, [])


@pytest.mark.parametrize("name", GETS)
def test_what_only_reads_is_sent_again_after_a_broken_connection(client: Any, server: Server, name: str) -> None:
    for times, broken in enumerate([*BROKEN, *LATE], start=1):
        server.before = [broken]
        assert ALL[name](client) is not None
        assert len(server.seen) == 2 * times
    server.before, server.seen = [BROKEN[0]] * 9, []
    with pytest.raises(Unavailable, match="not reached") as found:
        ALL[name](client)
    assert found.value.retry is True
    assert len(server.seen) == TRIES


@pytest.mark.parametrize("name", CREATES)
def test_what_creates_is_sent_again_under_the_same_name_and_so_done_once(
    client: Any, server: Server, name: str
) -> None:
    for broken in (*BROKEN, *LATE):
        server.before, server.seen = [broken, broken], []
        assert ALL[name](client) is not None
        assert len({request.headers["idempotency-key"] for request in server.seen}) == 1
        assert len(server.seen) == 3
        assert len({request.content for request in server.seen}) == 1
    ALL[name](client)
    assert server.seen[-1].headers["idempotency-key"] != server.seen[0].headers["idempotency-key"]


@pytest.mark.parametrize("name", CREATES)
def test_what_creates_waits_for_its_own_first_try_and_out_a_proxy(
    client: Any, server: Server, waits: Any, name: str
) -> None:
    server.before = [
        busy(server, 409, "under-way"),
        busy(server, 503, "log-unavailable"),
        httpx.Response(502, html="bad gateway"),
    ]
    assert ALL[name](client) is not None
    assert waits[1] == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("name", CREATES)
def test_what_creates_and_never_came_through_is_not_known_to_be_done(client: Any, server: Server, name: str) -> None:
    server.before = [BROKEN[0]] * 9
    with pytest.raises(Unavailable, match="nobody here knows") as found:
        ALL[name](client)
    assert (found.value.retry, len(server.seen)) == (False, TRIES)


@pytest.mark.parametrize(("status", "code"), [(409, "conflict"), (422, "repeat-differs")])
def test_what_creates_is_not_sent_again_where_that_is_of_no_use(
    client: Any, server: Server, waits: Any, status: int, code: str
) -> None:
    server.before = [server.problem(status, code)]
    with pytest.raises(Conflict):
        ALL["enrol"](client)
    assert (len(server.seen), waits[1]) == (1, [])


def test_the_leaf_of_a_first_try_that_was_lost_is_believed(client: Any, server: Server) -> None:
    """Other asks were answered meanwhile, so the newest checkpoint is younger than that leaf."""
    lost = server.decision({"action": "enrol"}, {"outcome": "enrolled"})

    def repeated(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "receipt": lost[1], "index": lost[0]}

    server.before, server.body = [BROKEN[0]], repeated
    assert ALL["enrol"](client).index == lost[0]


NOT_AGAIN: dict[str, tuple[type[CountenanceError], Callable[[Server], httpx.Response]]] = {
    "no Retry-After": (Overloaded, lambda server: server.problem(503, "overloaded", retry=True)),
    "a receipt": (Overloaded, lambda server: busy(server, outcome="none")),
    "the log may hold it": (LogUnavailable, lambda server: busy(server, code="log-unavailable")),
    "the database may hold it": (Unavailable, lambda server: busy(server, code="unavailable")),
    "a retry is of no use": (NotCalibrated, lambda server: server.problem(503, "model-not-calibrated", headers=AFTER)),
    "a proxy's page": (Unavailable, lambda _: httpx.Response(503, html="busy", headers=AFTER)),
    "a gateway": (Unavailable, lambda _: httpx.Response(502, html="bad gateway", headers=AFTER)),
    "another status": (Overloaded, lambda server: busy(server, 500)),
    "too long a wait": (Overloaded, lambda server: server.problem(
        503, "overloaded", retry=True, headers={"retry-after": "3600"})),
    "a problem that cannot be read": (BadRecord, lambda _: httpx.Response(
        503, content=b"{", headers={"content-type": "application/problem+json", **AFTER})),
}  # fmt: skip


@pytest.mark.parametrize("why", NOT_AGAIN)
def test_a_change_that_may_have_begun_is_not_sent_again(client: Any, server: Server, waits: Any, why: str) -> None:
    error, answer = NOT_AGAIN[why]
    server.states = {"outside-policy": "overloaded"}
    server.before = [answer(server)]
    with pytest.raises(error):
        ALL["verify"](client)
    assert (len(server.seen), waits[1]) == (1, [])


@pytest.mark.parametrize("after", ["-1", "1.5", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "", "9" * 400, "²"])
def test_a_time_to_wait_that_is_no_number_of_seconds_counts_as_none(
    client: Any, server: Server, waits: Any, after: str
) -> None:
    named = {"retry-after": after.encode("latin-1")} if after != "²" else {"retry-after": "²".encode("latin-1")}
    busy_for = httpx.Response(503, headers=named, html="busy")  # type: ignore[arg-type]
    server.before = [busy_for]
    assert client.me().key
    assert waits[1] == [0.5]


def test_what_only_reads_waits_out_a_proxy(client: Any, server: Server, waits: Any) -> None:
    server.before = [httpx.Response(status, html="busy") for status in (502, 503, 504)]
    assert client.me().key
    assert waits[1] == [0.5, 1.0, 2.0]


def test_what_only_reads_gives_up_where_a_retry_is_of_no_use(client: Any, server: Server) -> None:
    server.before = [server.problem(503, "master-key-wrong", retry=False)]
    with pytest.raises(Misconfigured):
        client.me()
    assert len(server.seen) == 1


def test_a_leaf_of_a_second_try_is_new_as_well(client: Any, server: Server) -> None:
    server.before = [busy(server)]
    ALL["verify"](client)
    ALL["verify"](client)
    assert server.log.size == 2


@pytest.mark.parametrize("name", ["me", *NOTES])
def test_an_answer_without_end_is_cut(client: Any, server: Server, name: str) -> None:
    server.before = [httpx.Response(200, content=b" " * (MOST + 1))]
    with pytest.raises(BadRecord, match="longer than"):
        ALL[name](client)
