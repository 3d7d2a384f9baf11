"""Receipts that hold and receipts that don't, for whoever checks them; the verifier itself has the say on each."""

# ruff: noqa: S311  (seeded, so that a failure comes again)
from __future__ import annotations

import base64
import json
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from countenance.domain.errors import CountenanceError
from countenance.ledger import leaf, merkle, proof
from countenance.ledger.checkpoint import Checkpoint
from countenance.ledger.cosignature import Cosigner, WitnessKey, attached
from countenance.ledger.note import Signer, Verifier
from countenance.ledger.proof import Receipt, TlogProof
from tests.ledger.test_leaf import CHANGES, CLOSED, DECISION, EXTRAS, NONCE, opened, with_change
from tests.ledger.world import SIGNER, some_leaf

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHER = Signer.from_seed("example.org/countenance", bytes(range(2, 34)))
WITNESS = Cosigner.from_seed("witness.example/w1", bytes(range(1, 33)))
STRANGER = Cosigner.from_seed("witness.example/w2", bytes(range(3, 35)))
TIME = 1_795_350_600
SIZE, INDEX = 6, 3
STRAY = "— x AAAAAAAA\n".encode()


@dataclass(frozen=True)
class Case:
    """A receipt's bytes and the keys that it is checked with, one a line each."""

    raw: bytes
    keys: str = SIGNER.vkey
    witnesses: str = ""

    def expected(self) -> str:
        """What the Python verifier says: `holds` or `refused`."""
        try:
            keys = [Verifier.from_vkey(line) for line in self.keys.split("\n") if line]
            witnesses = [WitnessKey.from_vkey(line) for line in self.witnesses.split("\n") if line]
            proof.verify_receipt(proof.read_receipt(self.raw), keys, witnesses)
        except CountenanceError:
            return "refused"
        return "holds"


def proven(entry: bytes, *, signer: Signer = SIGNER, origin: str = SIGNER.name, size: int = SIZE) -> TlogProof:
    """The proof of an entry at INDEX (the last where the tree is smaller) of a tree, whatever its bytes are."""
    index = min(INDEX, size - 1)
    entries = [entry if place == index else some_leaf(place) for place in range(size)]

    def node(level: int, at: int) -> bytes:
        if level == 0:
            return merkle.leaf_hash(entries[at])
        return merkle.node_hash(node(level - 1, 2 * at), node(level - 1, 2 * at + 1))

    head = Checkpoint(origin, size, merkle.mth(0, size, node))
    return TlogProof(entry, index, merkle.inclusion_proof(index, size, node), signer.sign(head.text))


GOOD = Receipt(proven(DECISION), NONCE, CLOSED)
_COSIGNED = attached(GOOD.proof.checkpoint, [
    WITNESS.cosign(GOOD.proof.checkpoint.decode().partition("\n\n")[0] + "\n", TIME)])  # fmt: skip
RAW, LINE, AT, MARK = GOOD.encode(), GOOD.line(), b"\nindex 3\n", b"\xef\xbb\xbf"
CHECKPOINT = GOOD.proof.checkpoint.decode()
SIGNATURE = CHECKPOINT.rstrip("\n").split(" ")[-1]
COSIGNED = replace(GOOD, proof=replace(GOOD.proof, checkpoint=_COSIGNED))


def good() -> dict[str, Case]:
    """All of these hold."""
    found = {
        "the file": Case(GOOD.encode()), "the line": Case(GOOD.line().encode()),
        "the line, ended": Case(GOOD.line().encode() + b"\n"), "a bare proof": Case(GOOD.proof.encode()),
        "without a closed part": Case(Receipt(GOOD.proof).encode()),
        "two keys": Case(GOOD.encode(), f"{OTHER.vkey}\n{SIGNER.vkey}"),
        "cosigned": Case(COSIGNED.encode(), witnesses=WITNESS.verifier.vkey),
        "cosigned by a stranger": Case(COSIGNED.encode(), witnesses=STRANGER.verifier.vkey),
        "the only leaf": Case(Receipt(proven(DECISION, size=1)).encode()),
        "a locality": Case(_with(with_change(lambda d: d["ask"].update(locality="São Paulo, 三")))),
    }  # fmt: skip
    return found | {f"a leaf of kind {kind}": Case(_with(leaf.encode(opened(kind)))) for kind in EXTRAS}


def bad() -> dict[str, Case]:
    """None of these does."""
    found = {**_of_the_tree(), **_of_the_note(), **_of_the_form(), **_of_numbers()}
    cases = {name: Case(raw) for name, raw in found.items()}
    cases |= {f"leaf with {name}": Case(_with(with_change(change))) for name, change in CHANGES.items()}
    cases |= {f"leaf written as {name}": Case(_with(entry)) for name, entry in _spellings().items()}
    cases |= {f"closed part with {name}": Case(_closing(closed)) for name, closed in _closings().items()}
    return cases | {name: Case(RAW, keys) for name, keys in _keys().items()} | _of_witnesses()


def _of_the_tree() -> dict[str, bytes]:
    """The leaf, its place, its path, the root."""
    root, entry = CHECKPOINT.split("\n")[2].encode(), base64.b64encode(DECISION)
    path, changed = GOOD.proof.path, DECISION.replace(b"US", b"UK")
    return {
        "another root": swapped(root, base64.b64encode(bytes(32))), "another index": swapped(AT, b"\nindex 2\n"),
        "an index outside": swapped(AT, b"\nindex 6\n"), "another size": swapped(b"\n6\n", b"\n7\n"),
        "another leaf": swapped(entry, base64.b64encode(some_leaf(1))),
        "a byte of the leaf": swapped(entry, base64.b64encode(changed)),
        "a hash less": _along(path[:-1]), "a hash more": _along((*path, bytes(32))),
        "hashes in another order": _along(path[::-1]), "a short hash": _along((path[0][:-1], *path[1:])),
        "another nonce": replace(GOOD, nonce=NONCE[::-1]).encode(),
        "another closed part": replace(GOOD, closed=CLOSED.replace(b"match", b"mutch")).encode(),
    }  # fmt: skip


def _of_the_note() -> dict[str, bytes]:
    """The checkpoint's signature, key and origin."""
    signature = SIGNATURE.encode()
    line = f"— {SIGNER.name} {SIGNATURE}\n".encode()
    return {
        "another signature": swapped(signature, _flipped(SIGNATURE).encode()),
        "a short signature": swapped(signature, base64.b64encode(base64.b64decode(SIGNATURE)[:-1])),
        "no signature": swapped(line, b""), "a second signature that fails": RAW + line.replace(
            signature, _flipped(SIGNATURE).encode()),
        "too many signatures": RAW + STRAY * 100, "too long": RAW + STRAY * 50_000,
        "another origin": Receipt(proven(DECISION, origin="example.org/other"), NONCE, CLOSED).encode(),
        "signed by another key": Receipt(proven(DECISION, signer=OTHER), NONCE, CLOSED).encode(),
        "an empty line in the checkpoint": _resigned("\n6\n", "\n6\n\n"),
        "a tab in the checkpoint": _resigned("\n6\n", "\n6\t\n"),
    }  # fmt: skip


def _of_the_form() -> dict[str, bytes]:
    """What stands before, after and between."""
    nonce = b"nonce " + base64.b64encode(NONCE)
    return {
        "a line after it": RAW + b"\n", "a letter after it": RAW + b"x", "a blank before it": b" " + RAW,
        "a mark before it": MARK + RAW, "bytes that are no text": RAW[:-3] + b"\xff\xfe\n",
        "lines that end otherwise": RAW.replace(b"\n", b"\r\n"), "nothing": b"", "a newline": b"\n",
        "half of it": RAW[: len(RAW) // 2], "padding more": swapped(nonce, nonce + b"="),
        "padding less": swapped(nonce, nonce.rstrip(b"=")), "loose bits": swapped(nonce, b"nonce " + _loose(NONCE)),
        "a blank in base64": swapped(b"closed ", b"closed  "),
        "a nonce alone": swapped(b"closed " + base64.b64encode(CLOSED) + b"\n", b""),
        "another header": swapped(b"receipt@v1", b"receipt@v2"), "another proof": swapped(b"proof@v1", b"proof@v2"),
        "the line, padded": (LINE + "=").encode(), "the line, ended twice": (LINE + "\n\n").encode(),
        "the line in two": f"{LINE[:40]}\n{LINE[40:]}".encode(), "the line in base64": base64.b64encode(RAW),
    }  # fmt: skip


def _of_numbers() -> dict[str, bytes]:
    """Numbers that some reader takes for 3 or 6."""
    spelt = {"a plus sign": "+{}", "a zero": "0{}", "a blank": " {}", "an underscore": "0_{}", "a fraction": "{}.0",
             "hexadecimal": "0x{}", "an exponent": "{}e0", "a minus sign": "-{}"}  # fmt: skip
    found = {f"an index with {name}": swapped(AT, f"\nindex {form.format(3)}\n".encode())
             for name, form in spelt.items()}  # fmt: skip
    found |= {f"a size with {name}": _resigned("\n6\n", f"\n{form.format(6)}\n") for name, form in spelt.items()}
    return found | {"an index of another script": swapped(AT, "\nindex ٣\n".encode()),
                    "a size of another script": _resigned("\n6\n", "\n٦\n")}  # fmt: skip


def _keys() -> dict[str, str]:
    """Keys by which the good receipt does not hold."""
    return {
        "no key": "", "another key": OTHER.vkey, "a key of another id": SIGNER.vkey.replace("+", "+0", 1)[:-1],
        "a key of another name": "x" + SIGNER.vkey, "a witness's key": WITNESS.verifier.vkey,
        "half a key": SIGNER.vkey[:-4], "a key and a word": f"{SIGNER.vkey}\nword",
    }  # fmt: skip


def _of_witnesses() -> dict[str, Case]:
    start, _, signature = COSIGNED.proof.checkpoint.decode().rstrip("\n").rpartition(" ")
    broken = replace(GOOD.proof, checkpoint=f"{start} {_flipped(signature)}\n".encode())
    return {
        "a known witness's line that fails": Case(Receipt(broken).encode(), witnesses=WITNESS.verifier.vkey),
        "a log's key for a witness's": Case(RAW, witnesses=SIGNER.vkey),
    }  # fmt: skip


def swapped(old: bytes, new: bytes) -> bytes:
    """The good receipt with one thing in another's place."""
    assert old in RAW
    return RAW.replace(old, new)


def _along(path: tuple[bytes, ...]) -> bytes:
    return replace(GOOD, proof=replace(GOOD.proof, path=path)).encode()


def scattered(count: int, seed: int) -> Iterator[Case]:
    """The good receipt with one byte changed, taken away or put in, at random places."""
    draw = random.Random(seed)
    for number in range(count):
        raw = bytearray((GOOD.encode(), GOOD.line().encode(), COSIGNED.encode())[number % 3])
        at, byte = draw.randrange(len(raw)), draw.choice(b"\n =+-_/09aZ\xe2\xff\x00")
        kind = draw.randrange(3)
        raw[at : at + (kind != 1)] = bytes([byte]) if kind != 2 else b""
        yield Case(bytes(raw), witnesses=WITNESS.verifier.vkey)


def _with(entry: bytes) -> bytes:
    return Receipt(proven(entry)).encode()


def _closing(closed: bytes) -> bytes:
    """A receipt whose leaf truly commits to these bytes."""
    entry = leaf.encode({**leaf.parse(DECISION).open, "commitment": leaf.commitment(closed, NONCE)})
    return Receipt(proven(entry), NONCE, closed).encode()


def _closings() -> dict[str, bytes]:
    held = json.loads(CLOSED)
    return {
        "no key": b"{}", "a key more": leaf.canonical({**held, "name": "John"}),
        "no time": leaf.canonical({**held, "time": ""}), "a number": leaf.canonical({**held, "customer": 1}),
        "no such second": leaf.canonical({**held, "time": "2026-11-22T12:30:60Z"}),
        "blanks": CLOSED.replace(b",", b", "), "no JSON": b"closed", "a list": b"[]",
    }  # fmt: skip


def _spellings() -> dict[str, bytes]:
    """Leaves that another reader of JSON might take for the good one."""
    swaps = {
        "blanks": (b",", b", "), "a key twice": (b'{"ask"', b'{"v":1,"ask"'), "a fraction": (b'"v":1', b'"v":1.0'),
        "an exponent": (b'"v":1', b'"v":1e0'), "an escape": (b"verify", b"\\u0076erify"),
        "half a character": (b"verify", b"\\ud800"), "null": (b'"v":1', b'"v":null'),
        "a number too large": (b'"model.groups":4', b'"model.groups":9007199254740992'),
        "minus nothing": (b'"model.groups":4', b'"model.groups":-0'), "no text": (b"verify", b"veri\xff"),
        "a name of every object": (b'"kind":"decision"', b'"kind":"constructor"'),
    }  # fmt: skip
    found = {name: DECISION.replace(old, new) for name, (old, new) in swaps.items()}
    backwards = json.dumps(dict(reversed(json.loads(DECISION).items())), separators=(",", ":")).encode()
    return found | {
        "a blank after": DECISION + b" ", "a mark before": MARK + DECISION, "keys in another order": backwards,
        "a list": b"[]", "nothing": b"", "deep": b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
    }  # fmt: skip


def _resigned(old: str, new: str) -> bytes:
    """The receipt with another text of its checkpoint, truly signed, whether or not that is a checkpoint's."""
    text = CHECKPOINT.partition("\n\n")[0] + "\n"
    assert old in text
    changed = text.replace(old, new, 1)
    note = f"{changed}\n".encode() + SIGNER.line(changed).encode().encode()
    return RAW.removesuffix(GOOD.proof.checkpoint) + note


def _flipped(signature: str) -> str:
    raw = bytearray(base64.b64decode(signature))
    raw[20] ^= 1
    return base64.b64encode(raw).decode()


def _loose(raw: bytes) -> bytes:
    """Base64 whose last character has bits that say nothing."""
    text = base64.b64encode(raw)
    last = text.rstrip(b"=")
    return last[:-1] + bytes([last[-1] + 1]) + text[len(last) :]
