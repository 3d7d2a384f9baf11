"""A small world for the tests of the service: a real house with a fake pair of eyes.

Everything is real (gate, packs, log, storage, sealing, index) but the networks: `PaintedFaces` reads who is in a
picture from its pixels, so that a test paints the people it needs. It keeps the engine's promises and asserts them.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from PIL import Image as Pillow

from countenance.config import Settings
from countenance.consent import Basis
from countenance.domain.face import Box, Face, Measure, Quality
from countenance.ledger.note import Verifier
from countenance.ledger.proof import VerifiedReceipt, read_receipt, verify_receipt
from countenance.service import admit, auth, founding, people
from countenance.service.app import House
from countenance.service.application import Application, Verification
from countenance.vision.calibration import SCHEMA, Calibration, Count, Differentials, Group, Step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from countenance.domain.image import Image
    from countenance.service.auth import Principal
    from countenance.service.people import Collection

START = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
SIZE = 96  # pixels of a painted picture's side


def photo(*persons: int, blur: bool = False, variant: int = 0) -> bytes:
    """A PNG of these persons (numbers from 1 to 250), largest first. variant: another photograph of the same."""
    pixels = np.full((SIZE, SIZE, 3), 128, np.uint8)
    pixels[0, 0] = (len(persons), int(blur), variant)
    for place, person in enumerate(persons, start=1):
        pixels[0, place] = (person, 0, 0)
    out = io.BytesIO()
    Pillow.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@dataclass
class PaintedFaces:
    """An engine for painted pictures. `decoded` counts pictures it was shown: a deny must show it none."""

    model_digest: str
    dimension: int = 128
    shown: int = 0
    overloads: int = 0
    closed: bool = field(default=False)

    @property
    def manifest(self) -> Any:
        return replace_provenance()

    def detect(self, image: Image) -> tuple[Face, ...]:
        assert image.rgb.dtype == np.uint8
        assert image.rgb.ndim == 3
        self.shown += 1
        count, blur = int(image.rgb[0, 0, 0]), bool(image.rgb[0, 0, 1])
        return tuple(self._face(place, blur=blur) for place in range(count))

    def embed(self, image: Image, faces: Sequence[Face], *, mirror: bool = False) -> tuple[Face, ...]:
        del mirror
        variant = int(image.rgb[0, 0, 2])
        return tuple(
            replace(face, template=template(int(image.rgb[0, place + 1, 0]), variant))
            for place, face in enumerate(faces)
        )

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def _face(place: int, *, blur: bool) -> Face:
        sharp = Measure("sharpness", 0.0 if blur else 1.0, "1", ok=not blur, says="the face is blurred")
        landmarks = np.zeros((5, 2), np.float32)
        return Face(Box(4, 4, 40 - place, 40 - place), landmarks, 0.9, Quality((sharp,)))


def calibration(made_on: datetime) -> Calibration:
    """A record for painted faces: strangers stay under 0.4, which here is 1 in 1,000."""
    steps = tuple(
        Step(rate, milli, "all", ("all",), ())
        for rate, milli in ((100_000, 300), (10_000, 350), (1_000, 400), (100, 450))
    )
    count = Count(1, 10_000, 1, 900)
    return Calibration(
        schema=SCHEMA, made_on=made_on.date().isoformat(), model="painted", model_digest="sha256:" + 64 * "0",
        protocol=("painted",), seed=1, resamples=1, sets=(), verify_ppm=1_000, identify_ppm=100, why="for tests",
        steps=steps, groups=(Group("all", "painted", 100, 10_000, 100, "enrolled", count, count),),
        differentials=Differentials(1_000, ("all",), 1_000, ("all",)),
    )  # fmt: skip


def replace_provenance() -> Any:
    """What a manifest says of the models, so far as anybody asks a painted one."""
    file = SimpleNamespace(
        title="Painted", package_version="1", source="https://example.org/painted", licence="MIT", provenance="unknown",
        provenance_note="Nobody knows.",
    )  # fmt: skip
    part = SimpleNamespace(file=file)
    return SimpleNamespace(provenance="unknown", detector=part, embedder=part)


def template(person: int, variant: int = 0) -> NDArray[np.float32]:
    """(128,) float32, unit L2: about 0.9 cosine between two variants of a person, about 0 between persons."""
    base = np.random.default_rng(person).standard_normal(128)
    noise = np.random.default_rng(1000 * person + variant).standard_normal(128) * (0.3 if variant else 0.0)
    vector = base + noise
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@dataclass
class World:
    """One house, its clock, and what a test does to it."""

    settings: Settings
    moment: datetime = START
    post: Any = None

    def __post_init__(self) -> None:
        founding.found(self.settings, "test.example/log", clock=lambda: self.moment)
        self.calibration = calibration(self.moment)
        self.engine = PaintedFaces(self.calibration.model_digest)
        self.house = self.open()

    def open(self) -> House:
        self.engine = PaintedFaces(self.calibration.model_digest)
        eyes: Any = lambda _: (self.engine, self.calibration)  # noqa: E731
        self.house = House.open(self.settings, clock=lambda: self.moment, vision=eyes, post=self.post)
        return self.house

    def restart(self) -> House:
        self.house.close()
        return self.open()

    def later(self, **by: float) -> None:
        self.moment += timedelta(**by)

    def customer(self, *, verified: bool = True, **changed: Any) -> Principal:
        """An admitted customer's principal."""
        facts: dict[str, Any] = {
            "name": "Harbour Gym", "sector": "commercial", "country": "DE", "contact": "A. Person",
            "purposes": frozenset({"access-control"}), "attested_by": "A. Person",
            "verification": self.verification() if verified else None,
        }  # fmt: skip
        admitted = admit.apply(self.house, Application(**{**facts, **changed}))
        return auth.authenticate(self.house.database, admitted.key)

    def verification(self) -> Verification:
        until = (self.moment + timedelta(days=365)).date()
        return Verification("document-seen", "register extract", "B. Person", until)

    def collection(self, who: Principal, name: str = "staff", purpose: str = "access-control") -> Collection:
        return people.create_collection(self.house, who, name, purpose)

    def consents(self, who: Principal, inside: Collection, *aliases: str, **changed: Any) -> None:
        for alias in aliases:
            people.give_consent(self.house, who, inside, alias, self.basis(inside.purpose, **changed))

    def basis(self, purpose: str, **changed: Any) -> Basis:
        whole: dict[str, Any] = {
            "basis": "consent", "purpose": purpose, "given_at": self.moment, "adult": True, "manner": "in-writing",
            "until": self.moment + timedelta(days=30), "notice": "what it is for", "recorded_by": "A. Person",
            "evidence": "form 17",
        }  # fmt: skip
        return Basis(**{**whole, **changed})

    def proven(self, receipt: str) -> VerifiedReceipt:
        """The leaf behind a receipt, verified offline with the public key alone."""
        verifier = Verifier.from_vkey(self.settings.log_vkey.read_text().strip())
        return verify_receipt(read_receipt(receipt.encode()), verifier)


def new_world(folder: Path) -> World:
    return World(Settings(folder / "data", folder / "keys"))


def ruled(house: House, **changed: Any) -> None:
    """Put other policies or laws in force in a house, as if they had come there by their own way."""
    house.in_force.held = replace(house.in_force.held, **changed)
