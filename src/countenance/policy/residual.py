"""What a partly evaluated rule still asks of the context, read off Cedar's JSON form of the residual.

A proposal and nothing more: no rule is evaluated here, and lifts.py believes none of it before the whole
policy has agreed. Source: the Cedar JSON policy format (docs.cedarpolicy.com, "JSON policy format");
`unknown("context")` is how partial evaluation writes a context that was left out.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from countenance.policy.lifts import Open

if TYPE_CHECKING:
    from collections.abc import Iterator

_BELOW = {"<": 0, "<=": 1, ">=": 0, ">": 1}
"""Added to `limit - 1`: x < 5 and x >= 5 part the numbers at 4, x <= 5 and x > 5 at 5."""

_CONTEXTS = ({"unknown": [{"Value": "context"}]}, {"Var": "context"})
"""The context as partial evaluation writes it that was left out, and as a rule does."""
_ARITHMETIC = frozenset({"offset", "durationSince", "toDate", "toTime", "duration"})
_HOUR = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:00:00(\.000)?Z)?\Z")


def read(residual: object) -> Open:
    """The facts a residual reads, the numbers and words it compares them with, the days before which it holds."""
    names: set[str] = set()
    limits: set[tuple[str, int]] = set()
    days: set[date] = set()
    words: set[tuple[str, str]] = set()
    for node in _nodes(residual):
        if (name := _fact(node)) is not None:
            names.add(name)
        for operator, sides in node.items():
            if operator in _BELOW and isinstance(sides, dict):
                _compare(operator, sides, limits, days)
        words |= set(_words(node))
    facts = frozenset(names - {"on"})
    asking = [part for part in _parts(residual) if any((_fact(node) or "on") != "on" for node in _nodes(part))]
    together = not (limits or days or words) and len(asking) == 1 and _is_unless(asking[0])
    return Open(facts, frozenset(limits), frozenset(days), frozenset(words), together)


def no_part_of_a_pack(rule: object) -> str:
    """Why this rule, in Cedar's JSON form, belongs in no pack, though it may be sound Cedar; "" where it may."""
    if odd := finer_than_hours(rule):
        return f"a rule compares times with whole hours, such as 2020-06-11, and not with {odd}"
    if named := sorted(entities_named(rule) - {"Action"}):
        return f"a rule reads what a {named[0]} is, and names none by an id"
    return ""


def finer_than_hours(policies: object) -> str:
    """What these policies, in Cedar's JSON form, say of time that could tell two moments of one hour apart; or ""."""
    for node in _nodes(policies):
        for operator, sides in node.items():
            if operator in _ARITHMETIC:
                return operator
            if operator == "datetime" and not _HOUR.match(text := str(_text(sides))):
                return text
    return ""


def as_rule(residual: object) -> object:
    """A residual's conditions as those of a rule: the context that was left out is what a rule calls the context."""
    if residual == _CONTEXTS[0]:
        return _CONTEXTS[1]
    if isinstance(residual, list):
        return [as_rule(each) for each in residual]
    return {name: as_rule(each) for name, each in residual.items()} if isinstance(residual, dict) else residual


def entities_named(policies: object) -> set[str]:
    """The types of the entities that these policies, in Cedar's JSON form, name by an id."""
    found = (node.get(key) for node in _nodes(policies) for key in ("entity", "__entity"))
    several = (node["entities"] for node in _nodes(policies) if isinstance(node.get("entities"), list))
    every = [*found, *(entity for each in several if isinstance(each, list) for entity in each)]
    return {str(entity["type"]) for entity in every if isinstance(entity, dict) and "type" in entity}


def _compare(operator: str, sides: dict[str, object], limits: set[tuple[str, int]], days: set[date]) -> None:
    name, right = _fact(sides.get("left")), sides.get("right")
    if name is None:
        return
    number, day = _number(right), _day(right)
    if number is not None:
        limits.add((name, number - 1 + _BELOW[operator]))
    if name == "on" and operator == "<" and day is not None:
        days.add(day)


def _words(node: dict[str, object]) -> Iterator[tuple[str, str]]:
    """(fact, word) of `context.a == "word"`, and one for each word of `["word", …].contains(context.a)`."""
    for operator, of, by in (("==", "left", "right"), ("contains", "right", "left")):
        sides = node.get(operator)
        name = _fact(sides.get(of)) if isinstance(sides, dict) else None
        if isinstance(sides, dict) and name is not None:
            yield from ((name, word) for word in _texts(sides.get(by)))


def _texts(node: object) -> Iterator[str]:
    """The text of a literal, or each of a set of them."""
    value = node.get("Value", node.get("Set")) if isinstance(node, dict) else None
    for each in value if isinstance(value, list) else [value]:
        text = each.get("Value") if isinstance(each, dict) else each
        if isinstance(text, str):
            yield text


def _parts(tree: object) -> Iterator[object]:
    """What must all be so for the rule to hold: the sides of each `&&`, from the conditions down."""
    if isinstance(tree, list):
        for each in tree:
            yield from _parts(each["body"])
    elif isinstance(tree, dict) and isinstance(sides := tree.get("&&"), dict):
        yield from _parts(sides["left"])
        yield from _parts(sides["right"])
    else:
        yield tree


def _is_unless(part: object) -> bool:
    """Whether it is `!(context.a && context.b && …)`, which ends only when each of these facts holds."""
    denied = part.get("!") if isinstance(part, dict) else None
    return isinstance(denied, dict) and all(_fact(each) is not None for each in _parts(denied["arg"]))


def _text(call: object) -> object:
    """The text that an extension function is called with."""
    return call[0].get("Value") if isinstance(call, list) and len(call) == 1 and isinstance(call[0], dict) else None


def _nodes(tree: object) -> Iterator[dict[str, object]]:
    """Every object of the tree; a chain of attributes counts once, whole."""
    if isinstance(tree, list):
        for each in tree:
            yield from _nodes(each)
    elif isinstance(tree, dict):
        yield tree
        if _fact(tree) is None:
            for each in tree.values():
                yield from _nodes(each)


def _fact(node: object) -> str | None:
    """The dotted name of `context.a.b`, or None where the node is not that."""
    path: list[str] = []
    while isinstance(node, dict) and isinstance(step := node.get("."), dict):
        path.append(str(step["attr"]))
        node = step["left"]
    return ".".join(reversed(path)) if path and node in _CONTEXTS else None


def _number(node: object) -> int | None:
    value = node.get("Value") if isinstance(node, dict) else None
    return value if type(value) is int else None


def _day(node: object) -> date | None:
    """The date of `datetime("2021-06-10")`; None for anything else, a time of day included."""
    text = _text(node.get("datetime")) if isinstance(node, dict) else None
    try:
        return date.fromisoformat(text) if isinstance(text, str) and len(text) == 10 else None
    except ValueError:
        return None
