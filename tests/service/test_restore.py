"""A restore: the ledger goes on, and who left since the backup stays gone; what does not fit is refused unharmed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from countenance.config import Settings
from countenance.domain import ids
from countenance.domain.errors import (
    BackupExpired,
    BadRecord,
    ClockWentBack,
    Conflict,
    CountenanceError,
    LogLocked,
    MissingMasterKey,
    NotInitialised,
    Unverified,
    WrongMasterKey,
)
from countenance.service import (
    accounts,
    admit,
    auth,
    backup,
    doctor,
    enrol,
    erase,
    grants,
    identify,
    people,
    signed,
    verify,
)
from countenance.service.use import Use
from countenance.storage.tables import closed_parts
from countenance.storage.vault import Vault
from tests.service.backed import History, assert_restored, back_up, bring_back, kept_key, lose_database, lose_everything
from tests.service.test_line import enrolled
from tests.service.world import World, new_world, photo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def history(world: World, tmp_path: Path) -> History:
    return History.of(world, tmp_path)


def files_of(settings: Settings) -> dict[str, bytes]:
    """What no refused restore may change: all but the log's journal, which each opening begins anew."""
    kept = [path for path in settings.data.rglob("*") if path.is_file() and not path.name.startswith("journal-")]
    return {str(path.relative_to(settings.data)): path.read_bytes() for path in kept}


def test_after_the_database_is_lost_who_left_stays_gone_and_the_ledger_goes_on(history: History) -> None:
    world, size = history.world, history.made.checkpoint.size
    lose_database(world.settings)
    done = bring_back(world, history.file)
    assert (done.backup, done.known) == (history.made.copy.id, size)
    assert (done.erased, done.withdrawn, done.revoked, done.lost) == (1, 1, 1, 1)
    assert done.since == {
        "backup": 1, "erasure": 1, "withdrawal": 1, "revocation": 1, "consent": 1, "decision": 2, "administration": 1,
    }  # fmt: skip
    house = world.open()
    assert house.log.size == done.size + 1
    last = house.log.prove(done.size).extra
    assert b'"step":"restored"' in last
    assert history.made.copy.id.encode() in last
    assert_restored(history)


def test_people_who_come_after_a_restore_are_enrolled_and_leave_like_all_others(history: History) -> None:
    world = history.world
    lose_database(world.settings)
    bring_back(world, history.file)
    world.open()
    world.consents(history.who, history.inside, "ada", "bob")
    for alias, number in (("ada", 1), ("bob", 2)):
        enrol.enrol(world.house, history.who, history.inside, alias, photo(number), Use())
        again = verify.verify(world.house, history.who, history.inside, alias, photo(number), Use())
        assert again.result.likeness.match
    erased = erase.erase(world.house, history.who, history.inside, "ada").certificate
    assert f"backup {history.made.copy.id} until" in erased  # the file may be there still
    admit.revoke(world.house, history.who, auth.key_id(history.kept))


def test_from_a_published_copy_and_the_operators_own_key_the_log_goes_on(history: History, tmp_path: Path) -> None:
    world = history.world
    shutil.copytree(world.settings.ledger, tmp_path / "mirror")
    lose_everything(world.settings, kept_key(world.settings))
    seen = (tmp_path / "mirror/checkpoint").read_bytes()
    done = bring_back(world, history.file, copy=tmp_path / "mirror", seen=(seen,))
    assert (done.erased, done.withdrawn, done.revoked) == (1, 1, 1)
    world.open()
    assert_restored(history)
    findings = {check.name: check for check in doctor.examine(world.settings, world.moment)}
    assert all(findings[name].ok for name in ("house", "modes", "master key", "database"))


def test_a_restore_can_be_made_twice_from_the_same_file(history: History) -> None:
    for _ in range(2):
        lose_database(history.world.settings)
        bring_back(history.world, history.file)
        history.world.open().close()
    history.world.open()
    assert_restored(history)


def test_a_damaged_database_and_its_stale_write_ahead_log_are_replaced(history: History) -> None:
    settings = history.world.settings
    settings.database.write_bytes(b"no database at all " * 500)
    (settings.data / "countenance.db-wal").write_bytes(b"\x37\x7f\x06\x82" + bytes(4096))
    bring_back(history.world, history.file)
    history.world.open()
    assert_restored(history)


def _wrong_key(past: History) -> None:
    past.world.settings.master_key.unlink()
    Vault.create_master_key(past.world.settings.master_key)


def _cut(past: History) -> None:
    past.file.write_bytes(past.file.read_bytes()[:-1])


def _flip(past: History) -> None:
    raw = bytearray(past.file.read_bytes())
    raw[len(raw) // 2] ^= 1
    past.file.write_bytes(raw)


def _another_houses_ledger(past: History) -> None:
    """The public folder, as after a mix-up of two houses with one name."""
    other = new_world(past.file.parent / "other")
    other.customer()
    other.house.close()
    shutil.rmtree(past.world.settings.ledger)
    shutil.copytree(other.settings.ledger, past.world.settings.ledger)


def _another_houses_data(past: History) -> None:
    """Every file of another house, under the same master key."""
    settings = past.world.settings
    other = Settings(past.file.parent / "other", settings.keys)
    World(other).house.close()
    shutil.rmtree(settings.data)
    shutil.copytree(other.data, settings.data)
    lose_database(settings)


REFUSED: list[tuple[str, Callable[[History], Any], type[CountenanceError]]] = [
    ("expired", lambda past: past.world.later(days=31), BackupExpired),
    ("wrong key", _wrong_key, WrongMasterKey),
    ("no key", lambda past: past.world.settings.master_key.unlink(), MissingMasterKey),
    ("cut off", _cut, BadRecord),
    ("flipped", _flip, BadRecord),
    ("another's ledger", _another_houses_ledger, CountenanceError),
    ("another house", _another_houses_data, Unverified),
    ("no ledger", lambda past: shutil.rmtree(past.world.settings.ledger), CountenanceError),
    ("no tiles", lambda past: shutil.rmtree(past.world.settings.ledger / "tile"), CountenanceError),
    ("no log key", lambda past: (past.world.settings.log_state / "log.sealed").unlink(), NotInitialised),
    ("clock", lambda past: past.world.later(hours=-3), ClockWentBack),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "error"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_does_not_fit_is_refused_before_anything_is_changed(
    history: History, spoil: Callable[[History], Any], error: type[CountenanceError]
) -> None:
    lose_database(history.world.settings)
    spoil(history)
    before = files_of(history.world.settings)
    with pytest.raises(error) as refused:
        bring_back(history.world, history.file)
    assert refused.value.next_step
    assert files_of(history.world.settings) == before
    assert not history.world.settings.restoring.exists()


def test_a_whole_database_is_never_taken_back_in_time(history: History) -> None:
    before = files_of(history.world.settings)
    with pytest.raises(Conflict, match="whole database"):
        bring_back(history.world, history.file)
    assert files_of(history.world.settings) == before


def test_a_running_house_is_not_restored_over(world: World, tmp_path: Path) -> None:
    back_up(world, tmp_path / "one.backup")
    with pytest.raises(LogLocked):
        bring_back(world, tmp_path / "one.backup")


def test_a_copy_of_the_ledger_that_is_older_than_the_backup_or_a_seen_checkpoint_is_refused(
    world: World, tmp_path: Path
) -> None:
    enrolled(world, ("ada", 1))
    world.restart()
    shutil.copytree(world.settings.ledger, tmp_path / "early")
    world.customer(name="Another")
    world.restart()
    back_up(world, tmp_path / "one.backup")
    shutil.copytree(world.settings.ledger, tmp_path / "middle")
    world.customer(name="A third")
    world.house.close()
    newest = (world.settings.ledger / "checkpoint").read_bytes()
    lose_everything(world.settings, kept_key(world.settings))
    with pytest.raises(Unverified, match="older than what was seen"):
        bring_back(world, tmp_path / "one.backup", copy=tmp_path / "early")
    with pytest.raises(Unverified, match="older than what was seen"):
        bring_back(world, tmp_path / "one.backup", copy=tmp_path / "middle", seen=(newest,))
    with pytest.raises(NotInitialised, match="no ledger to go on with"):
        bring_back(world, tmp_path / "one.backup")
    assert not world.settings.restoring.exists()
    bring_back(world, tmp_path / "one.backup", copy=tmp_path / "middle")
    world.open()


def test_a_copy_beside_a_live_ledger_is_not_asked_for(history: History, tmp_path: Path) -> None:
    shutil.copytree(history.world.settings.ledger, tmp_path / "mirror")
    lose_database(history.world.settings)
    with pytest.raises(Conflict, match="its own ledger"):
        bring_back(history.world, history.file, copy=tmp_path / "mirror")


def test_an_erasure_that_the_backup_holds_unfinished_and_the_log_knows_is_not_done_twice(
    world: World, tmp_path: Path
) -> None:
    """A backup that fell between the note of an erasure and its rows: one leaf, and no second one with its digest."""
    who, inside = enrolled(world, ("ada", 1))
    ada = people.subject_id(world.house, who, inside, "ada")
    from tests.service.test_people import interrupted

    interrupted(world, who, ada, "begun")
    back_up(world, tmp_path / "one.backup")
    world.restart()  # which completes the erasure
    assert not world.house.database.contains(ada.encode())
    world.house.close()
    lose_database(world.settings)
    done = bring_back(world, tmp_path / "one.backup")
    assert done.erased == 1
    house = world.open()
    digests = [row for row in leaves(world) if b'"kind":"erasure"' in row]
    assert len(digests) == 1
    assert not house.database.contains(ada.encode())


def test_a_withdrawal_that_was_owed_when_the_backup_was_made_has_one_leaf(world: World, tmp_path: Path) -> None:
    who, inside = enrolled(world, ("ada", 1))
    world.house.log.close()
    with pytest.raises(CountenanceError):
        people.withdraw(world.house, who, inside, "ada")
    back_up(world, tmp_path / "one.backup")
    world.restart()
    world.house.close()
    lose_database(world.settings)
    bring_back(world, tmp_path / "one.backup")
    world.open()
    kinds = [b'"kind":"withdrawal"' in row for row in leaves(world)]
    made = [b'"step":"made"' in row for row in leaves(world)]
    assert (sum(kinds), sum(made)) == (1, 1)
    assert identify.identify(world.house, who, inside, photo(1), Use()).result.candidates == ()


def test_a_newer_backup_that_may_exist_is_on_the_list_again(world: World, tmp_path: Path) -> None:
    who, inside = enrolled(world, ("ada", 1))
    back_up(world, tmp_path / "one.backup")
    newer, gone = (back_up(world, tmp_path / f"{name}.backup").copy for name in ("newer", "gone"))
    backup.forget(world.house.database, gone.id, world.moment)
    world.restart()
    world.house.close()
    lose_database(world.settings)
    bring_back(world, tmp_path / "one.backup")
    world.open()
    named = erase.erase(world.house, who, inside, "ada").certificate
    assert f"backup {newer.id} until {newer.until}" in named
    assert gone.id not in named


def test_closed_parts_of_leaves_that_never_came_to_be_are_dropped(world: World, tmp_path: Path) -> None:
    from sqlalchemy import insert

    enrolled(world, ("ada", 1))
    world.house.log.publish()
    stray = {"leaf_index": world.house.log.size + 1, "nonce": b"n" * 32, "closed": b"{}"}
    with world.house.database.begin() as connection:
        connection.execute(insert(closed_parts), stray)
    back_up(world, tmp_path / "one.backup")
    world.customer(name="Another")
    world.customer(name="A third")
    world.house.close()
    lose_database(world.settings)
    bring_back(world, tmp_path / "one.backup")
    world.open()
    assert not world.house.database.contains(b"n" * 32)


def test_a_grant_and_an_account_that_were_ended_stay_ended(world: World, tmp_path: Path) -> None:
    who = world.customer()
    key = admit.issue(world.house, who).key
    new = accounts.NewAccount("Ada Person", frozenset({"operator"}), signed.PersonKey(bytes(range(32))).public)
    ada = accounts.register_here(world.house, new).id
    back_up(world, tmp_path / "one.backup")
    person = accounts.Account(ada, "", new.roles, b"")
    grants.end(world.house, person, who.grant.id)
    accounts.end_here(world.house, ada)
    world.house.close()
    lose_database(world.settings)
    assert bring_back(world, tmp_path / "one.backup").revoked == 2
    world.open()
    assert auth.authenticate(world.house.database, key).grant.until <= ids.utc(world.moment)
    (found,) = accounts.everybody(world.house)
    assert found.ended is not None


def leaves(world: World) -> list[bytes]:
    return [world.house.log.prove(index).extra for index in range(world.house.log.size)]
