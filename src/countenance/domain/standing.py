"""The facts of a customer, as they are declared or verified, and which of them say who it is. Words alone.

Source: docs/admission.md.
"""

from __future__ import annotations

FACTS: dict[str, tuple[str, ...]] = {
    "name": ("name",),
    "sector": ("sector",),
    "acts-for": ("acts_for",),
    "seat": ("seat_country", "seat_region"),
    "use": ("country", "region", "locality"),
    "contact": ("contact",),
    "camera": ("camera",),
    "capture": ("capture",),
    "minors": ("minors",),
    "legal-effect": ("legal_effect",),
}
"""The facts of a customer, each with the fields of an application that say it."""

WHO = ("name", "sector", "acts-for", "seat", "use")
"""Who a customer is, for whom, and where: all of it checked, and the customer counts as verified."""
