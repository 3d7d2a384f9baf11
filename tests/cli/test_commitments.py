"""The commands of docs/commitments.md answer what the page says that they answer."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from countenance.cli.main import root

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
