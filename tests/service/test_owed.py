"""Debts of leaves: whoever pays one, and however many come to pay it, it is one leaf with one receipt."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from countenance.domain.errors import LogUnavailable
from countenance.service import erase, owed, people
from countenance.service.gate import Private
from countenance.storage.tables import closed_parts, outbox
from tests.service.test_line import enrolled

if TYPE_CHECKING:
    from tests.service.world import World


def owe(world: World) -> int:
    with world.house.database.begin() as connection:
        return owed.owe(
            connection, "revocation", {"of": "key", "undoes": []}, Private("cus_1"), "revoked", world.moment
        )


def at_once(*calls: object) -> None:
    """Run them in threads that start together."""
    start = threading.Barrier(len(calls))

    def run(call: object) -> None:
        start.wait(30)
        assert callable(call)
        call()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_of_many_that_pay_one_debt_one_writes_the_leaf_and_all_get_its_receipt(world: World) -> None:
    debt, size = owe(world), world.house.log.size
    receipts: list[str] = []

    def pay() -> None:
        receipts.append(owed.pay_one(world.house, debt))

    at_once(*[pay] * 6, lambda: owed.pay(world.house))
    assert world.house.log.size == size + 1
    assert receipts == [receipts[0]] * 6
    assert owed.pay_one(world.house, debt) == receipts[0]
    assert world.proven(receipts[0]).index == size


def test_what_could_not_be_paid_is_paid_by_the_next_who_comes(world: World) -> None:
    debt = owe(world)
    world.house.log.close()
    for _ in range(2):
        with pytest.raises(LogUnavailable):
            owed.pay_one(world.house, debt)
    world.restart()
    with world.house.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(outbox)).scalar_one() == 0


def test_what_is_remembered_of_paid_debts_is_bounded() -> None:
    debts = owed.Debts()
    for debt in range(2 * owed.REMEMBERED):
        debts.claim(debt)[0].set_result((debt, "receipt"))
    open_one = debts.claim(-1)
    assert [debts.claim(debt)[1] for debt in (0, 2 * owed.REMEMBERED - 1, -1)] == [True, False, False]
    assert open_one[1]


def test_an_erasure_beside_deeds_that_owe_leaves_takes_no_receipt_from_anybody(world: World) -> None:
    """An erasure pays every debt first; a deed under way then found its own gone, and answered with an error."""
    who, inside = enrolled(world, *((f"gone {number}", number + 1) for number in range(4)))
    size, receipts = world.house.log.size, []

    def record(alias: str) -> None:
        for number in range(6):
            basis = world.basis(inside.purpose)
            receipts.append(people.give_consent(world.house, who, inside, f"{alias} {number}", basis).receipt)

    def leave(alias: str) -> None:
        erase.erase(world.house, who, inside, alias)

    at_once(
        *[lambda at=at: record(f"p{at}") for at in range(3)], *[lambda at=at: leave(f"gone {at}") for at in range(4)]
    )
    assert len(receipts) == len(set(receipts)) == 18
    assert world.house.log.size == size + 18 + 4
    for receipt in receipts:
        assert world.proven(receipt).leaf.open["kind"] == "consent"
    with world.house.database.read() as connection:
        kept = connection.execute(select(func.count()).select_from(closed_parts)).scalar_one()
        assert connection.execute(select(func.count()).select_from(outbox)).scalar_one() == 0
    assert kept == world.house.log.size - 4 * 2  # the consent and the enrolment of each who left
