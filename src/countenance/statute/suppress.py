"""Counts of people by category, published so that no small one can be worked out from the others and their sum.

    1. a count from 1 to 9 is withheld
    2. where one alone is withheld, the sum gives it away: the smallest other that is not zero is withheld with it
    3. where those withheld come to less than 10 together, their sum is a small count itself: one more is withheld
    4. where that is impossible, the whole table and its sum are withheld

What is withheld is not named either: a category that is not told may be withheld or empty. Whoever knows these steps
still finds two values at least for each count that is withheld: a test tries every table. Source: the glossaries of
OECD and Eurostat on primary and secondary cell suppression; the limit of 10 is ours (item WA-070-4).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.statute.papers import DEMOGRAPHICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SMALL = 10
"""People: a count below this, other than zero, is withheld."""


@dataclass(frozen=True, slots=True)
class Published:
    """counts: by category, those that may be told. withheld: how many people are in the others together, which are not
    named; total: of all. Both None: even their sum would be a small count, or give one away.
    """

    counts: Mapping[str, int]
    withheld: int | None
    total: int | None


NOTHING_TOLD = Published({}, None, None)


def published(counts: Mapping[str, int]) -> Published:
    """What may be told of these counts, none of which is negative."""
    total = sum(counts.values())
    held = {name for name, count in counts.items() if 0 < count < SMALL}
    rest = sorted((count, name) for name, count in counts.items() if count >= SMALL)
    while held and (len(held) < 2 or sum(counts[name] for name in held) < SMALL):
        if not rest:
            return NOTHING_TOLD
        held.add(rest.pop(0)[1])
    told = {name: count for name, count in counts.items() if count and name not in held}
    return Published(told, total - sum(told.values()), total)


def summary(persons: Iterable[str]) -> dict[str, Published]:
    """One table for each demographic, of lines as a warrant application has them.

    The tables count the same people, so where one can't tell its sum, none of them tells anything.
    """
    lines = [person.split("|") for person in persons]
    tables = {name: published(Counter(line[place] for line in lines)) for place, name in enumerate(DEMOGRAPHICS)}
    untold = any(table.total is None for table in tables.values())
    return dict.fromkeys(tables, NOTHING_TOLD) if untold else tables
