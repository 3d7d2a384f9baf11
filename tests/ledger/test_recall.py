"""What is remembered of a leaf is exactly what reading it anew would say, and nothing slips through beside it."""

from __future__ import annotations

import base64

import pytest

from countenance.domain.errors import BadRecord
from countenance.ledger import leaf
from countenance.ledger.recall import Recall
from tests.ledger.world import some_leaf


def counted() -> tuple[Recall[str], list[int]]:
    read: list[int] = []

    def say(found: leaf.Leaf) -> str:
        read.append(1)
        return found.kind

    return Recall(say), read


def test_leaves_that_differ_in_their_commitment_alone_are_read_once() -> None:
    recall, read = counted()
    assert {recall(some_leaf(number)) for number in range(50)} == {"decision"}
    assert len(read) == 1


@pytest.mark.parametrize("last", "BCDZabz")
def test_a_commitment_in_another_spelling_is_refused_the_second_time_too(last: str) -> None:
    recall, _ = counted()
    raw = some_leaf(1)
    recall(raw)
    text = leaf.parse(raw).commitment
    spelled = base64.b64encode(text).decode()
    for odd in (spelled[:-2] + last + "=", spelled[:-1] + "A", spelled[:-4] + "!" + spelled[-3:], spelled[:-4]):
        with pytest.raises(BadRecord):
            recall(raw.replace(spelled.encode(), odd.encode()))


def test_another_commitment_further_inside_is_no_commitment() -> None:
    """The first place that looks like one is a fact, which may not hold base64."""
    recall, _ = counted()
    raw = some_leaf(1)
    recall(raw)
    inner = raw.replace(b'"context":{', b'"context":{"aa":1,"commitment":"' + b"A" * 43 + b'=",', 1)
    for _ in range(2):
        with pytest.raises(BadRecord):
            recall(inner)


def test_it_forgets_when_it_holds_enough() -> None:
    recall = Recall(lambda found: found.kind, remembered=2)
    for number in range(6):
        raw = some_leaf(number % 3).replace(b'"country":"US"', f'"country":"{"ADF"[number % 3]}E"'.encode())
        assert recall(raw) == "decision"
