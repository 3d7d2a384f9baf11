"""How the work of an ask asks the meter: with what digests, and whether a sketch of the face may be kept at all.

Nothing here decides or counts: `permit.observe` hands what the meter says to the rules. Source: docs/activity.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from countenance.activity.meter import Probe
from countenance.policy import packs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from countenance.activity.meter import Sighting
    from countenance.service.app import House
    from countenance.service.auth import Principal
    from countenance.service.gate import Permit

    Template = NDArray[np.float32]


def searched(house: House, who: Principal, permit: Permit, template: Template, place: str, source: str) -> Sighting:
    """Watch a search, before it is made. place: the collection's id. Ends the work where the rules now refuse."""
    sighting = house.meter.searched(_probe(who, permit, template, source), _digest(house, place), house.now())
    permit.observe(sighting.activity)
    return sighting


def compared(
    house: House, who: Principal, permit: Permit, template: Template, target: bytes, place: str, source: str
) -> Sighting:
    """Watch a comparison, before it is made. target: what the probe is compared with, bytes that name it."""
    probe, against = _probe(who, permit, template, source), house.vault.digest(target, label="meter")
    sighting = house.meter.compared(probe, against, _digest(house, place), house.now())
    permit.observe(sighting.activity)
    return sighting


def told(house: House, permit: Permit, sighting: Sighting, subject: str) -> None:
    """Watch what came of it, before that is told. subject: who was found, or empty for nobody."""
    target = _digest(house, subject) if subject else None
    permit.observe(house.meter.told(sighting, target, house.now()))


def _probe(who: Principal, permit: Permit, template: Template, source: str) -> Probe:
    keep = packs.sketches(permit.rules.policies.files, permit.ask)
    return Probe(who.key, who.customer.id, template if keep else None, source)


def _digest(house: House, name: str) -> bytes:
    return house.vault.digest(name.encode(), label="meter")
