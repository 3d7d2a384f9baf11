"""What is not sound is refused when it is read, by file and line, and what was in force goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import BadRecord
from countenance.policy import cedar, laws, packs, table
from tests.policy.test_laws import BODY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEADER = (
    "// pack: own\n// title: T\n// promised_by: P\n// in_force: always\n// status: optional\n"
    "// source: https://example.org\n"
    "// checked_on: 2026-01-01\n// stale_after: 2029-01-01\n// secondary: none\n"
)
FIRST = """
@id("own.first") @says("No; not \\"this\\".") // a rule; with a comment
@source("https://example.org")
@evidence("T")
forbid (principal, action, resource);
"""
SECOND = """
@id("own.second")
@says("No.")
@source("https://example.org")
@evidence("T")
forbid (principal, action, resource)
when { context.verified };
"""
LINES = HEADER.count("\n") + FIRST.count("\n")
AT = LINES + 2  # where the second rule begins


def pack(text: str) -> packs.PackFile:
    return packs.parse(text.encode(), "own")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("forbid (principal, action, resource)\nwhen", "forbid (principal action, resource)\nwhen", "is not Cedar"),
        ("context.verified };", "context.verified ", "is not Cedar"),
        ('@id("own.second")\n', "\n", "its @id must be"),
        ('@id("own.second")', '@id("other.second")', "its @id must be"),
        ('@says("No.")', "", "rule own.second: @says"),
        ('@source("https://example.org")', "", "rule own.second: @source"),
        ('@source("https://example.org")', '@source("ftp://example.org")', "rule own.second: @source"),
        ('@evidence("T")', "", "rule own.second: @evidence"),
        ("context.verified", "context.verifed", "attribute `verifed`"),
        ("context.verified", "context.verified > 1", "unexpected type"),
        ('@id("own.second")', '@id("own.first")', "two rules are called own.first"),
    ],
)
def test_a_rule_that_is_not_sound_is_refused_by_file_and_line(old: str, new: str, says: str) -> None:
    assert old in SECOND
    spoilt = SECOND.replace(old, new)
    at = AT + (1 if new == "\n" else 0)  # where the first line of the rule went, it begins on the next
    with pytest.raises(BadRecord, match=rf"^own\.cedar: line {at}: ") as refused:
        cedar.assemble([packs.read("core"), pack(HEADER + FIRST + spoilt)])
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("// title: T", "//title: T"),
        ("// promised_by: P", "// promised: P"),
        ("// checked_on: 2026-01-01", "// title: again"),
        ("// pack: own", "// pack: other"),
        ("// status: optional", "// status: perhaps"),
        ("// source: https://example.org", "// source: ftp://example.org"),
        ("// source: https://example.org\n", "// source: ftp://example.org\n// source: https://example.org\n"),
        ("// in_force: always", "// in_force: never"),
        ("// stale_after: 2029-01-01", "// stale_after: 2025-01-01"),
        ("// secondary: none", "// secondary: own.first"),
    ],
)
def test_a_line_of_the_header_that_is_not_sound_is_refused_by_its_number(old: str, new: str) -> None:
    number = HEADER[: HEADER.index(old)].count("\n") + 1
    with pytest.raises(BadRecord, match=rf"^own\.cedar: line {number}: "):
        cedar.assemble([packs.read("core"), pack(HEADER.replace(old, new) + FIRST)])


@pytest.mark.parametrize("field", ["pack", "title", "promised_by", "in_force", "status", "source", "checked_on"])
def test_a_field_that_the_header_lacks_is_named(field: str) -> None:
    lines = HEADER.splitlines(keepends=True)
    left = "".join(line for line in lines if not line.startswith(f"// {field}: "))
    with pytest.raises(BadRecord, match=rf"^own\.cedar: line 1: the header lacks `{field}`"):
        pack(left + FIRST)


DAYS = ["2026-02-30", "2026-13-01", "20260101", "soon"]


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize(
    ("old", "line", "field"),
    [
        ("// in_force: always", 4, "in_force"),
        ("// checked_on: 2026-01-01", 7, "checked_on"),
        ("// stale_after: 2029-01-01", 8, "stale_after"),
    ],
)
def test_a_day_that_does_not_exist_is_refused(day: str, old: str, line: int, field: str) -> None:
    assert HEADER.splitlines()[line - 1] == old
    new = f"// {field}: {day} to open" if field == "in_force" else f"// {field}: {day}"
    with pytest.raises(BadRecord, match=rf"^own\.cedar: line {line}: {field}: must be a date"):
        pack(HEADER.replace(old, new) + FIRST)


@pytest.mark.parametrize("day", DAYS[:2] + DAYS[3:])
def test_a_day_that_does_not_exist_in_a_rule_is_refused(day: str) -> None:
    spoilt = SECOND.replace("context.verified", f'context.on < datetime("{day}")')
    with pytest.raises(BadRecord, match=rf"^own\.cedar: line {AT}: "):
        cedar.assemble([packs.read("core"), pack(HEADER + FIRST + spoilt)])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("principal,", 'principal == Customer::"customer",'),
        ("resource)", 'resource == Use::"use")'),
        ("context.verified", 'principal == Customer::"customer"'),
        ("context.verified", '[Use::"use", Use::"other"].contains(resource)'),
        ("context.verified", 'Customer::"customer".sector == "police"'),
    ],
)
def test_a_rule_names_no_customer_and_no_use_by_an_id(old: str, new: str) -> None:
    assert old in SECOND
    with pytest.raises(BadRecord, match=rf"^own\.cedar: line {AT}: a rule reads what a (Customer|Use) is, and "):
        cedar.assemble([packs.read("core"), pack(HEADER + FIRST + SECOND.replace(old, new))])


def test_a_schema_that_is_none_is_refused() -> None:
    with pytest.raises(BadRecord, match=r"^schema\.cedarschema: "):
        cedar.of([packs.read("core")], "entity Customer {")


def test_a_sound_pack_beside_it_decides_as_before() -> None:
    before = cedar.load()
    with pytest.raises(BadRecord):
        cedar.assemble([packs.read("core"), pack(HEADER + "forbid")])
    assert cedar.load().digest == before.digest


Spoil = tuple[str, str, int, str]
SPOILT: list[Spoil] = [
    ("from = 2027-01-01", "from = 2027-02-30", 0, "is not TOML: Invalid date"),
    ("[assessment]", '[assessment]\nfriendliness = "yes"', 1, "assessment.friendliness: is not a known field"),
    ('legality = "yes"', 'legality = "perhaps"', 0, "assessment.legality: 'perhaps' is not one of"),
    ('level = "national"', 'level = "galactic"', 0, "level: 'galactic' is not one of"),
    ('id = "an-act"', 'id = ""', 0, "id: must not be empty"),
]


@pytest.mark.parametrize(("old", "new", "further", "says"), SPOILT)
def test_a_law_that_is_not_sound_is_refused_by_file_and_line(
    tmp_path: Path, old: str, new: str, further: int, says: str
) -> None:
    assert old in BODY
    path = tmp_path / "law.toml"
    path.write_text(BODY.replace(old, new), encoding="utf-8")
    line = BODY[: BODY.index(old)].count("\n") + 1 + further
    reads: tuple[Callable[[], object], ...] = (lambda: laws.read_law(path), lambda: laws.registered(path, ()))
    for read in reads:
        with pytest.raises(BadRecord) as refused:
            read()
        assert says in refused.value.message
        assert refused.value.message.startswith("law.toml: ")
        assert f"line {line}" in refused.value.message


@pytest.mark.parametrize(
    ("field", "line"),
    [("id", 1), ("a.x", 3), ("a.b.x", 6), ("a.y", 2), ("a.b", 5), ("z", None), ("c.x", 8)],
)
def test_the_line_of_a_field_is_that_which_sets_it_or_opens_its_table(field: str, line: int | None) -> None:
    text = 'id = 1\n[a]\nx = 1\n# x = 2\n[a.b]\nx = 3\n[[c]]\n"x" = 4\n[[c]]\nx = 5\n'
    assert table.line_of(text, field) == line


def test_an_error_that_names_no_field_stays_as_it_is() -> None:
    for says in ("law.toml: cannot be read", "law.toml: nowhere: is missing", "a sentence"):
        error = BadRecord(says)
        assert table.with_line(error, "id = 1\n") is error
