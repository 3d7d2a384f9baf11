"""Small changes to a module, one at a time: each should make a test fail, or be listed as one that changes nothing.

A mutant is named by the function it is in, what was done, and its number there: `decide.compare-2`. Done are: a
comparison turned or moved by one, `and` for `or`, `not` dropped, an `if` turned, the sides of a conditional expression
exchanged, a constant changed, `+` for `-`, a return of nothing, a statement or a `raise` left out, an argument by name
left out. Annotations, docstrings, sentences for people and what only a type checker reads stay as they are.
"""

from __future__ import annotations

import ast
import copy
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_WORD = re.compile(r"[a-z0-9_.\-]+")
Site = tuple[str, str, Callable[[], None]]
"""In which function, what is done, and what does it to the tree in place."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one thing changed. line: where."""

    name: str
    line: int
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its text."""
    counted: Counter[str] = Counter()
    for place in range(len(list(_sites(ast.parse(source))))):
        tree = ast.parse(source)
        node, (function, done, change) = list(_sites(tree))[place]
        kind = f"{function or 'module'}.{done}"
        counted[kind] += 1
        change()
        text = ast.unparse(ast.fix_missing_locations(tree))
        yield Mutant(f"{kind}-{counted[kind]}", node.lineno, text)


def _sites(tree: ast.Module) -> Iterator[tuple[ast.stmt | ast.expr, Site]]:
    for node, function in _inside(tree, ""):
        for done, change in _changes(node):
            yield node, (function, done, change)


def _inside(node: ast.AST, function: str) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
    """Statements and expressions that run, each with the function it is in; no annotation, no message."""
    for name, child in _children(node):
        if name in ("annotation", "returns", "decorator_list") or isinstance(child, ast.JoinedStr):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue  # a docstring
        within = child.name if isinstance(child, ast.FunctionDef | ast.ClassDef) else ""
        deeper = f"{function}.{within}".strip(".") if within else function
        if isinstance(child, ast.stmt | ast.expr):
            yield child, deeper
        yield from _inside(child, deeper)


def _children(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield name, child


def _changes(node: ast.stmt | ast.expr) -> Iterator[tuple[str, Callable[[], None]]]:
    """What can be done to one node: its name, and what does it."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _TURNED:
        yield "compare", lambda: node.ops.__setitem__(0, _TURNED[type(node.ops[0])]())
    elif isinstance(node, ast.BoolOp):
        yield "both", lambda: setattr(node, "op", ast.And() if isinstance(node.op, ast.Or) else ast.Or())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not", lambda: _become(node, node.operand)
    elif isinstance(node, ast.IfExp):
        yield "sides", lambda: node.__dict__.update(body=node.orelse, orelse=node.body)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        yield "sum", lambda: setattr(node, "op", ast.Sub() if isinstance(node.op, ast.Add) else ast.Add())
    elif isinstance(node, ast.Constant):
        yield from _constants(node)
    elif isinstance(node, ast.Call):
        for keyword in node.keywords:
            yield f"without-{keyword.arg}", partial(node.keywords.remove, keyword)
    else:
        yield from _statements(node)


def _constants(node: ast.Constant) -> Iterator[tuple[str, Callable[[], None]]]:
    value = node.value
    if isinstance(value, bool):
        yield "truth", lambda: setattr(node, "value", not value)
    elif isinstance(value, int):
        yield "number", lambda: setattr(node, "value", value + 1)
    elif isinstance(value, str) and _WORD.fullmatch(value):
        yield "word", lambda: setattr(node, "value", "mutant")


def _statements(node: ast.stmt | ast.expr) -> Iterator[tuple[str, Callable[[], None]]]:
    if isinstance(node, ast.If):
        yield "if", lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Return) and node.value is not None and not _is_nothing(node.value):
        yield "return", lambda: setattr(node, "value", ast.Constant(None))
    elif isinstance(node, ast.Raise):
        yield "raise", lambda: _become(node, ast.Pass())
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "statement", lambda: _become(node, ast.Pass())


def _is_nothing(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _become(node: ast.AST, other: ast.AST) -> None:
    """Turn a node into another in place."""
    node.__class__ = other.__class__
    node.__dict__ = {**copy.copy(other.__dict__), "lineno": node.__dict__["lineno"]}
