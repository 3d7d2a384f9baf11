"""Exact search against the bare numpy product of the same shape, and unsealing references at start.

Each ratio is of the least times of both sides, taken in turn in one run, with the same threads for both sides:
numpy's own. One probe is compared with `(M @ q).max()` over one contiguous matrix; 64 probes with the same-shape
product, into a buffer made beforehand, followed by a row maximum. The search does more in the same time: it masks
half of the subjects at random, ranks five, and settles their order in float64.

    python -m benchmarks.gallery [--templates 1000000] [--references 100000] [--rounds 30] [--json]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import insert

from benchmarks.rows import Row, held_back, least, report
from countenance.domain import ids
from countenance.gallery.faces import Faces, Place
from countenance.gallery.index import Index
from countenance.storage import db
from countenance.storage.tables import collections, customers, subjects
from countenance.storage.vault import Vault

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlalchemy import Connection

DIMENSION = 128
PROBES = 64
ONE_GOAL = 1.3  # times the bare product, at most
MANY_GOAL = 0.8  # of the bare product's rate, at least
LOAD_GOAL = 1.0  # seconds
MODEL = "sha256:" + "0" * 64
_LOAD = """
import sys, time
from pathlib import Path
from countenance.gallery.faces import Faces
from countenance.gallery.index import Index
from countenance.storage import db
from countenance.storage.vault import Vault
def resident():
    return int(dict(line.split(":", 1) for line in Path("/proc/self/status").open())["VmRSS"].split()[0])
vault = Vault.read(Path(sys.argv[2]))
with db.open(Path(sys.argv[1])) as database:
    vault.check(database)
    index, before, began = Index(int(sys.argv[3])), resident(), time.perf_counter()
    Faces(database, vault).load(index)
    print(time.perf_counter() - began, (resident() - before) / 1000)
"""


def random_templates(count: int, seed: int) -> NDArray[np.float32]:
    """(count, DIMENSION) float32, unit: made in blocks, so that no second copy of them all is needed."""
    rng = np.random.default_rng(seed)
    rows = np.empty((count, DIMENSION), np.float32)
    for start in range(0, count, 10_000):
        part = rows[start : start + 10_000]
        rng.standard_normal(out=part, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return rows


def search_rows(count: int, rounds: int) -> list[Row]:
    """One probe and many against `count` templates, half of which may be candidates."""
    rows = random_templates(count, 1)
    index = Index(DIMENSION)
    names = [f"sub_{number:07d}" for number in range(count)]
    index.add_many("col", names, [f"ref_{number:07d}" for number in range(count)], rows)
    half = frozenset(
        name for name, take in zip(names, np.random.default_rng(2).random(count) < 0.5, strict=True) if take
    )
    probes = random_templates(PROBES, 3)
    room = np.empty((PROBES, count), np.float32)
    bare, search = least(
        rounds,
        lambda: np.max(rows @ probes[0]),
        lambda: index.search("col", probes[0], allowed=half, threshold=0.4),
    )
    bare_many, search_many = least(
        max(rounds // 4, 3),
        lambda: np.matmul(probes, rows.T, out=room).max(axis=1),
        lambda: index.search_many("col", probes, allowed=half, threshold=0.4),
    )
    shape = f"{count:,} x {DIMENSION}"
    one, many = search / bare, bare_many / search_many
    return [
        Row(f"one probe, {shape}: search / product", one, "times", f"at most {ONE_GOAL}", one <= ONE_GOAL),
        Row(f"{PROBES} probes, {shape}: rate / product's", many, "times", f"at least {MANY_GOAL}", many >= MANY_GOAL),
        Row("one probe, search", search * 1000, "ms"),
        Row(f"{PROBES} probes, search", search_many * 1000, "ms"),
    ]


def load_rows(references: int, rounds: int) -> list[Row]:
    """Unsealing `references` into the index, in processes of their own."""
    with tempfile.TemporaryDirectory() as folder:
        path, key = Path(folder) / "data" / "countenance.db", Path(folder) / "master.key"
        path.parent.mkdir()
        fill(path, key, references)
        command = [sys.executable, "-c", _LOAD, str(path), str(key), str(DIMENSION)]
        runs = [
            subprocess.run(command, capture_output=True, check=True, text=True).stdout.split() for _ in range(rounds)
        ]
    seconds = min(float(run[0]) for run in runs)
    usual = statistics.median(float(run[0]) for run in runs)
    memory = statistics.median(float(run[1]) for run in runs)
    name = f"{references:,} references"
    return [
        Row(f"unseal {name} into the index", seconds, "s", f"at most {LOAD_GOAL}", seconds <= LOAD_GOAL),
        Row(f"unseal {name}, median", usual, "s"),
        held_back(),
        Row(f"memory that {name} take", memory, "MB"),
    ]


def fill(path: Path, key: Path, references: int) -> None:
    """A database of one customer and one collection with so many subjects of one reference each."""
    Vault.create_master_key(key)
    vault = Vault.read(key)
    templates = random_templates(references, 4)
    with db.open(path) as database:
        vault.remember(database)
        with database.begin() as connection:
            _fill(connection, Faces(database, vault), vault, templates)


def _fill(connection: Connection, faces: Faces, vault: Vault, templates: NDArray[np.float32]) -> None:
    customer, collection = ids.new("customer"), ids.new("collection")
    sealed_key = vault.new_customer_key(customer)
    row: dict[str, object] = {"id": customer, "created": "", "facts": {}, "sealed_key": sealed_key, "status": "active"}
    connection.execute(insert(customers), row)
    row = {"id": collection, "customer_id": customer, "purpose": "", "name": "", "created": ""}
    connection.execute(insert(collections), row)
    people = [ids.new("subject") for _ in templates]
    rows = [
        {"id": who, "collection_id": collection, "alias": b"", "alias_digest": who.encode(), "created": ""}
        for who in people
    ]
    connection.execute(insert(subjects), rows)
    seal = vault.open_customer_key(customer, sealed_key).templates
    places = (Place(ids.new("reference"), who, collection, customer, MODEL) for who in people)
    faces.put_many(connection, seal, zip(places, templates, strict=True), "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--templates", type=int, default=1_000_000)
    parser.add_argument("--references", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = [*search_rows(given.templates, given.rounds), *load_rows(given.references, 10)]
    return report(rows, given.json)


if __name__ == "__main__":
    sys.exit(main())
