"""Reading JSON strictly: each field is there and of its type, or a sentence names it. Nothing is guessed or converted.

Fields that nobody asks for are let be, so that a newer server can say more. Source: RFC 8259; a key that stands twice
and the words NaN and Infinity are refused, since readers disagree about them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeVar

from countenance.domain.errors import BadRecord
from countenance.domain.strict import json_object

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
NEXT_STEP = "Check the address and that server and client are of versions that fit."


def malformed(says: str) -> BadRecord:
    """The error for an answer that is not of docs/api.md."""
    return BadRecord(says, next_step=NEXT_STEP)


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object of an answer. where: what it is called in a sentence."""

    of: Mapping[str, object]
    where: str = "the answer"

    def text(self, name: str) -> str:
        value = self.of.get(name)
        return value if isinstance(value, str) else self._refuse(name, "text")

    def truth(self, name: str) -> bool:
        value = self.of.get(name)
        return value if isinstance(value, bool) else self._refuse(name, "true or false")

    def count(self, name: str) -> int:
        """An integer from 0 on."""
        value = self.of.get(name)
        return value if type(value) is int and value >= 0 else self._refuse(name, "a whole number from 0 on")

    def number(self, name: str) -> float:
        """A finite number."""
        value = self.of.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        return self._refuse(name, "a number")

    def rate(self, name: str) -> float | None:
        """A number, or null: no figure. The key itself must be there."""
        return None if self.null(name) else self.number(name)

    def null(self, name: str) -> bool:
        """Whether the field is there and null."""
        return self.of.get(name, self) is None

    def inside(self, name: str) -> Fields:
        value = self.of.get(name)
        return Fields(value, f"`{name}`") if isinstance(value, dict) else self._refuse(name, "an object")

    def many(self, name: str, read: Callable[[Fields], T]) -> tuple[T, ...]:
        """A list of objects, each read by `read`."""
        found = self.listed(name)
        if not all(isinstance(value, dict) for value in found):
            self._refuse(name, "a list of objects")
        return tuple(read(Fields(value, f"`{name}`")) for value in found if isinstance(value, dict))

    def texts(self, name: str) -> tuple[str, ...]:
        found = self.listed(name)
        if not all(isinstance(value, str) for value in found):
            self._refuse(name, "a list of texts")
        return tuple(str(value) for value in found)

    def listed(self, name: str) -> list[object]:
        value = self.of.get(name)
        return value if isinstance(value, list) else self._refuse(name, "a list")

    def _refuse(self, name: str, kind: str) -> NoReturn:
        raise malformed(f"in {self.where}, the field `{name}` is missing or is not {kind}")


def parse(raw: bytes) -> Fields:
    """The one door for an answer's bytes: a JSON object, or BadRecord."""
    return Fields(json_object(raw, lambda says: malformed(f"the answer {says}")))
