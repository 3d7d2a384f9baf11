"""What was removed is not in memory any more: the parent reads the child's memory and looks for the template."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

D = 128
_CHILD = """
import gc, sys
import numpy as np
from countenance.gallery.index import Index

index = Index(128)
rng = np.random.default_rng(int(sys.argv[1]))
rows = rng.standard_normal((300, 128)).astype(np.float32)
rows /= np.linalg.norm(rows, axis=1, keepdims=True)
index.add_many("col", [f"sub_{n}" for n in range(299)], [f"ref_{n}" for n in range(299)], rows[:299])
probe = rows[299].copy()
rows.fill(0)
everybody = frozenset(f"sub_{n}" for n in range(299))
for _ in range(3):
    index.search("col", probe, allowed=everybody, threshold=-1.0, top=100)
    index.search_many("col", np.stack([probe, probe]), allowed=everybody, threshold=-1.0, top=100)
index.score("col", "sub_7", probe)
for _ in range(2):
    print("ready", flush=True)
    sys.stdin.readline()
    for subject in everybody:
        index.remove_subject("col", subject)
"""


def _occurrences(pid: int, needles: list[bytes]) -> int:
    """How many of the needles are in the writable memory of a process."""
    found: set[bytes] = set()
    maps = Path(f"/proc/{pid}/maps").read_text()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for start, end in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw", maps, re.MULTILINE):
            memory.seek(int(start, 16))
            try:
                content = memory.read(int(end, 16) - int(start, 16))
            except OSError:
                continue
            found.update(needle for needle in needles if needle in content)
    return len(found)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to read another process's memory")
def test_no_removed_template_is_left_in_memory() -> None:
    rows = np.random.default_rng(11).standard_normal((300, D)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    needles = [row[40:60].tobytes() for row in rows[:299:23]]
    with subprocess.Popen([sys.executable, "-c", _CHILD, "11"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        before = _occurrences(child.pid, needles)
        child.stdin.write(b"\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"ready\n"
        after = _occurrences(child.pid, needles)
        child.stdin.close()
    assert before == len(needles), "the templates were not found while enrolled: the scan proves nothing"
    assert after == 0
