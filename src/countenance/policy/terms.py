"""What a rule says, read off Cedar's JSON form: a formula over single comparisons of attributes with constants.

Every form that a pack may take is read; what cannot be followed (arithmetic, times of day, whole records) stays
`Opaque` and may later be true, false or an error, so nothing is ever taken for harmless because it was not
understood. Nothing is evaluated here. Source: the Cedar JSON policy format (docs.cedarpolicy.com); strict
validation at load has proven the types.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from countenance.policy import words
from countenance.policy.context import SHAPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Literal = bool | int | str | datetime
SETS = ("parties", "acts_for", "requested_by")
CUSTOMER = ("sector", "seat_country", "seat_region")
USE = (
    "country", "region", "locality", "purpose", "mode", "place", "camera", "probe", "capture", "minors",
    "legal_effect",
)  # fmt: skip
PLACES = ("country", "region", "locality", "seat_country", "seat_region")
TERRITORIES = "territories"
"""Where use or seat lies: the words of PLACES, and `EEA` with one of its members. Read as what it is made of."""


@dataclass(frozen=True, slots=True)
class Const:
    """True or false whatever is asked."""

    value: bool


@dataclass(frozen=True, slots=True)
class OneOf:
    """The attribute has one of these values."""

    attribute: str
    values: frozenset[Literal]


@dataclass(frozen=True, slots=True)
class Below:
    """The attribute, a number or a time, is less than `limit`, or equal to it where `equal`."""

    attribute: str
    limit: int | datetime
    equal: bool


@dataclass(frozen=True, slots=True)
class Like:
    """The attribute has this form; `pattern` is a regular expression for the whole of it."""

    attribute: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Same:
    """Two attributes have the same word."""

    one: str
    other: str


@dataclass(frozen=True, slots=True)
class Relation:
    """`any`: the sets share a word; `all`: left has every word of right. A side is an attribute's name or the words."""

    how: str
    left: str | frozenset[str]
    right: str | frozenset[str]


@dataclass(frozen=True, slots=True)
class Opaque:
    """An expression that is not followed, as text; the same text has the same value."""

    text: str


@dataclass(frozen=True, slots=True)
class Not:
    part: Term


@dataclass(frozen=True, slots=True)
class Choose:
    """`then` where `test` holds, else `other`; of `&&` and `||` too, for Cedar reads the right side only if it must."""

    test: Term
    then: Term
    other: Term


Term = Const | OneOf | Below | Like | Same | Relation | Opaque | Not | Choose
TRUE, FALSE = Const(True), Const(False)  # noqa: FBT003
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def rule(form: dict[str, Any]) -> Term:
    """When a rule applies: its scope and each of its conditions. form: one rule in Cedar's JSON."""
    parts = [_scope(form[name], name) for name in ("principal", "action", "resource")]
    for each in form["conditions"]:
        said = read(each["body"])
        parts.append(said if each["kind"] == "when" else Not(said))
    return _all(parts)


def atoms(term: Term) -> Iterator[Term]:
    """The comparisons of a formula."""
    if isinstance(term, Not):
        yield from atoms(term.part)
    elif isinstance(term, Choose):
        for part in (term.test, term.then, term.other):
            yield from atoms(part)
    else:
        yield term


def read(node: Any) -> Term:
    """One boolean expression."""
    ((name, sides),) = node.items()
    if name in _READERS:
        return _READERS[name](sides) or _opaque(node)
    if (name == "Value" and isinstance(sides, bool)) or name == ".":
        return _same(node, {"Value": True}) or _opaque(node)
    return _opaque(node)


def _and(sides: Any) -> Term:
    return Choose(read(sides["left"]), read(sides["right"]), FALSE)


def _or(sides: Any) -> Term:
    return Choose(read(sides["left"]), TRUE, read(sides["right"]))


def _if(sides: Any) -> Term:
    return Choose(read(sides["if"]), read(sides["then"]), read(sides["else"]))


def _equal(sides: Any) -> Term | None:
    left, right = sides["left"], sides["right"]
    if (one := _set(left)) is not None and (other := _set(right)) is not None:
        return _all([Relation("all", one, other), Relation("all", other, one)])
    return _same(left, right)


def _unequal(sides: Any) -> Term | None:
    found = _equal(sides)
    return None if found is None else Not(found)


def _contains(sides: Any) -> Term | None:
    """A set has an element: one word in an attribute, or any one of the elements that are written out."""
    value = _literal(sides["right"])
    if _attribute(sides["left"]) == TERRITORIES:
        return _lies_in(value) if isinstance(value, str) else None
    if (name := _attribute(sides["left"])) in SETS and isinstance(value, str):
        return Relation("any", str(name), frozenset({value}))
    return _among(sides["right"], sides["left"].get("Set"))


def _in(sides: Any) -> Term | None:
    return _among(sides["left"], sides["right"].get("Set", [sides["right"]]))


def _among(node: Any, elements: Any) -> Term | None:
    if elements is None:
        return None
    found = [_same(node, each) for each in elements]
    return None if None in found else _any(cast("list[Term]", found))


def _contains_any(sides: Any) -> Term | None:
    one, other = _set(sides["left"]), _set(sides["right"])
    if one is not None and other is not None:
        return Relation("any", one, other)
    if (places := _territories(sides)) is not None:
        return _any([_lies_in(word) for word in sorted(places)])
    elements = [side.get("Set") for side in (sides["left"], sides["right"])]
    if None in elements:
        return None
    found = [_same(left, right) for left in elements[0] for right in elements[1]]
    return None if None in found else _any(cast("list[Term]", found))


def _contains_all(sides: Any) -> Term | None:
    one, other = _set(sides["left"]), _set(sides["right"])
    if (places := _territories(sides)) is not None:
        return _all([_lies_in(word) for word in sorted(places)])
    return None if one is None or other is None else Relation("all", one, other)


def _territories(sides: Any) -> frozenset[str] | None:
    """The words of `resource.territories.containsAny([…])`; None for any other pair of sets."""
    words_of = _set(sides["right"])
    return words_of if _attribute(sides["left"]) == TERRITORIES and isinstance(words_of, frozenset) else None


def _lies_in(word: str) -> Term:
    places = frozenset[Literal]({word, *(words.EEA if word == "EEA" else ())})
    return _any([OneOf(name, places) for name in PLACES])


def _is_empty(sides: Any) -> Term | None:
    found = _set(sides["arg"])
    return None if found is None else Relation("all", frozenset(), found)


def _like(sides: Any) -> Term | None:
    name = _attribute(sides["left"])
    parts = [".*" if each == "Wildcard" else re.escape(each["Literal"]) for each in sides["pattern"]]
    return None if name is None else Like(name, "".join(parts))


def _is(sides: Any) -> Term | None:
    kinds = {"principal": "Customer", "resource": "Use", "action": "Action"}
    known = kinds.get(sides["left"].get("Var", ""))
    return None if known is None or "in" in sides else Const(known == sides["entity_type"])


def _ordered(operator: str) -> Callable[[Any], Term | None]:
    """A reader of `<` and its kin."""

    def reader(sides: Any) -> Term | None:
        left, right = _attribute(sides["left"]), _attribute(sides["right"])
        if left is not None:
            return _bounded(left, operator, _limit(sides["right"]))
        return None if right is None else _bounded(right, _FLIPPED[operator], _limit(sides["left"]))

    return reader


def _bounded(name: str, operator: str, limit: int | datetime | None) -> Term | None:
    if limit is None:
        return None
    below = Below(name, limit, operator in ("<=", ">"))
    return below if operator in ("<", "<=") else Not(below)


_READERS: dict[str, Callable[[Any], Term | None]] = {
    "&&": _and,
    "||": _or,
    "!": lambda sides: Not(read(sides["arg"])),
    "if-then-else": _if,
    "==": _equal,
    "!=": _unequal,
    "contains": _contains,
    "containsAny": _contains_any,
    "containsAll": _contains_all,
    "isEmpty": _is_empty,
    "in": _in,
    "is": _is,
    "like": _like,
    **{operator: _ordered(operator) for operator in _FLIPPED},
}


def _scope(scope: dict[str, Any], name: str) -> Term:
    """A rule's head as a condition: `action == Action::"track"`."""
    operator = scope["op"]
    if operator == "All":
        return TRUE
    if operator == "is" and "in" not in scope:
        return read({"is": {"left": {"Var": name}, "entity_type": scope["entity_type"]}})
    wanted = [{"Value": {"__entity": each}} for each in scope.get("entities", [scope.get("entity")])]
    return _among({"Var": name}, wanted) or _opaque({name: scope})


def _same(left: Any, right: Any) -> Term | None:
    """Equality of two scalars; None where a side is more than an attribute or a constant."""
    (one, first), (other, second) = [(_attribute(each), _literal(each)) for each in (left, right)]
    if {one, other} & {*SETS, TERRITORIES}:
        return None
    if one is not None and second is not None:
        return OneOf(one, frozenset({second}))
    if other is not None and first is not None:
        return OneOf(other, frozenset({first}))
    if one is not None and other is not None:
        comparable = SHAPE.get(one, str) is str and SHAPE.get(other, str) is str
        return Same(one, other) if comparable and "on" not in (one, other) else None
    return Const(first == second) if first is not None and second is not None else None


def _attribute(node: Any) -> str | None:
    """The attribute that an expression is: `action`, `country`, `authority.recognised`."""
    if node == {"Var": "action"}:
        return "action"
    path: list[str] = []
    while isinstance(step := node.get("."), dict):
        path.append(step["attr"])
        node = step["left"]
    name = ".".join(reversed(path))
    known = {"principal": (*CUSTOMER, *SETS), "resource": (*USE, TERRITORIES), "context": (*SHAPE, "on")}
    return name if name in known.get(node.get("Var", ""), ()) else None


def _literal(node: Any) -> Literal | None:
    """The constant that an expression is; of an action its name, of no other entity anything."""
    value = node.get("Value")
    if isinstance(value, dict):
        entity = value.get("__entity", {})
        return str(entity["id"]) if entity.get("type") == "Action" else None
    return value if isinstance(value, bool | int | str) else _moment(node)


def _limit(node: Any) -> int | datetime | None:
    value = _literal(node)
    return value if isinstance(value, int | datetime) and not isinstance(value, bool) else None


def _set(node: Any) -> str | frozenset[str] | None:
    """A set of words: an attribute, or constants written out."""
    if (name := _attribute(node)) in SETS:
        return name
    elements = node.get("Set")
    values = [_literal(each) for each in elements] if elements is not None else [None]
    return frozenset(map(str, values)) if all(isinstance(each, str) for each in values) else None


def _moment(node: Any) -> datetime | None:
    """The time that `datetime("…")` is, in UTC; loading a pack has refused arithmetic on times."""
    if "datetime" not in node or not isinstance(text := node["datetime"][0].get("Value"), str):
        return None
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _opaque(node: Any) -> Opaque:
    return Opaque(json.dumps(node, sort_keys=True))


def _all(parts: list[Term]) -> Term:
    whole: Term = TRUE
    for part in reversed(parts):
        whole = Choose(part, whole, FALSE)
    return whole


def _any(parts: list[Term]) -> Term:
    whole: Term = FALSE
    for part in reversed(parts):
        whole = Choose(part, TRUE, whole)
    return whole
