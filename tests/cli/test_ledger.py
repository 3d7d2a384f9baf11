"""`countenance ledger` from outside: exit codes, words, JSON, and what it says of bad input."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from countenance.cli.ledger import ledger
from countenance.domain.errors import Unverified
from countenance.ledger.note import Signer
from countenance.ledger.proof import Receipt
from tests.ledger.world import SIGNER, closed_part, decision, make_log, some_leaf

if TYPE_CHECKING:
    from pathlib import Path

NONCE = bytes(range(32))
CLOSED = closed_part(customer="cus_1", subject="sub_9", outcome="match\x1b[2J")


@pytest.fixture
def receipt(tmp_path: Path) -> Receipt:
    with make_log(tmp_path, 2) as log:
        return Receipt(log.append(decision(CLOSED, NONCE)).proof, NONCE, CLOSED)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(ledger, [str(argument) for argument in arguments])


def test_a_receipt_is_verified_in_words(tmp_path: Path, receipt: Receipt) -> None:
    (tmp_path / "answer.receipt").write_bytes(receipt.encode())
    ended = run("verify", tmp_path / "answer.receipt", "--key", SIGNER.vkey)
    assert ended.exit_code == 0, ended.output
    for words in ("leaf 2 of example.org/countenance", "the policy allowed", "verify by commercial", "sub_9",
                  "core.permit", "unwitnessed"):  # fmt: skip
        assert words in ended.output
    assert "\x1b" not in ended.output, "a closed part steers no terminal"


def test_a_receipt_on_one_line_a_file_with_it_and_a_key_file_do_as_well(tmp_path: Path, receipt: Receipt) -> None:
    (tmp_path / "log.vkey").write_text(SIGNER.vkey + "\n")
    (tmp_path / "line").write_text(receipt.line() + "\n")
    for given in (receipt.line(), tmp_path / "line"):
        ended = run("verify", given, "--key", tmp_path / "log.vkey", "--json")
        assert ended.exit_code == 0, ended.output
        said = json.loads(ended.output)
        assert (said["verified"], said["witnessed"], said["index"], said["size"]) == (True, False, 2, 3)
        assert said["schema"] == "countenance-leaf@v1"
        assert (said["leaf"]["verdict"], said["closed"]["subject"]) == ("allow", "sub_9")


def test_a_receipt_from_standard_input(receipt: Receipt) -> None:
    ended = CliRunner().invoke(ledger, ["verify", "-", "--key", SIGNER.vkey], input=receipt.encode())
    assert ended.exit_code == 0, ended.output


def test_an_erased_receipt_is_said_to_name_nobody(receipt: Receipt) -> None:
    ended = run("verify", Receipt(receipt.proof).line(), "--key", SIGNER.vkey)
    assert ended.exit_code == 0
    assert "names nobody" in ended.output
    assert "sub_9" not in ended.output


def test_a_receipt_that_does_not_hold_ends_with_1_and_the_reason(tmp_path: Path, receipt: Receipt) -> None:
    (tmp_path / "photo").write_bytes(b"\xff\xd8\xff a photograph")
    other = Signer.generate(SIGNER.name).vkey
    for given, key, reason in (
        (receipt.line(), other, "no signature"),
        (receipt.line()[:-4], SIGNER.vkey, ""),
        (tmp_path / "photo", SIGNER.vkey, ""),
    ):
        ended = run("verify", given, "--key", key)
        assert ended.exit_code == 1
        assert isinstance(ended.exception, Unverified)
        assert reason in ended.exception.message


def test_usage_and_unreadable_files_end_with_2(tmp_path: Path, receipt: Receipt) -> None:
    for arguments in (
        ["verify", "no-such-file", "--key", SIGNER.vkey],
        ["verify", tmp_path, "--key", SIGNER.vkey],
        ["verify", receipt.line()],
        ["verify", receipt.line(), "--key", "no key"],
        ["verify", receipt.line(), "--key", tmp_path],
        ["verify", "a\0b", "--key", SIGNER.vkey],
        ["fsck", tmp_path / "nowhere", "--key", SIGNER.vkey],
        ["fsck", tmp_path],
    ):
        ended = run(*arguments)
        assert ended.exit_code == 2, (arguments, ended.output)


def test_a_folder_is_checked_in_words_and_as_json(tmp_path: Path) -> None:
    make_log(tmp_path, 3).close()
    ended = run("fsck", tmp_path / "public", "--key", SIGNER.vkey)
    assert ended.exit_code == 0, ended.output
    for words in ("3 leaves", "3 decision", "3 allowed, 0 denied", "unwitnessed"):
        assert words in ended.output
    said = json.loads(run("fsck", tmp_path / "public", "--key", SIGNER.vkey, "--json").output)
    assert (said["verified"], said["size"], said["kinds"]) == (True, 3, {"decision": 3})


def test_a_folder_that_does_not_hold_ends_with_1_and_the_reason(tmp_path: Path) -> None:
    make_log(tmp_path, 3).close()
    bundle = tmp_path / "public/tile/entries/000.p/3"
    bundle.write_bytes(bundle.read_bytes().replace(b'"allow"', b'"ALLOW"'))
    ended = run("fsck", tmp_path / "public", "--key", SIGNER.vkey)
    assert (ended.exit_code, type(ended.exception)) == (1, Unverified)


def test_other_kinds_are_told_in_words_too(tmp_path: Path) -> None:
    from countenance.ledger import leaf
    from tests.ledger.world import DIGESTS

    opened: dict[str, leaf.Json] = {
        "v": 1, "kind": "withdrawal", "time": "2026-11-22T12:00:00Z", "purpose": "access-control", "undoes": [],
        **DIGESTS, "commitment": leaf.commitment(CLOSED, NONCE),
    }  # fmt: skip
    with make_log(tmp_path) as log:
        receipt = Receipt(log.append(leaf.encode(opened)).proof)
    ended = run("verify", receipt.line(), "--key", SIGNER.vkey)
    assert "withdrawal, in the hour from 2026-11-22 12:00 UTC" in ended.output
    assert "access-control" in ended.output


def test_the_help_has_examples() -> None:
    for command in ("verify", "fsck"):
        assert f"countenance ledger {command}" in run(command, "--help").output


def test_a_leaf_that_was_refused_outside_the_policy_says_so(tmp_path: Path) -> None:
    with make_log(tmp_path, 1) as log:
        entry = decision(CLOSED, NONCE, **{"outside-policy": "no-face"})
        receipt = Receipt(log.append(entry).proof)
        assert log.append(some_leaf(5)).index == 2
    assert "no result: no-face" in run("verify", receipt.line(), "--key", SIGNER.vkey).output


def test_the_leaves_of_a_folder_are_counted_in_words_and_as_json(tmp_path: Path) -> None:
    make_log(tmp_path, 3).close()
    ended = run("count", tmp_path / "public", "--key", SIGNER.vkey)
    assert ended.exit_code == 0, ended.output
    for words in ("3 leaves, until the hour 2026-11-22T12:00:00Z", "unwitnessed", "access-control", "commercial"):
        assert words in ended.output
    said = json.loads(run("count", tmp_path / "public", "--key", SIGNER.vkey, "--json").output)
    assert (said["size"], said["state"], said["tables"]["country"]["US"]["leaves"]) == (3, "unwitnessed", 3)
    other = Signer.generate("example.org/countenance").vkey
    assert run("count", tmp_path / "public", "--key", other).exit_code == 1
    assert run("count", tmp_path / "nowhere", "--key", SIGNER.vkey).exit_code == 2
    (tmp_path / "public/checkpoint").unlink()
    assert run("count", tmp_path / "public", "--key", SIGNER.vkey).exit_code == 1
