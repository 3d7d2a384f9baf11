"""The doors of a witness: each status of the specification, what is bounded, and what a line of log says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from countenance.config import Serving
from countenance.http import witness as doors
from countenance.ledger import cosignature, memory, note
from countenance.ledger.checkpoint import Checkpoint
from countenance.ledger.note import Signer
from countenance.ledger.witness import MAX_SUBMISSION, Submission
from tests.ledger.disks import LightDisk
from tests.ledger.test_witness import COSIGNER, Tree, opened
from tests.ledger.world import SIGNER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from countenance.ledger.memory import Memory


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Memory]:
    memory.add_log(tmp_path, SIGNER.verifier, LightDisk())
    with opened(tmp_path) as made:
        yield made


def ask(held: Memory, raw: bytes = b"", method: str = "POST", path: str = "/add-checkpoint") -> httpx.Response:
    lines: list[Any] = []
    app = doors.compose(held, Serving(), lines.append)

    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, content=raw)

    answer = asyncio.run(once())
    assert [line["status"] for line in lines] == [answer.status_code]
    assert SIGNER.name not in str(lines)
    return answer


def test_a_checkpoint_that_follows_gets_a_signature_line(held: Memory) -> None:
    tree = Tree()
    for old, new in ((0, 4), (4, 9)):
        answer = ask(held, tree.ask(old, new))
        assert answer.status_code == 200
        assert answer.text.startswith("— witness.example/w1 ")
        cosignature.answered(answer.content, tree.head(new).text, COSIGNER.verifier)


def test_every_way_to_decline_has_its_status(held: Memory) -> None:
    tree, stranger = Tree(), Tree(signer=Signer.from_seed("example.org/x", bytes(32)))
    assert ask(held, tree.ask(0, 4)).status_code == 200
    good = Submission.parse(tree.ask(4, 9))
    for raw, status in (
        (b"nonsense", 400),
        (tree.ask(0, 4).replace(b"old 0", b"old 00"), 400),
        (Submission(9, (), good.checkpoint.replace(b"\n9\n", b"\n8\n")).encode(), 403),
        (Submission(12, (), SIGNER.sign(tree.head(4).text)).encode(), 400),
        (stranger.ask(0, 1), 404),
        (Tree(signer=Signer.from_seed(SIGNER.name, bytes(32))).ask(0, 1), 403),
        (Submission(4, good.proof[1:], good.checkpoint).encode(), 422),
        (Tree("fork").ask(4, 9), 422),
        (Tree("fork").ask(4, 4), 409),
        (tree.ask(3, 9), 409),
    ):
        assert ask(held, raw).status_code == status, raw


def test_a_conflict_of_sizes_is_told_exactly_as_the_specification_says(held: Memory) -> None:
    ask(held, Tree().ask(0, 4))
    answer = ask(held, Tree().ask(3, 9))
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (409, "text/x.tlog.size", b"4\n")
    fork = ask(held, Tree("fork").ask(4, 4))
    assert (fork.status_code, fork.headers["content-type"]) == (409, "text/plain; charset=utf-8")


def test_a_submission_is_bounded(held: Memory) -> None:
    assert ask(held, b"old 0\n\n" + b"a" * MAX_SUBMISSION).status_code == 413
    many = note.parse(SIGNER.sign(Checkpoint(SIGNER.name, 0, b"\1" * 32).text))
    lines = many.signatures * (note.MAX_SIGNATURES + 1)
    assert ask(held, Submission(0, (), note.Note(many.text, lines).encode()).encode()).status_code == 400


def test_a_disk_that_fails_is_not_now(tmp_path: Path) -> None:
    from tests.ledger.disks import FailingDisk

    memory.add_log(tmp_path, SIGNER.verifier, LightDisk())
    with opened(tmp_path, FailingDisk(1)) as held:
        for _ in range(2):
            answer = ask(held, Tree().ask(0, 1))
            assert answer.status_code == 503
            assert str(tmp_path) not in answer.text


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_there_is_one_method(held: Memory, method: str) -> None:
    assert ask(held, Tree().ask(0, 1), method).status_code == 405


def test_a_monitor_reads_what_was_cosigned_last(held: Memory) -> None:
    path = f"/{memory.digest(SIGNER.name)}/checkpoint"
    assert ask(held, method="GET", path=path).status_code == 404
    ask(held, Tree().ask(0, 4))
    answer = ask(held, method="GET", path=path)
    assert answer.status_code == 200
    assert [one.name for one in cosignature.cosignatures(answer.content, [COSIGNER.verifier])] == ["witness.example/w1"]
    for other in ("/x/checkpoint", "/../checkpoint", f"/{'0' * 64}/checkpoint"):
        assert ask(held, method="GET", path=other).status_code == 404


def test_it_is_alive_and_counts(held: Memory) -> None:
    assert ask(held, method="GET", path="/healthz").json() == {"alive": True}
    assert "countenance_requests" in ask(held, method="GET", path="/metrics").text
