"""What the tests of changes and laws share: people with keys, a looser and a stricter set, a law that would lift."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.ledger import leaf
from countenance.policy import words
from countenance.service import accounts, changes, notice, registry, signed
from countenance.service.wish import Wish

if TYPE_CHECKING:
    from countenance.service.accounts import Account
    from countenance.service.notice import Change
    from countenance.service.records import Held
    from tests.service.world import World

LOOSER = Wish(off=("microsoft-2020",))
STRICTER = Wish(on=("microsoft-2020-strict",))
LAW = """
id = "us-face-act-2027"
title = "Face Recognition Act"
jurisdiction = "US"
level = "national"
covers = ["police", "sheriff"]
from = 2027-03-01
until = ""
sources = ["https://example.org/act"]
recognises = ["warrant"]
[assessment]
""" + "\n".join(f'{each} = "yes"' for each in words.CRITERIA) + """
[assessment.sources]
""" + "\n".join(f'{each} = "https://example.org/{each}"' for each in words.CRITERIA)  # fmt: skip


@dataclass
class Person:
    """Somebody with an account in a world's house, and their key."""

    world: World
    account: Account
    key: signed.PersonKey

    @classmethod
    def of(cls, world: World, *roles: str, customer: str = "") -> Person:
        key = signed.PersonKey(secrets.token_bytes(32))
        made = accounts.register_here(world.house, accounts.NewAccount("A. P.", frozenset(roles), key.public, customer))
        return cls(world, accounts.Account(made.id, customer, frozenset(roles), signed.public_key(key.public)), key)

    def propose(self, wish: Wish) -> Change:
        return changes.propose(self.world.house, self.account, wish).result

    def approve(self, change: Change) -> Change:
        signature = self.key.sign(notice.statement(change.id, change.digest))
        return changes.approve(self.world.house, self.account, change.id, signature).result

    def sign(self, law: Held) -> Held:
        signature = self.key.sign(law.record.message)
        return registry.sign(self.world.house, self.account, law.id, signature).result

    def end(self) -> None:
        accounts.end_here(self.world.house, self.account.id)


def law_text(**changed: str) -> bytes:
    """The record with the first line of each name replaced: `until='2028-01-01'`."""
    lines = LAW.split("\n")
    for name, value in changed.items():
        place = next(place for place, line in enumerate(lines) if line.startswith(f"{name} = "))
        lines[place] = f"{name} = {value}"
    return "\n".join(lines).encode()


def leaves(world: World, kind: str) -> list[dict[str, leaf.Json]]:
    """The open parts of every leaf of this kind."""
    found = [leaf.parse(world.house.log.prove(index).extra).open for index in range(world.house.log.size)]
    return [opened for opened in found if opened["kind"] == kind]


def steps(world: World, kind: str = notice.KIND) -> list[str]:
    return [str(opened["step"]) for opened in leaves(world, kind)]
