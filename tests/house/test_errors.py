"""The tree of errors: each code its own, each drawn, each documented with what to do."""

from __future__ import annotations

import re

import pytest

from countenance.domain import errors
from countenance.domain.errors import CountenanceError, tree
from tests.house.sources import ROOT, modules

PAGE = ROOT / "docs" / "errors.md"
ROW = re.compile(
    r"^\| `(?P<code>[a-z-]+)` \| (?P<retry>yes|no) \| (?P<meaning>[^|]+) \| (?P<step>[^|]+) \|$", re.MULTILINE
)


TREE = sorted(tree(), key=lambda each: each.__name__)


def test_every_code_is_its_own() -> None:
    codes = [each.code for each in TREE]
    assert len(codes) == len(set(codes))
    assert all("code" in vars(each) for each in TREE)


@pytest.mark.parametrize("error", TREE)
def test_every_error_is_drawn_in_the_tree(error: type[CountenanceError]) -> None:
    assert errors.__doc__
    assert re.search(rf"\b{error.__name__}\b", errors.__doc__) or error is CountenanceError


@pytest.mark.parametrize("error", TREE)
def test_every_error_is_documented_as_it_is(error: type[CountenanceError]) -> None:
    rows = {found["code"]: found for found in ROW.finditer(PAGE.read_text(encoding="utf-8"))}
    row = rows.get(error.code)
    assert row is not None, f"docs/errors.md has no row for `{error.code}`"
    assert row["retry"] == ("yes" if error.retry else "no")
    assert row["step"].strip() == error.default_next_step


def test_the_page_has_no_error_that_is_not() -> None:
    documented = {found["code"] for found in ROW.finditer(PAGE.read_text(encoding="utf-8"))}
    assert documented == {each.code for each in TREE}


def test_no_room_has_errors_of_its_own_that_may_leave_it() -> None:
    """Outside domain/errors.py an exception class is private, so that none can be caught by a caller."""
    public = re.compile(r"^class ([A-Za-z]\w*)\((?:\w+\.)?\w*(?:Error|Exception)\)", re.MULTILINE)
    found = {(m.name, name) for m in modules() if m.name != errors.__name__ for name in public.findall(m.text)}
    assert not found
