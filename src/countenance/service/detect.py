"""Detection: where the faces are and how good their picture is. No template is made, nobody is told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from countenance.service.gate import Answered, Done, Permit, Private
from countenance.service.use import Use, ask_of
from countenance.vision.decode import decode

if TYPE_CHECKING:
    from countenance.domain.face import Face
    from countenance.service.app import House
    from countenance.service.auth import Principal


def detect(house: House, who: Principal, photo: bytes, use: Use) -> Answered[tuple[Face, ...]]:
    """Every face of a photograph, largest first. Raises Refused, BadImage."""
    ask = ask_of(who, "detect", use)

    def work(_: Permit) -> Done[tuple[Face, ...]]:
        faces = house.engine.detect(decode(photo))
        return Done(faces, "faces" if faces else "no-faces")

    return house.gate.run(
        who, ask, work, about=Private(who.customer.id, who.grant.id, who.key), authority=use.authority
    )
