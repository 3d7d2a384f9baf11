"""Where a demonstration plays and what it leaves: a folder of its own, replaced at each run and never another's.

    demo-output/public/index.html     the page
    demo-output/public/receipts/      the public half of each receipt
    demo-output/public/ledger/        a copy of the log's public folder, with log.vkey beside it
    demo-output/state, keys           the house that was founded for it, empty of people by the end

`public` alone may be served. A folder without our mark is never cleared.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from countenance import config
from countenance.demo import page
from countenance.demo.proof import proven, public_half
from countenance.demo.story import play
from countenance.domain.errors import Conflict
from countenance.service import founding
from countenance.service.app import House, load_vision
from countenance.storage.files import disk_errors, make_private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from countenance.config import Settings
    from countenance.demo.cast import Cast
    from countenance.demo.scene import Proof, Scene
    from countenance.service.app import Vision

ORIGIN = "localhost/countenance-demo"
MARK = "made-by-countenance-demo"
OURS = ("public", "state", "keys")


def perform(cast: Cast, out: Path, state: Path | None, *, vision: Vision = load_vision) -> Iterator[Scene]:
    """Play the story and yield its scenes as they happen; the page is written at the end.

    out: the folder of the demonstration. state: another, empty folder for the house's state. Raises Conflict
    for a folder that is not ours to use, and what the house raises.
    """
    settings = config.checked(config.Settings(state or out / "state", out / "keys"))
    with disk_errors("the demonstration's folder"):
        _clear(out)
    founding.found(settings, ORIGIN)
    scenes: list[Scene] = []
    with House.open(settings, vision=vision) as house:
        for scene in play(house, cast):
            scenes.append(scene)
            yield scene
    proofs = [proof for scene in scenes for proof in scene.proofs]
    with disk_errors("the demonstration's folder"):
        _publish(settings, out / "public", proofs)
    last = proven(proofs, out / "public" / "ledger", (out / "public" / "log.vkey").read_text().strip())
    with disk_errors("the demonstration's page"):
        (out / "public" / "index.html").write_text(page.page([*scenes, last], cast), encoding="utf-8")
    yield last


def _clear(out: Path) -> None:
    """Make the folder ours and empty; refuse one that holds anything we did not make."""
    if out.exists() and any(out.iterdir()) and not (out / MARK).is_file():
        raise Conflict(
            "this folder holds something else than a demonstration", next_step="Name an empty folder with --out."
        )
    make_private_folder(out)
    (out / MARK).write_text("This folder is replaced by each `countenance demo`.\n")
    for name in OURS:
        if (out / name).exists():
            shutil.rmtree(out / name)


def _publish(settings: Settings, public: Path, proofs: list[Proof]) -> None:
    shutil.copytree(settings.ledger, public / "ledger")
    for name in ("log.vkey", "certificate.vkey"):
        shutil.copyfile(settings.data / name, public / name)
    (public / "receipts").mkdir()
    for proof in proofs:
        (public / "receipts" / proof.file).write_bytes(public_half(proof.receipt))
