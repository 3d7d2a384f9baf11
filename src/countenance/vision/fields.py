"""A strict reader of one TOML table: each word is asked for by type and range; a word left over is an error.

It knows nothing about models and fills in nothing that is missing unless it is told a default. Used as a context:
leaving it without an exception checks for words not asked for. Source: TOML 1.0.0, for the types.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NoReturn, Self

from countenance.domain.errors import BadRecord

if TYPE_CHECKING:
    from types import TracebackType

_LONGEST = 400
"""Characters of one text; a manifest is read by people."""


class Fields:
    """The words of one table. Every reader raises BadRecord and names the table and the word."""

    def __init__(self, table: dict[str, Any], where: str) -> None:
        self._table = table
        self._where = where
        self._asked: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        left = sorted(self._table.keys() - self._asked)
        if kind is None and left:
            self._wrong(left[0], "is not a word of this table")

    def has(self, word: str) -> bool:
        return word in self._table

    def text(self, word: str, *, default: str | None = None, pattern: str = r".+") -> str:
        value = self._get(word, default)
        if not isinstance(value, str) or len(value) > _LONGEST or not re.fullmatch(pattern, value, re.DOTALL):
            if value == default and default is not None:
                return default
            self._wrong(word, "is not a text of the form asked for")
        return value

    def one_of(self, word: str, choices: tuple[str, ...]) -> str:
        value = self._get(word, None)
        if value not in choices:
            self._wrong(word, f"is not one of {', '.join(choices)}")
        return str(value)

    def flag(self, word: str, *, default: bool) -> bool:
        value = self._get(word, default)
        if not isinstance(value, bool):
            self._wrong(word, "is not true or false")
        return value

    def integer(self, word: str, *, low: int, high: int) -> int:
        value = self._get(word, None)
        if type(value) is not int or not low <= value <= high:
            self._wrong(word, f"is not a whole number from {low} to {high}")
        return value

    def integers(self, word: str, *, low: int, high: int) -> tuple[int, ...]:
        """At least one, ascending."""
        values = self._get(word, None)
        fits = isinstance(values, list) and values and all(type(v) is int and low <= v <= high for v in values)
        if not fits or values != sorted(set(values)):
            self._wrong(word, f"is not an ascending list of whole numbers from {low} to {high}")
        return tuple(values)

    def number(self, word: str, low: float, high: float) -> float:
        return self._number(word, self._get(word, None), low, high)

    def numbers(
        self,
        word: str,
        count: int | None,
        low: float,
        high: float,
        *,
        default: tuple[float, ...] | None = None,
    ) -> tuple[float, ...]:
        values = self._get(word, default)
        if not isinstance(values, (list, tuple)) or not values or (count is not None and len(values) != count):
            self._wrong(word, f"is not a list of {count or 'some'} numbers")
        return tuple(self._number(word, value, low, high) for value in values)

    def points(self, word: str, count: int, *, high: float) -> tuple[tuple[float, float], ...]:
        values = self._get(word, None)
        if not isinstance(values, list) or len(values) != count:
            self._wrong(word, f"is not a list of {count} points")
        if any(not isinstance(value, list) or len(value) != 2 for value in values):
            self._wrong(word, "has a point that is not [x, y]")
        x_y = [self._number(word, number, 0.0, high) for value in values for number in value]
        return tuple(zip(x_y[::2], x_y[1::2], strict=True))

    def table(self, word: str) -> Fields:
        value = self._get(word, None)
        if not isinstance(value, dict):
            self._wrong(word, "is not a table")
        return Fields(value, f"{self._where}.{word}")

    def _number(self, word: str, value: object, low: float, high: float) -> float:
        if type(value) not in (int, float) or not isinstance(value, (int, float)) or math.isnan(value):
            self._wrong(word, "is not a number")
        if not low <= value <= high:
            self._wrong(word, f"is not from {low} to {high}")
        return float(value)

    def _get(self, word: str, default: Any) -> Any:
        self._asked.add(word)
        if word not in self._table and default is None:
            self._wrong(word, "is missing")
        return self._table.get(word, default)

    def _wrong(self, word: str, what: str) -> NoReturn:
        raise BadRecord(
            f"{self._where}: {word!r} {what}.",
            next_step="Correct the manifest; docs/models.md has its words.",
        )
