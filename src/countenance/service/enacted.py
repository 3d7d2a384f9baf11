"""An act on promises or laws, carried out: rows and owed leaves in one transaction, then leaves, then the rules anew.

Of a person it goes through the gate, which writes the leaf of the act itself; of the machine's own command line that
leaf is owed with the rest. It judges nothing. Source: docs/laws.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from countenance.service import owed
from countenance.service.gate import Done, Private, deed_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Connection

    from countenance.service.accounts import Account
    from countenance.service.app import House

    Effect = Callable[[Connection], list[int]]  # writes rows; the debts of their leaves


def by_person(house: House, who: Account, matter: str, outcome: str, effect: Effect) -> Done[str]:
    """What the act of a person comes to, for `Gate.administer`: the id of what it is about."""
    debts: list[int] = []

    def settled() -> None:
        _settle(house, debts)

    return Done(
        matter, outcome, effect=lambda connection: debts.extend(effect(connection)), settled=settled,
        about=Private(account=who.id, matter=matter),
    )  # fmt: skip


def by_machine(house: House, act: str, matter: str, outcome: str, effect: Effect, account: str = "") -> str:
    """The same act on the machine itself; the receipt of its leaf. account: whose signature it keeps."""
    with house.database.begin() as connection:
        debts = effect(connection)
        about = Private(account=account, matter=matter)
        debt = owed.owe(connection, "administration", deed_words(act, "machine"), about, outcome, house.now())
    return _settle(house, [*debts, debt])


def _settle(house: House, debts: Iterable[int]) -> str:
    """Write what is owed and renew the rules; the receipt of the last leaf, empty where there is none."""
    receipt = ""
    for debt in debts:
        receipt = owed.pay_one(house, debt)
    house.in_force.renew()
    return receipt
