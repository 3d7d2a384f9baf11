"""A witness: each sentence of the specification, forks and replays, a disk that dies, and many askers at once."""

# ruff: noqa: S311  (seeded, so that a failure comes again)
from __future__ import annotations

import errno
import random
import shutil
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.domain.errors import (
    BadRecord,
    ClockWentBack,
    Conflict,
    LogDamaged,
    LogLocked,
    LogUnavailable,
    NotFound,
)
from countenance.ledger import memory, merkle, note, witness
from countenance.ledger.checkpoint import Checkpoint, open_checkpoint
from countenance.ledger.cosignature import Cosignature, Cosigner, cosignatures
from countenance.ledger.edge import Edge
from countenance.ledger.memory import Memory
from countenance.ledger.note import Signer
from countenance.ledger.witness import Declined, Submission
from tests.ledger.disks import FailingDisk, Killed, LightDisk, PowerCutDisk, by_chance, everything, nothing
from tests.ledger.world import NOON, SIGNER, noon

if TYPE_CHECKING:
    from collections.abc import Callable

    from countenance.ledger.durable import Disk

COSIGNER = Cosigner.from_seed("witness.example/w1", bytes(range(1, 33)))
HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=63)


class Tree:
    """A log that a test grows as it likes. salt: another one is another history."""

    def __init__(self, salt: str = "", signer: Signer = SIGNER) -> None:
        self.edge = Edge(Path("nowhere"))
        self.salt = salt
        self.signer = signer
        self.heads = [Checkpoint(signer.name, 0, merkle.EMPTY)]

    def head(self, size: int) -> Checkpoint:
        while len(self.heads) <= size:
            self.edge.push(f"{self.salt}{self.edge.size}".encode())
            self.heads.append(Checkpoint(self.signer.name, self.edge.size, self.edge.root()))
        return self.heads[size]

    def ask(self, old: int, new: int) -> bytes:
        head = self.head(new)
        proof = merkle.consistency_proof(old, new, self.edge.node) if old else ()
        return Submission(old, proof, self.signer.sign(head.text)).encode()


def opened(folder: Path, disk: Disk | None = None) -> Memory:
    return Memory.open(folder, COSIGNER, clock=noon, disk=disk or LightDisk())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    memory.add_log(tmp_path, SIGNER.verifier, LightDisk())
    return tmp_path


def declined(found: Cosignature | Declined) -> tuple[str, int]:
    assert isinstance(found, Declined)
    return found.reason, found.latest


def test_it_cosigns_what_follows_from_what_it_saw(folder: Path) -> None:
    tree = Tree()
    with opened(folder) as held:
        for old, new in ((0, 3), (3, 3), (3, 8), (8, 300), (300, 300), (300, 301)):
            made = held.add(tree.ask(old, new))
            assert isinstance(made, Cosignature)
            COSIGNER.verifier.verify(tree.head(new).text, made)
            assert made.time == int(NOON.timestamp())
            kept = held.latest(memory.digest(SIGNER.name))
            assert open_checkpoint(kept, SIGNER.verifier) == tree.head(new)
            assert cosignatures(kept, [COSIGNER.verifier]) == (made,)


def test_another_old_size_is_told_the_one_it_saw(folder: Path) -> None:
    tree = Tree()
    with opened(folder) as held:
        assert declined(held.add(tree.ask(2, 5))) == ("stale", 0)
        held.add(tree.ask(0, 5))
        for old, new in ((0, 5), (4, 5), (0, 9), (4, 9), (6, 9), (3, 4)):
            assert declined(held.add(tree.ask(old, new))) == ("stale", 5)


def test_it_never_goes_back(folder: Path) -> None:
    tree = Tree()
    with opened(folder) as held:
        held.add(tree.ask(0, 9))
        assert declined(held.add(Submission(9, (), SIGNER.sign(tree.head(4).text)).encode())) == ("malformed", 0)
        assert declined(held.add(tree.ask(0, 4))) == ("stale", 9)


def test_a_fork_is_not_cosigned_whatever_its_size(folder: Path) -> None:
    tree, fork = Tree(), Tree("fork")
    with opened(folder) as held:
        held.add(tree.ask(0, 9))
        assert declined(held.add(fork.ask(9, 9))) == ("fork", 0)
        for size in range(10, 40):
            assert declined(held.add(fork.ask(9, size)))[0] == "inconsistent"
        assert isinstance(held.add(tree.ask(9, 12)), Cosignature)


def test_a_proof_that_does_not_fit_is_not_believed(folder: Path) -> None:
    tree = Tree()
    with opened(folder) as held:
        held.add(tree.ask(0, 9))
        good = Submission.parse(tree.ask(9, 40))
        proofs = [
            (), good.proof[1:], good.proof[::-1], (*good.proof, b"\0" * 32), (b"\0" * 32, *good.proof[1:]),
        ]  # fmt: skip
        for proof in proofs:
            assert declined(held.add(Submission(9, proof, good.checkpoint).encode()))[0] == "inconsistent"
        same = Submission.parse(tree.ask(9, 9))
        assert declined(held.add(Submission(9, (b"\0" * 32,), same.checkpoint).encode()))[0] == "inconsistent"


def test_from_the_size_zero_nothing_is_to_be_proven(folder: Path) -> None:
    tree = Tree()
    with opened(folder) as held:
        wrong = Submission(0, (b"\0" * 32,), SIGNER.sign(tree.head(4).text))
        assert declined(held.add(wrong.encode()))[0] == "inconsistent"
        assert isinstance(held.add(tree.ask(0, 0)), Cosignature)
        assert isinstance(held.add(tree.ask(0, 4)), Cosignature)


def test_an_empty_log_has_the_empty_root(folder: Path) -> None:
    wrong = Submission(0, (), SIGNER.sign(Checkpoint(SIGNER.name, 0, b"\1" * 32).text))
    with opened(folder) as held:
        assert declined(held.add(wrong.encode()))[0] == "inconsistent"


def test_an_unknown_log_and_a_foreign_signature_are_told_apart(folder: Path) -> None:
    stranger = Tree(signer=Signer.from_seed("example.org/stranger", bytes(32)))
    imposter = Tree(signer=Signer.from_seed(SIGNER.name, bytes(32)))
    with opened(folder) as held:
        assert declined(held.add(stranger.ask(0, 1)))[0] == "unknown-log"
        assert declined(held.add(imposter.ask(0, 1)))[0] == "unsigned"
        other = SIGNER.sign(Checkpoint("example.org/stranger", 1, b"\1" * 32).text)
        assert declined(held.add(Submission(0, (), other).encode()))[0] == "unknown-log"


def test_a_failing_signature_of_the_log_condemns_even_beside_a_good_one(folder: Path) -> None:
    good = note.parse(SIGNER.sign(Tree().head(2).text))
    bad = note.SignatureLine(SIGNER.name, SIGNER.verifier.id, b"\1" * 64)
    both = note.Note(good.text, (*good.signatures, bad)).encode()
    with opened(folder) as held:
        assert declined(held.add(Submission(0, (), both).encode()))[0] == "unsigned"


def test_lines_of_others_are_ignored_and_not_kept(folder: Path) -> None:
    good = note.parse(SIGNER.sign(Tree().head(2).text))
    lines = [note.SignatureLine(f"pq{n}.example", bytes(4), b"\7" * 4000) for n in range(9)]
    with opened(folder) as held:
        held.add(Submission(0, (), note.Note(good.text, (*good.signatures, *lines)).encode()).encode())
        kept = note.parse(held.latest(memory.digest(SIGNER.name)))
        assert [line.name for line in kept.signatures] == [SIGNER.name, COSIGNER.verifier.name]


def test_a_log_may_have_its_next_key_beside_the_first(folder: Path) -> None:
    after = Signer.from_seed(SIGNER.name, bytes(range(9, 41)))
    tree, later = Tree(), Tree(signer=after)
    with opened(folder) as held:
        held.add(tree.ask(0, 3))
        assert declined(held.add(later.ask(3, 4)))[0] == "unsigned"
        assert memory.add_log(folder, after.verifier) == (SIGNER.verifier, after.verifier)
        assert isinstance(held.add(later.ask(3, 4)), Cosignature)
        with pytest.raises(Conflict):
            memory.add_log(folder, after.verifier)
    assert memory.logs(folder) == (SIGNER.verifier, after.verifier)


def test_what_was_forgotten_is_not_begun_anew(folder: Path) -> None:
    """The file of a log is lost: signing from the size 0 again would vouch for any second history."""
    tree = Tree()
    with opened(folder) as held:
        held.add(tree.ask(0, 5))
        (folder / memory.SEEN / memory.digest(SIGNER.name)).unlink()
        with pytest.raises(LogDamaged, match="not remembered"):
            held.add(Tree("fork").ask(0, 5))
        with pytest.raises(Conflict):
            memory.add_log(folder, SIGNER.verifier)
        with pytest.raises(NotFound):
            held.latest(memory.digest(SIGNER.name))


def test_a_memory_that_was_changed_is_not_believed(folder: Path) -> None:
    with opened(folder) as held:
        held.add(Tree().ask(0, 5))
        path = folder / memory.SEEN / memory.digest(SIGNER.name)
        raw = path.read_bytes()
        for changed in (raw.replace(b"\n5\n", b"\n2\n"), raw[:-1], b"\n", SIGNER.sign(Tree().head(2).text)):
            path.write_bytes(changed)
            with pytest.raises(LogDamaged):
                held.add(Tree().ask(2, 6))


def test_the_time_never_goes_back(folder: Path) -> None:
    now = [NOON]
    with Memory.open(folder, COSIGNER, clock=lambda: now[0], disk=LightDisk()) as held:
        first = held.add(Tree().ask(0, 1))
        now[0] -= timedelta(seconds=1)
        again = held.add(Tree().ask(1, 1))
        assert isinstance(first, Cosignature)
        assert isinstance(again, Cosignature)
        assert again.time == first.time
        now[0] -= timedelta(hours=1)
        with pytest.raises(ClockWentBack):
            held.add(Tree().ask(1, 2))
        now[0] += timedelta(days=1)
        assert isinstance(held.add(Tree().ask(1, 2)), Cosignature)


def test_one_process_at_a_time(folder: Path) -> None:
    with opened(folder) as held:
        with pytest.raises(LogLocked):
            opened(folder)
        held.close()
        with pytest.raises(LogUnavailable):
            held.add(Tree().ask(0, 1))
    opened(folder).close()


@pytest.mark.parametrize("name", ["", "..", "x" * 64, "../" + "a" * 61, "A" * 64, "0" * 63, "0" * 64])
def test_a_log_that_was_never_cosigned_has_no_checkpoint_here(folder: Path, name: str) -> None:
    with opened(folder) as held, pytest.raises(NotFound):
        held.latest(name)


@given(st.integers(0, 10**18), HASHES)
def test_a_submission_comes_back_byte_for_byte(old: int, proof: list[bytes]) -> None:
    made = Submission(old, tuple(proof), SIGNER.sign(Checkpoint("a", 3, b"\1" * 32).text))
    assert Submission.parse(made.encode()) == made
    assert Submission.parse(made.encode()).encode() == made.encode()


GOOD = Tree().ask(3, 9)


@pytest.mark.parametrize(
    "raw",
    [b"", b"\n", GOOD[1:], GOOD.replace(b"old 3", b"old 03"), GOOD.replace(b"old 3", b"old +3"),
     GOOD.replace(b"old 3", b"old 3 "), GOOD.replace(b"old 3", b"old  3"), GOOD.replace(b"old 3", b"old -3"),
     GOOD.replace(b"old 3", b"old 3_0"), GOOD.replace(b"old 3", "old ٣".encode()), GOOD.replace(b"old 3", b"OLD 3"),
     GOOD.replace(b"old 3\n", b"old 3\r\n"), GOOD.replace(b"=\n", b"\n", 1), GOOD.replace(b"old 3\n", b"old 3\nAAAA\n"),
     GOOD.replace(b"old 3\n", b"old 3\n" + b"A" * 43 + b"=\n" * 1 + b"B" * 44 + b"\n"),
     b"old 3\n" + (b"A" * 43 + b"=\n") * 64 + b"\n" + GOOD.partition(b"\n\n")[2], GOOD + b"\n", GOOD[:-1],
     GOOD.partition(b"\n\n")[0] + b"\n\n", b"old 3\n\nnonsense\n", GOOD.replace(b"\n9\n", b"\n09\n"),
     GOOD + "— x AAAAAAAA\n".encode() * 6000],
)  # fmt: skip
def test_what_is_no_submission_is_malformed(folder: Path, raw: bytes) -> None:
    with opened(folder) as held, pytest.raises(BadRecord):
        held.add(raw)


def life(folder: Path, disk: Disk, told: dict[int, Checkpoint]) -> None:
    """Cosigns, and remembers what it was told; what a fork asks for between is declined."""
    memory.add_log(folder, SIGNER.verifier, disk)
    tree = Tree()
    for _ in range(2):
        with Memory.open(folder, COSIGNER, clock=noon, disk=disk) as held:
            for _ in range(2):
                old = max(told, default=0)
                if isinstance(held.add(tree.ask(old, old + 3)), Cosignature):
                    told[old + 3] = tree.head(old + 3)


def check(folder: Path, told: dict[int, Checkpoint]) -> None:
    """Whatever is found: no fork of anything told is cosigned any more, and what goes on does."""
    if not memory.log_keys(folder, SIGNER.name):
        assert not told
        return
    newest = max(told, default=0)
    with opened(folder) as held:
        fork = Tree("fork")
        for old in range(newest + 1):
            for new in (newest, newest + 3):
                if new >= old and (told or new):
                    found = held.add(fork.ask(old, new)) if told else Declined("stale", "")
                    assert isinstance(found, Declined)
        tree, seen = Tree(), declined(held.add(Tree().ask(newest + 1, newest + 1)))[1]
        assert seen in (newest, newest + 3), "what was told is remembered; what was not may be"
        assert isinstance(held.add(tree.ask(seen, seen + 1)), Cosignature)


def test_a_witness_killed_at_any_call_never_signs_two_forks(tmp_path: Path) -> None:
    calm = LightDisk()
    (tmp_path / "calm").mkdir()
    life(tmp_path / "calm", calm, {})
    for at in range(1, calm.calls.total() + 1):
        folder, told = tmp_path / f"killed{at}", dict[int, Checkpoint]()
        folder.mkdir()
        disk = PowerCutDisk(folder, at)
        with pytest.raises(Killed):
            life(folder, disk, told)
        rules: list[Callable[[], bool]] = [nothing, everything, by_chance(random.Random(at))]
        for number, keep in enumerate(rules):
            found = tmp_path / f"found{at}-{number}"
            disk.after(found, keep)
            check(found, told)
            shutil.rmtree(found)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_after_a_failed_call_it_cosigns_no_more_until_it_is_opened_again(tmp_path: Path, code: int) -> None:
    calm = LightDisk()
    (tmp_path / "calm").mkdir()
    life(tmp_path / "calm", calm, {})
    for at in range(1, calm.calls.total() + 1):
        folder, told = tmp_path / f"failed{at}", dict[int, Checkpoint]()
        folder.mkdir()
        with pytest.raises(LogUnavailable) as stopped:
            life(folder, FailingDisk(at, code), told)
        assert str(folder) not in stopped.value.message
        check(folder, told)


def test_a_failed_write_stops_it_at_once(folder: Path) -> None:
    tree, disk = Tree(), FailingDisk(3)
    with opened(folder, disk) as held:
        with pytest.raises(LogUnavailable):
            held.add(tree.ask(0, 2))
        with pytest.raises(LogUnavailable, match="no more"):
            held.add(tree.ask(0, 2))
        assert disk.calls.total() == 3


def test_of_many_askers_with_one_old_size_one_gets_it(folder: Path) -> None:
    """Half of them ask for a fork: what is cosigned is one history, whoever comes first."""
    trees = [Tree(), Tree("fork")]
    asks = [trees[number % 2].ask(0, 5) for number in range(16)]
    found: list[Cosignature | Declined] = []
    with opened(folder) as held:
        start = threading.Barrier(len(asks))

        def ask(raw: bytes) -> None:
            start.wait()
            found.append(held.add(raw))

        threads = [threading.Thread(target=ask, args=(raw,)) for raw in asks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    won = [one for one in found if isinstance(one, Cosignature)]
    assert len(won) == 1
    assert [declined(one) for one in found if one is not won[0]] == [("stale", 5)] * 15


def test_random_askers_are_only_ever_told_one_history(folder: Path) -> None:
    rng, trees, told = random.Random(2026), [Tree(), Tree("fork")], dict[int, bytes]()
    with opened(folder) as held:
        for _ in range(600):
            tree, old = rng.choice(trees), rng.randrange(30)
            new = rng.randrange(old, 31)
            if isinstance(held.add(tree.ask(old, new)), Cosignature) and new:
                assert told.setdefault(new, tree.head(new).root) == tree.head(new).root
    roots = {size: [tree.head(size).root for tree in trees] for size in told}
    assert len({roots[size].index(root) for size, root in told.items()}) == 1


def test_a_judgement_needs_no_disk() -> None:
    tree = Tree()
    asked = Submission.parse(tree.ask(2, 5))
    assert witness.origin_of(asked) == SIGNER.name
    found = witness.judge(asked, [SIGNER.verifier], tree.head(2))
    assert isinstance(found, witness.Accepted)
    assert (found.head, found.text) == (tree.head(5), tree.head(5).text)
