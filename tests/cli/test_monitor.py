"""`countenance ledger monitor` over a folder and over a real line, its state and its exit codes."""

from __future__ import annotations

import json
import shutil
import stat
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from click.testing import CliRunner, Result

from countenance.cli.ledger import ledger
from countenance.domain.errors import BadInput, LogDamaged, Unavailable
from countenance.http import operation
from countenance.http.fetch import Fetch
from countenance.http.metrics import Metrics
from countenance.ledger import publish
from tests.client.house import listening, opened
from tests.ledger.world import SIGNER, some_leaf
from tests.service.watched import write_log, write_set

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(ledger, [str(argument) for argument in arguments])


def monitored(*arguments: object) -> tuple[int, dict[str, Any]]:
    done = run("monitor", *arguments, "--json")
    return done.exit_code, json.loads(done.output)


def test_a_served_house_is_followed_from_outside(tmp_path: Path) -> None:
    with opened(tmp_path / "house") as doors, listening(doors.app) as address:
        operation.attach(doors.app, doors.world.house, Metrics(doors.world.house))
        write_set(doors.world.settings.ledger, doors.world.house.policies)
        key = tmp_path / "probe.key"
        key.write_text(doors.key)
        where = [f"{address}/ledger", "--vkey", doors.pinned["log_key"].strip(), "--state", tmp_path / "seen.json"]
        probed = run("probe", address, "--key", doors.world.settings.log_vkey, "--key-file", key, "--json")
        assert probed.exit_code == 0, probed.output
        found = json.loads(probed.output)
        assert found["holds"]
        assert [each["expects"] for each in found["expectations"][:4]] == ["allow", "deny", "deny", "deny"]
        assert {each["index"] for each in found["expectations"][4:]} == {
            each["index"] for each in found["expectations"][:4]
        }
        code, said = monitored(*where)
        assert (code, said["alarms"]) == (0, []), said
        assert said["checked"] == said["size"] == said["new"] >= 5
        assert said["decisions"]["again"]["agrees"]["deny"] == 3
        assert monitored(*where)[1]["new"] == 0
        shutil.rmtree(doors.world.settings.ledger / "policy")
        code, said = monitored(*where[:-2])
        assert code == 1
        assert [alarm["kind"] for alarm in said["alarms"]] == ["set-missing"]


def test_a_probe_says_what_is_not_met(tmp_path: Path) -> None:
    with opened(tmp_path / "house") as doors, listening(doors.app) as address:
        key, empty = tmp_path / "probe.key", tmp_path / "empty"
        key.write_text(doors.customer(purposes=frozenset({"attendance"})))
        write_log(empty, [some_leaf(1)])
        given = ["probe", address, "--key", doors.world.settings.log_vkey, "--key-file", key, "--within", 1]
        done = run(*given, "--log", empty)
        assert done.exit_code == 1
        assert done.output.count("NOT MET") == 4
        key.write_text("no key")
        assert run(*given).exit_code == 2


def test_an_alarm_stays_until_the_state_is_put_away(tmp_path: Path) -> None:
    write_log(tmp_path / "log", [some_leaf(1), some_leaf(2)])
    given = [tmp_path / "log", "--key", SIGNER.vkey, "--state", tmp_path / "seen.json"]
    code, said = monitored(*given)
    assert code == 1  # no set of this digest is published
    assert stat.S_IMODE((tmp_path / "seen.json").stat().st_mode) == 0o600
    write_log(tmp_path / "log", [some_leaf(1), some_leaf(3), some_leaf(4)])
    code, said = monitored(*given)
    assert (code, [alarm["kind"] for alarm in said["alarms"]]) == (1, ["set-missing", "rewrite"])
    assert (said["checked"], said["size"]) == (2, 2)
    assert "ALARM rewrite" in run("monitor", *given).output


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"schema": "countenance-monitor@v1", "size": "x"}'])
def test_a_state_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    write_log(tmp_path / "log", [some_leaf(1)])
    (tmp_path / "seen.json").write_text(text)
    done = run("monitor", tmp_path / "log", "--key", SIGNER.vkey, "--state", tmp_path / "seen.json")
    assert done.exit_code == 2
    assert "put it away" in done.output


def test_a_state_whose_peaks_were_edited_is_refused(tmp_path: Path) -> None:
    write_log(tmp_path / "log", [some_leaf(1)])
    given = ["monitor", tmp_path / "log", "--key", SIGNER.vkey, "--state", tmp_path / "seen.json"]
    run(*given)
    state = json.loads((tmp_path / "seen.json").read_text())
    (tmp_path / "seen.json").write_text(json.dumps({**state, "peaks": ["00" * 32]}))
    assert run(*given).exit_code == 2


@pytest.mark.parametrize("log", ["http://faces.example.com/ledger", "ftp://x/", "https://a@b/", "nowhere"])
def test_a_log_that_is_no_address_and_no_folder_is_usage(log: str) -> None:
    assert run("monitor", log, "--key", SIGNER.vkey).exit_code == 2


def test_what_is_fetched_is_bounded_and_a_failure_is_not_an_absence() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        match request.url.path.rpartition("/")[2]:
            case "gone":
                return httpx.Response(404)
            case "odd":
                return httpx.Response(302, headers={"location": "https://elsewhere.example/"})
            case "broken":
                raise httpx.ConnectError("no", request=request)
        assert "authorization" not in request.headers
        return httpx.Response(200, content=b"12345")

    with Fetch("https://faces.example.com/ledger", httpx.MockTransport(answer)) as fetch:
        assert fetch("five", 5) == b"12345"
        assert fetch("gone", 5) is None
        with pytest.raises(LogDamaged):
            fetch("five", 4)
        for path in ("odd", "broken"):
            with pytest.raises(Unavailable):
                fetch(path, 5)
    with pytest.raises(BadInput):
        Fetch("http://faces.example.com/")


def test_a_folder_without_a_checkpoint_is_an_alarm(tmp_path: Path) -> None:
    write_log(tmp_path, [some_leaf(1)])
    (tmp_path / publish.CHECKPOINT).unlink()
    code, said = monitored(tmp_path, "--key", SIGNER.vkey)
    assert (code, said["alarms"][0]["kind"]) == (1, "missing")
