"""So much an address and so much together, in bounded memory, and a wait that is true."""

from __future__ import annotations

import pytest

from countenance.domain.errors import TooOften
from countenance.http.budget import Budget, Rate


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


MANY = Rate(burst=1000, every=0.001)


def refused(budget: Budget, address: str) -> int:
    """The seconds to wait; fails where one was taken."""
    with pytest.raises(TooOften) as ended:
        budget.take(address)
    assert ended.value.retry
    return ended.value.wait


def test_a_burst_then_one_at_a_time_and_the_wait_is_true() -> None:
    clock = Clock()
    budget = Budget(Rate(burst=3, every=60), MANY, clock=clock)
    for _ in range(3):
        budget.take("192.0.2.1")
    assert refused(budget, "192.0.2.1") == 60
    clock.now = 30.5
    assert refused(budget, "192.0.2.1") == 30
    clock.now = 60
    budget.take("192.0.2.1")
    assert refused(budget, "192.0.2.1") == 60
    clock.now = 10_000
    for _ in range(3):
        budget.take("192.0.2.1")
    refused(budget, "192.0.2.1")


def test_addresses_are_counted_apart_and_all_together_too() -> None:
    budget = Budget(Rate(burst=2, every=60), Rate(burst=3, every=10), clock=Clock())
    budget.take("192.0.2.1")
    budget.take("192.0.2.1")
    assert refused(budget, "192.0.2.1") == 60
    budget.take("192.0.2.2")
    assert refused(budget, "192.0.2.3") == 10


def test_a_refusal_takes_nothing() -> None:
    clock = Clock()
    budget = Budget(Rate(burst=1, every=10), Rate(burst=2, every=1000), clock=clock)
    budget.take("192.0.2.1")
    for _ in range(5):
        refused(budget, "192.0.2.1")
    budget.take("192.0.2.2")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::2:3", True), ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True), ("fe80::1%eth0", "fe80::2%eth1", True),
        ("192.0.2.1", "192.0.2.2", False), ("", "no address", True), ("unix:", "", True),
    ],
)  # fmt: skip
def test_who_is_one_subscriber(one: str, other: str, same: bool) -> None:  # noqa: FBT001
    budget = Budget(Rate(burst=1, every=60), MANY, clock=Clock())
    budget.take(one)
    if same:
        refused(budget, other)
    else:
        budget.take(other)


def test_memory_is_bounded_and_nobody_is_forgotten_before_their_bucket_is_full() -> None:
    clock = Clock()
    budget = Budget(Rate(burst=2, every=60), MANY, most=3, clock=clock)
    budget.take("192.0.2.1")
    budget.take("192.0.2.1")
    for last in (2, 3):
        budget.take(f"192.0.2.{last}")
    assert refused(budget, "192.0.2.4") == 120
    refused(budget, "192.0.2.1")  # is remembered still
    clock.now = 60
    budget.take("192.0.2.4")  # the oldest now, 2, is full again
    assert len(budget._of) == 3  # noqa: SLF001
