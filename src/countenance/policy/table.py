"""A strict reader over one parsed TOML table: each field is taken once, typed, and what is left over is an
error.

It never converts: a number is not a text, a time is not a date, `true` is not 1. Each error is a BadRecord
that names file and field. Source: TOML 1.0; the formats are those of docs/policy.md.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from countenance.domain.errors import BadRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


class _Required:
    """The absence of a default."""


REQUIRED: Final = _Required()


class Table:
    """One table of the file `name`; `prefix` is its dotted place in the file."""

    def __init__(self, fields: object, name: str, prefix: str = "") -> None:
        self.name, self.prefix = name, prefix
        if not isinstance(fields, dict):
            raise BadRecord(f"{name}: {prefix.rstrip('.')}: must be a table")
        self._fields = dict(fields)

    def at(self, field: str) -> str:
        """How errors call `field`."""
        return f"{self.name}: {self.prefix}{field}"

    def done(self) -> None:
        """BadRecord if a field was not taken: an unknown key is a mistake, not a remark."""
        if self._fields:
            raise BadRecord(f"{self.at(min(self._fields))}: is not a known field")

    def text(self, field: str, default: str | _Required = REQUIRED) -> str:
        found = self._take(field, str, "a text", default)
        if default is REQUIRED and not found.strip():
            raise BadRecord(f"{self.at(field)}: must not be empty")
        return found

    def flag(self, field: str, *, default: bool | _Required = REQUIRED) -> bool:
        return self._take(field, bool, "true or false", default)

    def count(self, field: str) -> int:
        found = self._take(field, int, "a number", 0)
        if found < 0:
            raise BadRecord(f"{self.at(field)}: must not be negative")
        return found

    def word(self, field: str, known: tuple[str, ...], default: str | _Required = REQUIRED) -> str:
        found = self.text(field, default)
        if found not in known:
            raise BadRecord(f"{self.at(field)}: {found!r} is not one of {', '.join(known)}")
        return found

    def words(self, field: str, known: tuple[str, ...]) -> frozenset[str]:
        found = self._texts(field)
        for word in found:
            if word not in known:
                raise BadRecord(f"{self.at(field)}: {word!r} is not one of {', '.join(known)}")
        return frozenset(found)

    def urls(self, field: str) -> tuple[str, ...]:
        """At least one https address."""
        found = self._texts(field)
        if not found:
            raise BadRecord(f"{self.at(field)}: must name at least one source")
        for url in found:
            https(url, self.at(field))
        return tuple(found)

    def day(self, field: str) -> date | None:
        """A date; None where the field is missing or the empty text, which means open."""
        if self._fields.get(field) == "":
            del self._fields[field]
        return self._take(field, date, "a date", None)

    def required_day(self, field: str) -> date:
        return self._take(field, date, "a date", REQUIRED)

    def moment(self, field: str) -> datetime | None:
        """A time with its zone, in UTC; None where the field is missing."""
        found: datetime | None = self._take(field, datetime, "a time with its zone", None)
        if found is not None and found.tzinfo is None:
            raise BadRecord(f"{self.at(field)}: must be a time with its zone")
        return None if found is None else found.astimezone(UTC)

    def table(self, field: str) -> Table:
        """A sub-table; an empty one where it is missing."""
        return Table(self._fields.pop(field, {}), self.name, f"{self.prefix}{field}.")

    def tables(self, field: str) -> Iterable[Table]:
        found = self._take(field, list, "a list of tables", [])
        return [Table(each, self.name, f"{self.prefix}{field}.") for each in found]

    def _texts(self, field: str) -> list[str]:
        found: list[object] = self._take(field, list, "a list of texts", [])
        texts = [each for each in found if isinstance(each, str)]
        if len(texts) != len(found) or len(set(texts)) != len(texts):
            raise BadRecord(f"{self.at(field)}: must be a list of different texts")
        return texts

    def _take(self, field: str, kind: type[T], says: str, default: T | _Required | None) -> T:
        if field not in self._fields:
            if isinstance(default, _Required):
                raise BadRecord(f"{self.at(field)}: is missing")
            return default  # type: ignore[return-value]
        value = self._fields.pop(field)
        if type(value) is not kind:
            raise BadRecord(f"{self.at(field)}: must be {says}")
        return value


def https(url: str, at: str) -> str:
    """`url`, if it is an https address; BadRecord naming the field otherwise."""
    if not url.startswith("https://") or len(url) <= len("https://") or any(c.isspace() for c in url):
        raise BadRecord(f"{at}: must be an https address")
    return url


_SAID = re.compile(r"\A(?P<file>[^:\n]+): (?P<field>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*): ")
_OPENS = re.compile(r"\A\s*\[\[?\s*([A-Za-z0-9_.-]+)\s*\]\]?")
_SETS = re.compile(r"\A\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*=")


def with_line(error: BadRecord, text: str) -> BadRecord:
    """The same error with the line of its field in the file, or of the table that lacks it; as it was where none is."""
    found = _SAID.match(error.message)
    line = None if found is None else line_of(text, found["field"])
    if found is None or line is None:
        return error
    rest = error.message.removeprefix(f"{found['file']}: ")
    return BadRecord(f"{found['file']}: line {line}: {rest}", next_step=error.next_step)


def line_of(text: str, field: str) -> int | None:
    """The first line that sets the field of this dotted name; else the first of its table."""
    table, opened = "", None
    for number, line in enumerate(text.splitlines(), 1):
        if opens := _OPENS.match(line):
            table = f"{opens[1]}."
            opened = number if opened is None and field.startswith(table) else opened
        elif (sets := _SETS.match(line)) and table + sets[1] == field:
            return number
        if table and field == table.rstrip("."):
            return number
    return opened
