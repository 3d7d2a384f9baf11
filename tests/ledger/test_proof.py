"""Proofs and receipts: both forms come back byte for byte, and no changed byte of one verifies."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.domain.errors import BadRecord, Unverified
from countenance.ledger import proof
from countenance.ledger.note import Signer
from countenance.ledger.proof import Receipt, TlogProof
from tests.ledger.world import LONG, SIGNER, closed_part, decision, make_log, some_leaf

if TYPE_CHECKING:
    from pathlib import Path

KEY = SIGNER.verifier
NONCE = bytes(range(32))
CLOSED = closed_part(customer="cus_1", subject="sub_9", outcome="match")
PROOFS = st.builds(
    TlogProof,
    st.binary(max_size=40),
    st.integers(0, 10**18),
    st.lists(st.binary(min_size=32, max_size=32), max_size=6).map(tuple),
    st.binary(max_size=60),
)
RECEIPTS = st.builds(Receipt, PROOFS) | st.builds(
    Receipt, PROOFS, st.binary(min_size=32, max_size=32), st.binary(max_size=40)
)


@pytest.fixture
def receipt(tmp_path: Path) -> Receipt:
    """The receipt of leaf 5 of 5: its path has two hashes, its checkpoint one signature."""
    with make_log(tmp_path, 5) as log:
        return Receipt(log.append(decision(CLOSED, NONCE)).proof, NONCE, CLOSED)


@given(PROOFS)
def test_every_proof_comes_back(made: TlogProof) -> None:
    assert TlogProof.parse(made.encode()) == made


@given(RECEIPTS)
def test_every_receipt_comes_back_in_both_forms(made: Receipt) -> None:
    assert Receipt.parse(made.encode()) == made
    assert Receipt.from_line(made.line()) == made
    assert proof.read_receipt(made.encode()) == made
    assert proof.read_receipt(made.line().encode() + b"\n") == made
    assert made.line().startswith(proof.LINE_START)


def test_a_receipt_verifies_and_says_what_it_proves(receipt: Receipt) -> None:
    found = proof.verify_receipt(receipt, KEY)
    assert (found.index, found.checkpoint.size) == (5, 6)
    assert found.closed is not None
    assert (found.closed["subject"], found.leaf.open["verdict"]) == ("sub_9", "allow")


def test_a_bare_proof_and_an_erased_receipt_verify_and_say_nothing_of_anybody(receipt: Receipt) -> None:
    for raw in (receipt.proof.encode(), Receipt(receipt.proof).encode()):
        assert proof.verify_receipt(proof.read_receipt(raw), KEY).closed is None


def test_the_format_is_the_specifications(receipt: Receipt) -> None:
    lines = receipt.proof.encode().decode().split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert base64.b64decode(lines[1].removeprefix("extra ")) == decision(CLOSED, NONCE)
    assert lines[2] == "index 5"
    assert len(lines[3]) == len(lines[4]) == 44
    assert lines[5:8] == ["", "example.org/countenance", "6"]


def test_no_receipt_with_a_changed_byte_verifies(receipt: Receipt) -> None:
    """Each byte of the file form in turn (a seeded share of the bits): it is refused or does not hold."""
    raw = receipt.encode()
    for at in range(len(raw)):
        for bit in range(8) if LONG else (at % 8,):
            changed = bytearray(raw)
            changed[at] ^= 1 << bit
            with pytest.raises((BadRecord, Unverified)):
                proof.verify_receipt(proof.read_receipt(bytes(changed)), KEY)


def test_no_receipt_with_a_byte_more_or_less_is_read(receipt: Receipt) -> None:
    raw, line = receipt.encode(), receipt.line()
    for changed in (raw + b"\n", raw + b"x", b"\n" + raw, raw.replace(b"\n", b"\r\n")):
        with pytest.raises((BadRecord, Unverified)):
            proof.verify_receipt(proof.read_receipt(changed), KEY)
    for text in (line + "=", line + "\n", " " + line, line[:-1], line.replace("Y", "Y "), line + "AAAA"):
        with pytest.raises((BadRecord, Unverified)):
            proof.verify_receipt(Receipt.from_line(text), KEY)


def test_a_line_in_the_other_base64_alphabet_is_refused() -> None:
    made = Receipt(TlogProof(b"\xff\xff\xfe", 0, (), b"\xfb\xff"))
    assert "-" in made.line() or "_" in made.line()
    with pytest.raises(BadRecord):
        Receipt.from_line(made.line().replace("-", "+").replace("_", "/"))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xd8\xff\xe0 a photograph",
        b"countenance-receipt@v1",
        b"countenance-receipt@v1\n\n",
        b"countenance-receipt@v2\n\nc2sp.org/tlog-proof@v1\nextra \nindex 0\n\n",
        b"countenance-receipt@v1\nnonce AAAA\nclosed AAAA\n\nc2sp.org/tlog-proof@v1\nextra \nindex 0\n\n",
        b"c2sp.org/tlog-proof@v1\nindex 0\n\n",
        b"c2sp.org/tlog-proof@v1\nextra \nindex 00\n\n",
        b"c2sp.org/tlog-proof@v1\nextra \nindex 0\nAAAA\n\n",
        b"c2sp.org/tlog-proof@v1\nextra \nindex 0\n" + b"A" * 43 + b"=\n" * 65 + b"\n",
        b"countenance-receipt@v1\n\n" + b"a" * proof.MAX_RECEIPT,
        b"A" * (proof.MAX_LINE + 1),
    ],
)
def test_what_is_no_receipt_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRecord):
        proof.read_receipt(raw)


def test_a_receipt_of_another_log_does_not_hold(receipt: Receipt) -> None:
    with pytest.raises(Unverified, match="no signature"):
        proof.verify_receipt(receipt, Signer.generate(KEY.name).verifier)


def test_a_closed_part_of_another_leaf_does_not_hold(receipt: Receipt) -> None:
    for other in (replace(receipt, closed=closed_part(customer="cus_2")), replace(receipt, nonce=b"\0" * 32)):
        with pytest.raises(Unverified, match="committed"):
            proof.verify_receipt(other, KEY)


def test_another_leaf_in_the_place_of_this_one_does_not_hold(receipt: Receipt) -> None:
    swapped = replace(receipt, proof=replace(receipt.proof, extra=some_leaf(99)))
    with pytest.raises(Unverified, match="root"):
        proof.verify_receipt(swapped, KEY)


@pytest.mark.parametrize(
    ("leaf", "said"), [(b"anything", "is not JSON"), (b'{"a": "b"}', "canonical form"), (b'{"a":"b"}', "schema")]
)
def test_a_leaf_of_no_schema_does_not_hold_even_if_it_is_in_a_log(leaf: bytes, said: str) -> None:
    """A log with our name may sign anything; the verifier shows only what it can read."""
    from countenance.ledger import checkpoint, merkle

    head = checkpoint.Checkpoint(SIGNER.name, 1, merkle.leaf_hash(leaf))
    made = Receipt(TlogProof(leaf, 0, (), SIGNER.sign(head.text)))
    with pytest.raises(Unverified, match=said):
        proof.verify_receipt(made, KEY)
