"""A log's new key: announced under the old one, beside it for a while, then alone; learnt in no other way."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from countenance.client.witness import Witness
from countenance.domain.errors import BadInput, Conflict, CountenanceError, NotInitialised, StorageDamaged, Unverified
from countenance.ledger import keychain, note, publish
from countenance.ledger.checkpoint import open_checkpoint
from countenance.ledger.fsck import fsck
from countenance.ledger.note import Signer, Verifier
from countenance.ledger.proof import Receipt, TlogProof, read_receipt, verify_receipt
from countenance.service import doctor, founding, owed, rotation
from countenance.service.gate import Private
from countenance.storage import files
from tests.ledger.disks import Killed, LightDisk
from tests.service.backed import back_up, bring_back, kept_key, lose_database, lose_everything
from tests.service.world import World, new_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = new_world(tmp_path)
    yield made
    made.house.close()


def leaf(world: World) -> Receipt:
    """A new leaf's receipt."""
    return read_receipt(world.house.gate.note("start", {}, Private(), "started")[1].encode())


def signed_by(world: World) -> set[bytes]:
    return {line.key_id for line in note.parse(leaf(world).proof.checkpoint).signatures}


def vkey(world: World) -> Verifier:
    return Verifier.from_vkey(world.settings.log_vkey.read_text().strip())


def test_from_the_old_key_to_the_new_one_and_everything_verifies(world: World) -> None:
    old, first = vkey(world), leaf(world)
    new = rotation.begin(world.settings, 30).verifier
    assert signed_by(world) == {old.id}, "before it is announced it signs nothing"
    rotation.advance(world.house)
    during = leaf(world)
    assert signed_by(world) == {old.id, new.id}
    for key in (old, new):
        verify_receipt(during, key)
    with pytest.raises(Unverified):
        verify_receipt(first, new)
    assert vkey(world) == old
    world.later(days=31)
    assert signed_by(world) == {new.id}, "the time is over, whoever looks"
    rotation.advance(world.house)
    assert signed_by(world) == {new.id}
    assert vkey(world) == new == world.house.log.verifier
    last = leaf(world)
    verify_receipt(first, old)
    verify_receipt(last, new)
    with pytest.raises(Unverified):
        verify_receipt(last, old)
    world.house.log.publish()
    assert fsck(world.settings.ledger, new).kinds["log-key"] == 1


def test_a_pinned_client_learns_the_new_key_from_the_announcement_and_not_otherwise(world: World) -> None:
    old = vkey(world)
    new = rotation.begin(world.settings, 1).verifier
    rotation.advance(world.house)
    found = rotation.announcements(world.settings)
    assert keychain.learned([old], found) == (old, new)
    assert keychain.learned([new], found) == (new,), "who knows the new key needs no more"
    stranger = Signer.generate(old.name)
    assert keychain.learned([stranger.verifier], found) == (stranger.verifier,)
    world.later(days=2)
    rotation.advance(world.house)
    line = leaf(world).line()
    held = Witness(old)
    with pytest.raises(Unverified):
        held.again(line)
    held.learn(rotation.announcements(world.settings))
    assert held.keys == (old, new)
    held.again(line)


def test_what_a_known_key_signed_and_is_no_announcement_is_not_believed(world: World) -> None:
    old = vkey(world)
    rotation.begin(world.settings, 1)
    rotation.advance(world.house)
    good = TlogProof.parse(rotation.announcements(world.settings)[0])
    other = leaf(world).proof
    for bad in (
        other.encode(),
        b"nonsense",
        b"",
        TlogProof(good.extra, good.index + 1, good.path, good.checkpoint).encode(),
        TlogProof(good.extra.replace(b"2026-11", b"2027-11"), good.index, good.path, good.checkpoint).encode(),
        b"x" * (keychain.MAX_ANNOUNCEMENT + 1),
    ):
        with pytest.raises(Unverified):
            keychain.learned([old], [bad])
    with pytest.raises(Unverified, match="more than"):
        keychain.learned([old], [good.encode()] * (keychain.MOST + 1))


def test_three_keys_in_a_row_are_learnt_from_the_first(world: World) -> None:
    keys, receipts = [vkey(world)], [leaf(world)]
    for _ in range(2):
        keys.append(rotation.begin(world.settings, 1).verifier)
        rotation.advance(world.house)
        world.later(days=2)
        rotation.advance(world.house)
        receipts.append(leaf(world))
        world.restart()
    assert keychain.learned(keys[:1], rotation.announcements(world.settings)) == tuple(keys)
    assert world.house.signers.verifiers == tuple(keys)
    history = (world.settings.ledger / publish.HISTORY).read_text().split()
    assert history == [key.vkey for key in keys]
    for key, receipt in zip(keys, receipts, strict=True):
        verify_receipt(receipt, key)
    assert open_checkpoint((world.settings.ledger / "checkpoint").read_bytes(), keys).size == world.house.log.size


def test_a_second_key_waits_for_the_first_to_be_done(world: World) -> None:
    rotation.begin(world.settings, 1)
    with pytest.raises(Conflict, match="already"):
        rotation.begin(world.settings, 1)


@pytest.mark.parametrize("days", [0, -1, 367])
def test_a_period_has_its_bounds(world: World, days: int) -> None:
    with pytest.raises(BadInput):
        rotation.begin(world.settings, days)


def test_there_is_no_key_to_change_without_a_house(tmp_path: Path, world: World) -> None:
    with pytest.raises(NotInitialised):
        rotation.begin(replace(world.settings, data=tmp_path / "nowhere"), 1)


def test_a_stopped_house_announces_at_its_next_start_and_changes_over_in_its_absence(world: World) -> None:
    old = vkey(world)
    world.house.close()
    new = rotation.begin(world.settings, 5).verifier
    world.open()
    assert signed_by(world) == {old.id, new.id}
    world.house.close()
    world.later(days=6)
    world.open()
    assert signed_by(world) == {new.id}
    assert vkey(world) == new
    assert not [check for check in doctor.examine(world.settings, world.moment) if check.name == "log" and not check.ok]
    world.house.close()
    found = [check for check in doctor.examine(world.settings, world.moment) if check.name in ("log", "master key")]
    assert all(check.ok for check in found), found
    world.open()


def test_a_running_house_sees_a_new_key_by_itself(world: World) -> None:
    new = rotation.begin(world.settings, 5).verifier
    with owed.Payer(world.house, pace=0.05):
        for _ in range(200):
            if rotation.announcements(world.settings):
                break
            time.sleep(0.05)
    assert new.id in signed_by(world)


class Steps:
    """Counts the writes of both disks, and dies at one of them: before it, or right after it."""

    def __init__(self, at: int, *, after: bool) -> None:
        self.at, self.after, self.count = at, after, 0

    def step(self, do: Callable[[], None]) -> None:
        self.count += 1
        if self.count == self.at and not self.after:
            raise Killed
        do()
        if self.count == self.at:
            raise Killed


class PrivateDisk(files.Disk):
    def __init__(self, steps: Steps) -> None:
        self.steps = steps

    def replace(self, source: Path, target: Path) -> None:
        self.steps.step(lambda: super(PrivateDisk, self).replace(source, target))


class PublicDisk(LightDisk):
    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self.steps = steps

    def rename(self, old: Path, new: Path) -> None:
        self.steps.step(lambda: super(PublicDisk, self).rename(old, new))


def change_over(world: World, steps: Steps) -> bool:
    """A whole change, up to where it dies; whether it did."""
    private, public = PrivateDisk(steps), PublicDisk(steps)
    try:
        rotation.begin(world.settings, 1, private)
        rotation.advance(world.house, private, public)
        world.later(days=2)
        rotation.advance(world.house, private, public)
    except Killed:
        return True
    return False


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_write_it_goes_on_from_there(tmp_path: Path, after: bool) -> None:  # noqa: FBT001
    """The next start has one history of keys, the old one and the new one, whatever was written by then."""
    for at in range(1, 20):
        world = new_world(tmp_path / str(at))
        old, steps = vkey(world), Steps(at, after=after)
        died = change_over(world, steps)
        world.restart()
        if world.house.signers.verifiers == (old,) and not rotation.read(world.settings, world.house.vault).seed:
            assert at == 1, "only what never began leaves nothing"
            rotation.begin(world.settings, 1)
            rotation.advance(world.house)
        world.later(days=3)
        rotation.advance(world.house)
        new = world.house.log.verifier
        assert new != old
        assert vkey(world) == new
        assert signed_by(world) == {new.id}
        assert world.restart().signers.verifiers == (old, new)
        assert keychain.learned([old], rotation.announcements(world.settings)) == (old, new)
        world.house.close()
        if not died:
            assert at > 6, "there are that many writes"
            return
    pytest.fail("it never came to the end")


def test_an_announcement_that_was_tampered_with_keeps_the_house_shut(world: World) -> None:
    rotation.begin(world.settings, 5)
    rotation.advance(world.house)
    world.house.close()
    path = world.settings.ledger / publish.KEYS / "1"
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"\nindex 0\n", b"\nindex 1\n"))
    with pytest.raises(StorageDamaged):
        world.open()
    path.write_bytes(raw)
    world.open()


def test_a_log_that_was_changed_over_recovers_from_a_journal_of_both_keys(world: World) -> None:
    """The newest segment begins under the old key and ends under the new one."""
    rotation.begin(world.settings, 1)
    rotation.advance(world.house)
    world.later(days=2)
    rotation.advance(world.house)
    size = leaf(world).proof.index + 1
    world.house.close()
    assert world.open().log.size >= size


def test_another_key_is_not_taken_for_an_old_one(world: World) -> None:
    """The list of keys is sealed: who can write to the folder can't add one of their own to it."""
    sealed = world.settings.log_state / founding.KEYS_SEALED
    rotation.begin(world.settings, 1)
    raw = bytearray(sealed.read_bytes())
    raw[-1] ^= 1
    sealed.write_bytes(bytes(raw))
    world.house.close()
    with pytest.raises(CountenanceError):
        world.open()
    sealed.unlink()
    world.open()


def changed_over(world: World) -> Verifier:
    rotation.begin(world.settings, 1)
    rotation.advance(world.house)
    world.later(days=2)
    rotation.advance(world.house)
    return world.house.log.verifier


def test_a_backup_from_before_comes_back_under_the_new_key(world: World, tmp_path: Path) -> None:
    """The database is lost: the ledger and both files of keys are there."""
    back_up(world, tmp_path / "a.backup")
    new = changed_over(world)
    world.house.close()
    lose_database(world.settings)
    bring_back(world, tmp_path / "a.backup")
    assert vkey(world) == new
    world.open()
    assert signed_by(world) == {new.id}


def test_a_backup_from_before_comes_back_where_only_the_new_key_and_a_mirror_are_left(
    world: World, tmp_path: Path
) -> None:
    """All is lost but the backup, the copy of log.sealed and the mirror, whose announcements lead to the new key."""
    old = vkey(world)
    back_up(world, tmp_path / "a.backup")
    new = changed_over(world)
    leaf(world)
    world.house.close()
    shutil.copytree(world.settings.ledger, tmp_path / "mirror")
    lose_everything(world.settings, kept_key(world.settings))
    bring_back(world, tmp_path / "a.backup", copy=tmp_path / "mirror")
    assert vkey(world) == new
    world.open()
    assert keychain.learned([old], rotation.announcements(world.settings)) == (old, new)
    assert world.house.signers.verifiers == (old, new)
    third = changed_over(world)
    assert keychain.learned([old], rotation.announcements(world.settings)) == (old, new, third)
    assert signed_by(world) == {third.id}
