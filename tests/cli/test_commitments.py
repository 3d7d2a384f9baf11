"""What docs/commitments.md tells anyone to run, run as it stands: each answers what the page says that it answers."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from countenance.cli.main import root
from countenance.domain.decision import Ask
from countenance.ledger import leaf
from countenance.ledger.proof import Receipt
from countenance.policy import cedar, packs
from tests.ledger.world import NOON, SIGNER, closed_part, decision, make_log
from tests.policy.asks import FACTS

PAGE = (Path(__file__).parents[2] / "docs" / "commitments.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [
    (match[1].replace("\\\n", " "), match[2].strip())
    for block in BLOCKS
    for match in re.finditer(r"^\$ countenance ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]


@pytest.mark.parametrize(("command", "said"), COMMANDS)
def test_a_command_of_the_page_answers_as_it_says(command: str, said: str) -> None:
    done = CliRunner().invoke(root, shlex.split(command))
    if said:
        assert done.output.partition("\n")[0] == said
    assert done.exit_code == (3 if said.startswith("DENIED") else 0), done.output


def test_the_page_has_commands_with_both_answers() -> None:
    answers = [said.partition(" ")[0] for _, said in COMMANDS]
    assert {"ALLOWED", "DENIED", ""} == set(answers)
    assert len(answers) == PAGE.count("\n$ countenance ")


VENDORS = ("Microsoft", "IBM", "Amazon", "whoever switches this pack on", "the makers of Countenance")
POLICE = Ask("verify", "police", "US", "identity-verification", seat_country="US")


@pytest.mark.parametrize(
    ("kept", "changed", "says"),
    [
        (["microsoft-2020"], {}, (True, True)),
        (
            ["microsoft-2020"],
            {"verdict": "allow", "reasons": ["core.known-purpose"]},
            (True, False),
        ),  # a broken promise
        (["microsoft-2020"], {"reasons": ["core.meter"]}, (True, False)),
        (["amazon-2020"], {}, (False, False)),  # another promise is kept, under which this was an allow
    ],
)
def test_the_page_tells_a_kept_promise_from_a_broken_one(
    kept: list[str],
    changed: dict[str, leaf.Json],
    says: tuple[bool, bool],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its Python, on a receipt of a log that a server could have written."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    policies = cedar.load(kept)
    verdict = cedar.decide(policies, POLICE, replace(FACTS, on=NOON))
    opened: dict[str, leaf.Json] = {
        "ask": leaf.ask_words(POLICE),
        "context": dict(verdict.context),
        "verdict": verdict.answer,
        "reasons": [each.id for each in verdict.reasons],
        "policy": policies.digest,
    }
    closed, nonce = closed_part(), bytes(range(32))
    with make_log(tmp_path) as log:
        found = log.append(decision(closed, nonce, **{**opened, **changed}))
    (tmp_path / "receipt.txt").write_bytes(Receipt(found.proof, nonce, closed).encode())
    (tmp_path / "log.vkey").write_text(SIGNER.vkey + "\n")
    exec(code.replace('Path("', f'Path("{tmp_path}/'), {})  # noqa: S102 (the page's own words)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"decided by these promises: {says[0]}", f"they say the same: {says[1]}"]


def test_the_page_names_every_promise() -> None:
    for name in packs.shipped():
        if packs.read(name).header.status != "draft" and packs.read(name).header.promised_by.startswith(VENDORS):
            assert f"`{name}`" in PAGE
