"""Identification, 1:N: whose reference does this photograph show, among those whose basis covers the ask?

The candidates are narrowed before the search. A hit is checked against SQL, which is the truth: where they
disagree the subject is taken out of the candidates and the search is run again, so that absence tells nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.domain.errors import BadInput
from countenance.service import watched
from countenance.service.gate import Answered, Done, Permit, Private
from countenance.service.likeness import figure, the_face, threshold
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
    in a gallery of this size, None where there is no figure. clear: whether the second subject stays below the
    threshold; None without a first. runner_up: the second subject's false match rate; None: no figure, or no second.
    """

    candidates: tuple[Candidate, ...]
    gallery: int
    false_positive_rate: float | None
    clear: bool | None
    runner_up: float | None
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
        face, template = the_face(house, photo, "search")
        sighting = watched.searched(house, who, permit, template, inside.id, use.source)
        found, searched = _search(house, inside, permit.ask.purpose, template, allowed, top)
        answer = _answer(house, found, searched, face)
        first = answer.candidates[0].subject if answer.candidates else ""
        if searched:
            watched.told(house, permit, sighting, first)
        return Done(answer, "match" if first else "no-match", subject=first)

    # The candidates are narrowed to those who are covered, so there is a basis for everybody who can be found.
    consent = "demonstration" if ask.purpose == "demonstration" else "on-record"
    written = house.candidates.in_writing(inside.id, ask.purpose, house.now())
    return house.gate.run(who, ask, work, about=about, consent=consent, written=written, authority=use.authority)


def _search(
    house: House, inside: Collection, purpose: str, template: NDArray[np.float32], allowed: frozenset[str], top: int
) -> tuple[Found, int]:
    """Search, then ask SQL about the hits; each round takes at least one stale subject out, so it ends."""
    bar = threshold(house.calibration, house.calibration.identify_rate)
    while True:
        found = house.index.search(inside.id, template, allowed=allowed, threshold=bar, top=top)
        hits = {hit.subject for hit in found.hits}
        stale = hits - house.candidates.still(inside.id, hits, purpose, house.now()) if hits else set()
        if not stale:
            return found, len(allowed)
        allowed -= stale


def _answer(house: House, found: Found, searched: int, face: Face) -> Identified:
    calibration = house.calibration
    candidates = tuple(Candidate(hit.subject, hit.reference, figure(calibration, hit.score)) for hit in found.hits)
    second = found.hits[0].score - found.margin if found.hits and found.margin is not None else None
    rate = calibration.identification_rate(calibration.identify_rate, max(found.references, 1))
    return Identified(
        candidates=candidates,
        gallery=searched,
        false_positive_rate=None if rate is None else float(rate),
        clear=None if not candidates else second is None or second < threshold(calibration, calibration.identify_rate),
        runner_up=None if second is None else figure(calibration, second),
        face=face,
        calibration=calibration.digest,
    )
