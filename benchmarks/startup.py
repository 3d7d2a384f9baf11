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
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks.rows import Row, report
from countenance import consent
from countenance.config import Settings
from countenance.consent import Basis
from countenance.domain import ids
from countenance.service import auth, founding, people
from countenance.service.app import House
from countenance.service.myself import settle_in

READY = 3.0  # seconds
MEMORY = 450.0  # MB resident
RUNS = 5
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
        for number in range(0, references, 1000):
            _add(house, who, inside, number, min(1000, references - number), rng)
        return inside.id


def _add(house: House, who: auth.Principal, inside: people.Collection, start: int, many: int,
         rng: np.random.Generator) -> None:  # fmt: skip
    rows = rng.standard_normal((many, house.engine.dimension)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    now = house.now()
    basis = Basis("consent", inside.purpose, now, now + timedelta(days=30), adult=True, manner="electronic",
                  notice="a benchmark", recorded_by="a benchmark")  # fmt: skip
    with house.database.begin() as connection:
        for offset, row in enumerate(rows):
            subject = people.subject_row(connection, house, who, inside, f"subject {start + offset}")
            consent.record(connection, subject, basis)
            house.faces.put(
                connection, who.customer.id, who.customer.sealed_key, inside.id, subject, ids.new("reference"),
                house.engine.model_digest, row, ids.utc(datetime.now(UTC)),
            )  # fmt: skip


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
    ready, memory = statistics.median(run[0] for run in runs), max(run[3] for run in runs)
    return report(
        [
            Row("references unsealed", arguments.references, "references"),
            Row("process start to ready", ready, "s", f"at most {READY:g}", ready <= READY),
            Row("resident memory, peak", memory, "MB", f"at most {MEMORY:g}", memory <= MEMORY),
        ],
        json=arguments.json,
    )


if __name__ == "__main__":
    sys.exit(main())
