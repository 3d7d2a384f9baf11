"""`countenance policy diff` and `policy compare`: exit codes, published sets, and errors for bad input."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from countenance.cli.main import root
from countenance.policy import cedar, packs

if TYPE_CHECKING:
    from pathlib import Path


def run(*args: object) -> Result:
    return CliRunner().invoke(root, ["policy", *map(str, args)])


def folder(path: Path, **texts: str) -> Path:
    """A folder of packs with these texts."""
    path.mkdir()
    for name, text in texts.items():
        (path / f"{name}.cedar").write_text(text, encoding="utf-8")
    return path


MICROSOFT = packs.read("microsoft-2020").text


@pytest.fixture
def both(tmp_path: Path) -> tuple[Path, Path]:
    """A promise, and the same promise a day later."""
    later = MICROSOFT.replace('datetime("2020-06-11")', 'datetime("2020-06-12")')
    assert later != MICROSOFT
    return folder(tmp_path / "old", **{"microsoft-2020": MICROSOFT}), folder(
        tmp_path / "new", **{"microsoft-2020": later}
    )


def test_a_day_later_is_loosening_and_a_day_earlier_is_not(both: tuple[Path, Path]) -> None:
    there = run("diff", *both)
    assert there.exit_code == 1
    assert "from 2020-06-11 until before 2020-06-12" in there.output
    assert "This change loosens." in there.output
    back = run("diff", *reversed(both))
    assert back.exit_code == 0
    assert "This change opens nothing." in back.output


def test_json_says_the_same_with_an_ask_that_can_be_decided_again(both: tuple[Path, Path]) -> None:
    found = json.loads(run("diff", *both, "--json").stdout)
    (opened,) = found["openings"]
    assert (found["loosens"], found["proven"], found["closings"]) == (True, True, [])
    assert opened["rules"] == ["microsoft-2020.us-police"]
    assert {"attribute": "by-or-for", "values": ["police", "sheriff"]} in opened["when"]
    assert {"attribute": "on", "values": ["2020-06-11..2020-06-12"]} in opened["when"]
    assert opened["example"]["on"] == "2020-06-11"


def test_published_sets_are_found_by_their_digests(tmp_path: Path) -> None:
    digests = [published(tmp_path, names) for names in (["microsoft-2020"], ["core"])]
    assert run("diff", *digests, "--sets", tmp_path).exit_code == 1
    assert run("diff", digests[1].removeprefix("sha256:"), digests[0], "--sets", tmp_path).exit_code == 0


def published(sets: Path, names: list[str]) -> str:
    """Publish a set as `<hex>/<pack>.cedar` with its schema; its digest."""
    policies = cedar.load(names)
    place = folder(sets / policies.digest.removeprefix("sha256:"), **{f.name: f.text for f in policies.files})
    (place / "schema.cedarschema").write_text(packs.schema(), encoding="utf-8")
    return policies.digest


def test_a_published_set_that_was_altered_is_refused(tmp_path: Path) -> None:
    digest = published(tmp_path, ["microsoft-2020"])
    file = tmp_path / digest.removeprefix("sha256:") / "microsoft-2020.cedar"
    file.write_text(MICROSOFT + "\n", encoding="utf-8")
    result = run("diff", digest, digest, "--sets", tmp_path)
    assert result.exit_code == 2
    assert "it was altered" in result.output


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["nowhere", "nowhere"], "neither a folder of packs nor the digest"),
        (["sha256:" + "0" * 64, "sha256:" + "1" * 64], "--sets"),
        (["0" * 64, "1" * 64, "--sets", "."], "there is no set"),
        (["."], "Missing argument"),
    ],
)
def test_what_is_no_set_is_named(args: list[str], says: str) -> None:
    result = run("diff", *args)
    assert result.exit_code == 2
    assert says in result.output


def test_a_folder_without_packs_or_with_a_broken_one_is_an_error(tmp_path: Path) -> None:
    empty = folder(tmp_path / "empty")
    broken = folder(tmp_path / "broken", **{"microsoft-2020": MICROSOFT.replace("forbid (", "forbid(((")})
    assert "there is no pack" in run("diff", empty, empty).output
    result = run("diff", broken, broken)
    assert result.exit_code == 2
    assert "microsoft-2020" in result.output


def test_compare_says_who_is_within_whom_and_writes_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = run("compare", "ibm-2020", "amazon-2020", "--on", "2020-06-12", "--html", page)
    assert result.exit_code == 0
    assert "Whatever ibm-2020 allows, amazon-2020 allows too, and more." in result.output
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_compare_as_json(tmp_path: Path) -> None:
    own = MICROSOFT.replace("microsoft-2020", "own").replace('["police", "sheriff"]', '["police"]')
    place = folder(tmp_path / "own", own=own)
    result = run("compare", "microsoft-2020", "own", "--on", "2020-06-12", "--dir", place, "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["strictest"], found["proven"]) == (0, ["microsoft-2020"], True)
    assert [each["relation"] for each in found["between"]] == ["within"]
    answers = found["asks"][0]["answers"]
    assert (answers["own"]["decision"], answers["microsoft-2020"]["decision"]) == ("allow", "deny")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["ibm-2020", "--on", "2020-06-12"], "two packs at least"),
        (["ibm-2020", "ibm-2020", "--on", "2020-06-12"], "two packs at least"),
        (["ibm-2020", "nobody", "--on", "2020-06-12"], "not a known pack"),
        (["ibm-2020", "amazon-2020", "--on", "2020-06-31"], "neither a date"),
        (["ibm-2020", "amazon-2020"], "--on"),
        (["ibm-2020", "amazon-2020", "--on", "2020-06-12", "--html", "/nowhere/page.html"], "cannot be written"),
    ],
)
def test_compare_names_what_is_wrong(args: list[str], says: str) -> None:
    result = run("compare", *args)
    assert result.exit_code == 2
    assert says in result.output
