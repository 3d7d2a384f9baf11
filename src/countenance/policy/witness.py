"""One ask made of chosen classes: words, time and context as `cedar.redecide` takes them.

What no rule reads is filled with what is ordinary: a photograph, a private place, everything on file. Nothing is
decided here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from countenance.domain.decision import Ask
from countenance.policy.classes import ordinary
from countenance.policy.context import SHAPE
from countenance.policy.opening import Example
from countenance.policy.terms import SETS, USE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from countenance.policy.classes import Attribute
    from countenance.policy.context import Value
    from countenance.policy.search import Choice

_WORDS = {
    "consent.basis": "on-record",
    "probe_basis": "notice",
    "authority.kind": "none",
    "model.provenance": "shipped",
}
_SECTOR = "commercial"


def example(attributes: tuple[Attribute, ...], choice: Choice) -> Example:
    """The ask of these classes, by level; the most ordinary class where none was chosen."""
    values = {each.name: each.classes[choice.get(level, 0)].value for level, each in enumerate(attributes)}
    chosen = {attributes[level].name for level in choice}
    if {"country", "seat_country"} - chosen and not {"region", "seat_region"} & chosen:
        _settle(values, chosen)
    return Example(_ask(values), cast("datetime", values["on"]), _context(values))


def _settle(values: dict[str, Any], chosen: set[str]) -> None:
    """Seat and use in one country, where only one of them was chosen."""
    if "country" in chosen:
        values["seat_country"] = values["country"]
    elif "seat_country" in chosen:
        values["country"] = values["seat_country"]


def _ask(values: Mapping[str, Any]) -> Ask:
    sector = values.get("sector", _SECTOR)
    sets = {name: _members(values, name) for name in SETS}
    acts_for = sets["acts_for"] | (sets["parties"] - sets["requested_by"] - {sector})
    words = {name: values[name] for name in USE if name in values}
    return Ask(
        action=values["action"],
        sector=sector,
        acts_for=acts_for,
        requested_by=sets["requested_by"],
        seat_country=values.get("seat_country", values["country"]),
        seat_region=values.get("seat_region", ""),
        **words,
    )


def _members(values: Mapping[str, Any], name: str) -> frozenset[str]:
    return frozenset(each.split(":")[1] for each, held in values.items() if held and each.startswith(f"{name}:"))


def _context(values: Mapping[str, Any]) -> dict[str, Value]:
    return {name: values.get(name, _ordinary(name)) for name in SHAPE}


def _ordinary(name: str) -> Value:
    if SHAPE[name] is bool:
        return ordinary(name)
    return 0 if SHAPE[name] is int else _WORDS.get(name, "")
