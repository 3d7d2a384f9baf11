"""`countenance account` as it is typed: a key, a person, the list, the end; and each way to hold it wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from countenance.ledger.note import Verifier
from countenance.ledger.proof import read_receipt, verify_receipt
from countenance.service import signed
from tests.cli.test_errors import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("home")
    assert run(made, "init").code == 0
    return made


def test_a_person_is_registered_listed_and_ended(home: Path) -> None:
    made = run(home, "account", "keygen", str(home / "ada.key"))
    assert made.code == 0
    assert (home / "ada.key").stat().st_mode & 0o777 == 0o600
    assert signed.PersonKey.parse((home / "ada.key").read_text()).public == made.out.strip()
    (home / "ada.pub").write_text(made.out)
    words = ("account", "register", "Ada Person", "--role", "operator", "--key", str(home / "ada.pub"), "--json")
    registered = json.loads(run(home, *words).out)
    listed = json.loads(run(home, "account", "list", "--json").out)["accounts"]
    assert [(one["id"], one["name"], one["roles"], one["ended"]) for one in listed] == [
        (registered["id"], "Ada Person", ["operator"], None)
    ]
    ended = json.loads(run(home, "account", "end", registered["id"], "--json").out)
    verifier = Verifier.from_vkey((home / "data/log.vkey").read_text().strip())
    proven = verify_receipt(read_receipt(ended["receipt"].encode()), verifier)
    assert (proven.leaf.open["act"], proven.leaf.open["by"]) == ("account-end", "machine")
    assert "ended 20" in run(home, "account", "list").out
    assert run(home, "account", "end", registered["id"], "--json").error() == "not-found"
    assert run(home, *words).error() == "conflict"


def test_a_key_that_exists_is_never_overwritten(home: Path) -> None:
    assert run(home, "account", "keygen", str(home / "once.key")).code == 0
    kept = (home / "once.key").read_bytes()
    assert run(home, "account", "keygen", str(home / "once.key"), "--json").error() == "conflict"
    assert (home / "once.key").read_bytes() == kept


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"--key": "{home}/none.pub"}, "misconfigured"), ({"--key": "{home}/bad.key"}, "bad-input"),
     ({"--key": "{home}/bad.pub"}, "bad-input"), ({"--role": "root"}, "unknown-word"),
     ({"--customer": "cus_0"}, "not-found")],
)  # fmt: skip
def test_what_is_wrong_is_named(home: Path, changed: dict[str, str], code: str) -> None:
    seed = bytes(range(32))
    (home / "bad.key").write_text(signed.private_key_text(seed))
    (home / "bad.pub").write_text("no key")
    (home / "good.pub").write_text(signed.PersonKey(seed).public)
    options = {"--role": "operator", "--key": "{home}/good.pub", **changed}
    words = [word.format(home=home) for pair in options.items() for word in pair]
    ended = run(home, "account", "register", "Ada Person", *words, "--json")
    assert (ended.code, ended.error()) == (1, code)
    assert seed.hex() not in ended.out + ended.err
