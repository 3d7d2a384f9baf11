"""What the doors say of the log and its witnesses, and what a receipt's holder gets from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio.from_thread
import pytest

from countenance.http import operation
from countenance.http.app import create_app
from countenance.http.metrics import Metrics
from countenance.ledger import keychain, proof
from countenance.ledger.checkpoint import Checkpoint, open_checkpoint
from countenance.ledger.cosignature import cosignatures
from countenance.ledger.note import Signer
from countenance.service import founding, rotation
from tests.http.conftest import Client
from tests.service.test_witnesses import Witnessed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx
    from fastapi import FastAPI


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Witnessed]:
    made = Witnessed(tmp_path)
    yield made
    made.house.close()
    made.village.close()


def ask(world: Witnessed, path: str, method: str = "GET", **more: object) -> httpx.Response:
    app: FastAPI = create_app(world.house)
    operation.attach(app, world.house, Metrics(world.house))
    with anyio.from_thread.start_blocking_portal() as portal:
        return Client(app, portal).request(method, path, **more)


def test_the_log_says_unwitnessed_and_then_by_whom(world: Witnessed) -> None:
    world.grow(3)
    said = ask(world, "/v1/log").json()
    assert (said["state"], said["witnessed"], said["quorum"]) == ("unwitnessed", None, 2)
    assert said["witnesses"] == list(world.village.names)
    world.look()
    said = ask(world, "/v1/log").json()
    assert said["state"] == "witnessed"
    assert (said["witnessed"]["size"], said["witnessed"]["by"]) == (3, list(world.village.names))
    known = [key.verifier for key in world.village.keys]
    assert len(cosignatures(said["witnessed"]["checkpoint"].encode(), known)) == 3


def test_the_cosigned_checkpoint_is_published_beside_the_checkpoint(world: Witnessed) -> None:
    world.grow()
    assert ask(world, "/ledger/checkpoint.cosigned").status_code == 404
    world.look()
    answer = ask(world, "/ledger/checkpoint.cosigned")
    assert answer.content == world.cosigned
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == (
        "text/plain; charset=utf-8", "no-cache",
    )  # fmt: skip


def test_a_leaf_is_proven_under_the_cosigned_checkpoint_by_its_index(world: Witnessed) -> None:
    world.grow(300)
    known = [key.verifier for key in world.village.keys]
    assert ask(world, "/ledger/witnessed/0").status_code == 404
    world.look()
    world.grow(2)
    for index in (0, 1, 255, 256, 299):
        answer = ask(world, f"/ledger/witnessed/{index}")
        assert answer.status_code == 200, answer.text
        found = proof.verify_receipt(proof.read_receipt(answer.content), world.house.log.verifier, known)
        assert (found.index, found.checkpoint.size) == (index, 300)
        assert [one.name for one in found.cosignatures] == list(world.village.names)
        assert found.leaf.encode() == world.house.log.prove(index).extra
        assert found.closed is None
    for name in ("300", "301", "-1", "01", "+1", "1e2", "x", "٣", "1/", "9" * 30):
        assert ask(world, f"/ledger/witnessed/{name}").status_code == 404, name


def test_a_key_that_takes_over_is_announced_at_the_door(world: Witnessed) -> None:
    old = world.house.log.verifier
    assert ask(world, "/ledger/keys/1").status_code == 404
    new = rotation.begin(world.settings, 3).verifier
    rotation.advance(world.house)
    said = ask(world, "/v1/log").json()
    assert said["vkey"] == old.vkey, "who pinned it need not know of the other yet"
    served = ask(world, "/ledger/keys/1")
    assert said["keys"] == [served.text]
    assert keychain.learned([old], [served.content]) == (old, new)
    assert ask(world, "/ledger/keys/history").text.split() == [old.vkey, new.vkey]
    for name in ("keys/0", "keys/01", "keys/100", "keys/", "keys", "keys/2", "keys/x"):
        assert ask(world, f"/ledger/{name}").status_code == 404, name
    world.later(days=4)
    rotation.advance(world.house)
    assert ask(world, "/v1/log").json()["vkey"] == new.vkey


def test_a_stranger_can_show_the_log_what_they_hold(world: Witnessed) -> None:
    world.grow(2)
    held = ask(world, "/v1/log/shown", "POST", json={"proof": world.house.log.checkpoint.decode()})
    assert (held.status_code, held.json()) == (200, {"shown": 2, "size": 2})
    for text in ("", "nonsense", "x" * 60_001, Signer.generate("a").sign("b\n").decode()):
        assert ask(world, "/v1/log/shown", "POST", json={"proof": text}).status_code == 400
    assert ask(world, "/v1/log/shown", "POST", content=b"x" * 70_000).status_code in (413, 415)
    world.grow()


def test_what_the_log_does_not_hold_stops_it_and_says_so(world: Witnessed) -> None:
    world.grow()
    signer = founding.signer(world.settings, world.house.vault, "log")
    ahead = signer.sign(Checkpoint(signer.name, 50, b"\1" * 32).text).decode()
    answer = ask(world, "/v1/log/shown", "POST", json={"proof": ahead})
    assert (answer.status_code, answer.json()["code"], answer.json()["retry"]) == (503, "log-rolled-back", False)
    assert ask(world, "/readyz").json()["code"] == "log-rolled-back"
    assert ask(world, "/v1/log").status_code == 200
    assert open_checkpoint(ask(world, "/ledger/checkpoint").content, world.house.log.verifier).size == 1


def test_a_missing_witness_leaves_the_house_ready(world: Witnessed) -> None:
    world.village.down = {0, 1, 2}
    world.grow()
    world.look()
    assert ask(world, "/readyz").status_code == 200
