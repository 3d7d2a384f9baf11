"""Promises side by side: the positions of June 2020, proven, and the page that can be quoted."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from countenance.policy import compare, packs, sheet
from tests.policy.changes import R, made

if TYPE_CHECKING:
    from countenance.policy.compare import Comparison

JUNE = datetime(2020, 6, 12, tzinfo=UTC)
NAMES = ("microsoft-2020", "amazon-2020", "ibm-2020", "aclu-2020")
"""The positions of the news item."""


def compared(*names: str, on: datetime = JUNE) -> Comparison:
    return compare.compare(packs.read("core"), [packs.read(name) for name in names], on)


@pytest.fixture(scope="module")
def june() -> Comparison:
    return compared(*NAMES)


def test_ibms_allows_lie_within_those_of_each_company(june: Comparison) -> None:
    assert june.proven
    assert [june.relation("ibm-2020", name) for name in NAMES] == ["within", "within", "equal", "crosses"]
    assert june.relation("microsoft-2020", "ibm-2020") == "contains"


def test_ibm_and_the_aclu_differ_in_the_other_direction_by_the_export_alone(june: Comparison) -> None:
    """IBM lets police have back what is held for them; the ACLU demands that nothing be handed to them."""
    (pair,) = [each for each in june.between if {each.one, each.other} == {"ibm-2020", "aclu-2020"}]
    only_ibm = pair.only_one if pair.one == "ibm-2020" else pair.only_other
    actions = [clause.values for each in only_ibm for clause in each.when if clause.attribute == "action"]
    assert actions == [("export",)]
    assert len(only_ibm) == 1


def test_microsoft_and_amazon_cross_by_territory_law_and_named_exceptions(june: Comparison) -> None:
    (pair,) = [each for each in june.between if (each.one, each.other) == NAMES[:2]]
    assert pair.relation == "crosses"
    by_microsoft = " ".join(each.says for each in pair.only_one)
    by_amazon = " ".join(each.says for each in pair.only_other)
    assert "with neither seat nor use in the United States" in by_microsoft
    assert "while a national law of the United States grounded in human rights is in force" in by_microsoft
    assert "the exception for icmec, marinus-analytics or thorn applies" in by_amazon
    assert "with a seat or a use in the United States" in by_amazon


def test_after_its_year_amazons_promise_of_2020_allows_all_that_microsofts_does() -> None:
    after = compared("microsoft-2020", "amazon-2020", on=datetime(2021, 6, 10, tzinfo=UTC))
    assert (after.relation("microsoft-2020", "amazon-2020"), after.strictest) == ("within", ("microsoft-2020",))
    assert compare.sentences(after)[0].startswith("microsoft-2020 is the strictest")
    before = compared("microsoft-2020", "amazon-2020", on=datetime(2021, 6, 9, 23, tzinfo=UTC))
    assert before.relation("microsoft-2020", "amazon-2020") == "crosses"


def test_nobody_is_strictest_where_two_cross_and_equal_is_said(june: Comparison) -> None:
    assert june.strictest == ()
    early = compared("microsoft-2020", "aclu-2020", on=datetime(2020, 6, 1, tzinfo=UTC))
    assert early.relation("microsoft-2020", "aclu-2020") == "equal"
    assert (early.rows, len(early.strictest)) == ((), 2)
    assert "allow the same asks" in " ".join(compare.sentences(early))


def test_each_row_tells_two_promises_apart(june: Comparison) -> None:
    assert june.rows
    for row in june.rows:
        assert len({verdict.allowed for verdict in row.verdicts.values()}) == 2
        assert all(verdict.reasons for verdict in row.verdicts.values())


class Page(HTMLParser):
    """What a page asks for, and whether its tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.asks: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.asks += [f"{tag} {name}={value}" for name, value in attrs if name in ("src", "href", "style", "onclick")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_asks_for_nothing_and_quotes_each_rule_with_its_source(june: Comparison) -> None:
    text = sheet.page(june)
    page = Page(text)
    assert page.open == []
    assert {"script", "img", "link", "iframe", "object"}.isdisjoint(page.tags)
    assert "url(" not in text
    assert "@import" not in text
    assert all(each.startswith("a href=https://") for each in page.asks)
    for row in june.rows:
        assert row.says[1:] in page.text
        for reason in [r for verdict in row.verdicts.values() if not verdict.allowed for r in verdict.reasons]:
            assert reason.says in page.text
            assert f"a href={reason.source}" in page.asks
    for file in june.packs:
        assert file.digest in page.text
        assert all(gap in page.text for gap in file.header.gaps)


def test_the_page_can_be_heard_printed_and_enlarged(june: Comparison) -> None:
    text = sheet.page(june)
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert text.count("<table>") == text.count("<caption>") == text.count('class="scroll" role="region" tabindex="0"')
    assert 'scope="col"' in text
    assert 'scope="row"' in text
    assert "@media print" in text
    assert "user-scalable" not in text
    assert "px;" not in text.replace("border: 1px solid;", "")
    assert [text.count(f"<h{level}>") for level in (1, 3)] == [1, len(NAMES)]


def test_what_a_pack_says_of_itself_is_escaped() -> None:
    hostile = made(R("forbid", "no", 'resource.country == "US"'), name="own").files[0]
    file = packs.parse(hostile.text.replace("A set made for a test", "<script>alert(1)</script>").encode(), "own")
    found = compare.compare(packs.read("core"), [file, packs.read("ibm-2020")], JUNE)
    assert "<script" not in sheet.page(found)
