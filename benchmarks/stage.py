"""A real house for simulations: everything of it is real but the pair of eyes, which recalls templates made before.

A picture says in its first pixel whose probe it stands for; the stand-in hands that template out where the real engine
would embed the face. So the whole gate is asked, call by call, at the speed of everything but inference. The clock is
the simulation's and is never slept on.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from PIL import Image as Pillow

from countenance.config import Settings
from countenance.consent import Basis
from countenance.domain import ids
from countenance.domain.face import Box, Face, Measure, Quality
from countenance.gallery.faces import Place
from countenance.service import admit, auth, founding, people
from countenance.service.app import House
from countenance.service.application import Application, Verification

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from countenance.domain.image import Image
    from countenance.service.auth import Principal
    from countenance.service.people import Collection
    from countenance.vision.calibration import Calibration
    from countenance.vision.manifest import Manifest

    Templates = NDArray[np.float32]

START = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
SIDE = 96  # pixels
PURPOSE = "access-control"


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """So many people, two photographs each. references, probes: (P, D) float32, unit L2."""

    references: Templates
    probes: Templates
    calibration: Calibration
    manifest: Manifest

    def __len__(self) -> int:
        return len(self.probes)


@cache
def picture(person: int) -> bytes:
    """A PNG that stands for the probe of this person."""
    pixels = np.full((SIDE, SIDE, 3), 128, np.uint8)
    pixels[0, 0] = (person // 256, person % 256, 0)
    out = io.BytesIO()
    Pillow.fromarray(pixels).save(out, "PNG", compress_level=0)
    return out.getvalue()


@dataclass
class Recalled:
    """An engine that recalls: one face in each picture, and its template as it was made before."""

    cast: Cast
    dimension: int = field(init=False)

    def __post_init__(self) -> None:
        self.dimension = self.cast.probes.shape[1]
        self.model_digest = self.cast.calibration.model_digest
        self.manifest = self.cast.manifest

    def detect(self, image: Image) -> tuple[Face, ...]:
        sharp = Measure("sharpness", 1.0, "1", ok=True, says="")
        del image
        return (Face(Box(4, 4, 40, 40), np.zeros((5, 2), np.float32), 0.9, Quality((sharp,))),)

    def embed(self, image: Image, faces: Sequence[Face], *, mirror: bool = False) -> tuple[Face, ...]:
        del mirror
        high, low, _ = (int(value) for value in image.rgb[0, 0])
        return tuple(replace(face, template=self.cast.probes[256 * high + low]) for face in faces)

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer with keys, one collection, and who is enrolled in it: by person, the subject."""

    keys: tuple[Principal, ...]
    inside: Collection
    subjects: dict[int, str]


class Stage:
    """One house and its clock; a context manager."""

    def __init__(self, folder: Path, cast: Cast) -> None:
        self.now, self.cast = START, cast
        settings = Settings(folder / "data", folder / "keys")
        founding.found(settings, "benchmark/log", clock=lambda: self.now)
        eyes: Any = lambda _: (Recalled(cast), cast.calibration)  # noqa: E731
        self.house = House.open(settings, clock=lambda: self.now, vision=eyes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.house.close()

    def tenant(self, name: str, enrolled: Sequence[int], keys: int = 1) -> Tenant:
        """A verified customer with these people enrolled, by their own consent."""
        until = (self.now + timedelta(days=360)).date()
        checked = Verification("document-seen", "register extract", "B. Person", until)
        admitted = admit.apply(self.house, Application(
            name=name, sector="commercial", country="DE", purposes=frozenset({PURPOSE}), contact="A. Person",
            attested_by="A. Person", verification=checked,
        ))  # fmt: skip
        first = auth.authenticate(self.house.database, admitted.key)
        inside = people.create_collection(self.house, first, "here", PURPOSE)
        subjects = {person: self._enrol(first, inside, person) for person in enrolled}
        return Tenant((first, *(self._key(first) for _ in range(keys - 1))), inside, subjects)

    def _key(self, of: Principal) -> Principal:
        with self.house.database.begin() as connection:
            text = auth.issue(connection, of.grant.id, self.now)
        return auth.authenticate(self.house.database, text)

    def _enrol(self, who: Principal, inside: Collection, person: int) -> str:
        basis = Basis(
            basis="consent", purpose=PURPOSE, given_at=self.now, until=self.now + timedelta(days=360), adult=True,
            manner="in-writing", notice="a simulation", recorded_by="A. Person",
            evidence="a simulation",
        )  # fmt: skip
        subject = people.give_consent(self.house, who, inside, f"p{person}", basis).subject
        template, reference = self.cast.references[person], ids.new("reference")
        place = Place(reference, subject, inside.id, who.customer.id, self.house.engine.model_digest)
        with self.house.database.begin() as connection:
            seal = people.customer_key(self.house, who).templates
            self.house.faces.put(connection, seal, place, template, ids.utc(self.now))
        self.house.index.add(inside.id, subject, reference, template)
        return subject
