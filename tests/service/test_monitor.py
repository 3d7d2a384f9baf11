"""The monitor agrees with an honest house, and a thousand dishonest ones are found out by it or by fsck."""

# ruff: noqa: S311  (seeded, so that a failure comes again)
from __future__ import annotations

import copy
import random
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import Unavailable, Unverified
from countenance.ledger import beside, checkpoint, leaf, merkle, publish, tiles
from countenance.ledger.follow import Peaks
from countenance.ledger.fsck import fsck
from countenance.policy import cedar
from countenance.service.monitor import Monitor, Seen, shares
from tests.ledger.world import LONG, SIGNER, some_leaf
from tests.service.watched import KEYS, Told, alarms, digest, look, newest, told, write_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TAMPERS = 1000 if LONG else 50
SEED = 2026


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Told, Path]:
    """What an honest provider says, and the folder in which it is published."""
    home = tmp_path_factory.mktemp("watched")
    found = told(home / "house")
    found.publish(home / "public")
    return found, home / "public"


def test_it_agrees_with_every_answer_of_an_honest_house(honest: tuple[Told, Path]) -> None:
    given, public = honest
    seen = Seen()
    found = look(public, seen)
    assert seen.alarms == []
    assert (found.size, found.new, seen.peaks.size) == (len(given.leaves),) * 3
    tables = shares(seen.counts)
    decisions = seen.counts["kind decision"]
    assert sum(tables["again"]["agrees"].values()) == decisions > 260
    assert set(tables["again"]) == {"agrees"}
    assert tables["verdict"]["all"]["deny"] >= 3
    assert sum(sum(each.values()) for each in tables["outside-policy"].values()) >= 2
    assert 200 < sum(tables["declared"]["all"].values()) < decisions
    assert tables["sector"]["police"] == {"deny": 1}
    assert sum(tables["country"]["DE"].values()) + sum(tables["country"]["US"].values()) == decisions
    assert fsck(public, SIGNER.verifier).checkpoint.size == len(given.leaves)


def test_many_looks_come_to_what_one_look_does(honest: tuple[Told, Path], tmp_path: Path) -> None:
    given, public = honest
    step, whole = Seen(), Seen()
    look(public, whole)
    for size in (1, 3, 200, 257, len(given.leaves)):
        part = Told(given.leaves[:size], given.sets, given.documents)
        part.publish(tmp_path / str(size))
        assert alarms(tmp_path / str(size), step) == set()
    assert (step.counts, step.peaks.peaks, step.time) == (whole.counts, whole.peaks.peaks, whole.time)
    assert step.slow == whole.slow != []


def _flip(public: Path, rng: random.Random, _: Told) -> None:
    path = rng.choice(_files(public))
    raw = bytearray(path.read_bytes())
    raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    path.write_bytes(raw)


def _truncate(public: Path, rng: random.Random, _: Told) -> None:
    path = rng.choice(_files(public))
    path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size)])


def _swap(public: Path, rng: random.Random, _: Told) -> None:
    """Two files that the checkpoint needs, each in the other's place."""
    one, other = rng.sample([path for path in _files(public) if "tile" in path.parts], 2)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def _missing(public: Path, rng: random.Random, _: Told) -> None:
    """Any file but a set's list of its packs, which says nothing that the set's digest does not."""
    rng.choice([path for path in _files(public) if path.name != beside.PACKS]).unlink()


def _replay(public: Path, rng: random.Random, given: Told) -> None:
    size = rng.randrange(1, len(given.leaves))
    peaks = Peaks()
    for entry in given.leaves[:size]:
        peaks.push(entry)
    old = checkpoint.Checkpoint(SIGNER.name, size, peaks.root())
    (public / publish.CHECKPOINT).write_bytes(SIGNER.sign(old.text))


def _rewrite(public: Path, rng: random.Random, given: Told) -> None:
    """A second history under the log's own key, as long as the first or longer."""
    given.leaves[rng.randrange(len(given.leaves))] = some_leaf(rng.randrange(10**6))
    _publish(public, Told(given.leaves + [given.leaves[0]] * rng.randrange(3), given.sets, given.documents))


def _turned(public: Path, rng: random.Random, given: Told) -> None:
    """One verdict turned, before it was ever published: no receipt's holder is needed to see it."""
    decisions = [n for n, entry in enumerate(given.leaves) if leaf.parse(entry).kind == "decision"]
    index = rng.choice(decisions)
    allowed = leaf.parse(given.leaves[index]).open["verdict"] == "allow"
    given.changed(index, verdict="deny" if allowed else "allow")
    _publish(public, given)


def _other_facts(public: Path, rng: random.Random, given: Told) -> None:
    """An allow that rests on facts under which the policy does not allow."""
    allowed = [n for n, entry in enumerate(given.leaves) if leaf.parse(entry).open.get("verdict") == "allow"]
    index = rng.choice([n for n in allowed if leaf.parse(given.leaves[n]).kind == "decision"])
    context = leaf.parse(given.leaves[index]).open["context"]
    assert isinstance(context, dict)
    given.changed(index, context={**context, "grant.present": False, "grant.current": False})
    _publish(public, given)


def _edited(public: Path, rng: random.Random, given: Told) -> None:
    """A promise that is published other than it was asked."""
    inside = public / beside.of_set(given.sets[rng.randrange(2)].digest)
    path = rng.choice(sorted(inside.glob("*.cedar")))
    path.write_text(path.read_text() + "\n// nothing changed\n")


def _set_missing(public: Path, rng: random.Random, given: Told) -> None:
    shutil.rmtree(public / beside.of_set(given.sets[rng.randrange(2)].digest))


def _one_key(public: Path, rng: random.Random, given: Told) -> None:
    start = newest(given)
    given.sets.reverse()
    key = rng.choice(KEYS)
    given.loosened(start, approving=[key, key], counted=[key])
    _publish(public, given)


def _cut_short(public: Path, rng: random.Random, given: Told) -> None:
    start = newest(given)
    given.sets.reverse()
    given.loosened(start, days=rng.randrange(30), approving=KEYS[:2], counted=KEYS[:2])
    _publish(public, given)


def _time_back(public: Path, rng: random.Random, given: Told) -> None:
    given.add("start", newest(given) - timedelta(hours=rng.randrange(2, 500)))
    _publish(public, given)


def _no_leaf(public: Path, rng: random.Random, given: Told) -> None:
    given.leaves.append(rng.randbytes(rng.randrange(1, 200)))
    _publish(public, given)


TAMPERED: list[Callable[[Path, random.Random, Told], None]] = [
    _flip, _truncate, _swap, _missing, _replay, _rewrite, _turned, _other_facts, _edited, _set_missing, _one_key,
    _cut_short, _time_back, _no_leaf,
]  # fmt: skip


def _files(public: Path) -> list[Path]:
    return sorted(path for path in public.rglob("*") if path.is_file() and path.stat().st_size)


def _publish(public: Path, given: Told) -> None:
    shutil.rmtree(public)
    given.publish(public)


@pytest.mark.timeout(7200 if LONG else 300)
def test_every_tamper_is_caught_by_fsck_or_the_monitor(honest: tuple[Told, Path], tmp_path: Path) -> None:
    given, public = honest
    seen, missed = Seen(), []
    look(public, seen)
    for number in range(TAMPERS):
        tamper = TAMPERED[number % len(TAMPERED)]
        rng, copied = random.Random(SEED + number), tmp_path / str(number)
        shutil.copytree(public, copied)
        tamper(copied, rng, _copy(given))
        caught = bool(alarms(copied) | alarms(copied, copy.deepcopy(seen)))
        if not caught and not _fsck_catches(copied):
            missed.append((number, tamper.__name__))
        shutil.rmtree(copied)
    assert missed == [], f"seed {SEED}"


def _copy(given: Told) -> Told:
    return Told(list(given.leaves), list(given.sets), list(given.documents))


def _fsck_catches(public: Path) -> bool:
    try:
        fsck(public, SIGNER.verifier)
    except Unverified:
        return True
    return False


@pytest.mark.parametrize(
    ("tamper", "kind"),
    [
        (_replay, "rolled-back"), (_turned, "differs"), (_other_facts, "differs"), (_edited, "set-differs"),
        (_set_missing, "set-missing"), (_one_key, "change"), (_cut_short, "change"), (_time_back, "time-back"),
        (_no_leaf, "no-leaf"),
    ],
)  # fmt: skip
def test_an_alarm_says_what_it_is(
    honest: tuple[Told, Path], tmp_path: Path, tamper: Callable[[Path, random.Random, Told], None], kind: str
) -> None:
    given, public = honest
    seen = Seen()
    if tamper is _replay:
        look(public, seen)
    shutil.copytree(public, tmp_path / "public")
    tamper(tmp_path / "public", random.Random(SEED), _copy(given))
    assert alarms(tmp_path / "public", seen) == {kind}


def test_a_fork_and_a_rewrite_are_told_apart(honest: tuple[Told, Path], tmp_path: Path) -> None:
    given, public = honest
    seen = Seen()
    look(public, seen)
    before = seen.note
    other = [*given.leaves[:-1], some_leaf(7)]
    write_log(tmp_path / "fork", other)
    write_log(tmp_path / "longer", [*other, some_leaf(8)])
    assert alarms(tmp_path / "fork", copy.deepcopy(seen)) == {"fork"}
    assert alarms(tmp_path / "longer", seen) == {"rewrite"}
    assert seen.note == before


def test_a_cosigned_checkpoint_of_another_history_is_a_fork(honest: tuple[Told, Path], tmp_path: Path) -> None:
    given, public = honest
    for size in (len(given.leaves), 100):
        copied = tmp_path / str(size)
        shutil.copytree(public, copied)
        head = checkpoint.Checkpoint(SIGNER.name, size, merkle.leaf_hash(b"another"))
        (copied / publish.COSIGNED).write_bytes(SIGNER.sign(head.text))
        assert alarms(copied) == {"fork"}


def test_a_tile_that_is_gone_is_said(honest: tuple[Told, Path], tmp_path: Path) -> None:
    _, public = honest
    shutil.copytree(public, tmp_path / "public")
    (tmp_path / "public" / tiles.Tile(tiles.ENTRIES, 0).path).unlink()
    assert alarms(tmp_path / "public") == {"missing"}


def test_a_set_whose_list_is_gone_is_still_read_and_held_to_its_digest(
    honest: tuple[Told, Path], tmp_path: Path
) -> None:
    given, public = honest
    shutil.copytree(public, tmp_path / "public")
    inside = tmp_path / "public" / beside.of_set(given.sets[0].digest)
    (inside / beside.PACKS).unlink()
    seen = Seen()
    assert alarms(tmp_path / "public", seen) == set()
    assert set(shares(seen.counts)["again"]) == {"agrees"}
    (inside / "core.cedar").unlink()
    assert alarms(tmp_path / "public") == {"set-differs"}


def test_a_log_that_stands_still_is_a_stop_and_one_that_is_not_reached_holds_what_was_seen(
    honest: tuple[Told, Path],
) -> None:
    _, public = honest
    seen = Seen()
    look(public, seen, now=1_800_000_000, stop=3600)
    look(public, seen, now=1_800_003_600, stop=3600)
    assert seen.alarms == []

    def silent(path: str, most: int) -> bytes | None:
        raise Unavailable(f"nobody gives {path} of {most} bytes")

    found = Monitor(silent, [SIGNER.verifier], stop=3600).look(seen, 1_800_003_601)
    assert not found.reached
    assert [alarm.kind for alarm in seen.alarms] == ["stop"]


def test_a_change_that_says_it_opens_nothing_is_weighed(honest: tuple[Told, Path], tmp_path: Path) -> None:
    lying = _copy(honest[0])
    lying.leaves = [e for e in lying.leaves if leaf.parse(e).kind != "policy-change"]
    promised, bare = cedar.load(["microsoft-2020"]), lying.sets[1]
    lying.sets.append(promised)
    lying.documents = [b"{}"]
    lying.add(
        "policy-change", newest(lying), step="in-force", change=digest(b"{}"), before=promised.digest,
        after=bare.digest, loosens=False, notice=0, keys=[],
    )  # fmt: skip
    lying.publish(tmp_path)
    assert alarms(tmp_path) == {"change"}
    assert fsck(tmp_path, SIGNER.verifier).kinds["policy-change"] == 1


def test_an_emergency_stop_is_an_alarm(honest: tuple[Told, Path], tmp_path: Path) -> None:
    given, _ = honest
    stopped = _copy(given)
    opened = leaf.parse(stopped.leaves[-1]).open
    stopped.add(
        "policy-change", newest(stopped), step="stopped", change=opened["change"], before=opened["after"],
        after=opened["before"], loosens=False, notice=0, keys=[],
    )  # fmt: skip
    stopped.publish(tmp_path)
    assert alarms(tmp_path) == {"emergency-stop"}
