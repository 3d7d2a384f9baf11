"""Identification, 1:N: whose reference does this photograph show, among those whose basis covers the ask?

The candidates are narrowed before the search. A hit is checked against SQL, which is the truth: where they
disagree the subject is taken out of the candidates and the search is run again, so that absence tells nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.domain.errors import BadInput
from countenance.service.gate import Answered, Done, Permit, Private
from countenance.service.likeness import probe
from countenance.service.use import Use, ask_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from countenance.domain.face import Face
    from countenance.gallery.index import Found
    from countenance.service.app import House
    from countenance.service.auth import Principal
    from countenance.service.people import Collection

MOST_CANDIDATES = 10  # rows of a candidate list at most


@dataclass(frozen=True, slots=True)
class Candidate:
    """A subject whose likeness reaches the threshold; false_match_rate as in Likeness, for one comparison."""

    subject: str
    reference: str
    false_match_rate: float | None


@dataclass(frozen=True, slots=True)
class Identified:
    """The answer of a search. No candidates: no match, which is an answer, not an error.

    gallery: subjects searched. false_positive_rate: upper bound of the chance that a stranger gets any candidate
    in a gallery of this size, None where there is no figure. clear: whether the first candidate leads the second
    subject by at least the distance that the threshold keeps from chance; None without a first candidate.
    """

    candidates: tuple[Candidate, ...]
    gallery: int
    false_positive_rate: float | None
    clear: bool | None
    face: Face
    calibration: str


def identify(
    house: House, who: Principal, inside: Collection, photo: bytes, use: Use, *, top: int = 1
) -> Answered[Identified]:
    """Search the collection for the person in the photograph. Raises Refused, BadImage, NoFace, SeveralFaces."""
    if not 1 <= top <= MOST_CANDIDATES:
        raise BadInput(f"a search returns 1 to {MOST_CANDIDATES} candidates")
    ask = ask_of(who, "identify", use.on(inside.purpose))
    about = Private(who.customer.id, who.grant.id, who.key, inside.id)

    def work(permit: Permit) -> Done[Identified]:
        allowed = house.candidates.active(inside.id, permit.ask.purpose, house.now())
        face, template = probe(house, photo)
        permit.observe(house.meter.searched(who.key, template, house.now()))
        found, searched = _search(house, inside, permit.ask.purpose, template, allowed, top)
        answer = _answer(house, found, searched, face)
        first = answer.candidates[0].subject if answer.candidates else ""
        return Done(answer, "match" if first else "no-match", subject=first)

    return house.gate.run(who, ask, work, about=about)


def _search(
    house: House, inside: Collection, purpose: str, template: NDArray[np.float32], allowed: frozenset[str], top: int
) -> tuple[Found, int]:
    """Search, then ask SQL about the hits; each round takes at least one stale subject out, so it ends."""
    threshold = house.calibration.threshold()
    while True:
        found = house.index.search(inside.id, template, allowed=allowed, threshold=threshold, top=top)
        hits = {hit.subject for hit in found.hits}
        stale = hits - house.candidates.still(inside.id, hits, purpose, house.now()) if hits else set()
        if not stale:
            return found, len(allowed)
        allowed -= stale


def _answer(house: House, found: Found, searched: int, face: Face) -> Identified:
    calibration = house.calibration
    candidates = tuple(
        Candidate(hit.subject, hit.reference, calibration.fmr_of(hit.score)) for hit in found.hits
    )
    clear = found.margin is None or found.margin >= calibration.clear_margin if candidates else None
    rate = calibration.identification_rate(calibration.operating_fmr, searched)
    return Identified(candidates, searched, rate, clear, face, calibration.digest)
