"""`countenance backup` as it is typed: made, listed, forgotten, restored; and what cannot be, each with its code."""

from __future__ import annotations

import json
import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest

from countenance.config import Settings
from countenance.service.app import House
from tests.cli.test_errors import painted, run
from tests.cli.test_serve import PATIENCE, _serve
from tests.service.world import photo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lone operator's house, made once; a test takes a copy."""
    home = tmp_path_factory.mktemp("home")
    assert run(home, "init", "--for-myself", "--country", "DE", "--json").code == 0
    assert run(home, "consent", "give", "me", "--adult", "--until", "2099-01-01").code == 0
    (home / "black.png").write_bytes(photo())
    return home


@pytest.fixture
def home(founded: Path, tmp_path: Path) -> Path:
    shutil.copytree(founded, tmp_path / "home")
    return tmp_path / "home"


def make(home: Path) -> dict[str, object]:
    ended = run(home, "backup", "make", str(home / "one.backup"), "--json")
    assert ended.code == 0, ended.out
    made: dict[str, object] = json.loads(ended.out)
    return made


def lose(home: Path) -> None:
    for path in (home / "data").glob("countenance.db*"):
        path.unlink()


def test_made_listed_restored_and_who_left_stays_gone(home: Path) -> None:
    made = make(home)
    assert set(made) == {"id", "created", "until", "removed", "log", "size", "root", "bytes", "sha256"}
    assert made["bytes"] == (home / "one.backup").stat().st_size
    assert run(home, "subject", "erase", "me", "--json").code == 0
    lose(home)
    said = run(home, "backup", "restore", str(home / "one.backup"))
    assert said.code == 0, said.out + said.err
    for words in (f"restored {made['id']}", "1 erased, 0 withdrawn, 0 revoked", "nonces and closed parts"):
        assert words in said.out
    assert json.loads(run(home, "subject", "list", "--json").out) == {"subjects": []}
    listed = json.loads(run(home, "backup", "list", "--json").out)["backups"]
    assert [one["id"] for one in listed] == [made["id"]]
    fsck = run(home, "ledger", "fsck", str(home / "data/ledger"), "--key", str(home / "data/log.vkey"), "--json")
    assert json.loads(fsck.out)["kinds"]["backup"] == 2


def test_a_restore_answers_in_json_too(home: Path) -> None:
    made = make(home)
    answer = run(home, "face", "detect", str(home / "black.png"), "--purpose", "marketing", "--json")
    (home / "receipt.txt").write_text(json.loads(answer.out)["receipt"])
    lose(home)
    seen = ("--checkpoint", str(home / "receipt.txt"), "--checkpoint", str(home / "data/ledger/checkpoint"))
    ended = run(home, "backup", "restore", str(home / "one.backup"), *seen, "--json")
    assert ended.code == 0, ended.out
    body = json.loads(ended.out)
    assert set(body) == {
        "backup", "made", "known", "size", "since", "lost", "erased", "withdrawn", "revoked", "promises",
    }  # fmt: skip
    assert (body["backup"], body["since"], body["lost"]) == (made["id"], {"backup": 1, "decision": 1}, 0)


def test_beside_a_running_house_it_is_made_and_nothing_is_restored(home: Path) -> None:
    with House.open(Settings(home / "data", home / "keys"), vision=painted):
        make(home)
        ended = run(home, "backup", "restore", str(home / "one.backup"), "--json")
    assert (ended.code, ended.error()) == (1, "log-locked")


def test_beside_a_server_which_writes_the_leaf_and_later_goes_on_from_the_backup(home: Path) -> None:
    """The whole way with real processes and the models that ship."""
    with _serve(home) as child:
        try:
            assert child.stdout is not None
            assert json.loads(child.stdout.readline())["event"] == "listening"
            made = make(home)
            deadline = time.monotonic() + PATIENCE
            while not _published(home, str(made["id"])) and time.monotonic() < deadline:
                time.sleep(0.2)
            assert _published(home, str(made["id"]))
            child.send_signal(signal.SIGKILL)
            child.communicate(timeout=PATIENCE)
        finally:
            child.kill()
    lose(home)
    assert run(home, "backup", "restore", str(home / "one.backup"), "--json").code == 0
    assert json.loads(run(home, "subject", "list", "--json").out)["subjects"][0]["alias"] == "me"


def _published(home: Path, text: str) -> bool:
    bundles = [path for path in (home / "data/ledger/tile/entries").rglob("*") if path.is_file()]
    return any(text.encode() in path.read_bytes() for path in bundles if path.exists())


def test_a_destroyed_one_is_forgotten(home: Path) -> None:
    made = make(home)
    assert "until" in run(home, "backup", "list").out
    assert run(home, "backup", "forget", str(made["id"])).out.startswith(str(made["id"]))
    assert "destroyed" in run(home, "backup", "list").out
    ended = run(home, "backup", "forget", str(made["id"]), "--json")
    assert (ended.code, ended.error()) == (1, "conflict")


def test_everything_lost_but_a_mirror_and_the_sealed_key(home: Path) -> None:
    make(home)
    shutil.copytree(home / "data/ledger", home / "mirror")
    kept = (home / "data/log-state/log.sealed").read_bytes()
    shutil.rmtree(home / "data")
    words = ("backup", "restore", str(home / "one.backup"), "--ledger", str(home / "mirror"))
    ended = run(home, *words, "--json")
    assert (ended.code, ended.error()) == (1, "not-initialised")
    (home / "data/log-state").mkdir(parents=True)
    sealed = home / "data/log-state/log.sealed"
    sealed.touch(mode=0o600)
    sealed.write_bytes(kept)
    ended = run(home, *words, "--checkpoint", str(home / "mirror/checkpoint"), "--json")
    assert ended.code == 0, ended.out
    assert run(home, "doctor").code == 0


@pytest.mark.parametrize(
    ("spoil", "words", "code"),
    [
        (lambda _: None, (), "conflict"),
        (lambda home: (home / "one.backup").write_bytes(b"nonsense"), (), "bad-record"),
        (lambda home: (home / "one.backup").unlink(), (), "bad-input"),
        (lambda home: (home / "keys/master.key").unlink(), (), "master-key-missing"),
        (lambda home: (home / "keys/master.key").write_text(f"countenance-master-key-1:{64 * '0'}\n"), (),
         "master-key-wrong"),
        (lose, ("--checkpoint", "{home}/nothing"), "bad-input"),
        (lose, ("--checkpoint", "{home}/data/log.vkey"), "bad-record"),
        (lose, ("--ledger", "{home}/data/ledger"), "conflict"),
    ],
)  # fmt: skip
def test_a_restore_that_cannot_be_is_named(home: Path, spoil, words, code) -> None:  # type: ignore[no-untyped-def]
    make(home)
    spoil(home)
    given = (word.format(home=home) for word in words)
    ended = run(home, "backup", "restore", str(home / "one.backup"), *given, "--json")
    assert (ended.code, ended.error()) == (1, code)


def test_a_backup_that_cannot_be_is_named(home: Path) -> None:
    make(home)
    for words, code in (
        (("make", str(home / "one.backup")), "conflict"),
        (("make", str(home / "data/one.backup")), "bad-input"),
        (("forget", "bak_1"), "not-found"),
    ):
        ended = run(home, "backup", *words, "--json")
        assert (ended.code, ended.error()) == (1, code)
    assert run(home, "backup", "make", str(home / "two.backup"), "--keep-days", "0").code == 2


def test_where_there_is_no_house_there_is_no_backup(tmp_path: Path) -> None:
    ended = run(tmp_path, "backup", "make", str(tmp_path / "one.backup"), "--json")
    assert (ended.code, ended.error()) == (1, "not-initialised")
