"""The five commands of docs/transparency.md, run by somebody who has a key, a receipt and an address."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from countenance.cli.main import root
from countenance.domain.errors import Refused
from countenance.ledger import publish
from countenance.service import detect
from countenance.service.use import Use
from tests.service.test_leaves import full_run
from tests.service.watched import write_set
from tests.service.world import new_world, photo

if TYPE_CHECKING:
    from tests.service.world import World

PAGE = (Path(__file__).parents[2] / "docs" / "transparency.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"```console\n\$ countenance (.*)\n(.*)\n```", PAGE)
ADDRESS = "https://faces.example.com/ledger"


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what a stranger has: the key, the receipt of a refusal, and the published log under `ledger`."""
    world = new_world(tmp_path / "house")
    full_run(world)
    write_set(world.settings.ledger, world.house.policies)
    (tmp_path / "refusal.receipt").write_text(refused(world))
    world.house.close()
    (tmp_path / "log.vkey").write_text(world.settings.log_vkey.read_text())
    (tmp_path / "ledger").symlink_to(world.settings.ledger)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(world: World) -> str:
    with pytest.raises(Refused) as ended:
        detect.detect(world.house, world.customer(), photo(1), Use(purpose="mass-surveillance"))
    return ended.value.receipt


def run(command: str) -> tuple[int, str]:
    done = CliRunner().invoke(root, shlex.split(command.replace(ADDRESS, "ledger")))
    return done.exit_code, done.output


@pytest.mark.usefixtures("outside")
def test_the_five_commands_answer_as_the_page_says() -> None:
    assert len(COMMANDS) == 5
    for command, said in COMMANDS:
        code, output = run(command)
        assert code == 0, output
        assert said in output, command
    assert "denied" in run(COMMANDS[0][0])[1]
    assert ", 0 of them new" in run(COMMANDS[2][0])[1]


def test_a_receipt_of_another_history_is_an_alarm(outside: Path) -> None:
    other = new_world(outside / "other")
    (outside / "foreign.receipt").write_text(refused(other))
    other.house.close()
    code, output = run(COMMANDS[1][0].replace("refusal.receipt", "foreign.receipt"))
    assert code == 1
    assert "ALARM receipt" in output
    code, output = run(COMMANDS[1][0].replace("refusal.receipt", "log.vkey"))
    assert code == 2


def test_a_log_that_forgot_the_receipt_is_rolled_back(outside: Path) -> None:
    world = new_world(outside / "later")
    (outside / "log.vkey").write_text(world.settings.log_vkey.read_text())
    world.house.log.publish()
    early = (world.settings.ledger / publish.CHECKPOINT).read_bytes()
    write_set(world.settings.ledger, world.house.policies)
    (outside / "refusal.receipt").write_text(refused(world))
    world.house.close()
    (world.settings.ledger / publish.CHECKPOINT).write_bytes(early)
    (outside / "ledger").unlink()
    (outside / "ledger").symlink_to(world.settings.ledger)
    code, output = run(COMMANDS[1][0])
    assert code == 1
    assert "ALARM rolled-back" in output


def test_the_page_names_every_alarm() -> None:
    code = Path(__file__).parents[2] / "src" / "countenance"
    texts = "".join(
        (code / name).read_text() for name in ("ledger/follow.py", "service/monitor.py", "service/again.py")
    )
    kinds = set(re.findall(r'(?:_Alarmed|Alarm|Found|_raise|listening)\((?:seen\.alarm, )?\s*"([a-z-]+)"', texts))
    assert len(kinds) >= 12
    assert {kind for kind in kinds if f"`{kind}`" not in PAGE} == set()
