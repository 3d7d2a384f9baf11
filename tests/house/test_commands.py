"""Every command of the tree: help that says what it does with an example, and --json where it answers."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from countenance.cli.main import COMMANDS, root

if TYPE_CHECKING:
    from collections.abc import Iterator

SILENT = {"policy show"}  # prints a pack's text as it is


def _tree(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for sub in command.list_commands(context):
            child = command.get_command(context, sub)
            assert child is not None
            yield from _tree(child, f"{name} {sub}".strip())


TREE = dict(_tree(root))


@pytest.mark.parametrize("name", sorted(TREE))
def test_help_says_what_it_does_with_an_example(name: str) -> None:
    result = CliRunner().invoke(root, [*name.split(), "--help"])
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"countenance {name}".strip() in result.output.split("Example", 1)[1]


@pytest.mark.parametrize("name", sorted(name for name, command in TREE.items() if not isinstance(command, click.Group)))
def test_every_answer_may_be_had_as_json(name: str) -> None:
    flags = {flag for parameter in TREE[name].params for flag in parameter.opts}
    assert "--json" in flags or name in SILENT


@pytest.mark.parametrize("name", sorted(TREE))
def test_every_option_says_what_it_is(name: str) -> None:
    mute = [p.name for p in TREE[name].params if isinstance(p, click.Option) and not p.help and not p.hidden]
    assert not mute


def test_the_commands_are_those_of_the_help() -> None:
    assert set(root.list_commands(click.Context(root))) == set(COMMANDS)


def test_help_starts_without_loading_a_model() -> None:
    code = (
        "import sys; from countenance.cli.main import root; print('onnxruntime' in sys.modules or 'cv2' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=60)
    assert run.stdout.strip() == "False"
