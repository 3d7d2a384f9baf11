"""`countenance policy schedule`: days of packs without a house, and for whom with one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from countenance.cli.policy import policy
from countenance.policy import packs

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(policy, ["schedule", *arguments])


def answer(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--json").output)
    return found


def test_packs_alone_say_on_which_days_their_rules_turn() -> None:
    found = answer("--on", "2020-05-12", "--days", "30")
    assert (found["from"], found["until"]) == ("2020-05-12", "2020-06-11")
    assert [(turn["day"], turn["cause"], turn["name"]) for turn in found["turns"]] == [
        ("2020-06-11", "rule", "microsoft-2020.us-police")
    ]
    assert "changes" not in found
    assert answer("--on", "2020-05-12", "--days", "29")["turns"] == []
    assert (
        answer("--on", "2020-05-12", "--pack", "microsoft-2020-strict")["packs"][1]["name"] == "microsoft-2020-strict"
    )


def test_a_pack_that_goes_stale_is_a_day_too() -> None:
    found = answer("--on", "2026-11-24", "--days", "400")
    assert {turn["name"] for turn in found["turns"] if turn["cause"] == "pack"} == set(packs.fresh_install())
    told = run("--on", "2026-11-24", "--days", "400").output
    assert "2027-11-23" in told
    assert "allows nothing from this day on" in told


def test_where_nothing_turns_it_says_so() -> None:
    assert "no rule, pack, law or evaluation turns" in run("--on", "2024-01-01").output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--on", "2020-02-30"],
        ["--on", "soon"],
        ["--days", "-1"],
        ["--days", "5000"],
        ["--on", "9999-12-31"],
        ["--pack", "nonsense"],
        ["--data", "somewhere", "--on", "2020-01-01"],
        ["--data", "somewhere", "--pack", "core"],
    ],
)
def test_what_cannot_be_read_is_usage(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output


def test_of_a_house_it_says_for_whom(tmp_path: Path) -> None:
    """A lone operator's house, opened with its own models: in a year its grant, papers and model end."""
    from countenance.cli.init import init

    where = ["--data", str(tmp_path / "data"), "--keys", str(tmp_path / "keys")]
    made = CliRunner().invoke(init, ["--for-myself", "--purpose", "identity-verification", "--country", "DE", *where])
    assert made.exit_code == 0, made.output
    found = answer(*where, "--days", "370")
    assert {turn["cause"] for turn in found["turns"]} >= {"pack", "model"}
    assert found["changes"]
    grants = {each["grant"] for each in found["changes"]}
    assert len(grants) == 1
    told = run(*where, "--days", "370").output
    assert grants.pop() in told
    assert "allow becomes deny, by " in told
