"""Enrolment: a photograph becomes one more reference of a subject whose basis is on record.

The reference is the unit mean of the face and its mirror image. The photograph is dropped: only the sealed
template stays. Enrolment asks more of a picture than a search does: exactly one face, every quality measure met.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.domain import ids
from countenance.gallery.faces import Place
from countenance.service import people, shown
from countenance.service.gate import Answered, Done, Permit
from countenance.service.kept import FREELY, Once
from countenance.service.likeness import the_face, threshold
from countenance.service.use import Use, ask_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from countenance.domain.face import Face
    from countenance.service.app import House
    from countenance.service.auth import Principal
    from countenance.service.people import Collection


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A new reference. `face` carries its box and quality, no template."""

    subject: str
    reference: str
    face: Face


def enrol(
    house: House, who: Principal, inside: Collection, alias_or_id: str, photo: bytes, use: Use, once: Once = FREELY
) -> Answered[Enrolled]:
    """Add a reference from one photograph. once: how the answer is kept for a repeat.

    Raises Refused, NotFound, BadImage, NoFace, SeveralFaces, PoorQuality.
    """
    ask = ask_of(who, "enrol", use.on(inside.purpose))
    target = people.target(house, who, inside, alias_or_id, ask.purpose)

    def work(_: Permit) -> Done[Enrolled]:
        face, template = the_face(house, photo, "enrol", mirror=True)
        references = house.index.count(inside.id, target.subject) + 1
        threshold(house.calibration, house.calibration.verify_rate, references)
        made = Enrolled(target.subject, ids.new("reference"), face)

        def effect(connection: Connection) -> None:
            place = Place(made.reference, made.subject, inside.id, who.customer.id, house.engine.model_digest)
            seal = people.customer_key(house, who).templates
            house.faces.put(connection, seal, place, template, ids.utc(house.now()))

        def keep(connection: Connection, answered: Answered[Enrolled]) -> None:
            once.keep(connection, shown.enrolled(answered), subject=made.subject)

        return Done(made, "enrolled", effect=effect, keep=keep, settled=lambda: _index(house, inside, made, template))

    return house.gate.run(
        who, ask, work, about=target.about, consent=target.consent, written=target.written, problem=target.problem,
        authority=use.authority,
    )  # fmt: skip


def _index(house: House, inside: Collection, made: Enrolled, template: NDArray[np.float32]) -> None:
    house.index.add(inside.id, made.subject, made.reference, template)
