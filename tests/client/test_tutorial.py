"""docs/tutorial.md is true: its commands and its program run as they stand, against `make serve`, on real photographs.

Only the folder and the port are others than on the page. The server takes one request at a time, so that a held one
is all it needs to be overloaded. Photographs: `../shared`, or the demonstration's where they were fetched before.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
from PIL import Image as Pillow

from countenance.client import Client
from countenance.demo import fetch
from countenance.domain.errors import Unavailable
from countenance.ledger.note import Verifier
from countenance.ledger.proof import read_receipt, verify_receipt
from tests.conftest import SHARED
from tests.house.sources import ROOT
from tests.ledger.world import SIGNER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from countenance.demo.portraits import Archive

PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
SERVE, TRY, CURL = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(PROGRAM,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:8440"
PATIENCE = 90  # seconds for a start with real models on a busy machine
OUTSIDE = {name: value for name, value in os.environ.items() if not name.startswith("COUNTENANCE_")}


@dataclass
class Place:
    """A stranger's folder: the program, four photographs, the house that `make serve` made, and its address."""

    folder: Path
    address: str = ""

    def run(self, line: str, address: str = "", folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """One line in the shell, in which the page's address is this server's."""
        folder = folder or self.folder
        (folder / "login.py").write_text(PROGRAM.replace(ADDRESS, address or self.address))
        script = f"{TRY.splitlines()[0]}\n{line.replace(ADDRESS, self.address)}"
        command = ["bash", "-euc", script]
        return subprocess.run(command, cwd=folder, env=OUTSIDE, capture_output=True, text=True, check=False, timeout=60)

    def says(self, line: str, **elsewhere: object) -> str:
        ended = self.run(line, **elsewhere)  # type: ignore[arg-type]
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout.strip()

    @property
    def log_key(self) -> str:
        return (self.folder / "serve-house/data/log.vkey").read_text()

    @property
    def key(self) -> str:
        return (self.folder / "serve-house/keys/me.key").read_text().strip()

    def receipt(self, account: str) -> dict[str, str]:
        """The closed part of the receipt that the program kept, verified here once more."""
        kept = read_receipt((self.folder / f"{account}.receipt").read_bytes())
        closed = verify_receipt(kept, Verifier.from_vkey(self.log_key.strip())).closed
        assert closed is not None
        return closed


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("tutorial"))
    for name, raw in zip(("first.jpg", "second.jpg", "other.jpg"), _photographs(), strict=True):
        (made.folder / name).write_bytes(raw)
    Pillow.fromarray(np.full((400, 400, 3), 180, np.uint8)).save(made.folder / "wall.jpg")
    (made.folder / ".venv").symlink_to(sys.prefix)
    with _served(made.folder) as made.address:
        yield made


def _photographs() -> list[bytes]:
    """Two of one person and one of another."""
    if SHARED.is_dir():
        names = ("001_neutral.jpg", "001_smiling.jpg", "002_neutral.jpg")
        return [(SHARED / "faces/london" / name).read_bytes() for name in names]
    try:
        cast = fetch.portraits(fetch.cache_folder(os.environ), _offline)
    except Unavailable:
        pytest.skip("needs ../shared beside the repository, or the portraits that `make demo` fetches")
    one, other = cast.enrolled[:2]
    return [one.photos[0].raw, one.photos[1].raw, other.photos[0].raw]


def _offline(_: Iterable[Archive], __: Path) -> None:
    raise Unavailable("no test asks a registry")


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """The address of the page's `make serve`, which installs nothing here, with a house in this folder."""
    ours = [f"BIN={Path(sys.executable).parent}", f"HOUSE={folder / 'serve-house'}", "PORT=0"]
    command = [*SERVE.split(), "--no-print-directory", "-C", str(ROOT), "-o", ".venv/.runtime-installed", *ours]
    said = folder / "server.out"
    with said.open("w") as out:
        child = subprocess.Popen(
            command, env={**OUTSIDE, "COUNTENANCE_IN_FLIGHT": "1"}, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield _listening(child, said)
    finally:
        os.killpg(child.pid, signal.SIGINT)
        child.wait(PATIENCE)


def _listening(child: subprocess.Popen[bytes], said: Path) -> str:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and child.poll() is None:
        found = re.search(r'"address": "(http://[0-9.:]+)"', said.read_text())
        if found:
            return found[1]
        time.sleep(0.1)
    raise AssertionError(said.read_text())


def test_the_program_has_thirty_lines_and_the_page_one_address() -> None:
    assert len([line for line in PROGRAM.splitlines() if line.strip()]) <= 30
    assert set(re.findall(r"http://[0-9.]+:[0-9]+", PAGE)) == {ADDRESS}
    assert SERVE == "make serve\n"


def test_each_command_says_what_the_page_says(place: Place) -> None:
    activate, *lines = TRY.splitlines()
    assert activate == ". .venv/bin/activate"
    said = [place.says(line) for line in lines]
    assert said[:2] == ["joined", "in"]
    assert "the policy allowed this" in said[2]
    assert "unattended" in said[2]
    assert said[3] == said[6] == "another way in"
    assert re.fullmatch(r"once more: .*one face.*", said[4])
    assert said[5].startswith("countenance-erasure@v1\n")


def test_the_receipt_kept_with_the_session_is_of_this_very_answer(place: Place) -> None:
    place.says("python login.py join eve first.jpg")
    assert place.receipt("eve")["outcome"] == "enrolled"
    place.says("python login.py login eve second.jpg")
    assert place.receipt("eve")["outcome"] == "match"
    place.says("python login.py login eve other.jpg")
    assert place.receipt("eve")["outcome"] == "no-match"
    place.says("python login.py leave eve")


def test_a_stranger_does_not_learn_who_is_a_member(place: Place) -> None:
    assert place.says("python login.py login nobody second.jpg") == "another way in"
    assert place.receipt("nobody")["outcome"] == "none"


def test_who_withdrew_is_refused_and_told_why(place: Place) -> None:
    place.says("python login.py join flo first.jpg")
    with Client(place.address, place.key, log_key=place.log_key) as faces:
        faces.withdraw("members", "flo")
    assert place.says("python login.py login flo second.jpg").startswith("another way in: refused: ")
    assert place.receipt("flo")["outcome"] == "refused"
    place.says("python login.py leave flo")


def test_an_overloaded_server_is_asked_later(place: Place) -> None:
    host, _, port = place.address.removeprefix("http://").partition(":")
    head = f"POST /v1/detect HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {place.key}\r\n"
    with socket.create_connection((host, int(port)), PATIENCE) as line:
        line.sendall(f"{head}Content-Type: image/jpeg\r\nContent-Length: 400000\r\n\r\n".encode() + bytes(300_000))
        while httpx.get(f"{place.address}/v1/log").status_code != 503:
            time.sleep(0.05)
        assert place.says("python login.py login ada second.jpg") == "later"
    _until_free(place)


def _until_free(place: Place) -> None:
    """The server gives a held request up once its caller is gone."""
    with Client(place.address, place.key, log_key=place.log_key) as faces:
        assert faces.me().grant.active


def test_a_server_that_is_away_is_asked_later(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert place.says("python login.py login ada second.jpg", address=nobody) == "later"


def test_an_answer_of_another_log_lets_nobody_in(place: Place, tmp_path: Path) -> None:
    place.says("python login.py join gil first.jpg")
    (tmp_path / "serve-house/data").mkdir(parents=True)
    (tmp_path / "serve-house/keys").symlink_to(place.folder / "serve-house/keys")
    (tmp_path / "serve-house/data/log.vkey").write_text(SIGNER.vkey)
    (tmp_path / "second.jpg").symlink_to(place.folder / "second.jpg")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    assert place.says("python login.py login gil second.jpg", folder=tmp_path) == "another way in"
    assert (tmp_path / "gil.receipt").read_text() == ""


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_same_with_curl(place: Place) -> None:
    ended = place.run(CURL)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (place.folder / "serve-house/keys/me.curl").stat().st_mode & 0o077 == 0
    assert json.loads((place.folder / "answer.json").read_text())["match"] is True
    assert place.receipt("bo")["outcome"] == "match"
    assert "outcome     match" in ended.stdout
    assert "countenance-erasure@v1" in ended.stdout
