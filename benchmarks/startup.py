"""Start to ready with 100,000 sealed references, and the memory that takes.

A house is filled once in a temporary folder; then whole processes open it, as `countenance` does, with the real
models from a warm cache. Ready means: log recovered, models loaded, every template unsealed, the gate able to answer.

    python -m benchmarks.startup [--references 100000] [--json]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import insert

from benchmarks.rows import Row, held_back, report
from countenance.config import Settings
from countenance.domain import ids
from countenance.gallery.faces import Place
from countenance.service import auth, founding, people
from countenance.service.app import House
from countenance.service.myself import settle_in
from countenance.storage.tables import consents, subjects

READY = 3.0  # seconds
MEMORY = 450.0  # MB resident
RUNS = 10
BATCH = 5_000  # subjects in one transaction
_OPEN = """
import sys, time
from pathlib import Path
from countenance.config import Settings
from countenance.service.app import House
with House.open(Settings(Path(sys.argv[1]), Path(sys.argv[2]))) as house:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(house.index.count(sys.argv[3]), status["VmRSS"].split()[0], status["VmHWM"].split()[0], flush=True)
    sys.stdin.read()
"""


def fill(settings: Settings, references: int) -> str:
    """A house with one collection of so many subjects, each with one random template; returns the collection."""
    founding.found(settings, "benchmark/log")
    with House.open(settings) as house:
        admitted = settle_in(house, ("identity-verification",), "DE").admitted
        who = auth.authenticate(house.database, admitted.key)
        inside = people.collection(house, who, "me")
        rng = np.random.default_rng(1)
        for start in range(0, references, BATCH):
            _add(house, who, inside, min(BATCH, references - start), rng)
        return inside.id


def _add(house: House, who: auth.Principal, inside: people.Collection, many: int, rng: np.random.Generator) -> None:
    """Rows as `people` and `enrol` write them, in three statements: aliases are not read by an opening."""
    templates = rng.standard_normal((many, house.engine.dimension)).astype(np.float32)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    now, until = ids.utc(house.now()), ids.utc(house.now() + timedelta(days=30))
    names = [ids.new("subject") for _ in templates]
    places = [
        Place(ids.new("reference"), name, inside.id, who.customer.id, house.engine.model_digest) for name in names
    ]
    people_rows = [
        {"id": name, "collection_id": inside.id, "alias": b"", "alias_digest": name.encode(), "created": now}
        for name in names
    ]
    basis = {
        "purpose": inside.purpose, "basis": "consent", "given_at": now, "until": until, "adult": True,
        "notice": "a benchmark", "manner": "electronic", "recorded_by": "a benchmark", "withdrawn": None,
    }  # fmt: skip
    with house.database.begin() as connection:
        connection.execute(insert(subjects), people_rows)
        connection.execute(
            insert(consents), [{**basis, "id": ids.new("consent"), "subject_id": name} for name in names]
        )
        seal = people.customer_key(house, who).templates
        house.faces.put_many(connection, seal, zip(places, templates, strict=True), now)


def opened(settings: Settings, collection: str) -> tuple[float, int, int, int]:
    """Seconds to ready, references in memory, resident MB now and at the peak, of one whole process."""
    begun = time.perf_counter()
    command = [sys.executable, "-c", _OPEN, str(settings.data), str(settings.keys), collection]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        count, now, peak = (int(word) for word in process.stdout.readline().split())
        taken = time.perf_counter() - begun
        process.communicate("")
    return taken, count, now * 1024 // 1_000_000, peak * 1024 // 1_000_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--references", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder) / "data", Path(folder) / "keys")
        collection = fill(settings, arguments.references)
        runs = [opened(settings, collection) for _ in range(RUNS)]
    assert all(run[1] == arguments.references for run in runs), "a reference was lost"
    times, memory = [run[0] for run in runs], max(run[3] for run in runs)
    ready = min(times)
    return report(
        [
            Row("references unsealed", arguments.references, "references"),
            Row("process start to ready, least of ten", ready, "s", f"at most {READY:g}", ready <= READY),
            Row("process start to ready, median", statistics.median(times), "s"),
            held_back(),
            Row("resident memory, peak", memory, "MB", f"at most {MEMORY:g}", memory <= MEMORY),
        ],
        json=arguments.json,
    )


if __name__ == "__main__":
    sys.exit(main())
