"""The witnesses of a house as the environment names them: read strictly, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from countenance.config import from_environment, witness_from_environment
from countenance.domain.errors import Misconfigured
from countenance.ledger.cosignature import Cosigner

if TYPE_CHECKING:
    from pathlib import Path

KEY = Cosigner.from_seed("witness.example/w1", b"\1" * 32).verifier.vkey
OTHER = Cosigner.from_seed("witness.example/w2", b"\2" * 32).verifier.vkey


def test_witnesses_are_read_from_the_environment(tmp_path: Path) -> None:
    text = f"https://w1.example/ {KEY}\n http://127.0.0.1:8441 {OTHER} "
    env = {"HOME": str(tmp_path), "COUNTENANCE_WITNESSES": text, "COUNTENANCE_QUORUM": "2",
           "COUNTENANCE_WITNESS_SECONDS": "3"}  # fmt: skip
    found = from_environment(env)
    assert found.witnesses == (("https://w1.example/", KEY), ("http://127.0.0.1:8441", OTHER))
    assert (found.quorum, found.witness_seconds) == (2, 3)


@pytest.mark.parametrize(
    "text",
    [KEY, f"https://w1.example {KEY} https://w2.example", f"http://w1.example {KEY}", f"ftp://w1.example {KEY}",
     f"https://user@w1.example {KEY}", f"https://w1.example/?x {KEY}", f"https:// {KEY}", f"w1.example {KEY}",
     f"https://a.example {KEY} https://b.example {KEY}", " ".join(f"https://w{n}.example {KEY}{n}" for n in range(17))],
)  # fmt: skip
def test_what_is_no_list_of_witnesses_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Misconfigured):
        from_environment({"HOME": str(tmp_path), "COUNTENANCE_WITNESSES": text})


@pytest.mark.parametrize("quorum", ["2", "-1", "one"])
def test_a_quorum_is_not_more_than_there_are(tmp_path: Path, quorum: str) -> None:
    env = {"HOME": str(tmp_path), "COUNTENANCE_WITNESSES": f"https://a.example {KEY}", "COUNTENANCE_QUORUM": quorum}
    with pytest.raises(Misconfigured, match="QUORUM"):
        from_environment(env)


def test_a_witness_of_ones_own_has_folders_of_its_own(tmp_path: Path) -> None:
    house, own = from_environment({"HOME": str(tmp_path)}), witness_from_environment({"HOME": str(tmp_path)})
    assert {own.data, own.keys}.isdisjoint({house.data, house.keys})
    env = {"HOME": str(tmp_path), "COUNTENANCE_WITNESS_DATA": "/w", "COUNTENANCE_WITNESS_KEYS": "/k"}
    found = witness_from_environment(env)
    assert (str(found.data), str(found.keys)) == ("/w", "/k")
    with pytest.raises(Misconfigured):
        witness_from_environment({**env, "COUNTENANCE_WITNESS_KEYS": "/w/keys"})
