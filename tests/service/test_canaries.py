"""Many people, some of whom leave: no byte that was theirs alone is in any file, and nobody else notices.

60 people of whom 12 leave, or 1,000 and 100 with COUNTENANCE_LONG; which ones, by a seed. A person's canaries are what
the house stores of them (sealed template, name and record, nonces, ids, the hash of their link), and what nobody may
find in clear: their name, the evidence of their consent, the token of their link.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from countenance.domain.errors import NotFound, Unauthenticated
from countenance.ledger.fsck import fsck
from countenance.service import enrol, erase, identify, people, person
from countenance.service.use import Use
from countenance.storage.tables import closed_parts, consents, person_links, subjects, templates
from tests.service.backed import back_up, bring_back, lose_database
from tests.service.world import World, photo

if TYPE_CHECKING:
    from pathlib import Path

    from countenance.service.auth import Principal
    from countenance.service.people import Collection

ALL, LEAVE = (1_000, 100) if os.environ.get("COUNTENANCE_LONG") else (60, 12)
PAINTED = 250  # different faces that a painted picture can show; each collection has as many people at most
SCAN = """
import json, pathlib, sys
asked = json.load(sys.stdin)
needles = [bytes.fromhex(one) for one in asked["needles"]]
files = [path for folder in asked["folders"] for path in pathlib.Path(folder).rglob("*") if path.is_file()]
def content(path):
    try:
        return path.read_bytes()
    except FileNotFoundError:  # a file of the publisher, which has another name by now
        return b""
raw = {str(path): content(path) for path in files}
print(json.dumps({path: sum(one in raw for one in needles) for path, raw in raw.items()}))
"""
"""In a process of its own: closing the database's file here would drop the locks that SQLite has on it."""


@dataclass
class Canary:
    """One person, and every byte string that is theirs alone."""

    name: str
    face: int
    inside: Collection
    subject: str = ""
    token: str = ""
    receipts: list[str] = field(default_factory=list)
    stored: set[bytes] = field(default_factory=set)
    clear: set[bytes] = field(default_factory=set)


def settle(world: World, who: Principal) -> list[Canary]:
    """Everybody has a record, a reference, a link, and was searched for once."""
    found = []
    halls = [world.collection(who, f"hall {number}") for number in range(-(-ALL // PAINTED))]
    for number in range(ALL):
        inside = halls[number // PAINTED]
        one = Canary(f"canary {number:04} of the choir", number % PAINTED + 1, inside)
        world.consents(who, inside, one.name, evidence=f"evidence {number:04} of the choir")
        made = enrol.enrol(world.house, who, inside, one.name, photo(one.face), Use())
        one.subject, one.token = made.result.subject, person.link(world.house, who, inside, one.name).token
        one.receipts.append(made.receipt)
        one.clear |= {one.name.encode(), f"evidence {number:04}".encode(), one.token.split("_", 2)[2].encode()}
        found.append(one)
    return found


def searched(world: World, who: Principal, one: Canary) -> list[str]:
    answer = identify.identify(world.house, who, one.inside, photo(one.face), Use())
    one.receipts.append(answer.receipt)
    return [candidate.subject for candidate in answer.result.candidates]


def collect(world: World, one: Canary) -> None:
    """Read from the tables what is stored of this person."""
    columns = [
        (templates.c.sealed, templates.c.subject_id), (templates.c.id, templates.c.subject_id),
        (subjects.c.alias, subjects.c.id), (subjects.c.alias_digest, subjects.c.id), (subjects.c.id, subjects.c.id),
        (consents.c.details, consents.c.subject_id), (person_links.c.hash, person_links.c.subject_id),
        (closed_parts.c.nonce, closed_parts.c.subject_id),
    ]  # fmt: skip
    with world.house.database.read() as connection:
        for column, owner in columns:
            values = connection.execute(select(column).where(owner == one.subject)).scalars().all()
            assert values, column
            one.stored |= {value.encode() if isinstance(value, str) else bytes(value) for value in values}


def traces(needles: set[bytes], *folders: Path) -> dict[str, int]:
    """By file: how many of the needles are in it."""
    asked = {"needles": [one.hex() for one in needles], "folders": [str(folder) for folder in folders]}
    done = subprocess.run(
        [sys.executable, "-c", SCAN], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    found: dict[str, int] = json.loads(done.stdout)
    return {path: count for path, count in found.items() if count}


def gone(world: World, who: Principal, one: Canary) -> None:
    assert one.subject not in searched(world, who, one)
    with pytest.raises(NotFound):
        people.subject_id(world.house, who, one.inside, one.name)
    with pytest.raises(Unauthenticated):
        person.enter(world.house, one.token)


def test_of_those_who_left_no_byte_is_found_and_a_backup_brings_none_of_them_back(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    who = world.customer()
    everybody = settle(world, who)
    for one in everybody:
        assert one.subject in searched(world, who, one)
        collect(world, one)
    back_up(world, tmp_path / "copy.backup")
    leaving = random.Random(6).sample(everybody, LEAVE)  # noqa: S311
    staying = [one for one in everybody if one not in leaving]
    theirs: set[bytes] = set().union(*(one.stored for one in leaving))
    clear: set[bytes] = set().union(*(one.clear for one in everybody))
    assert traces(theirs, world.settings.data)  # so that finding nothing afterwards says something
    for one in leaving:
        assert "\nbackup bak_" in erase.erase(world.house, who, one.inside, one.name).certificate
    assert traces(theirs | clear, world.settings.data, temporary) == {}
    for one in leaving:
        gone(world, who, one)
    for one in staying:
        assert one.subject in searched(world, who, one)
    for one in everybody:
        assert all(world.proven(receipt).leaf.kind == "decision" for receipt in one.receipts)

    world.house.close()
    lose_database(world.settings)
    bring_back(world, tmp_path / "copy.backup")
    assert traces(theirs | clear, world.settings.data, temporary) == {}
    world.open()
    for one in leaving:
        gone(world, who, one)
    for one in staying:
        assert one.subject in searched(world, who, one)
        with pytest.raises(Unauthenticated):  # one that was ended after the backup must not open again, so none does
            person.enter(world.house, one.token)
    fsck(world.settings.ledger, world.house.log.verifier)
