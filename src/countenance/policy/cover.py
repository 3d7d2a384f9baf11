"""A set of asks as few and wide boxes, for people to read: together they are the set, and none can be spared.

A box says of each attribute which classes it may have. Each is widened until it would leave the set, then what
the others hold is dropped. Exact, and not always the fewest. Source: the expand and irredundant steps of
Brayton et al., Logic Minimization Algorithms for VLSI Synthesis (1984), over attributes with several values.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from countenance.policy.diagram import ALL, NONE, TooLarge

if TYPE_CHECKING:
    from countenance.policy.diagram import Box, Diagrams

MOST = 512
"""Boxes looked at for one rule; TooLarge beyond. The rules that ship need some dozens."""


def cover(diagrams: Diagrams, node: int) -> list[Box]:
    """Boxes that together are `node`, the widest first; TooLarge where there are more than MOST to look at."""
    narrow = list(islice(diagrams.boxes(node), MOST + 1))
    if len(narrow) > MOST:
        raise TooLarge
    wide = {diagrams.box(found): found for found in (_widened(diagrams, box, node) for box in narrow)}
    kept = sorted(wide, key=lambda each: (-len(wide[each]), each))
    for each in tuple(kept):
        others = [other for other in kept if other != each]
        if diagrams.less(each, diagrams.any_of(others)) == NONE:
            kept = others
    return [wide[each] for each in reversed(kept)]


def _widened(diagrams: Diagrams, box: Box, node: int) -> Box:
    """`box` with as few attributes, and as many classes of each, as stay within `node`."""

    def within(wider: Box) -> bool:
        return diagrams.less(diagrams.box(wider), node) == NONE

    for level in sorted(box, reverse=True):
        without = {at: classes for at, classes in box.items() if at != level}
        if within(without):
            box = without
            continue
        for extra in range(diagrams.sizes[level]):
            wider = {**box, level: box[level] | {extra}}
            box = wider if within(wider) else box
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
