"""A rule in which the context is written out: each fact that it reads is replaced by its value.

For many asks on the same facts: what is the same in all of them is then read once and not with each. It is done on
Cedar's JSON form, by replacing `context.a.b` and nothing else; no rule is evaluated, simplified or left out, so a rule
says of an ask what it said before. Source: the Cedar JSON policy format (docs.cedarpolicy.com, "JSON policy format").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTEXT = {"Var": "context"}


def written_out(tree: object, context: Mapping[str, object]) -> object:
    """`tree`, a part of a rule in Cedar's JSON, with every fact as a literal. context: as Cedar reads it.

    KeyError where the tree reads a fact that the context does not have.
    """
    if isinstance(tree, list):
        return [written_out(each, context) for each in tree]
    if not isinstance(tree, dict):
        return tree
    if tree == _CONTEXT:
        return _literal(context)
    if (path := _path(tree)) is not None:
        value: object = context
        for name in path:
            assert isinstance(value, dict)
            value = value[name]
        return _literal(value)
    return {name: written_out(each, context) for name, each in tree.items()}


def _path(node: dict[str, object]) -> list[str] | None:
    """`["a", "b"]` of `context.a.b`; None for anything else."""
    path: list[str] = []
    inner: object = node
    while isinstance(inner, dict) and isinstance(step := inner.get("."), dict):
        path.insert(0, str(step["attr"]))
        inner = step["left"]
    return path if path and inner == _CONTEXT else None


def _literal(value: object) -> object:
    if isinstance(value, dict) and (call := value.get("__extn")) is not None:
        return {call["fn"]: [{"Value": call["arg"]}]}
    if isinstance(value, dict):
        return {"Record": {name: _literal(each) for name, each in value.items()}}
    return {"Value": value}
