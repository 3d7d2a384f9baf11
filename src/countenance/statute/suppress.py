"""Counts of people by category, published so that no small one can be worked out from the others and their sum.

    1. a count from 1 to 9 is withheld
    2. that will do where at least two are withheld, come to 10 or more together, and could each be more or less: they
       are not all 1, and not all 9
    3. otherwise every other count is withheld with it, and only the sum is told
    4. a sum under 10 is a small count itself: then nothing is told

What is withheld is not named either: a category that is not told may be withheld or empty. Whoever knows these steps
and every category still finds two values at least for each count that is withheld: a test tries every table. To
withhold just the smallest other count, as is usual, would not do: it tells which are larger, and sometimes that is all.
Source: the glossaries of OECD and Eurostat on primary and secondary cell suppression; the limit of 10 is ours (item
WA-070-4).
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
    small = {name for name, count in counts.items() if 0 < count < SMALL}
    if small and total < SMALL:
        return NOTHING_TOLD
    if small and not _safe([counts[name] for name in small]):
        return Published({}, total, total)
    told = {name: count for name, count in counts.items() if count >= SMALL}
    return Published(told, total - sum(told.values()), total)


def _safe(withheld: list[int]) -> bool:
    """Whether their sum and number leave each of them two values at least (step 2)."""
    together = sum(withheld)
    return len(withheld) >= 2 and together >= SMALL and len(withheld) < together < len(withheld) * (SMALL - 1)


def summary(persons: Iterable[str]) -> dict[str, Published]:
    """One table for each demographic, of lines as a warrant application has them.

    The tables count the same people, so where one can't tell its sum, none of them tells anything.
    """
    lines = [person.split("|") for person in persons]
    tables = {name: published(Counter(line[place] for line in lines)) for place, name in enumerate(DEMOGRAPHICS)}
    untold = any(table.total is None for table in tables.values())
    return dict.fromkeys(tables, NOTHING_TOLD) if untold else tables
