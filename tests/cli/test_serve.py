"""`countenance serve` as it is typed, with the models that ship; and the unit that runs it under systemd."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from countenance.config import Serving
from tests.cli.test_errors import run
from tests.house.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 90  # seconds for a start with real models on a busy machine
UNIT = ROOT / "deploy/countenance.service"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("home")
    assert run(made, "init", "--for-myself", "--country", "DE").code == 0
    return made


def _serve(home: Path, *words: str) -> subprocess.Popen[str]:
    places = {"COUNTENANCE_DATA": str(home / "data"), "COUNTENANCE_KEYS": str(home / "keys")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COUNTENANCE_")}
    command = [sys.executable, "-m", "countenance.cli.main", "serve", "--port", "0", *words]
    return subprocess.Popen(
        command, env={**kept, **places}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_it_says_where_it_listens_whose_models_and_what_nobody_vouches_for(home: Path, words: tuple[str, ...]) -> None:
    with _serve(home, *words) as child:
        try:
            assert child.stdout is not None
            first = json.loads(child.stdout.readline())
            assert first["event"] == "listening"
            assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+", first["address"])
            assert (first["origin"], first["witnessed"]) == ("localhost/countenance", False)
            assert httpx.get(f"{first['address']}/readyz", timeout=PATIENCE).json() == {"ready": True}
            log = httpx.get(f"{first['address']}/v1/log", timeout=PATIENCE).json()
            assert log["origin"] == first["origin"]
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=PATIENCE)
        finally:
            child.kill()
    assert child.returncode == 0
    assert [json.loads(line)["route"] for line in out.splitlines()] == ["/readyz", "/v1/log"]
    if words:
        assert err == ""
    else:
        assert first["address"] in err
        assert "licence" in err
        assert "unwitnessed" in err


def test_another_process_that_holds_the_house_is_named(home: Path) -> None:
    from countenance.ledger import durable

    held = durable.lock(home / "data/log-state/lock")
    try:
        ended = run(home, "serve", "--json")
    finally:
        os.close(held)
    assert (ended.code, ended.error()) == (1, "log-locked")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "localhost"])  # noqa: S104
def test_an_address_that_may_not_be_is_refused_before_anything_is_opened(tmp_path: Path, host: str) -> None:
    ended = run(tmp_path, "serve", "--host", host, "--json")
    assert (ended.code, ended.error()) == (1, "misconfigured")


def test_a_port_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    assert run(tmp_path, "serve", "--port", "65536").code == 2


def _unit() -> dict[str, list[str]]:
    """The settings of the unit; a key may come several times. Anything that is no setting fails."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line
        elif line and not line.startswith("#"):
            assert section in ("[Unit]", "[Service]", "[Install]")
            name, between, value = line.partition("=")
            assert between
            assert re.fullmatch(r"[A-Z][A-Za-z]+", name)
            found.setdefault(name, []).append(value)
    return found


def test_the_unit_locks_the_server_in() -> None:
    unit = _unit()
    for name in (
        "NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "MemoryDenyWriteExecute", "ProtectClock",
        "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs", "ProtectControlGroups", "LockPersonality",
        "RestrictSUIDSGID", "RestrictNamespaces", "RestrictRealtime",
    ):  # fmt: skip
        assert unit[name] == ["true"], name
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["LimitCORE"] == unit["MemorySwapMax"] == ["0"]
    assert unit["CapabilityBoundingSet"] == [""]
    assert unit["User"] != ["root"]
    assert unit["UMask"] == ["0077"]


def test_the_unit_starts_what_there_is_and_gives_it_time_to_end() -> None:
    from countenance.cli.main import COMMANDS

    unit = _unit()
    for line in (*unit["ExecStart"], *unit["ExecStartPre"]):
        program, command, *_ = line.split()
        assert program.endswith("/countenance")
        assert command in COMMANDS
    assert int(unit["TimeoutStopSec"][0]) > Serving().grace_seconds
    assert int(unit["LimitNOFILE"][0]) > Serving().connections
    page = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
    named = [name for name in unit if name.startswith(("Protect", "Restrict", "Memory", "Limit", "IPAddress"))]
    assert not [name for name in named if f"`{name}" not in page]
