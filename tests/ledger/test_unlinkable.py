"""Can an outsider link two leaves of one person, or of one customer, beyond what their open parts share?

10,000 decisions about 200 people of 20 customers (2,000 by default), all with the same open part. The adversary has
every leaf in order and guesses, of pairs of leaves, whether they are about the same person: by equal commitments, by
shared bits and bytes of them, by their distance in the log, by all the rest of the leaf. It must do no better than
chance. A leaf whose commitment is deterministic is the control: the same adversary must catch it at once.
"""

# ruff: noqa: S311  (seeded, so that a failure comes again)
from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import pytest

from countenance.ledger import leaf
from tests.ledger.world import LONG, closed_part, decision

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DECISIONS = 10_000 if LONG else 2_000
PEOPLE, CUSTOMERS = 200, 20
PAIRS = 3_000
SIGMA = 4.5
"""How many standard deviations from chance count as better: one false alarm in 150,000 for each guess."""


@dataclass(frozen=True)
class Event:
    person: str
    customer: str
    entry: bytes


def world(rng: random.Random, nonce: Callable[[bytes], bytes]) -> list[Event]:
    """Decisions in order; `nonce` makes the nonce of a closed part (the honest one takes no notice of it)."""
    events = []
    for _ in range(DECISIONS):
        person = rng.randrange(PEOPLE)
        customer = f"cus_{person % CUSTOMERS}"
        closed = closed_part(customer=customer, subject=f"sub_{person}", outcome="match")
        events.append(Event(f"sub_{person}", customer, decision(closed, nonce(closed))))
    return events


def honest(rng: random.Random) -> Callable[[bytes], bytes]:
    return lambda _: rng.randbytes(leaf.NONCE_SIZE)


def fixed(_: bytes) -> bytes:
    return b"\x07" * leaf.NONCE_SIZE


@cache
def commitment_of(event: Event) -> bytes:
    return leaf.parse(event.entry).commitment


@cache
def rest_of(event: Event) -> bytes:
    return leaf.canonical(leaf.parse(event.entry).open)


Feature = tuple[int, ...]


def features(events: Sequence[Event], a: int, b: int) -> Feature:
    """What the adversary sees of a pair: each a number that might be larger for leaves that belong together."""
    one, two = commitment_of(events[a]), commitment_of(events[b])
    same_bits = 256 - (int.from_bytes(one, "big") ^ int.from_bytes(two, "big")).bit_count()
    same_bytes = sum(x == y for x, y in zip(one, two, strict=True))
    common = len(set(one) & set(two))
    return (
        int(one == two), same_bits, same_bytes, common, -abs(a - b), int(rest_of(events[a]) == rest_of(events[b])),
        -abs(len(events[a].entry) - len(events[b].entry)), -abs(sum(one) - sum(two)),
    )  # fmt: skip


def advantages(events: list[Event], who: Callable[[Event], str], rng: random.Random) -> list[float]:
    """Per feature: how far, in standard deviations, mated pairs stand above non-mated ones (Mann-Whitney)."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for at, event in enumerate(events):
        groups[who(event)].append(at)
    several = [group for group in groups.values() if len(group) > 1]
    mated = [tuple(rng.sample(rng.choice(several), 2)) for _ in range(PAIRS)]
    other = [pair for pair in (tuple(rng.sample(range(len(events)), 2)) for _ in range(2 * PAIRS))
             if who(events[pair[0]]) != who(events[pair[1]])][:PAIRS]  # fmt: skip
    true = [features(events, *pair) for pair in mated]
    false = [features(events, *pair) for pair in other]
    return [rank_z([f[i] for f in true], [f[i] for f in false]) for i in range(len(true[0]))]


def rank_z(true: Sequence[int], false: Sequence[int]) -> float:
    """The Mann-Whitney statistic of two samples in standard deviations, ties counted half and corrected for."""
    counts: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for value in true:
        counts[value][0] += 1
    for value in false:
        counts[value][1] += 1
    below, u, ties = 0, 0.0, 0
    for value in sorted(counts):
        t, f = counts[value]
        u += t * (below + f / 2)
        below += f
        ties += (t + f) ** 3 - (t + f)
    n, m = len(true), len(false)
    spread = n * m / 12 * ((n + m + 1) - ties / ((n + m) * (n + m - 1)))
    return (u - n * m / 2) / spread**0.5 if spread else 0.0


@pytest.mark.parametrize("who", ["person", "customer"])
def test_leaves_of_one_person_or_customer_cannot_be_linked(who: str) -> None:
    rng = random.Random(2026)
    events = world(rng, honest(rng))
    found = advantages(events, lambda event: str(getattr(event, who)), rng)
    assert max(found) < SIGMA, found
    assert min(found) > -SIGMA, found


@pytest.mark.parametrize("who", ["person", "customer"])
def test_the_same_adversary_catches_a_commitment_that_repeats(who: str) -> None:
    """The control: with one nonce for all, equal closed parts have equal commitments, and it shows."""
    rng = random.Random(2026)
    events = world(rng, fixed)
    found = advantages(events, lambda event: str(getattr(event, who)), rng)
    assert max(found) > 2 * SIGMA, found


def test_no_commitment_repeats_and_each_bit_is_a_coin() -> None:
    """Over all leaves of the honest world: no two commitments are equal, no bit leans to a side."""
    rng = random.Random(2027)
    seen = [commitment_of(event) for event in world(rng, honest(rng))]
    assert len(set(seen)) == len(seen)
    for bit in range(256):
        ones = sum(int.from_bytes(one, "big") >> bit & 1 for one in seen)
        assert abs(ones - len(seen) / 2) < SIGMA * (len(seen) / 4) ** 0.5, bit


def test_an_erased_leaf_says_nothing_even_to_who_knows_all_the_rest() -> None:
    """With the nonce gone, each of all possible closed parts could be the one: none fits better than another."""
    rng = random.Random(2028)
    closed = closed_part(customer="cus_1", subject="sub_1", outcome="match")
    committed = leaf.parse(decision(closed, rng.randbytes(leaf.NONCE_SIZE))).commitment
    candidates = [closed_part(customer="cus_1", subject=f"sub_{n}", outcome="match") for n in range(200)]
    guesses = (b"\0" * 32, b"\x07" * 32, committed, rng.randbytes(32))
    assert all(leaf.commit(made, nonce) != committed for made in candidates for nonce in guesses)
