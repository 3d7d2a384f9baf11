"""What a comparison tells: match or not, and how often two different people look this alike.

The cosine stays inside. What leaves is the calibrated false match rate, as an upper bound that holds for the
worst measured group, or "no figure" where the data of the calibration cannot carry one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from countenance.domain.errors import Conflict, PoorQuality
from countenance.vision.decode import decode
from countenance.vision.engine import only_face

if TYPE_CHECKING:
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

    from countenance.domain.face import Face
    from countenance.service.app import House
    from countenance.vision.calibration import Calibration


@dataclass(frozen=True, slots=True)
class Likeness:
    """The answer of one comparison.

    match: whether the score reaches the threshold of the operating point.
    promised_rate: the false match rate which that threshold keeps, for every measured group that can carry it.
    false_match_rate: upper bound of the rate at which two different people score this high; None: no figure.
    calibration: the digest of the record that these rest on.
    """

    match: bool
    promised_rate: float
    false_match_rate: float | None
    calibration: str


def likeness(calibration: Calibration, score: float, references: int = 1) -> Likeness:
    """score: the best cosine over so many references of a subject; it does not leave this function."""
    return Likeness(
        match=score >= threshold(calibration, calibration.verify_rate, references),
        promised_rate=float(calibration.verify_rate),
        false_match_rate=figure(calibration, score, references),
        calibration=calibration.digest,
    )


def figure(calibration: Calibration, score: float, references: int = 1) -> float | None:
    """The false match rate that this score has earned, or None: no figure."""
    earned = calibration.rate(score, references)
    return None if earned is None else float(earned.fmr)


def threshold(calibration: Calibration, rate: Fraction, references: int = 1) -> float:
    """The cosine from which it is a match at this rate, with the best of so many references counting."""
    found = calibration.threshold(rate, references)
    if found is None:
        raise Conflict(
            "the calibration data cannot carry the promised rate over so many references of one subject",
            next_step="Erase the subject and enrol fewer, better photographs.",
        )
    return found


def the_face(house: House, photo: bytes, purpose: str, *, mirror: bool = False) -> tuple[Face, NDArray[np.float32]]:
    """The only face of a photograph, without its template, and the template: (D,) float32, unit L2.

    purpose: what the picture must be good enough to do, for the sentence. mirror: the unit mean with the mirror
    image, for references. Raises BadImage, NoFace, SeveralFaces, PoorQuality.
    """
    image = decode(photo)
    face = only_face(house.engine.detect(image))
    if not face.quality.ok:
        raise PoorQuality(f"this photograph is not good enough to {purpose}: " + "; ".join(face.quality.complaints))
    template = house.engine.embed(image, (face,), mirror=mirror)[0].template
    assert template is not None
    return replace(face, template=None), template
