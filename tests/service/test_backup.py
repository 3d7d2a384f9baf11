"""A backup: what is in it and what is not, the list of them, and the certificates that name them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from countenance.config import Settings
from countenance.domain.errors import (
    BadInput,
    Conflict,
    DiskFull,
    HalfRestored,
    Misconfigured,
    NotFound,
    StorageDamaged,
    WrongMasterKey,
)
from countenance.ledger.note import Verifier, open_note
from countenance.service import backup, doctor, erase, founding, owed
from countenance.storage import db, sealed
from countenance.storage.tables import backups, outbox
from countenance.storage.vault import Vault
from tests.service.backed import back_up
from tests.service.test_line import enrolled
from tests.service.world import World, new_world, photo, template
from tests.storage.test_sealed import FullDisk

if TYPE_CHECKING:
    from pathlib import Path


def debts(world: World) -> list[str]:
    with world.house.database.read() as connection:
        return [row.kind for row in connection.execute(select(outbox))]


def listed(world: World) -> tuple[backup.Copy, ...]:
    with world.house.database.read() as connection:
        return backup.known(connection)


def test_a_backup_is_one_private_file_with_what_the_house_was(world: World, tmp_path: Path) -> None:
    enrolled(world, ("ada", 1))
    world.house.log.publish()
    made = back_up(world, tmp_path / "one.backup")
    assert (tmp_path / "one.backup").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["one.backup"]
    words = sealed.read(tmp_path / "one.backup").words
    assert (words["id"], words["made"], words["until"]) == (made.copy.id, made.copy.created, made.copy.until)
    assert made.copy.until == "2026-12-22T11:00:00Z"
    assert words["origin"] == "test.example/log"
    assert words["policy"] == world.house.policies.digest
    assert made.checkpoint.size == world.house.log.size
    assert listed(world) == (made.copy,)


def test_neither_a_private_key_nor_a_person_is_readable_in_it_and_the_logs_key_is_not_there_at_all(
    world: World, tmp_path: Path
) -> None:
    who, _ = enrolled(world, ("canary-ada", 1))
    back_up(world, tmp_path / "one.backup")
    raw = (tmp_path / "one.backup").read_bytes()
    parts = {
        name: b"".join(sealed.unsealed(tmp_path / "one.backup", world.house.vault, name))
        for name, _ in sealed.read(tmp_path / "one.backup").parts
    }
    assert set(parts) == {"database", "certificate.sealed", "approval.sealed", "log.vkey", "certificate.vkey"}
    master = bytes.fromhex(world.settings.master_key.read_text().strip().partition(":")[2])
    log_key = (world.settings.log_state / "log.sealed").read_bytes()
    log_seed = founding.signer(world.settings, world.house.vault, "log").seed
    for secret in (master, master.hex().encode(), log_key, log_seed, log_seed.hex().encode(), photo(1)[:64]):
        assert secret not in raw + b"".join(parts.values())
    for hidden in (who.customer.id.encode(), b"SQLite format", b"canary", template(1).tobytes()[:16]):
        assert hidden not in raw
    assert who.customer.id.encode() in parts["database"]  # the control: the sealed part does hold the house


def test_it_is_made_beside_a_running_house_which_writes_the_leaf(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    with owed.Payer(world.house, pace=0.05):
        size = world.house.log.size
        made = back_up(world, tmp_path / "one.backup")
        deadline = time.monotonic() + 20
        while debts(world) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert (debts(world), world.house.log.size) == ([], size + 1)
    opened = world.house.log.prove(size).extra
    assert made.copy.id.encode() in opened
    assert b'"kind":"backup"' in opened
    world.house.close()


def test_without_a_server_the_next_start_writes_the_leaf(world: World, tmp_path: Path) -> None:
    world.house.close()
    with backup.opened(world.settings) as database:
        vault = Vault.read(world.settings.master_key)
        backup.make(world.settings, vault, database, tmp_path / "one.backup", now=world.moment)
    world.open()
    assert debts(world) == []
    assert b'"step":"made"' in world.house.log.prove(world.house.log.size - 1).extra


@pytest.mark.parametrize("room", [0, 5_000, 100_000])
def test_a_full_disk_leaves_neither_file_nor_row_nor_debt(world: World, tmp_path: Path, room: int) -> None:
    with pytest.raises(DiskFull):
        backup.make(
            world.settings, world.house.vault, world.house.database, tmp_path / "one.backup", now=world.moment,
            disk=FullDisk(room),
        )  # fmt: skip
    assert (listed(world), debts(world)) == ((), [])
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


class _Server(FullDisk):
    """A full disk, and beside it a server that has written the backup's leaf by the time it fills up."""

    def __init__(self, world: World) -> None:
        super().__init__(100)
        self._world = world

    def write(self, descriptor: int, content: memoryview) -> int:
        owed.pay(self._world.house)
        return super().write(descriptor, content)


def test_where_the_leaf_of_a_failed_one_is_written_already_another_says_that_it_ended(
    world: World, tmp_path: Path
) -> None:
    with pytest.raises(DiskFull):
        backup.make(
            world.settings, world.house.vault, world.house.database, tmp_path / "one.backup", now=world.moment,
            disk=_Server(world),
        )  # fmt: skip
    assert [bool(copy.removed) for copy in listed(world)] == [True]
    owed.pay(world.house)
    assert b'"step":"ended"' in world.house.log.prove(world.house.log.size - 1).extra


def test_places_and_terms_that_cannot_be_are_refused_before_anything_is_noted(world: World, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    settings = world.settings
    wrong: list[tuple[Path, int, type[Exception]]] = [
        (settings.data / "a.backup", 30, BadInput), (settings.ledger / "a.backup", 30, BadInput),
        (settings.keys / "a.backup", 30, BadInput), (tmp_path / "no/such/a.backup", 30, BadInput),
        (tmp_path / "taken", 30, Conflict), (tmp_path / "link", 30, Conflict),
        (tmp_path / "a.backup", 0, BadInput), (tmp_path / "a.backup", 367, BadInput),
    ]  # fmt: skip
    for file, days, error in wrong:
        with pytest.raises(error):
            back_up(world, file, days)
    assert (listed(world), debts(world)) == ((), [])
    assert (tmp_path / "taken").read_text() == "mine"


def test_another_master_key_makes_no_backup(world: World, tmp_path: Path) -> None:
    with pytest.raises(WrongMasterKey):
        backup.make(
            world.settings, Vault(bytes(32)), world.house.database, tmp_path / "one.backup", now=world.moment
        )  # fmt: skip
    assert listed(world) == ()


def test_a_database_of_another_version_is_not_migrated_under_its_server(world: World) -> None:
    with world.house.database.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(Misconfigured, match="another version"):
        backup.opened(world.settings)
    assert db.inspect(world.settings.database) == "0001"


def test_of_a_damaged_database_there_is_no_backup(world: World) -> None:
    enrolled(world, ("ada", 1))
    world.house.close()
    raw = bytearray(world.settings.database.read_bytes())
    raw[4096 * 3 : 4096 * 6] = b"\xa5" * 4096 * 3
    world.settings.database.write_bytes(raw)
    with pytest.raises(StorageDamaged):
        backup.opened(world.settings, whole=True)


def test_a_house_that_is_half_restored_is_not_backed_up_opened_or_founded_over(world: World, tmp_path: Path) -> None:
    world.house.close()
    world.settings.restoring.mkdir()
    for attempt in (
        lambda: backup.opened(world.settings), world.open, lambda: founding.require(world.settings),
    ):  # fmt: skip
        with pytest.raises(HalfRestored):
            attempt()
    empty = Settings(tmp_path / "data2", tmp_path / "keys2")
    empty.restoring.mkdir(parents=True)
    with pytest.raises(Conflict):
        founding.found(empty, "test.example/log")
    world.settings.restoring.rmdir()
    world.open()


def test_a_backup_that_was_destroyed_is_forgotten_once(world: World, tmp_path: Path) -> None:
    made = back_up(world, tmp_path / "one.backup")
    world.later(days=1)
    gone = backup.forget(world.house.database, made.copy.id, world.moment)
    assert gone == replace(made.copy, removed="2026-11-23T10:30:00Z")
    assert listed(world) == (gone,)
    owed.pay(world.house)
    leaves = [world.house.log.prove(world.house.log.size - back).extra for back in (2, 1)]
    assert [step in one for step, one in zip((b'"made"', b'"ended"'), leaves, strict=True)] == [True, True]
    with pytest.raises(Conflict):
        backup.forget(world.house.database, made.copy.id, world.moment)
    with pytest.raises(NotFound):
        backup.forget(world.house.database, "bak_" + 32 * "0", world.moment)


def certificate(world: World, alias: str) -> list[str]:
    """The lines about backups in the certificate of erasing somebody."""
    who, inside = enrolled(world, (alias, 1))
    done = erase.erase(world.house, who, inside, alias)
    key = Verifier.from_vkey((world.settings.data / "certificate.vkey").read_text().strip())
    return open_note(done.certificate.encode(), [key]).splitlines()[5:]


def test_a_certificate_names_the_backups_that_may_exist_and_their_last_date(world: World, tmp_path: Path) -> None:
    assert certificate(world, "nobody") == ["backup none"]
    short, long, destroyed = (
        back_up(world, tmp_path / f"{days}.backup", days).copy for days in (1, 30, 31)
    )  # fmt: skip
    backup.forget(world.house.database, destroyed.id, world.moment)
    both = {f"backup {copy.id} until {copy.until}" for copy in (short, long)}
    assert set(certificate(world, "ada")) == both
    world.later(days=2)
    assert certificate(world, "bob") == [f"backup {long.id} until {long.until}"]
    world.later(days=40)
    assert certificate(world, "cid") == ["backup none"]


def test_a_backup_is_on_the_list_before_the_first_byte_of_it_is_written(world: World, tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    class Dying(FullDisk):
        def write(self, descriptor: int, content: memoryview) -> int:
            del descriptor, content
            with world.house.database.read() as connection:
                names.extend(connection.execute(select(backups.c.id)).scalars())
            raise Killed

    names: list[str] = []
    with pytest.raises(Killed):
        backup.make(
            world.settings, world.house.vault, world.house.database, tmp_path / "one.backup", now=world.moment,
            disk=Dying(0),
        )  # fmt: skip
    assert len(names) == 1


def doctors(world: World) -> str:
    return next(check.says for check in doctor.examine(world.settings, world.moment) if check.name == "backup")


def test_the_doctor_says_when_the_last_backup_was_made_and_warns(world: World, tmp_path: Path) -> None:
    assert doctors(world).startswith("WARNING: there is none")
    made = back_up(world, tmp_path / "one.backup", 2)
    assert doctors(world) == f"the last one was made {made.copy.created} and may be restored until {made.copy.until}"
    world.later(days=3)
    assert doctors(world).startswith("WARNING: the last one")
    backup.forget(world.house.database, made.copy.id, world.moment)
    assert doctors(world).startswith("WARNING: there is none")
