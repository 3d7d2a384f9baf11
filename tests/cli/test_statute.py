"""`countenance statute` as docs/washington.md types it, and each way to hold it wrong."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from countenance.statute.items import ITEMS
from countenance.statute.papers import PAPERS
from tests.cli.test_errors import Ended, run
from tests.house.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "washington.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
TAKEN = re.compile(r"(?P<name>[A-Z]+)=\$\((?P<command>.*) \| jq -r \.(?P<field>[a-z]+)\)")
ENDS = {"statute file publication": 1, "statute standing": 1, "customer apply": 3}
"""Commands of the page that say no, and how."""


class Shell:
    """As much of a shell as the page uses: variables, `>`, `echo`, and `jq` for one field."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.variables: dict[str, str] = {}
        self.ended: dict[str, Ended] = {}

    def line(self, text: str) -> None:
        taken = TAKEN.fullmatch(text)
        if taken is not None:
            told = self.command(taken["command"])
            self.variables[taken["name"]] = json.loads(told.out)[taken["field"]]
            return
        command, _, target = text.partition(" > ")
        out = shlex.split(command)[1] + "\n" if command.startswith("echo ") else self.command(command).out
        if target:
            (self.home / target).write_text(out)

    def command(self, text: str) -> Ended:
        for name, value in self.variables.items():
            text = re.sub(rf"\${name}\b", value, text)
        words = shlex.split(text)
        assert words.pop(0) == "countenance"
        files = {"bo.key", "bo.pub", "notice.json", "draft.json", "final.json"}
        ended = run(self.home, *(str(self.home / word) if word in files else word for word in words))
        name = " ".join(words[:2])
        self.ended[name if words[1] != "file" else " ".join(words[:3])] = ended
        expected = next((code for known, code in ENDS.items() if text.startswith(f"countenance {known}")), 0)
        assert ended.code == expected, (text, ended.out, ended.err)
        return ended


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    home = tmp_path_factory.mktemp("home")
    assert run(home, "init").code == 0
    made = Shell(home)
    for block in BLOCKS:
        for line in block.strip().splitlines():
            made.line(line)
    return made


def test_the_page_is_typed_as_it_stands(shell: Shell) -> None:
    assert len(BLOCKS) == 3
    assert set(shell.variables) == {"AGENCY", "BO", "NOTICE", "DRAFT"}
    refused = shell.ended["statute file publication"].err
    for part in ("[incomplete]", "WA-020-2a", "WA-020-3,", "WA-020-3-period"):
        assert part in refused
    stands = shell.ended["statute standing"].out
    assert "ok      notice of intent for benefits-eligibility: 2026-01-10 (WA-020-1, T)" in stands
    assert "missing final report published never (WA-020-4, S)" in stands
    assert shell.ended["statute list"].out.count("fil_") == 2
    assert "washington-rcw-43.386.report-published" in shell.ended["customer apply"].err
    assert "washington-rcw-43.386.notice-of-intent" not in shell.ended["customer apply"].err


def test_a_draft_is_the_facts_of_a_draft(shell: Shell) -> None:
    facts = json.loads((shell.home / "draft.json").read_text())
    assert set(facts) == {"purposes", "sections", "remedies"}
    assert facts["remedies"]  # the shipped model has groups at or above one percent


def test_another_key_files_nothing_in_anybodys_name(shell: Shell) -> None:
    other = shell.home / "eve.key"
    assert run(shell.home, "account", "keygen", str(other)).code == 0
    words = ("--account", shell.variables["BO"], "--account-key", str(other), "--json")
    assert run(shell.home, "statute", "list", *words).error() == "unauthenticated"
    notice = str(shell.home / "notice.json")
    assert run(shell.home, "statute", "file", "notice", notice, *words).error() == "unauthenticated"


def test_what_is_wrong_is_named(shell: Shell) -> None:
    words = ("--account", shell.variables["BO"], "--account-key", str(shell.home / "bo.key"), "--json")
    (shell.home / "bad.json").write_text('{"filed": 1}')
    (shell.home / "none.json").write_text("[]")
    assert run(shell.home, "statute", "file", "notice", str(shell.home / "bad.json"), *words).error() == "bad-input"
    assert run(shell.home, "statute", "file", "notice", str(shell.home / "none.json"), *words).error() == "bad-input"
    assert (
        run(shell.home, "statute", "file", "notice", str(shell.home / "gone.json"), *words).error() == "misconfigured"
    )
    assert run(shell.home, "statute", "show", "fil_0", *words).error() == "not-found"
    assert run(shell.home, "statute", "disclosure", "fil_0", *words).error() == "not-found"
    assert run(shell.home, "statute", "january", "2020", "judge", *words).error() == "bad-input"
    assert run(shell.home, "customer", "apply", "--customer", "cus_0", "--name", "A", "--sector", "commercial",
               "--country", "DE", "--purpose", "credit", "--contact", "A", "--attested-by", "A",
               "--json").error() == "not-found"  # fmt: skip


def test_a_paper_is_shown_whole_and_january_is_written(shell: Shell) -> None:
    words = ("--account", shell.variables["BO"], "--account-key", str(shell.home / "bo.key"), "--json")
    shown = json.loads(run(shell.home, "statute", "show", shell.variables["NOTICE"], *words).out)
    assert (shown["kind"], shown["facts"]["authority"]) == ("notice", "The Legislature")
    assert json.loads(json.loads(run(shell.home, "statute", "january", "2026", "judge", *words).out)["text"])


def test_an_operator_of_the_provider_mitigates_and_files_nothing(shell: Shell) -> None:
    key = shell.home / "ada.key"
    (shell.home / "ada.pub").write_text(run(shell.home, "account", "keygen", str(key)).out)
    made = run(
        shell.home, "account", "register", "Ada", "--role", "operator", "--key", str(shell.home / "ada.pub"), "--json"
    )
    words = ("--account", json.loads(made.out)["id"], "--account-key", str(key), "--json")
    assert run(shell.home, "statute", "file", "notice", str(shell.home / "notice.json"), *words).error() == "refused"
    assert run(shell.home, "statute", "mitigate", "fil_0", "plan", "Ours", *words).error() == "not-found"


def test_kinds_and_items_are_listed(shell: Shell) -> None:
    assert set(json.loads(run(shell.home, "statute", "kinds", "--json").out)["kinds"]) == set(PAPERS)
    assert "mitigation (continues: independent-test): step, text" in run(shell.home, "statute", "kinds").out
    items = run(shell.home, "statute", "items").out
    assert all(name in items for name in ITEMS)
    assert "held as: " in items
