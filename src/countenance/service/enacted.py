"""An act on promises or laws, carried out: rows and owed leaves in one transaction, then leaves, then the rules anew.

Of a person it goes through the gate, which writes the leaf of the act itself; of the machine's own command line that
leaf is owed with the rest. It judges nothing. Source: docs/laws.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from countenance.service import owed
from countenance.service.gate import Done, Private

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from countenance.service.accounts import Account
    from countenance.service.app import House

    Effect = Callable[[Connection], list[int]]  # writes rows; the debts of their leaves


def by_person(house: House, who: Account, matter: str, outcome: str, effect: Effect) -> Done[str]:
    """What the act of a person comes to, for `Gate.administer`: the id of what it is about."""
    debts: list[int] = []

    def settled() -> None:
        for debt in debts:
            owed.pay_one(house, debt)
        house.in_force.renew()

    return Done(
        matter, outcome, effect=lambda connection: debts.extend(effect(connection)), settled=settled,
        about=Private(account=who.id, matter=matter),
    )  # fmt: skip


def by_machine(house: House, act: str, matter: str, outcome: str, effect: Effect, account: str = "") -> str:
    """The same act on the machine itself; the receipt of its leaf. account: whose signature it keeps."""
    receipt = owed.by_machine(house, act, Private(account=account, matter=matter), outcome, effect)
    house.in_force.renew()
    return receipt
