"""`countenance policy change`, `stop`, `resume` and `law` on a house of their own, and what they refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from countenance.cli.main import main
from countenance.service import founding
from tests.service.promises import law_text

if TYPE_CHECKING:
    from pathlib import Path

    from countenance.config import Settings


@pytest.fixture
def house(tmp_path: Path) -> list[str]:
    from countenance.config import Settings

    settings: Settings = Settings(tmp_path / "data", tmp_path / "keys")
    founding.found(settings, "test.example/log")
    return ["--data", str(settings.data), "--keys", str(settings.keys), "--json"]


def run(capsys: pytest.CaptureFixture[str], house: list[str], *words: str, code: int = 0) -> Any:
    with pytest.raises(SystemExit) as ended:
        main([*words, *house])
    said = capsys.readouterr()
    assert ended.value.code == code, said
    return json.loads(said.out) if said.out.startswith(("{", "[")) else said.err


def registered(capsys: pytest.CaptureFixture[str], house: list[str], folder: Path, name: str, role: str) -> list[str]:
    key = folder / f"{name}.key"
    run(capsys, ["--json"], "account", "keygen", str(key))
    from countenance.service import signed

    public = folder / f"{name}.pub"
    public.write_text(signed.PersonKey.parse(key.read_text()).public)
    made = run(capsys, house, "account", "register", name, "--role", role, "--key", str(public))
    return ["--account", made["id"], "--key", str(key)]


def test_a_change_and_a_law_from_the_command_line(
    capsys: pytest.CaptureFixture[str], house: list[str], tmp_path: Path
) -> None:
    one = registered(capsys, house, tmp_path, "ada", "approver")
    change = run(capsys, house, "policy", "change", "propose", "--off", "microsoft-2020")["change"]
    assert (change["state"], change["loosens"]) == ("under-notice", True)
    after = run(capsys, house, "policy", "change", "approve", change["id"], *one)["change"]
    assert len(after["approvals"]) == 1
    again = run(capsys, house, "policy", "change", "approve", change["id"], *one, code=1)
    assert again["error"] == "conflict"
    assert run(capsys, house, "policy", "change", "show", change["id"])["change"]["digest"] == change["digest"]
    assert run(capsys, house, "policy", "change", "withdraw", change["id"])["change"]["state"] == "withdrawn"
    file = tmp_path / "law.toml"
    file.write_bytes(law_text())
    law = run(capsys, house, "law", "propose", str(file))["law"]
    signed = run(capsys, house, "law", "sign", law["id"], *one)["law"]
    assert [each["outside"] for each in signed["signatures"]] == [False]
    run(capsys, house, "law", "object", law["id"], "It tests nobody.")
    assert run(capsys, house, "law", "record", law["id"], code=1)["error"] == "conflict"
    assert run(capsys, house, "law", "repeal", law["id"], code=1)["error"] == "conflict"
    assert [each["id"] for each in run(capsys, house, "law", "list")["laws"]] == [law["id"]]
    assert run(capsys, house, "law", "show", law["id"])["law"]["objections"][0]["words"] == "It tests nobody."


def test_a_stop_and_what_lifts_it_and_a_bad_pack(
    capsys: pytest.CaptureFixture[str], house: list[str], tmp_path: Path
) -> None:
    run(capsys, house, "account", "list")  # which opens the house, and so gives it its first set
    assert run(capsys, house, "policy", "stop")["change"]["state"] == "in-force"
    assert run(capsys, house, "policy", "stop", code=1)["error"] == "conflict"
    assert run(capsys, house, "policy", "resume")["change"]["state"] == "under-notice"
    bad = tmp_path / "own.cedar"
    bad.write_text("permit(principal, action, resource);")
    refused = run(capsys, house, "policy", "change", "propose", "--pack", str(bad), code=1)
    assert refused["error"] == "bad-record"
    assert refused["message"].startswith("own")
    states = [each["state"] for each in run(capsys, house, "policy", "change", "list")["changes"]]
    assert states == ["in-force", "under-notice"]
    assert "either --key or --signature" in run(
        capsys, house, "policy", "change", "approve",
        run(capsys, house, "policy", "change", "list")["changes"][1]["id"], "--account", "acc_0", code=2,
    )  # fmt: skip
