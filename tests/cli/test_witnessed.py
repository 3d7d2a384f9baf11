"""From end to end over real lines: a house, two served witnesses on loopback, a stranger with three public keys."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import pytest
from click.testing import CliRunner, Result

from countenance.cli.ledger import ledger
from countenance.cli.witness import witness
from countenance.domain.errors import BadInput, Conflict, LogRolledBack, Unverified
from countenance.http.post import Post
from countenance.ledger import publish
from countenance.ledger.published import Tree
from countenance.service import rotation
from countenance.service.gate import Private
from tests.house.sources import ROOT
from tests.service.world import World, new_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 90.0  # seconds for a start on a busy machine


def run(command: Any, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


class Served:
    """`countenance witness serve` in a process of its own, over one log."""

    def __init__(self, folder: Path, name: str, log: str) -> None:
        self.where = ["--data", str(folder / "data"), "--keys", str(folder / "keys")]
        self.vkey = json.loads(run(witness, "init", name, *self.where, "--json").output)["vkey"]
        assert run(witness, "add-log", log, *self.where).exit_code == 0
        self.child: subprocess.Popen[str] | None = None
        self.address = ""

    def start(self, port: int = 0) -> Self:
        command = [sys.executable, "-m", "countenance.cli.main", "witness", "serve", "--port", str(port), *self.where]
        self.child = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )  # fmt: skip
        assert self.child.stdout is not None
        self.address = json.loads(self.child.stdout.readline())["address"]
        return self

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.child is not None
        self.child.send_signal(number)
        code = self.child.wait(PATIENCE)
        assert self.child.stdout is not None
        self.child.stdout.close()
        return code


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[World, list[Served]]]:
    world = new_world(tmp_path / "house")
    vkey = world.settings.log_vkey.read_text().strip()
    made = [Served(tmp_path / f"w{n}", f"witness.example/w{n}", vkey).start() for n in (1, 2)]
    world.house.close()
    pairs = tuple((one.address, one.vkey) for one in made)
    world.settings = replace(world.settings, witnesses=pairs, quorum=2, witness_seconds=1)
    with Post() as post:
        world.post = post
        world.open()
        yield world, made
        world.house.close()
    for one in made:
        if one.child is not None and one.child.poll() is None:
            one.end()


def leaf(world: World) -> str:
    return world.house.gate.note("start", {}, Private(), "started")[1]


def until_witnessed(world: World, size: int) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = world.house.witnesses.witnessed
        if found is not None and found.head.size >= size:
            return
        time.sleep(0.1)
    pytest.fail("no witness came")


@pytest.mark.timeout(300)
def test_two_witnesses_cosign_and_a_stranger_checks_it(served: tuple[World, list[Served]], tmp_path: Path) -> None:
    world, made = served
    receipt = [leaf(world) for _ in range(5)][2]
    until_witnessed(world, 5)
    found = world.house.witnesses.witnessed
    assert found is not None
    (tmp_path / "leaf.tlog-proof").write_bytes(Tree(world.settings.ledger, 5).prove(2, found.note).encode())
    keys = ["--key", world.settings.log_vkey]
    known = [word for one in made for word in ("--witness", one.vkey)]
    ended = run(ledger, "verify", tmp_path / "leaf.tlog-proof", *keys, *known)
    assert ended.exit_code == 0, ended.output
    assert "witnessed by witness.example/w1 (" in ended.output
    assert "witness.example/w2 (" in ended.output
    assert "unwitnessed" in run(ledger, "verify", receipt, *keys, *known).output
    assert "unwitnessed" in run(ledger, "verify", tmp_path / "leaf.tlog-proof", *keys).output
    said = json.loads(run(ledger, "verify", tmp_path / "leaf.tlog-proof", *keys, *known, "--json").output)
    assert said["witnessed"] is True
    assert [one["name"] for one in said["witnesses"]] == ["witness.example/w1", "witness.example/w2"]
    checked = json.loads(run(ledger, "fsck", world.settings.ledger, *keys, *known, "--json").output)
    assert (checked["witnessed"], checked["witnessed_size"]) == (True, 5)
    assert "unwitnessed" in run(ledger, "fsck", world.settings.ledger, *keys).output


@pytest.mark.timeout(300)
def test_witnesses_that_end_and_come_back_go_on_and_a_rolled_back_house_stays_shut(
    served: tuple[World, list[Served]], tmp_path: Path
) -> None:
    world, made = served
    leaf(world)
    until_witnessed(world, 1)
    world.house.close()
    shutil.copytree(world.settings.data, tmp_path / "yesterday")
    ports = [int(one.address.rpartition(":")[2]) for one in made]
    assert made[0].end(signal.SIGKILL) == -signal.SIGKILL
    assert made[1].end() == 0
    world.open()
    leaf(world)
    for one, port in zip(made, ports, strict=True):
        one.start(port)
    until_witnessed(world, 2)
    world.house.close()
    shutil.rmtree(world.settings.data)
    shutil.move(tmp_path / "yesterday", world.settings.data)
    with pytest.raises(LogRolledBack, match="2 leaves"):
        world.open()


def test_a_receipt_is_shown_from_the_command_line(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    where = ["--data", world.settings.data, "--keys", world.settings.keys]
    line = leaf(world)
    held = run(ledger, "shown", line, *where, "--json")
    assert json.loads(held.output) == {"shown": 1, "size": 1}
    assert "held" in run(ledger, "shown", line, *where).output
    (tmp_path / "nonsense").write_text("nonsense")
    assert isinstance(run(ledger, "shown", tmp_path / "nonsense", *where).exception, BadInput)
    world.house.close()


def test_a_key_is_rotated_and_learnt_from_its_announcement(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    where = ["--data", world.settings.data, "--keys", world.settings.keys]
    old = world.settings.log_vkey.read_text().strip()
    made = json.loads(run(ledger, "rotate", "--days", "2", *where, "--json").output)
    assert isinstance(run(ledger, "rotate", *where).exception, Conflict)
    rotation.advance(world.house)
    world.later(days=3)
    rotation.advance(world.house)
    line = leaf(world)
    assert isinstance(run(ledger, "verify", line, "--key", old).exception, Unverified)
    announced = world.settings.ledger / publish.KEYS / "1"
    for keys in (
        ["--key", old, "--announced", announced],
        ["--key", made["vkey"]],
        ["--key", old, "--key", made["vkey"]],
    ):
        ended = run(ledger, "verify", line, *keys)
        assert ended.exit_code == 0, ended.output
    world.house.close()


def test_the_server_reaches_nobody_that_is_not_there() -> None:
    from countenance.domain.errors import Unavailable

    with Post() as post, pytest.raises(Unavailable):
        post("http://127.0.0.1:9/add-checkpoint", b"")
