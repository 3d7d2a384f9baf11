"""Cosignatures: the specification's own example, vectors put together by hand, and all that is not one."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from countenance.domain.errors import BadRecord, Unverified
from countenance.ledger import cosignature, note
from countenance.ledger.checkpoint import Checkpoint, open_checkpoint
from countenance.ledger.cosignature import Cosignature, Cosigner, WitnessKey
from tests.ledger.world import SIGNER

WITNESS = Cosigner.from_seed("witness.example/w1", bytes(range(1, 33)))
OTHER = Cosigner.from_seed("witness.example/w2", bytes(range(2, 34)))
KEY = WITNESS.verifier
HEAD = Checkpoint(SIGNER.name, 7, b"\x2a" * 32)
SIGNED = SIGNER.sign(HEAD.text)
TIME = 1679315147

# The example of C2SP tlog-cosignature, v1.0.0: the line of the witness under the checkpoint.
EXAMPLE = (
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0"
    "xUe+mbIUBkBIfZ+qnA=="
)


def test_the_line_of_the_specification_is_read_as_it_says_and_comes_back() -> None:
    found = Cosignature.from_line(note.parse_line(EXAMPLE))
    assert (found.name, found.time, len(found.signature)) == ("witness.example.com/w1", 1679315147, 64)
    assert found.line.encode() == EXAMPLE + "\n"


def test_a_vector_made_by_hand_from_the_words_of_the_specification() -> None:
    """Key id, message and layout, each put together here without a line of ours."""
    seed, name = bytes(range(1, 33)), "witness.example/w1"
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes_raw()
    key_id = sha256(name.encode() + b"\n\x04" + public).digest()[:4]
    text = b"example.org/countenance\n7\n" + base64.b64encode(b"\x2a" * 32) + b"\n"
    signature = private.sign(b"cosignature/v1\ntime 1679315147\n" + text)
    typed = base64.b64encode(b"\x04" + public).decode()
    packed = base64.b64encode(key_id + (1679315147).to_bytes(8, "big") + signature).decode()
    assert WITNESS.cosign(HEAD.text, TIME).line.encode() == f"— {name} {packed}\n"
    assert KEY.vkey == f"{name}+{key_id.hex()}+{typed}"


@given(st.integers(0, cosignature.MAX_TIME))
def test_every_time_that_may_be_stated_verifies_and_comes_back(time: int) -> None:
    made = WITNESS.cosign(HEAD.text, time)
    assert Cosignature.from_line(note.parse_line(made.line.encode().removesuffix("\n"))) == made
    KEY.verify(HEAD.text, made)


@pytest.mark.parametrize("time", [-1, 2**63, 2**64])
def test_no_other_time_is_signed(time: int) -> None:
    with pytest.raises(BadRecord):
        WITNESS.cosign(HEAD.text, time)


def test_a_time_beyond_the_specification_is_no_cosignature() -> None:
    line = note.SignatureLine(KEY.name, KEY.id, b"\x80" + b"\0" * 71)
    with pytest.raises(BadRecord, match="below"):
        Cosignature.from_line(line)


@pytest.mark.parametrize("length", [0, 64, 71, 73, 2428])
def test_a_line_of_another_length_is_no_cosignature(length: int) -> None:
    with pytest.raises(BadRecord):
        Cosignature.from_line(note.SignatureLine(KEY.name, KEY.id, b"\0" * length))


def test_extension_lines_are_signed_too() -> None:
    longer = Checkpoint(HEAD.origin, HEAD.size, HEAD.root, ("more",)).text
    with pytest.raises(Unverified):
        KEY.verify(longer, WITNESS.cosign(HEAD.text, TIME))
    KEY.verify(longer, WITNESS.cosign(longer, TIME))


def test_a_cosigned_note_is_still_the_logs() -> None:
    cosigned = cosignature.attached(SIGNED, [WITNESS.cosign(HEAD.text, TIME), OTHER.cosign(HEAD.text, TIME + 1)])
    assert open_checkpoint(cosigned, SIGNER.verifier) == HEAD
    found = cosignature.cosignatures(cosigned, [KEY, OTHER.verifier])
    assert [(one.name, one.time) for one in found] == [(KEY.name, TIME), (OTHER.verifier.name, TIME + 1)]
    assert cosignature.cosignatures(cosigned, [OTHER.verifier])[0].name == OTHER.verifier.name
    assert cosignature.cosignatures(SIGNED, [KEY]) == ()


def test_lines_of_other_keys_and_algorithms_are_ignored() -> None:
    """An ML-DSA-44 line of the same witness, a key that shares the name, one that shares the id, one of no type."""
    parsed = note.parse(SIGNED)
    others = (
        note.SignatureLine(KEY.name, b"\x06\x06\x06\x06", b"\x07" * 2428),
        note.SignatureLine(KEY.name, b"\x00\x00\x00\x00", b"\x01" * 72),
        note.SignatureLine("witness.example/other", KEY.id, b"\x01" * 72),
        note.SignatureLine("x", b"\x01\x02\x03\x04", b"\x01"),
    )
    mixed = note.Note(parsed.text, (*parsed.signatures, *others, WITNESS.cosign(HEAD.text, TIME).line)).encode()
    assert [one.time for one in cosignature.cosignatures(mixed, [KEY])] == [TIME]
    assert open_checkpoint(mixed, SIGNER.verifier) == HEAD


def test_of_two_lines_of_one_witness_the_newer_counts_and_both_have_to_hold() -> None:
    old, new = WITNESS.cosign(HEAD.text, TIME), WITNESS.cosign(HEAD.text, TIME + 9)
    for lines in ((old, new), (new, old)):
        assert [one.time for one in cosignature.cosignatures(cosignature.attached(SIGNED, lines), [KEY])] == [TIME + 9]
    bad = Cosignature(KEY.name, KEY.id, TIME, b"\1" * 64)
    for lines in ((bad, new), (new, bad)):
        with pytest.raises(Unverified):
            cosignature.cosignatures(cosignature.attached(SIGNED, lines), [KEY])


def test_no_changed_bit_of_a_cosignature_verifies() -> None:
    made = WITNESS.cosign(HEAD.text, TIME)
    raw = made.line.signature
    for at in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[at // 8] ^= 1 << at % 8
        line = note.SignatureLine(KEY.name, KEY.id, bytes(changed))
        with pytest.raises((BadRecord, Unverified)):
            KEY.verify(HEAD.text, Cosignature.from_line(line))


def test_no_changed_byte_of_a_cosigned_note_verifies_as_witnessed() -> None:
    cosigned = cosignature.attached(SIGNED, [WITNESS.cosign(HEAD.text, TIME)])
    for at in range(len(cosigned)):
        changed = bytearray(cosigned)
        changed[at] ^= 0x01
        try:
            found = cosignature.cosignatures(bytes(changed), [KEY])
            open_checkpoint(bytes(changed), SIGNER.verifier)
        except (BadRecord, Unverified):
            continue
        assert not found, "a changed byte may make the line another key's, never a witness's over other words"


def test_a_cosignature_of_another_log_or_size_does_not_fit() -> None:
    made = WITNESS.cosign(HEAD.text, TIME)
    for head in (Checkpoint("example.org/other", 7, HEAD.root), Checkpoint(HEAD.origin, 8, HEAD.root)):
        with pytest.raises(Unverified, match="does not fit"):
            KEY.verify(head.text, made)


def test_the_log_does_not_pass_as_its_own_witness() -> None:
    """The same key and name have another id for a cosignature, and a note's signature is no cosignature."""
    own = WitnessKey.from_key(SIGNER.name, SIGNER.verifier.key)
    assert own.id != SIGNER.verifier.id
    assert cosignature.cosignatures(SIGNED, [own]) == ()


@pytest.mark.parametrize(
    "vkey",
    ["", "name", KEY.vkey + "\n", " " + KEY.vkey, KEY.vkey.replace("w1", "w2"), KEY.vkey.replace(KEY.id.hex(), "0" * 8),
     KEY.vkey[:-4], KEY.vkey + "=", SIGNER.vkey, note.write_vkey(KEY.name, b"\x06", KEY.key)],
)  # fmt: skip
def test_a_vkey_of_another_type_or_spelling_is_refused(vkey: str) -> None:
    with pytest.raises(BadRecord):
        WitnessKey.from_vkey(vkey)


def test_a_vkey_comes_back() -> None:
    assert WitnessKey.from_vkey(KEY.vkey) == KEY


def answer(*lines: Cosignature) -> bytes:
    return "".join(one.line.encode() for one in lines).encode()


def test_an_answer_of_lines_gives_the_one_that_was_asked_for() -> None:
    mine, other = WITNESS.cosign(HEAD.text, TIME), OTHER.cosign(HEAD.text, TIME)
    assert cosignature.answered(answer(other, mine), HEAD.text, KEY) == mine
    foreign = (EXAMPLE + "\n").encode()
    assert cosignature.answered(foreign + answer(mine), HEAD.text, KEY) == mine


@pytest.mark.parametrize(
    "raw",
    [b"", b"\n", answer(WITNESS.cosign(HEAD.text, TIME))[:-1], answer(WITNESS.cosign(HEAD.text, TIME)) + b"\n",
     b"\xff\n", b"<html>\n", answer(WITNESS.cosign(HEAD.text, TIME)).replace(b" ", b"  ", 1), b"a\n" * 200],
)  # fmt: skip
def test_what_is_no_answer_of_lines_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRecord):
        cosignature.answered(raw, HEAD.text, KEY)


@pytest.mark.parametrize(
    "raw", [answer(OTHER.cosign(HEAD.text, TIME)), answer(WITNESS.cosign("x\n", TIME)), SIGNED.split(b"\n\n")[1]]
)
def test_an_answer_without_what_was_asked_for_is_not_believed(raw: bytes) -> None:
    with pytest.raises(Unverified):
        cosignature.answered(raw, HEAD.text, KEY)
