"""What leaves say that they undid: a house finds its rows by it, and nobody else finds anything.

The adversary has all leaves of people who withdrew, came back, withdrew again and were erased, and guesses which two
are of one person by what their digests share. The control is the same log with the person's id digested in each.
"""

# ruff: noqa: S311  (seeded, so that a failure comes again)
from __future__ import annotations

import base64
import hashlib
import hmac
import random
from typing import TYPE_CHECKING

import pytest

from countenance.domain import ids
from countenance.domain.errors import CountenanceError
from countenance.ledger import leaf
from countenance.service import admit, erase, people, undone
from countenance.storage.vault import Vault
from tests.ledger.test_unlinkable import SIGMA, rank_z
from tests.service.test_line import enrolled

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.service.world import World

VAULT = Vault(bytes(range(32)))
PEOPLE = 400


def digests_of(world: World) -> dict[str, list[str]]:
    """Every digest in the log, by kind of leaf."""
    found: dict[str, list[str]] = {}
    for index in range(world.house.log.size):
        opened = leaf.parse(world.house.log.prove(index).extra).open
        if isinstance(digests := opened.get("undoes"), list):
            found.setdefault(str(opened["kind"]), []).extend(map(str, digests))
    return found


def test_each_deed_is_named_by_digests_that_occur_once(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    ada = people.subject_id(world.house, who, inside, "ada")
    people.withdraw(world.house, who, inside, "ada")
    world.consents(who, inside, "ada", "ada")  # two bases at once
    people.withdraw(world.house, who, inside, "ada")
    erase.erase(world.house, who, inside, "ada")
    admit.revoke(world.house, who)
    found = digests_of(world)
    assert {kind: len(digests) for kind, digests in found.items()} == {"withdrawal": 3, "erasure": 1, "revocation": 1}
    every = [digest for digests in found.values() for digest in digests]
    assert len(set(every)) == len(every)
    assert found["erasure"] == [undone.digest(world.house.vault, "erasure", ada)]
    assert found["revocation"] == [undone.digest(world.house.vault, "revocation", who.key)]


def test_without_the_master_key_an_id_does_not_lead_to_its_digest(world: World) -> None:
    """Whoever knows the id of a subject or of a key (a customer does) can't tell which leaf is about it."""
    who, inside = enrolled(world, ("ada", 1))
    ada = people.subject_id(world.house, who, inside, "ada")
    erase.erase(world.house, who, inside, "ada")
    admit.revoke(world.house, who)
    told = {digest for digests in digests_of(world).values() for digest in digests}
    vkey = world.settings.log_vkey.read_bytes().strip()
    guesses = set()
    for what in (ada, who.key, ada.partition("_")[2], who.key.partition("_")[2]):
        raw = what.encode()
        guesses |= {hashlib.sha256(raw).digest(), hmac.digest(vkey, raw, "sha256"), hmac.digest(b"", raw, "sha256")}
        guesses |= {VAULT.digest(raw, label=f"undone:{kind}") for kind in ("erasure", "revocation")}
    assert not told & {base64.b64encode(guess).decode() for guess in guesses}


def test_two_kinds_of_leaf_have_nothing_in_common() -> None:
    kinds = ("erasure", "withdrawal", "revocation")
    assert len({undone.digest(VAULT, kind, "one id") for kind in kinds}) == len(kinds)


def test_more_than_a_leaf_can_carry_is_more_leaves_and_none_is_lost(world: World) -> None:
    """A debt that no leaf can pay would keep the house from ever opening again."""
    who, inside = enrolled(world)
    world.consents(who, inside, *["ada"] * (leaf.MAX_UNDONE + 1))
    size = world.house.log.size
    people.withdraw(world.house, who, inside, "ada")
    assert world.house.log.size == size + 2
    assert len(set(digests_of(world)["withdrawal"])) == leaf.MAX_UNDONE + 1
    with pytest.raises(CountenanceError):
        people.withdraw(world.house, who, inside, "ada")
    world.restart()


def told(name: Callable[[str, int], str]) -> list[tuple[str, bytes]]:
    """Person and digest of each leaf: two withdrawals and an erasure each. name: what of the person is digested."""
    found = []
    for _ in range(PEOPLE):
        person = ids.new("subject")
        for number, kind in enumerate(("withdrawal", "withdrawal", "erasure")):
            found.append((person, base64.b64decode(undone.digest(VAULT, kind, name(person, number)))))
    return found


def advantage(leaves: list[tuple[str, bytes]], rng: random.Random) -> float:
    """By how many deviations two leaves of one person share more bits than two of different people."""
    by: dict[str, list[bytes]] = {}
    for person, digest in leaves:
        by.setdefault(person, []).append(digest)
    mated = [(found[i], found[j]) for found in by.values() for i, j in ((0, 1), (0, 2), (1, 2))]
    everybody = list(by.values())
    other = []
    for _ in mated:
        one, two = rng.sample(everybody, 2)
        other.append((rng.choice(one), rng.choice(two)))
    return rank_z([_shared(*pair) for pair in mated], [_shared(*pair) for pair in other])


def _shared(one: bytes, two: bytes) -> int:
    return 256 - (int.from_bytes(one, "big") ^ int.from_bytes(two, "big")).bit_count()


def test_leaves_of_one_person_cannot_be_linked_by_what_they_undid() -> None:
    found = advantage(told(lambda _, number: ids.new("consent") + str(number)), random.Random(2026))
    assert abs(found) < SIGMA, found


def test_the_same_adversary_catches_a_log_that_digests_the_person() -> None:
    """The control: with the subject's id in both withdrawals, one pair in three is equal, and it shows."""
    found = advantage(told(lambda person, _: person), random.Random(2026))
    assert found > 2 * SIGMA, found
