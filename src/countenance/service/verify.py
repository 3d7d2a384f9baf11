"""Verification, 1:1: is the person in this photograph the subject? And comparison: do two photographs show one?

Both are watched by the meter: a person compared in turn with more than a few targets within the hour is being
identified, whatever the call is named, and is judged as that.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.service import people, watched
from countenance.service.gate import Answered, Done, Permit, Private
from countenance.service.likeness import Likeness, likeness, the_face
from countenance.service.use import Use, ask_of

if TYPE_CHECKING:
    from countenance.domain.face import Face
    from countenance.service.app import House
    from countenance.service.auth import Principal
    from countenance.service.people import Collection


@dataclass(frozen=True, slots=True)
class Verified:
    """A 1:1 answer about one subject. `face`: the probe's, without template."""

    subject: str
    likeness: Likeness
    face: Face


@dataclass(frozen=True, slots=True)
class Compared:
    """A 1:1 answer about two photographs; nobody is enrolled."""

    likeness: Likeness
    faces: tuple[Face, Face]


def verify(
    house: House, who: Principal, inside: Collection, alias_or_id: str, photo: bytes, use: Use
) -> Answered[Verified]:
    """Compare a probe with every reference of one subject. Raises Refused, NotFound, BadImage, NoFace, ..."""
    ask = ask_of(who, "verify", use.on(inside.purpose))
    target = people.target(house, who, inside, alias_or_id, ask.purpose)

    def work(permit: Permit) -> Done[Verified]:
        face, template = the_face(house, photo, "compare")
        sighting = watched.compared(house, who, permit, template, target.subject.encode(), inside.id, use.source)
        best = house.index.score(inside.id, target.subject, template)
        if best is None:
            raise people.nothing_enrolled()
        answer = likeness(house.calibration, best.score, best.references)
        watched.told(house, permit, sighting, target.subject if answer.match else "")
        return Done(Verified(target.subject, answer, face), "match" if answer.match else "no-match")

    return house.gate.run(
        who, ask, work, about=target.about, consent=target.consent, written=target.written, problem=target.problem,
        authority=use.authority,
    )  # fmt: skip


def compare(house: House, who: Principal, first: bytes, second: bytes, use: Use) -> Answered[Compared]:
    """Do two photographs show one person? Nobody is enrolled and nothing is kept."""
    ask = ask_of(who, "verify", use)

    def work(permit: Permit) -> Done[Compared]:
        (one, left), (other, right) = (the_face(house, photo, "compare") for photo in (first, second))
        watched.compared(house, who, permit, left, hashlib.sha256(second).digest(), "", use.source)
        answer = likeness(house.calibration, float(left @ right))
        return Done(Compared(answer, (one, other)), "match" if answer.match else "no-match")

    about = Private(who.customer.id, who.grant.id, who.key)
    return house.gate.run(who, ask, work, about=about, authority=use.authority)
