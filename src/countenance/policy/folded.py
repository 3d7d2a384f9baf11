"""A rule with what is constant in it worked out, so that Cedar need not do it for each of many asks.

Only what Cedar would come to in any case is done, in Cedar's own order: `true && x` is x, `false && x` is false
whatever x does, but `x && false` is false only where x cannot fail, for a failure is an error and no false. A rule
that can neither apply nor fail is left out. It works on Cedar's JSON form, after constant.py. Sources: the Cedar
language reference (docs.cedarpolicy.com, "Operators"), and its JSON policy format.
"""

from __future__ import annotations

import operator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Node = dict[str, object]
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_TOTAL = frozenset({
    "Value", "Var", "Set", "Record", ".", "==", "!=", "&&", "||", "!", "<", "<=", ">", ">=", "contains", "containsAll",
    "containsAny", "isEmpty", "in", "has", "like", "is", "if-then-else", "datetime",
})  # fmt: skip
"""What cannot fail in a rule that the schema was proven for: all but arithmetic and what other extensions do."""


def folded(rule: Node) -> Node | None:
    """The rule with its conditions worked out as far as they are constant; None where it can neither apply nor fail."""
    kept: list[Node] = []
    conditions = rule["conditions"]
    assert isinstance(conditions, list)
    for condition in conditions:
        body = fold(condition["body"])
        held = _truth(body)
        if held is None:
            kept.append({**condition, "body": body})
        elif held is not (condition["kind"] == "when"):
            if all(cannot_fail(each["body"]) for each in kept):
                return None
            kept.append({**condition, "body": body})
    return {**rule, "conditions": kept}


def fold(tree: object) -> object:
    """An expression with what is constant in it worked out."""
    if isinstance(tree, list):
        return [fold(each) for each in tree]
    if not isinstance(tree, dict) or "Value" in tree:
        return tree
    node = {name: fold(each) for name, each in tree.items()}
    ((name, sides),) = node.items() if len(node) == 1 else (("", None),)
    if name in ("&&", "||") and isinstance(sides, dict):
        return _joined(node, sides, decides=name == "||")
    if name == "!" and isinstance(sides, dict) and (truth := _truth(sides["arg"])) is not None:
        return {"Value": not truth}
    if name == "if-then-else" and isinstance(sides, dict) and (truth := _truth(sides["if"])) is not None:
        return sides["then" if truth else "else"]
    if name in _ORDER and isinstance(sides, dict):
        return _compared(node, _ORDER[name], sides["left"], sides["right"])
    if name in ("==", "!=") and isinstance(sides, dict):
        return _equal(node, sides["left"], sides["right"], wanted=name == "==")
    return node


def cannot_fail(tree: object) -> bool:
    """Whether Cedar comes to a value here, whatever the ask is."""
    if isinstance(tree, list):
        return all(cannot_fail(each) for each in tree)
    if not isinstance(tree, dict) or "Value" in tree:
        return True
    ((name, inner),) = tree.items() if len(tree) == 1 else (("", None),)
    if name == "Record":
        return isinstance(inner, dict) and all(cannot_fail(each) for each in inner.values())
    if name not in _TOTAL:
        return False
    return all(cannot_fail(each) for each in inner.values()) if isinstance(inner, dict) else cannot_fail(inner)


def _joined(node: Node, sides: Node, *, decides: bool) -> object:
    """`left && right`, or `left || right`. decides: the value of one side that is the value of both."""
    left, right = _truth(sides["left"]), _truth(sides["right"])
    if left is not None:
        return {"Value": decides} if left is decides else sides["right"]
    if right is not None and (right is not decides or cannot_fail(sides["left"])):
        return {"Value": decides} if right is decides else sides["left"]
    return node


def _compared(node: Node, by: Callable[[Any, Any], bool], left: object, right: object) -> object:
    one, other = _ordered(left), _ordered(right)
    if one is None or other is None or type(one) is not type(other):
        return node
    return {"Value": by(one, other)}


def _ordered(node: object) -> int | datetime | None:
    """A whole number or a time that stands there as a literal."""
    if not isinstance(node, dict):
        return None
    if type(value := node.get("Value")) is int:
        return value
    call = node.get("datetime")
    if not isinstance(call, list) or not isinstance(call[0], dict) or not isinstance(text := call[0].get("Value"), str):
        return None
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _equal(node: Node, left: object, right: object, *, wanted: bool) -> object:
    """`==` and `!=` of two literals; values of two types are not equal, and that is no error."""
    if not (isinstance(left, dict) and isinstance(right, dict) and "Value" in left and "Value" in right):
        return node
    one, other = left["Value"], right["Value"]
    if isinstance(one, dict) or isinstance(other, dict):
        return node  # an entity
    return {"Value": (type(one) is type(other) and one == other) is wanted}


def _truth(node: object) -> bool | None:
    value = node.get("Value") if isinstance(node, dict) else None
    return value if isinstance(value, bool) else None
