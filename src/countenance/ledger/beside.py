"""What is published beside the tiles: the text of every policy set and of every record of a law.

    policy/<hex>/<pack>.cedar, policy/<hex>/schema.cedarschema    a set; <hex>: of the digest that decisions carry
    policy/<hex>/packs.txt                                        its packs: a line `NAME DIGEST` each, ascending
    policy/change/<hex>.json                                      a change; <hex>: its SHA-256, which leaves name
    policy/index.json                                             which set was in force from when
    laws/<hex>.json                                               a record, or all laws in force; <hex>: its SHA-256
    laws/index.json                                               which records there are, and what became of each

It knows the names and nothing else: it writes and reads no file. What is named by a digest never changes.
"""

from __future__ import annotations

import re

POLICY, LAWS = "policy", "laws"
INDEX = "index.json"
SCHEMA = "schema.cedarschema"
PACKS = "packs.txt"
"""The packs of a set, so that whoever can't list a folder finds their files. Its digest is over exactly these lines."""
STOP = "stop"
"""The pack of an emergency stop."""
_HEX = "[0-9a-f]{64}"
_PACK = r"[a-z][a-z0-9]*(?:[-.][a-z0-9]+)*\.cedar"
_LASTING = re.compile(
    rf"{POLICY}/{_HEX}/(?:{_PACK}|{re.escape(SCHEMA)}|{re.escape(PACKS)})|{POLICY}/change/{_HEX}\.json|{LAWS}/{_HEX}\.json"
)
_RENEWED = frozenset({f"{POLICY}/{INDEX}", f"{LAWS}/{INDEX}"})


def lasting(path: str) -> bool:
    """Whether this is the name of a file that never changes."""
    return len(path) < 300 and _LASTING.fullmatch(path) is not None


def renewed(path: str) -> bool:
    """Whether this is the name of an index."""
    return path in _RENEWED


def of_set(digest: str) -> str:
    """The folder of a set."""
    return f"{POLICY}/{digest.removeprefix('sha256:')}"


def of_change(digest: str) -> str:
    return f"{POLICY}/change/{digest.removeprefix('sha256:')}.json"


def of_laws(digest: str) -> str:
    """The file of a record, or of all laws in force."""
    return f"{LAWS}/{digest.removeprefix('sha256:')}.json"
