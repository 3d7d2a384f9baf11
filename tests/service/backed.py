"""What the tests of backup and restore share: a house with a history on both sides of its backup, and its loss."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from countenance.domain.errors import NotFound, Refused, Unauthenticated
from countenance.ledger.fsck import fsck
from countenance.service import admit, auth, backup, detect, enrol, erase, identify, people, restore, verify
from countenance.service.use import Use
from countenance.storage.tables import erasures, outbox
from tests.service.test_line import enrolled
from tests.service.world import World, photo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from countenance.config import Settings
    from countenance.service.auth import Principal
    from countenance.service.backup import Made
    from countenance.service.people import Collection
    from countenance.service.restore import Restored


def back_up(world: World, file: Path, keep_days: int = 30) -> Made:
    return backup.make(
        world.settings, world.house.vault, world.house.database, file, now=world.moment, keep_days=keep_days
    )


def bring_back(
    world: World, file: Path, *, copy: Path | None = None, seen: tuple[bytes, ...] = (),
    reached: Callable[[str], None] = lambda _: None,
) -> Restored:  # fmt: skip
    return restore.restore(world.settings, file, now=lambda: world.moment, copy=copy, seen=seen, reached=reached)


def lose_database(settings: Settings) -> None:
    for path in settings.data.glob("countenance.db*"):
        path.unlink()


def kept_key(settings: Settings) -> bytes:
    """The operator's own copy of the log's sealed key."""
    return (settings.log_state / "log.sealed").read_bytes()


def lose_everything(settings: Settings, key: bytes) -> None:
    """All of the data folder is lost; the operator puts the log's sealed key where a restore looks for it."""
    shutil.rmtree(settings.data)
    settings.log_state.mkdir(parents=True, mode=0o700)
    sealed = settings.log_state / "log.sealed"
    sealed.touch(mode=0o600)
    sealed.write_bytes(key)


def key_of(world: World, who: Principal) -> str:
    """One more key of this grant, with its secret."""
    return admit.issue(world.house, who).key


@dataclass
class History:
    """A house that was backed up, and then went on: closed, with its database still there.

    Before the backup ada, bob and eve are enrolled and two keys issued. After it ada is erased, bob's consent
    withdrawn, one key revoked, cid enrolled and a third key issued.
    """

    world: World
    file: Path
    who: Principal
    inside: Collection
    made: Made
    ada: str
    kept: str
    revoked: str
    later: str
    receipts: list[str] = field(default_factory=list)
    certificate: str = ""

    @classmethod
    def of(cls, world: World, folder: Path) -> History:
        who, inside = enrolled(world, ("ada", 1), ("bob", 2), ("eve", 4))
        kept, revoked = key_of(world, who), key_of(world, who)
        ada = people.subject_id(world.house, who, inside, "ada")
        receipts = [verify.verify(world.house, who, inside, "ada", photo(1), Use()).receipt]
        file = folder / "one.backup"
        world.house.log.publish()
        made = back_up(world, file)
        world.later(hours=2)
        erased = erase.erase(world.house, who, inside, "ada")
        receipts += [erased.receipt, people.withdraw(world.house, who, inside, "bob")]
        receipts.append(admit.revoke(world.house, who, auth.key_id(revoked)))
        world.consents(who, inside, "cid")
        enrol.enrol(world.house, who, inside, "cid", photo(3), Use())
        later = key_of(world, who)
        receipts.append(detect.detect(world.house, who, photo(1), Use()).receipt)
        world.house.close()
        return cls(world, file, who, inside, made, ada, kept, revoked, later, receipts, erased.certificate)


def assert_restored(past: History) -> None:
    """Everything that must hold of the house of `past` once it is open again."""
    world, who, inside = past.world, past.who, past.inside
    house = world.house
    found = identify.identify(house, who, inside, photo(1), Use()).result
    assert (found.candidates, found.gallery) == ((), 1)  # ada and bob are no candidates before the first search
    assert [one.alias for one in people.list_subjects(house, who, inside)] == ["bob", "eve"]
    assert not house.database.contains(past.ada.encode())
    with pytest.raises(Refused):
        verify.verify(house, who, inside, "bob", photo(2), Use())
    assert verify.verify(house, who, inside, "eve", photo(4), Use()).result.likeness.match
    for gone in ("ada", "cid"):
        with pytest.raises(NotFound):
            verify.verify(house, who, inside, gone, photo(1), Use())
    assert auth.authenticate(house.database, past.kept).customer.id == who.customer.id
    for key in (past.revoked, past.later):
        with pytest.raises(Unauthenticated):
            auth.authenticate(house.database, key)
    for receipt in past.receipts:
        world.proven(receipt)
    house.log.publish()
    assert fsck(world.settings.ledger, house.log.verifier).checkpoint.size == house.log.size
    with house.database.read() as connection:
        assert connection.execute(select(outbox)).all() == []
        assert connection.execute(select(erasures)).all() == []
