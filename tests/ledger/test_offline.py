"""A stranger's verifier: what it imports, and that it runs with nothing else."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from countenance.ledger.proof import Receipt
from tests.ledger.world import SIGNER, make_log, some_leaf

if TYPE_CHECKING:
    from pathlib import Path

VERIFIER = """
import sys, socket
before = {name.split(".")[0] for name in sys.modules}
def refuse(*_): raise SystemExit("the verifier asked the network")
socket.socket = socket.create_connection = socket.getaddrinfo = refuse
from countenance.ledger.note import Verifier
from countenance.ledger.proof import read_receipt, verify_receipt
from countenance.ledger.fsck import fsck
from pathlib import Path
print(verify_receipt(read_receipt(sys.stdin.buffer.read()), Verifier.from_vkey(sys.argv[1])).index)
fsck(Path(sys.argv[2]), Verifier.from_vkey(sys.argv[1]))
ours = {"countenance", "cryptography", "_cffi_backend"}
foreign = {name.split(".")[0] for name in sys.modules} - set(sys.stdlib_module_names) - ours - before
foreign = {name for name in foreign if getattr(sys.modules[name], "__file__", None)}
print(" ".join(sorted(foreign)))
rooms = {".".join(n.split(".")[:2]) for n in sys.modules if n.startswith("countenance.")}
print(" ".join(sorted(rooms)))
"""


def test_the_verifier_needs_the_standard_library_and_an_ed25519_check(tmp_path: Path) -> None:
    with make_log(tmp_path) as log:
        receipt = Receipt(log.append(some_leaf(0)).proof)
    ended = subprocess.run(
        [sys.executable, "-c", VERIFIER, SIGNER.vkey, str(tmp_path / "public")],
        input=receipt.encode(), capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    index, foreign, rooms = ended.stdout.decode().split("\n")[:3]
    assert index == "0"
    assert foreign == "", "no numpy, sqlalchemy, onnxruntime, cedarpy or click on an auditor's machine"
    assert rooms == "countenance.domain countenance.ledger"
