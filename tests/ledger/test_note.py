"""Signed notes and vkeys: the specification's own examples, what is refused, and what is ignored."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.domain.errors import BadRecord, Unverified
from countenance.ledger import checkpoint, note
from countenance.ledger.note import Signer, Verifier
from tests.ledger.world import SIGNER

KEY = SIGNER.verifier
TEXT = "example.org/countenance\n0\nhello\n"
NOTE = SIGNER.sign(TEXT)
TEXTS = st.text(st.characters(blacklist_categories=["Cs", "Cc"], whitelist_characters="\n"), max_size=60)


@given(TEXTS)
def test_every_signed_text_opens_and_comes_back_byte_for_byte(text: str) -> None:
    signed = SIGNER.sign(text + "\n")
    assert note.open_note(signed, [KEY]) == text + "\n"
    assert note.parse(signed).encode() == signed


def test_the_vkey_comes_back_and_says_the_id() -> None:
    again = Verifier.from_vkey(SIGNER.vkey)
    assert (again, again.vkey) == (KEY, SIGNER.vkey)


def test_a_known_vkey_of_another_implementation() -> None:
    """The example of Go's note package: name, id and key fit together."""
    vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert Verifier.from_vkey(vkey).vkey == vkey


def test_a_note_of_another_implementation_opens() -> None:
    """The example of Go's note package, signature and all."""
    vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = (
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    assert note.open_note(f"{text}\n{line}".encode(), [Verifier.from_vkey(vkey)]) == text


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        SIGNER.vkey + "\n",
        " " + SIGNER.vkey,
        SIGNER.vkey.replace("example", "Example"),
        SIGNER.vkey.replace(KEY.id.hex(), KEY.id.hex().upper()),
        SIGNER.vkey.replace(KEY.id.hex(), "00000000"),
        SIGNER.vkey[:-4],
        SIGNER.vkey + "=",
        f"{KEY.name}+{KEY.id.hex()}+" + base64.b64encode(b"\x04" + KEY.key).decode(),
    ],
)
def test_a_vkey_in_any_other_spelling_is_refused(vkey: str) -> None:
    with pytest.raises(BadRecord):
        Verifier.from_vkey(vkey)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb", "a\x00b", "\ud800"])
def test_a_key_has_no_name_that_a_note_cannot_carry(name: str) -> None:
    with pytest.raises(BadRecord):
        Signer.generate(name)


@pytest.mark.parametrize("text", ["", "no newline", "a\tb\n", "a\rb\n", "\x00\n", "\ud800\n"])
def test_a_text_that_no_note_can_carry_is_not_signed(text: str) -> None:
    with pytest.raises(BadRecord):
        SIGNER.sign(text)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\n",
        TEXT.encode(),
        NOTE[:-1],
        NOTE + b"\n",
        NOTE + b"more\n",
        NOTE.replace(b"\xe2\x80\x94", b"--"),
        NOTE.replace(b"\xe2\x80\x94 ", b"\xe2\x80\x94"),
        NOTE[:-2] + b"\n",
        NOTE.replace(b"hello", b"h\xffllo"),
        NOTE.replace(b"hello", b"h\tllo"),
        TEXT.encode() + b"\n" + "— name AAA=\n".encode(),
        NOTE + "— witness AAAAAAAAAB==\n".encode(),
        NOTE + "— x AAAAAAAA\n".encode() * note.MAX_SIGNATURES,
        b"a" * note.MAX_NOTE + NOTE,
    ],
)
def test_what_is_no_note_is_refused(broken: bytes) -> None:
    with pytest.raises(BadRecord):
        note.open_note(broken, [KEY])


def test_lines_of_unknown_keys_and_algorithms_are_ignored() -> None:
    """A witness's cosignature, a post-quantum one of 5 kB, a key that shares our name, one that shares our id."""
    others = [
        "— witness.example/w1 " + base64.b64encode(b"\x01\x02\x03\x04" + b"\x00" * 72).decode(),
        "— pq.example " + base64.b64encode(b"\x09\x09\x09\x09" + b"\x07" * 5000).decode(),
        f"— {KEY.name} " + base64.b64encode(b"\x00\x00\x00\x00" + b"\x01" * 64).decode(),
        "— other.example " + base64.b64encode(KEY.id + b"\x01" * 64).decode(),
    ]
    cosigned = NOTE + "".join(line + "\n" for line in others).encode()
    assert note.open_note(cosigned, [KEY]) == TEXT


def test_a_note_without_a_signature_of_the_key_is_not_verified() -> None:
    with pytest.raises(Unverified, match="no signature of the given key"):
        note.open_note(Signer.generate("example.org/other").sign(TEXT), [KEY])


def test_a_failing_signature_of_the_key_condemns_the_note_even_beside_a_good_one() -> None:
    bad = "— " + KEY.name + " " + base64.b64encode(KEY.id + b"\x01" * 64).decode() + "\n"
    with pytest.raises(Unverified, match="does not fit"):
        note.open_note(NOTE + bad.encode(), [KEY])


def test_no_single_changed_byte_of_a_note_verifies() -> None:
    for at in range(len(NOTE)):
        for flip in (1, 0x20, 0x80):
            changed = bytearray(NOTE)
            changed[at] ^= flip
            with pytest.raises((BadRecord, Unverified)):
                note.open_note(bytes(changed), [KEY])


@given(st.text(alphabet="AQgw+/=-_ \n", max_size=12))
def test_base64_has_one_spelling(text: str) -> None:
    try:
        raw = note.strict_base64(text)
    except BadRecord:
        return
    assert base64.b64encode(raw).decode() == text


@pytest.mark.parametrize("text", ["0", "7", "4294967296", "9" * 19])
def test_a_number_comes_back(text: str) -> None:
    assert str(checkpoint.number(text)) == text


@pytest.mark.parametrize("text", ["", "-1", "+1", "01", "4_2", " 4", "4 ", "٤٢", "1e3", "0x1", "9" * 20])
def test_a_number_in_any_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(BadRecord):
        checkpoint.number(text)


HEAD = checkpoint.Checkpoint("example.org/countenance", 3, b"\x11" * 32)


def test_a_checkpoint_comes_back() -> None:
    for head in (HEAD, checkpoint.Checkpoint("a", 0, b"\0" * 32, ("extension", "lines"))):
        assert checkpoint.parse_text(head.text) == head
    assert checkpoint.open_checkpoint(SIGNER.sign(HEAD.text), KEY) == HEAD


@pytest.mark.parametrize(
    "text",
    ["", "a\n", "a\n1\n", HEAD.text[:-1], HEAD.text + "\n", HEAD.text.replace("3", "03", 1), "\n" + HEAD.text,
     "a\n1\nAAAA\n", "a\n1\n!\n", HEAD.text.replace("example.org/countenance", "")],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(BadRecord):
        checkpoint.parse_text(text)


def test_a_checkpoint_of_another_origin_is_not_this_logs() -> None:
    signed = SIGNER.sign(checkpoint.Checkpoint("example.org/elsewhere", 3, b"\x11" * 32).text)
    with pytest.raises(Unverified, match="another log"):
        checkpoint.open_checkpoint(signed, KEY)
