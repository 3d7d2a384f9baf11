"""Counts of people: no small one can be worked out, by whoever knows the rules and everything that was published."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import pytest

from countenance.statute.suppress import SMALL, Published, published, summary


@pytest.mark.parametrize(
    ("counts", "told", "withheld", "total"),
    [
        ({"f": 12, "m": 40}, {"f": 12, "m": 40}, 0, 52),
        ({"f": 3, "m": 40, "x": 11}, {}, 54, 54),  # one alone would be the sum less the others
        ({"f": 3, "m": 9, "x": 30}, {"x": 30}, 12, 42),
        ({"f": 9, "m": 9, "x": 30}, {}, 48, 48),  # two that come to 18 can only be 9 and 9
        ({"f": 1, "m": 2, "x": 30}, {}, 33, 33),  # two that are a small count together
        ({"f": 0, "m": 40}, {"m": 40}, 0, 40),
        ({"f": 9}, {}, None, None),
        ({"f": 3, "m": 4}, {}, None, None),
        ({}, {}, 0, 0),
    ],
)
def test_what_is_told(counts: dict[str, int], told: dict[str, int], withheld: int | None, total: int | None) -> None:
    assert published(counts) == Published(told, withheld, total)


def _answer(counts: dict[str, int]) -> tuple[tuple[tuple[str, int], ...], int | None, int | None]:
    found = published(counts)
    return tuple(sorted(found.counts.items())), found.withheld, found.total


@pytest.mark.parametrize("categories", [1, 2, 3])
def test_no_withheld_count_can_be_worked_out(categories: int) -> None:
    """Every table of so many categories: those that look alike differ in each count that they do not tell.

    To withhold the smallest other count alone failed here: 10 told, and 9 and 9 withheld, can be nothing else, since an
    8 would have taken the 10 with it.
    """
    names = "abc"[:categories]
    alike = defaultdict(list)
    for values in product(range(24 if categories > 2 else 60), repeat=categories):
        counts = dict(zip(names, values, strict=True))
        alike[_answer(counts)].append(counts)
    looked = 0
    for (told, *_), tables in alike.items():
        for name in set(names) - {name for name, _ in told}:
            possible = {table[name] for table in tables}
            if any(0 < value < SMALL for value in possible):
                assert len(possible) > 1, (name, told, tables)
                looked += 1
    assert looked > 10 * (categories - 1)


@pytest.mark.parametrize("values", [(12, 3), (9, 9), (10, 1), (40, 11, 3), (1, 2, 30), (10, 10, 9)])
def test_what_is_told_holds_no_small_number(values: tuple[int, ...]) -> None:
    found = published(dict(zip("abc", values, strict=False)))
    numbers = [*found.counts.values(), found.withheld or SMALL, found.total or SMALL]
    assert all(number >= SMALL for number in numbers)


def test_tables_of_the_same_people_do_not_tell_on_each_other() -> None:
    """Where one table can't tell its sum, another would tell it."""
    persons = ["female|white|18-29|king"] * 4 + ["male|white|18-29|king"] * 5
    assert all(table == Published({}, None, None) for table in summary(persons).values())
    many = summary(["female|white|18-29|king"] * 30 + ["male|black|18-29|king"] * 12)
    assert many["gender"].counts == {"female": 30, "male": 12}
    assert many["age"] == Published({"18-29": 42}, 0, 42)
