"""A set of asks as few and wide boxes, for people to read: together they are the set, and none can be spared.

A box says of each attribute which classes it may have. Each is widened until it would leave the set, then what
the others hold is dropped. Exact, and not always the fewest. Source: the expand and irredundant steps of
Brayton et al., Logic Minimization Algorithms for VLSI Synthesis (1984), over attributes with several values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from countenance.policy.diagram import ALL, NONE, _TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from countenance.policy.diagram import Box, Diagrams

MOST = 64
"""Boxes of one rule; _TooLarge beyond. The rules that ship need some dozens at most."""


def cover(diagrams: Diagrams, node: int, most: int = MOST) -> list[Box]:
    """Boxes that together are `node`, the widest first; _TooLarge where they are more than `most`."""
    kept: list[Box] = []
    left = node
    while left != NONE:
        if len(kept) == most:
            raise _TooLarge
        kept.append(_widened(diagrams, next(diagrams.boxes(left)), node))
        left = diagrams.less(left, diagrams.box(kept[-1]))
    kept.sort(key=len, reverse=True)
    for each in tuple(kept):
        others = [other for other in kept if other is not each]
        if covered(diagrams, each, others):
            kept = others
    return kept[::-1]


def covered(diagrams: Diagrams, box: Box, others: Sequence[Box]) -> bool:
    """Whether each ask of `box` lies in one of the others: it is parted by the first that it meets, and so on."""
    for at, other in enumerate(others):
        if all(box.get(level, classes) & classes for level, classes in other.items()):
            return all(covered(diagrams, part, others[at + 1 :]) for part in _outside(diagrams, box, other))
    return False


def _outside(diagrams: Diagrams, box: Box, other: Box) -> Iterator[Box]:
    """The asks of `box` that are not in `other`, as disjoint boxes."""
    for level, classes in other.items():
        mine = box.get(level, frozenset(range(diagrams.sizes[level])))
        if mine - classes:
            yield {**box, level: mine - classes}
        box = {**box, level: mine & classes}


def _widened(diagrams: Diagrams, box: Box, node: int) -> Box:
    """`box` with as few attributes, and as many classes of each, as stay within `node`."""
    for level in sorted(box, reverse=True):
        others = {at: classes for at, classes in box.items() if at != level}
        room = diagrams.room(others, level, node)
        box = others if len(room) == diagrams.sizes[level] else {**others, level: room}
    return box


def span(diagrams: Diagrams, node: int) -> Box:
    """The least box that holds `node`: for each attribute, the classes that occur. `node` is not NONE."""
    found: Box = {}
    for level in diagrams.levels(node):
        each = [frozenset({at}) for at in range(diagrams.sizes[level])]
        met = [one for one in each if diagrams.both(node, diagrams.one_of(level, one)) != NONE]
        if len(met) < len(each):
            found[level] = frozenset.union(*met)
    return found if node != ALL else {}
