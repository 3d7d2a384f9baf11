"""What an ask is, as attributes of Cedar's two entities: the customer who asks, and the use that is asked for.

Nothing here changes while the ask stays the same; what may change is the context (context.py). It decides nothing.
Source: docs/policy.md, schema.cedarschema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from countenance.policy import words

if TYPE_CHECKING:
    from countenance.domain.decision import Ask

_USE_ATTRIBUTES = (
    "country", "region", "locality", "purpose", "mode", "place", "camera", "probe", "capture", "minors",
    "legal_effect",
)  # fmt: skip


def attributes(ask: Ask) -> dict[str, dict[str, object]]:
    """What an ask is, as the attributes of the customer and of the use."""
    seat_country, seat_region = words.seat(ask)
    customer: dict[str, object] = {
        "sector": ask.sector,
        "acts_for": sorted(ask.acts_for),
        "requested_by": sorted(ask.requested_by),
        "parties": sorted(words.parties(ask)),
        "seat_country": seat_country,
        "seat_region": seat_region,
    }
    use: dict[str, object] = {name: getattr(ask, name) for name in _USE_ATTRIBUTES}
    return {"Customer": customer, "Use": {**use, "territories": sorted(words.territories(ask))}}
