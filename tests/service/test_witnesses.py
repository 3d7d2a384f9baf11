"""A house and its witnesses: cosigned beside it, in nobody's way; and what a witness knows better stops the log."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from countenance.config import Settings
from countenance.domain.errors import LogRolledBack, Misconfigured, Unavailable
from countenance.http import witness as doors
from countenance.http.metrics import Metrics
from countenance.http.operation import require_ready
from countenance.ledger import memory, newer, publish
from countenance.ledger.checkpoint import open_checkpoint
from countenance.ledger.cosignature import Cosigner, cosignatures
from countenance.ledger.fsck import fsck
from countenance.ledger.memory import Memory
from countenance.service.gate import Private
from countenance.service.witnesses import Told
from tests.ledger.disks import LightDisk
from tests.ledger.test_witness import Tree
from tests.ledger.world import SIGNER, noon
from tests.service.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from countenance.ledger.note import Verifier
    from countenance.service.app import House

ADDRESS = "http://127.0.0.1:{}"


@dataclass
class Village:
    """Witnesses in this process, reached by address as over a line. down: those that are not reached."""

    folder: Path
    names: tuple[str, ...] = ("witness.example/w1", "witness.example/w2", "witness.example/w3")
    down: set[int] = field(default_factory=set)
    lies: dict[int, Told] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = [Cosigner.from_seed(name, bytes([n]) * 32) for n, name in enumerate(self.names, 1)]
        self.held: list[Memory] = []

    def open(self, log: Verifier, clock: Any) -> None:
        for key in self.keys:
            place = self.folder / key.verifier.name.replace("/", "-")
            memory.add_log(place, log, LightDisk())
            self.held.append(Memory.open(place, key, clock=clock, disk=LightDisk()))

    def close(self) -> None:
        for each in self.held:
            each.close()

    def __call__(self, address: str, body: bytes) -> Told:
        number = int(address.split(":")[2].split("/")[0])
        assert address.endswith("/add-checkpoint")
        self.asked.append(body)
        if number in self.down:
            raise Unavailable("the witness is not reached")
        if number in self.lies:
            return self.lies[number]
        answer = doors.answer(self.held[number], body)
        return Told(answer.status_code, answer.headers["content-type"], bytes(answer.body))

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        return tuple((ADDRESS.format(number), key.verifier.vkey) for number, key in enumerate(self.keys))


class Witnessed(World):
    """A house with a village of witnesses; nobody asks unless the test does, or the start."""

    def __init__(self, folder: Path, **changed: Any) -> None:
        self.village = Village(folder / "village")
        where = Settings(folder / "data", folder / "keys", witnesses=self.village.pairs, witness_seconds=3600)
        super().__init__(replace(where, **changed), post=self.village)
        self.village.open(self.house.log.verifier, lambda: self.moment)

    def grow(self, leaves: int = 1) -> House:
        for _ in range(leaves):
            self.house.gate.note("start", {}, Private(), "started")
        self.house.log.publish()
        return self.house

    def look(self) -> None:
        """Ask now, those too that failed before."""
        for peer in self.house.witnesses._peers:  # noqa: SLF001  (what hours of waiting would do)
            peer.due = 0.0
        self.house.witnesses.look()

    @property
    def cosigned(self) -> bytes:
        return (self.settings.ledger / publish.COSIGNED).read_bytes()

    def outcomes(self, name: int) -> dict[str, int]:
        known = self.village.names[name]
        return {outcome: count for (who, outcome), count in self.house.witnesses.counts().items() if who == known}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Witnessed]:
    made = Witnessed(tmp_path)
    yield made
    made.house.close()
    made.village.close()


def test_what_was_published_is_cosigned_and_published_beside_it(world: Witnessed) -> None:
    house = world.grow()
    world.look()
    found = house.witnesses.witnessed
    assert found is not None
    assert found.head.size == house.log.size
    assert found.by == world.village.names
    assert found.at == "2026-11-22T10:30:00Z"
    assert found.note == world.cosigned
    assert open_checkpoint(world.cosigned, house.log.verifier) == found.head
    known = [key.verifier for key in world.village.keys]
    assert tuple(one.name for one in cosignatures(world.cosigned, known)) == world.village.names
    report = fsck(world.settings.ledger, house.log.verifier, witnesses=known)
    assert (report.witnessed, len(report.cosignatures)) == (found.head.size, 3)


def test_it_follows_the_log_with_proofs_from_what_each_witness_saw(world: Witnessed) -> None:
    for size in (1, 2, 300):
        world.grow(size - world.house.log.size if size < 300 else 3)
        world.look()
        assert world.house.witnesses.witnessed
        assert world.house.witnesses.witnessed.head.size == world.house.log.size
    asked = len(world.village.asked)
    world.look()
    assert len(world.village.asked) == asked, "what every witness cosigned is not asked for again"


def test_a_quorum_is_enough_and_less_is_not(world: Witnessed) -> None:
    world.village.down = {0, 1}
    world.grow()
    world.look()
    assert world.house.witnesses.witnessed is None
    assert not (world.settings.ledger / publish.COSIGNED).exists()
    world.village.down = {0}
    world.look()
    found = world.house.witnesses.witnessed
    assert found is not None
    assert found.by == world.village.names[1:]
    world.village.down = set()
    world.look()
    assert world.house.witnesses.witnessed
    assert world.house.witnesses.witnessed.by == world.village.names
    assert [world.outcomes(number) for number in range(3)] == [
        {"unreached": 2, "cosigned": 1}, {"unreached": 1, "cosigned": 1}, {"cosigned": 1},
    ]  # fmt: skip


def test_a_missing_witness_stops_no_answer_and_is_asked_later_and_later(world: Witnessed) -> None:
    world.village.down = {0, 1, 2}
    world.grow()
    world.house.witnesses.look()
    asked = len(world.village.asked)
    world.grow()
    world.house.witnesses.look()
    assert len(world.village.asked) == asked, "not before its time"
    require_ready(world.house)
    assert world.grow().log.size == 3


def test_an_earlier_checkpoint_stays_cosigned_while_a_newer_one_is_not(world: Witnessed) -> None:
    world.grow()
    world.look()
    world.village.down = {0, 1, 2}
    world.grow()
    world.look()
    found = world.house.witnesses.witnessed
    assert found is not None
    assert found.head.size == 1 < world.house.log.size
    world.restart()
    assert world.house.witnesses.witnessed == found


def test_what_is_not_a_cosignature_of_the_witness_does_not_count(world: Witnessed) -> None:
    world.grow()
    text = b"a\n"
    other = world.village.keys[1].cosign("other\n", 1).line.encode().encode()
    world.village.lies = {0: Told(200, "", b""), 1: Told(200, "", other), 2: Told(500, "text/html", text)}
    world.look()
    assert world.house.witnesses.witnessed is None
    assert (world.outcomes(0), world.outcomes(1), world.outcomes(2)) == (
        {"unreached": 1}, {"invalid": 1}, {"declined": 1},
    )  # fmt: skip
    require_ready(world.house)


@pytest.mark.parametrize("body", [b"", b"5", b"05\n", b"+5\n", b"5\n\n", b" 5\n", b"\xd9\xa5\n", b"1" * 30 + b"\n"])
def test_a_size_in_another_spelling_stops_nothing(world: Witnessed, body: bytes) -> None:
    world.grow()
    world.village.lies = {0: Told(409, "text/x.tlog.size", body)}
    world.look()
    assert world.outcomes(0) == {"unreached": 1}
    world.grow()


def test_a_witness_that_saw_more_stops_the_log_at_once_and_for_good(world: Witnessed) -> None:
    world.grow()
    world.village.lies = {1: Told(409, "text/x.tlog.size", b"9999\n")}
    world.look()
    with pytest.raises(LogRolledBack, match="9,999"):
        require_ready(world.house)
    with pytest.raises(LogRolledBack):
        world.grow()
    assert world.outcomes(1) == {"newer": 1}
    world.house.close()
    world.village.down = {0, 1, 2}
    with pytest.raises(LogRolledBack, match="w2"):
        world.open()
    (world.settings.log_state / newer.NAME).unlink()
    world.open()


@pytest.mark.parametrize("status", [409, 422])
def test_a_witness_that_saw_another_history_stops_it_too(world: Witnessed, status: int) -> None:
    world.grow()
    world.look()
    world.village.lies = {2: Told(status, "text/plain", b"another root\n")}
    world.grow()
    world.look()
    for _ in range(2):
        with pytest.raises(LogRolledBack, match="another history"):
            world.grow()
    world.house.close()
    world.village.lies = {}
    with pytest.raises(LogRolledBack, match="another history"):
        world.open()
    (world.settings.log_state / newer.NAME).unlink()
    world.open()


def test_a_house_that_was_rolled_back_whole_does_not_open(world: Witnessed, tmp_path: Path) -> None:
    """Database, journal and published folder of yesterday: from inside all is well, and a witness knows better."""
    world.grow(2)
    world.look()
    world.house.close()
    shutil.copytree(world.settings.data, tmp_path / "yesterday")
    world.open()
    world.grow(2)
    world.look()
    world.house.close()
    shutil.move(world.settings.data, tmp_path / "today")
    shutil.move(tmp_path / "yesterday", world.settings.data)
    with pytest.raises(LogRolledBack, match="4 leaves"):
        world.open()
    shutil.rmtree(world.settings.data)
    shutil.move(tmp_path / "today", world.settings.data)
    assert world.open().log.size == 4


def test_a_house_that_was_rolled_back_and_went_on_unasked_is_stopped_when_it_is(
    world: Witnessed, tmp_path: Path
) -> None:
    """Its witnesses were silent at the start; it wrote other leaves, more than they saw; then they are back."""
    world.grow(2)
    world.house.close()
    shutil.copytree(world.settings.data, tmp_path / "yesterday")
    world.open()
    world.grow(1)
    world.look()
    world.house.close()
    shutil.rmtree(world.settings.data)
    shutil.move(tmp_path / "yesterday", world.settings.data)
    world.village.down = {0, 1, 2}
    world.open()
    world.grow(3)
    world.village.down = set()
    world.look()
    with pytest.raises(LogRolledBack, match="another history"):
        world.grow()


def test_a_published_cosigned_checkpoint_that_is_newer_keeps_the_house_shut(world: Witnessed, tmp_path: Path) -> None:
    world.grow(1)
    world.house.close()
    shutil.copytree(world.settings.data, tmp_path / "yesterday")
    world.open()
    world.grow(2)
    world.look()
    kept = world.cosigned
    world.house.close()
    shutil.rmtree(world.settings.data)
    shutil.move(tmp_path / "yesterday", world.settings.data)
    world.village.down = {0, 1, 2}
    (world.settings.ledger / publish.COSIGNED).write_bytes(kept)
    with pytest.raises(LogRolledBack, match="cosigned checkpoint"):
        world.open()
    (world.settings.ledger / publish.COSIGNED).unlink()
    world.open()


def test_a_witness_that_is_ahead_of_what_is_published_is_no_alarm(world: Witnessed) -> None:
    """Two rounds at once: one sends an older checkpoint after a newer one; the log has as many leaves as was seen."""
    world.grow(2)
    world.village.lies = {0: Told(409, "text/x.tlog.size", b"3\n")}
    world.house.gate.note("start", {}, Private(), "started")
    signed = (world.settings.ledger / publish.CHECKPOINT).read_bytes()
    if open_checkpoint(signed, world.house.log.verifier).size == 2:
        world.look()
        assert world.outcomes(0) == {"behind": 1}
    world.house.signers.check()


def test_a_house_without_witnesses_asks_nobody_and_says_unwitnessed(tmp_path: Path) -> None:
    def nobody(*_: object) -> Told:
        raise AssertionError("somebody was asked")

    world = World(Settings(tmp_path / "data", tmp_path / "keys", witness_seconds=1), post=nobody)
    world.customer()
    world.house.witnesses.look()
    assert world.house.witnesses.witnessed is None
    assert world.house.witnesses.names == ()
    world.house.close()


def test_the_thread_asks_by_itself(tmp_path: Path) -> None:
    world = Witnessed(tmp_path, witness_seconds=1)
    world.grow()
    for _ in range(300):
        if world.house.witnesses.witnessed is not None:
            break
        threading.Event().wait(0.05)
    assert world.house.witnesses.witnessed is not None
    world.house.close()
    world.village.close()


def test_metrics_have_a_row_for_each_witness_and_outcome(world: Witnessed) -> None:
    world.grow()
    world.look()
    text = Metrics(world.house).text().decode()
    assert 'countenance_witness_asks_total{outcome="cosigned",witness="witness.example/w1"} 1.0' in text
    assert text.count("countenance_witness_asks_total{") == 18
    assert "countenance_witnessed_leaves 1.0" in text


def test_a_witness_of_no_such_key_is_refused_at_the_start(tmp_path: Path) -> None:
    for vkey in ("nonsense", SIGNER.vkey):
        where = Settings(tmp_path / "data", tmp_path / "keys", witnesses=(("http://127.0.0.1:1", vkey),))
        with pytest.raises(Misconfigured, match="key of a witness"):
            World(where)
        shutil.rmtree(tmp_path / "data")


def test_two_witnesses_of_one_name_are_refused_at_the_start(tmp_path: Path) -> None:
    pairs = tuple((ADDRESS.format(n), Cosigner.from_seed("w", bytes([n]) * 32).verifier.vkey) for n in (1, 2))
    with pytest.raises(Misconfigured, match="one name"):
        World(Settings(tmp_path / "data", tmp_path / "keys", witnesses=pairs))


def test_the_village_is_no_respecter_of_forks(tmp_path: Path) -> None:
    """The control: these witnesses are real ones."""
    village = Village(tmp_path)
    village.open(SIGNER.verifier, noon)
    assert village(ADDRESS.format(0) + "/add-checkpoint", Tree().ask(0, 4)).status == 200
    assert village(ADDRESS.format(0) + "/add-checkpoint", Tree("fork").ask(0, 4)).status == 409
    village.close()
