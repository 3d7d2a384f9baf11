"""What a person signs: the base of RFC 9421, word for word, one strict form, and texts that can't be swapped."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from countenance.domain.errors import BadInput, Unauthenticated
from countenance.service import signed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ACCOUNT = "acc_" + "0123456789abcdef" * 2
NONCE = "AAAAAAAAAAAAAAAAAAAAAA"
KEY = signed.PersonKey(bytes(range(32)))
BODY = b'{"name": "Bo"}'
TARGET = b"/v1/administration/accounts?limit=2&after=a%2Fb"
PATH, QUERY = TARGET.split(b"?")

RFC_KEY = "JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs="
RFC_BASE = """"date": Tue, 20 Apr 2021 02:07:55 GMT
"@method": POST
"@path": /foo
"@authority": example.com
"content-type": application/json
"content-length": 18
"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length")\
;created=1618884473;keyid="test-key-ed25519\""""
RFC_SIGNATURE = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="


def headers(*, body: bytes | None = None, **changed: str) -> dict[str, str]:
    made = KEY.headers(ACCOUNT, "POST", TARGET, body, created=1_800_000_000, nonce=NONCE)
    return {**made, **{name.replace("_", "-"): value for name, value in changed.items()}}


def values(sent: dict[str, str]) -> Callable[[str], Sequence[str]]:
    return lambda name: [value for key, value in sent.items() if key.lower() == name.lower()]


def read(sent: dict[str, str], method: str = "POST", path: bytes = PATH, query: bytes = QUERY) -> signed.SignedCall:
    return signed.read(method, path, query, values(sent))


def test_the_vector_of_the_rfc_verifies_here() -> None:
    """RFC 9421, appendix B.2.6: our idea of Ed25519 over a base is theirs."""
    key, signature = base64.b64decode(RFC_KEY), base64.b64decode(RFC_SIGNATURE)
    assert signed.verify(key, RFC_BASE.encode(), signature)
    assert not signed.verify(key, RFC_BASE.encode() + b"\n", signature)


def test_the_base_of_a_call_is_written_word_for_word() -> None:
    digest = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    found = read(headers(body=BODY))
    assert found.base.decode() == (
        '"@method": POST\n'
        '"@path": /v1/administration/accounts\n'
        '"@query": ?limit=2&after=a%2Fb\n'
        f'"content-digest": sha-256=:{digest}:\n'
        '"@signature-params": ("@method" "@path" "@query" "content-digest")'
        f';created=1800000000;nonce="{NONCE}";keyid="{ACCOUNT}"'
    )
    assert (found.account, found.nonce, found.created) == (ACCOUNT, NONCE, 1_800_000_000)
    assert signed.verify(signed.public_key(KEY.public), found.base, found.signature)
    found.check_body(BODY)


def test_a_call_without_query_or_body_says_so() -> None:
    sent = KEY.headers(ACCOUNT, "GET", b"/v1/administration/accounts", None, created=1_800_000_000, nonce=NONCE)
    found = read(sent, "GET", b"/v1/administration/accounts", b"")
    assert '"@query": ?\n"@signature-params": ("@method" "@path" "@query");' in found.base.decode()
    found.check_body(b"")
    with pytest.raises(Unauthenticated):
        found.check_body(b"x")


@pytest.mark.parametrize("body", [b"", BODY + b" ", BODY.replace(b"Bo", b"Al")])
def test_another_body_than_the_signed_one_is_nobodys(body: bytes) -> None:
    with pytest.raises(Unauthenticated):
        read(headers(body=BODY)).check_body(body)


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [("PUT", PATH, QUERY), ("POST", PATH + b"/", QUERY), ("POST", PATH, QUERY + b"&x=1"), ("POST", PATH, b""),
     ("POST", b"/v1/administration/grants", QUERY), ("post", PATH, QUERY)],
)  # fmt: skip
def test_a_signature_is_for_one_method_path_and_query(method: str, path: bytes, query: bytes) -> None:
    found = read(headers(body=BODY), method, path, query)
    assert not signed.verify(signed.public_key(KEY.public), found.base, found.signature)


GOOD = headers(body=BODY)
INPUT, SIGNATURE, DIGEST = GOOD["Signature-Input"], GOOD["Signature"], GOOD["Content-Digest"]
MALFORMED = {
    "no input": {"Signature-Input": ""},
    "no signature": {"Signature": ""},
    "two signatures": {"Signature-Input": f"{INPUT}, {INPUT.replace('sig=', 'sig2=')}"},
    "another label": {"Signature": SIGNATURE.replace("sig=", "sig2=")},
    "a second value": {"Signature": f"{SIGNATURE}, {SIGNATURE}"},
    "fewer components": {"Signature-Input": INPUT.replace('"@query" ', "")},
    "more components": {"Signature-Input": INPUT.replace('"content-digest"', '"content-digest" "date"')},
    "another order": {"Signature-Input": INPUT.replace('"@method" "@path"', '"@path" "@method"')},
    "a component twice": {"Signature-Input": INPUT.replace('"@path"', '"@path" "@path"')},
    "a component's parameter": {"Signature-Input": INPUT.replace('"@path"', '"@path";req')},
    "no created": {"Signature-Input": INPUT.replace(";created=1800000000", "")},
    "created twice": {"Signature-Input": INPUT.replace(";created", ";created=1800000001;created")},
    "created as text": {"Signature-Input": INPUT.replace("=1800000000", '="1800000000"')},
    "created signed": {"Signature-Input": INPUT.replace("=1800000000", "=-1800000000")},
    "created with a zero": {"Signature-Input": INPUT.replace("=1800000000", "=01800000000")},
    "created huge": {"Signature-Input": INPUT.replace("=1800000000", "=" + "9" * 13)},
    "no nonce": {"Signature-Input": INPUT.replace(f';nonce="{NONCE}"', "")},
    "a short nonce": {"Signature-Input": INPUT.replace(NONCE, NONCE[:-1])},
    "a long nonce": {"Signature-Input": INPUT.replace(NONCE, "A" * 65)},
    "no keyid": {"Signature-Input": INPUT.replace(f';keyid="{ACCOUNT}"', "")},
    "another kind of keyid": {"Signature-Input": INPUT.replace(ACCOUNT, "key_" + ACCOUNT[4:])},
    "a keyid in capitals": {"Signature-Input": INPUT.replace(ACCOUNT, ACCOUNT.upper())},
    "another algorithm": {"Signature-Input": INPUT + ';alg="hmac-sha256"'},
    "an end": {"Signature-Input": INPUT + ";expires=1800000100"},
    "a tag": {"Signature-Input": INPUT + ';tag="x"'},
    "a space": {"Signature-Input": INPUT.replace(";nonce", "; nonce")},
    "a line break": {"Signature-Input": INPUT + "\n"},
    "half a signature": {"Signature": "sig=:" + base64.b64encode(bytes(32)).decode() + ":"},
    "a longer signature": {"Signature": "sig=:" + base64.b64encode(bytes(65)).decode() + ":"},
    "base64url": {"Signature": "sig=:" + "-_" * 43 + "==:"},
    "trailing bits": {"Signature": SIGNATURE[:-4] + "B==:"},
    "text for bytes": {"Signature": SIGNATURE.replace(":", '"')},
    "another hash": {"Content-Digest": DIGEST.replace("sha-256", "sha-512")},
    "two digests": {"Content-Digest": f"{DIGEST}, {DIGEST}"},
    "a short digest": {"Content-Digest": "sha-256=:AAAA:"},
    "a digest unsigned": {"Signature-Input": INPUT.replace(' "content-digest"', "")},
}


@pytest.mark.parametrize("name", MALFORMED)
def test_every_other_form_is_one_answer(name: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        read({**GOOD, **MALFORMED[name]})
    assert refused.value.message == signed.nobody().message
    assert refused.value.scheme == "Signature"


@pytest.mark.parametrize("missing", signed.HEADERS)
def test_none_of_the_three_headers_may_be_missing_or_come_twice(missing: str) -> None:
    with pytest.raises(Unauthenticated):
        read({name: value for name, value in GOOD.items() if name != missing})
    with pytest.raises(Unauthenticated):
        read({**GOOD, missing.lower(): GOOD[missing]})


@pytest.mark.parametrize("path", [b"/a b", b"/a\n", b"/\xff", b'/a\r\n"@query": ?'])
def test_no_path_can_write_a_line_of_its_own_into_the_base(path: bytes) -> None:
    with pytest.raises(Unauthenticated):
        read(GOOD, path=path)


def test_the_algorithm_may_be_named_where_it_is_the_one() -> None:
    assert read({**GOOD, "Signature-Input": INPUT + ';alg="ed25519"'}).account == ACCOUNT


def test_an_approval_names_application_facts_and_end_and_is_no_base_of_a_call() -> None:
    facts = {"name": "Harbour Gym é", "purposes": ["access-control"], "verification": None}
    text = signed.statement("app_1", facts, "2027-01-01T00:00:00Z")
    digest = hashlib.sha256('{"name":"Harbour Gym é","purposes":["access-control"],"verification":null}'.encode())
    assert text == f"countenance-approval@v1\napp_1\nsha256:{digest.hexdigest()}\n2027-01-01T00:00:00Z\n"
    assert len({text, signed.statement("app_2", facts, ""), signed.statement("app_1", {}, "")}) == 3
    assert not text.startswith('"')
    assert read(GOOD).base.startswith(b'"')


def test_a_private_key_comes_back_from_its_file_and_is_in_no_repr() -> None:
    text = signed.private_key_text(bytes(range(32)))
    assert signed.PersonKey.parse(text).public == KEY.public
    assert bytes(range(32)).hex() not in repr(KEY)
    for wrong in ("", text.upper(), text + text, text.replace("00", "0g", 1), KEY.public):
        with pytest.raises(BadInput):
            signed.PersonKey.parse(wrong)
    with pytest.raises(BadInput):
        signed.PersonKey(b"short")


@pytest.mark.parametrize(
    "text",
    ["", "AAAA", KEY.public[:-1], KEY.public + "A", KEY.public.replace("=", ""), "é" * 44,
     signed.private_key_text(bytes(32))],
)  # fmt: skip
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        signed.public_key(text)


SMALL_ORDER = (
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
)


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_key_that_binds_nobody_is_refused(point: str) -> None:
    """Under a point of small order one signature, made without a key, fits one text in eight or more."""
    key = bytes.fromhex(point)
    forged = bytes([1]) + bytes(63)  # the neutral point, and zero
    Ed25519PublicKey.from_public_bytes(key)
    assert any(signed.verify(key, bytes([n]), forged) for n in range(256))
    with pytest.raises(BadInput, match="fit any text"):
        signed.public_key(base64.b64encode(key).decode())


def test_the_worked_example_of_the_page_is_what_is_sent() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/accounts.md").read_text(encoding="utf-8")
    blocks = page.split("\n```\n")
    base, sent = (next(block for block in blocks if block.startswith(start)) for start in ('"@method"', "GET "))
    line, *lines = sent.split("\n")
    target = line.removeprefix("GET ").encode()
    made = KEY.headers(ACCOUNT, "GET", target, None, created=1_795_429_800, nonce=NONCE)
    assert dict(each.split(": ", 1) for each in lines) == made
    path, query = target.split(b"?")
    assert read(made, "GET", path, query).base.decode() == base
