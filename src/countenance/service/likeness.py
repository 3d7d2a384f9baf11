"""What a comparison tells: match or not, and how often two different people look this alike.

The cosine stays inside. What leaves is the calibrated false match rate, as an upper bound that holds for the
worst measured group, or "no figure" where the data of the calibration cannot carry one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.domain.errors import PoorQuality
from countenance.vision.decode import decode
from countenance.vision.engine import only_face

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from countenance.domain.face import Face
    from countenance.service.app import House


@dataclass(frozen=True, slots=True)
class Likeness:
    """The answer of one comparison.

    match: whether the score reaches the threshold of the operating point.
    operating_fmr: the false match rate that threshold promises to every measured group that can carry it.
    false_match_rate: upper bound of the rate at which two different people score this high; None: no figure.
    calibration: the digest of the record that these rest on.
    """

    match: bool
    operating_fmr: float
    false_match_rate: float | None
    calibration: str


def likeness(house: House, score: float) -> Likeness:
    """score: cosine in [-1, 1]; it does not leave this function."""
    calibration = house.calibration
    return Likeness(
        match=score >= calibration.threshold(),
        operating_fmr=calibration.operating_fmr,
        false_match_rate=calibration.fmr_of(score),
        calibration=calibration.digest,
    )


def probe(house: House, photo: bytes) -> tuple[Face, NDArray[np.float32]]:
    """The only face of a probe and its template: (D,) float32, unit L2. Raises BadImage, NoFace, SeveralFaces."""
    image = decode(photo)
    face = only_face(house.engine.detect(image))
    if not face.quality.ok:
        raise PoorQuality("this photograph is not good enough to compare: " + "; ".join(face.quality.complaints))
    found = house.engine.embed(image, (face,))[0]
    assert found.template is not None
    return face, found.template
