"""Documents that are true: links lead somewhere, every page and decision is listed, targets say what they do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.sources import ROOT, files

LINK = re.compile(r"!?\[[^\]]*\]\((?P<to>[^)\s]+)\)")
PAGES = [name for name in files() if name.endswith(".md")]
ADRS = [name for name in files() if re.match(r"docs/adr/\d{4}-[a-z0-9-]+\.md\Z", name)]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    broken = [
        to for to in LINK.findall(text) if not to.startswith(("https://", "#", "mailto:")) and not _leads(page, to)
    ]
    assert not broken


def _leads(page: str, to: str) -> bool:
    path, _, anchor = to.partition("#")
    target = (ROOT / page).parent / path
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in heads}


def test_every_page_is_reached_from_the_index() -> None:
    index = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    linked = {to.partition("#")[0] for to in LINK.findall(index)}
    pages = {name.removeprefix("docs/") for name in PAGES if re.match(r"docs/[^/]+\.md\Z", name)}
    assert pages - {"index.md"} <= linked


def test_every_decision_is_listed_under_its_own_number() -> None:
    listed = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")
    assert ADRS
    for name in ADRS:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert Path(name).name in listed
        assert text.startswith(f"# {int(Path(name).name[:4])}. "), name


def test_no_two_decisions_have_one_number() -> None:
    numbers = [Path(name).name[:4] for name in ADRS]
    assert len(numbers) == len(set(numbers))


def test_every_target_of_the_makefile_says_what_it_does() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert phony
    described = set(re.findall(r"^([a-z]+):.*## \S", text, re.MULTILINE))
    assert set(phony[1].split()) == described


def test_the_changelog_knows_this_version() -> None:
    from countenance import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
