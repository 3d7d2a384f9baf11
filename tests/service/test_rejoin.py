"""A restore brings back nothing looser than the log's last leaf says, and says what it did."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from countenance.ledger.fsck import fsck
from countenance.service import changes, records, registry, rejoin
from tests.service.backed import back_up, bring_back, lose_database
from tests.service.promises import LOOSER, STRICTER, Person, law_text, steps
from tests.service.test_changes import FRESH, LESS, STRICT, approved, names

if TYPE_CHECKING:
    from pathlib import Path

    from countenance.service.restore import Restored
    from tests.service.world import World


def restored(world: World, file: Path, *, without_texts: bool = False) -> Restored:
    """The house is lost and comes back from the file; its log goes on whole."""
    world.house.close()
    lose_database(world.settings)
    if without_texts:
        shutil.rmtree(world.settings.ledger / "policy")
    done = bring_back(world, file)
    world.open()
    world.house.log.publish()
    fsck(world.settings.ledger, world.house.log.verifier)
    return done


def made(world: World, folder: Path) -> Path:
    world.house.log.publish()
    back_up(world, folder / "one.backup", keep_days=90)
    return folder / "one.backup"


def test_a_stricter_set_since_is_taken_from_beside_the_ledger(world: World, tmp_path: Path) -> None:
    file = made(world, tmp_path)
    Person.of(world, "operator").propose(STRICTER)
    assert restored(world, file).promises == rejoin.AS_LOGGED
    assert names(world) == STRICT


def test_without_its_text_the_house_comes_back_stopped(world: World, tmp_path: Path) -> None:
    file = made(world, tmp_path)
    Person.of(world, "operator").propose(STRICTER)
    assert restored(world, file, without_texts=True).promises == rejoin.STOPPED
    assert names(world) == (*FRESH, "stop")
    assert steps(world)[-1] == "stopped"


def test_a_looser_set_since_without_its_text_does_not_come_back(world: World, tmp_path: Path) -> None:
    file = made(world, tmp_path)
    approved(world)
    world.later(days=29)
    assert names(world) == FRESH
    world.later(days=2)
    assert names(world) == LESS
    assert restored(world, file, without_texts=True).promises == rejoin.STRICTER
    assert names(world) == FRESH
    world.later(days=60)
    assert names(world) == FRESH
    assert steps(world)[-1] == "in-force"


def test_what_took_effect_since_is_in_force_again_from_the_backups_own_rows(world: World, tmp_path: Path) -> None:
    change, _, _ = approved(world)
    world.later(days=29)
    file = made(world, tmp_path)
    world.later(days=2)
    assert names(world) == LESS
    assert restored(world, file, without_texts=True).promises == rejoin.AS_LOGGED
    assert names(world) == LESS
    assert changes.one(world.house.database, change.id).state == "in-force"
    assert steps(world).count("in-force") == 1


def test_a_stop_since_comes_back_with_its_text(world: World, tmp_path: Path) -> None:
    file = made(world, tmp_path)
    changes.stop(world.house, Person.of(world, "operator").account)
    restored(world, file)
    assert world.house.in_force.held.stopped


def test_what_was_withdrawn_since_does_not_take_effect(world: World, tmp_path: Path) -> None:
    change, _, other = approved(world)
    file = made(world, tmp_path)
    changes.withdraw(world.house, other.account, change.id)
    assert restored(world, file).promises == rejoin.NOTHING
    world.later(days=40)
    assert names(world) == FRESH
    assert changes.one(world.house.database, change.id).state == "withdrawn"


def test_what_waits_goes_on_waiting(world: World, tmp_path: Path) -> None:
    change = Person.of(world, "operator").propose(LOOSER)
    file = made(world, tmp_path)
    restored(world, file)
    assert changes.one(world.house.database, change.id).not_before == "2026-12-22T11:00:00Z"


def test_a_law_that_was_repealed_since_stays_so(world: World, tmp_path: Path) -> None:
    law = registry.propose_here(world.house, law_text()).law
    for role in ("approver", "assessor"):
        Person.of(world, role).sign(law)
    world.later(days=31)
    registry.record_here(world.house, law.id)
    file = made(world, tmp_path)
    registry.repeal_here(world.house, law.id)
    restored(world, file)
    assert records.one(world.house.database, law.id).state == "repealed"
    world.later(days=100)
    assert list(world.house.laws) == []
