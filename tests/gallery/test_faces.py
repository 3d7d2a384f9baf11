"""Sealed references: they come back to their own place and no other, and damage names the reference only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import insert, select, update

from countenance.domain.errors import BadInput, Conflict, StorageDamaged
from countenance.gallery.faces import BATCH, Faces, Place
from countenance.gallery.index import Index
from countenance.storage import db
from countenance.storage.tables import collections, customers, subjects, templates
from countenance.storage.vault import Seal, Vault
from tests.gallery.naive import unit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

D = 32
MODEL = "sha256:" + "0" * 64
TEMPLATES = [unit(row) for row in np.random.default_rng(5).standard_normal((6, D))]


@dataclass
class World:
    """Two customers with one collection each and two subjects in each collection."""

    database: db.Database
    faces: Faces
    seals: dict[str, Seal]

    def put(
        self, reference: str, template: NDArray[np.float32], who: str = "a", *, subject: str = "", model: str = MODEL
    ) -> None:
        with self.database.begin() as connection:
            place = Place(reference, subject or f"sub_{who}1", f"col_{who}", f"cus_{who}", model)
            self.faces.put(connection, self.seals[who], place, template, "")

    def loaded(self, **which: str) -> Index:
        index = Index(D)
        self.faces.load(index, **which)  # type: ignore[arg-type]
        return index

    def change(self, reference: str, **columns: object) -> None:
        with self.database.begin() as connection:
            connection.execute(update(templates).where(templates.c.id == reference).values(**columns))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    vault = Vault(bytes(32))
    with db.open(tmp_path / "countenance.db") as database:
        vault.remember(database)
        keys = {who: vault.new_customer_key(f"cus_{who}") for who in "ab"}
        with database.begin() as connection:
            for who in "ab":
                row = {"id": f"cus_{who}", "created": "", "facts": {}, "sealed_key": keys[who], "status": ""}
                connection.execute(insert(customers), row)
                row = {"id": f"col_{who}", "customer_id": f"cus_{who}", "purpose": "", "name": "", "created": ""}
                connection.execute(insert(collections), row)
                for number in "12":
                    person = {"id": f"sub_{who}{number}", "collection_id": f"col_{who}", "alias": b"", "created": ""}
                    connection.execute(insert(subjects), {**person, "alias_digest": number.encode()})
        seals = {who: vault.open_customer_key(f"cus_{who}", key).templates for who, key in keys.items()}
        yield World(database, Faces(database, vault), seals)


def test_references_come_back_to_their_own_subjects(world: World) -> None:
    world.put("ref_1", TEMPLATES[0], "a", subject="sub_a1")
    world.put("ref_2", TEMPLATES[1], "a", subject="sub_a2")
    world.put("ref_3", TEMPLATES[2], "b")
    index = world.loaded()
    for collection, subject, template in (("col_a", "sub_a1", 0), ("col_a", "sub_a2", 1), ("col_b", "sub_b1", 2)):
        best = index.score(collection, subject, TEMPLATES[template])
        assert best is not None
        assert best.score == pytest.approx(1.0, abs=1e-6)


def test_progress_tells_of_every_batch_and_ends_whole(world: World) -> None:
    for number in range(5):
        world.put(f"ref_{number}", TEMPLATES[number])
    told: list[tuple[int, int]] = []
    assert world.faces.load(Index(D), progress=lambda done, of: told.append((done, of))) == 5
    assert told == [(5, 5)]
    assert BATCH > 5


def test_only_one_models_references_are_loaded_where_asked(world: World) -> None:
    world.put("ref_1", TEMPLATES[0])
    world.put("ref_2", unit(np.ones(D // 2)), model="sha256:other")
    assert world.loaded(model_digest=MODEL).count("col_a") == 1
    with world.database.read() as connection:
        assert world.faces.count(connection) == 2
        assert world.faces.count(connection, model_digest=MODEL) == 1
        assert world.faces.count(connection, subject="sub_b1") == 0


@pytest.mark.parametrize(
    "columns",
    [
        {"subject_id": "sub_a2"},
        {"collection_id": "col_b"},
        {"customer_id": "cus_b"},
        {"model_digest": "sha256:other"},
        {"id": "ref_other"},
    ],
)
def test_a_row_moved_to_another_place_does_not_open(world: World, columns: dict[str, str]) -> None:
    world.put("ref_1", TEMPLATES[0])
    world.change("ref_1", **columns)
    with pytest.raises(StorageDamaged) as caught:
        world.loaded()
    assert columns.get("id", "ref_1") in caught.value.message


def test_two_sealed_templates_cannot_be_swapped(world: World) -> None:
    world.put("ref_1", TEMPLATES[0])
    world.put("ref_2", TEMPLATES[1])
    with world.database.read() as connection:
        rows = connection.execute(select(templates.c.id, templates.c.sealed)).all()
    sealed = {row.id: row.sealed for row in rows}
    world.change("ref_1", sealed=sealed["ref_2"])
    with pytest.raises(StorageDamaged, match="ref_1"):
        world.loaded()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: s[:-1],
        lambda s: s[:20],
        lambda s: s[:0],
        lambda s: b"\x02" + s[1:],
        lambda s: s[:40] + bytes(1) + s[41:],
    ],
)
def test_an_altered_template_does_not_open(world: World, spoil: object) -> None:
    world.put("ref_1", TEMPLATES[0])
    with world.database.read() as connection:
        sealed = connection.execute(select(templates.c.sealed)).scalar_one()
    world.change("ref_1", sealed=spoil(sealed))  # type: ignore[operator]
    with pytest.raises(StorageDamaged, match="ref_1"):
        world.loaded()


def test_a_customer_without_key_has_no_templates(world: World) -> None:
    """Deleting the key is the last step of leaving: what was sealed under it opens for nobody."""
    world.put("ref_1", TEMPLATES[0])
    with world.database.begin() as connection:
        connection.execute(update(customers).where(customers.c.id == "cus_a").values(sealed_key=None))
    with pytest.raises(StorageDamaged, match="ref_1"):
        world.loaded()


def test_at_rest_there_is_no_clear_template(world: World, tmp_path: Path) -> None:
    world.put("ref_1", TEMPLATES[0])
    world.database.checkpoint_truncate()
    clear = TEMPLATES[0].tobytes()
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert not any(clear[at : at + 8] in content for at in range(0, len(clear), 8)), path.name


def test_deleted_references_are_in_no_file_and_their_traces_prove_it(world: World) -> None:
    world.put("ref_1", TEMPLATES[0], subject="sub_a1")
    world.put("ref_2", TEMPLATES[1], subject="sub_a1")
    world.put("ref_3", TEMPLATES[2], subject="sub_a2")
    with world.database.begin() as connection:
        traces = world.faces.delete(connection, "sub_a1")
    assert len(traces) == 2
    assert world.database.contains(*traces)
    world.database.scrub(traces)
    assert not world.database.contains(*traces)
    assert world.loaded().count("col_a") == 1


def test_one_reference_can_be_deleted(world: World) -> None:
    world.put("ref_1", TEMPLATES[0])
    world.put("ref_2", TEMPLATES[1])
    with world.database.begin() as connection:
        assert len(world.faces.delete(connection, "sub_a1", "ref_1")) == 1
        assert world.faces.delete(connection, "sub_a1", "ref_1") == ()
        assert world.faces.count(connection, subject="sub_a1") == 1


def test_what_cannot_be_a_reference_is_refused(world: World) -> None:
    for bad in (TEMPLATES[0][None], TEMPLATES[0].astype(np.float64), np.zeros(0, np.float32)):
        with pytest.raises(BadInput):
            world.put("ref_1", bad)  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        world.put("ref_1", TEMPLATES[0], subject="sub_nobody")
    world.put("ref_1", TEMPLATES[0])
    with pytest.raises(Conflict):
        world.put("ref_1", TEMPLATES[0])
    assert world.loaded().count("col_a") == 1
