"""The one strict reading of JSON, below every door that takes it."""

from __future__ import annotations

import pytest

from countenance.domain.errors import BadInput
from countenance.domain.strict import json_object


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b'{"a": 1, "a": 2}', "has a key twice"),
        (b'{"a": {"b": 1, "b": 1}}', "has a key twice"),
        (b'{"a": NaN}', "has a number that is none"),
        (b'{"a": -Infinity}', "has a number that is none"),
        (b'{"a": "\\ud800"}', "is not JSON"),
        (b'{"\\udc00": 1}', "is not JSON"),
        (b"\xff{}", "is not JSON"),
        (b'{"a":' * 100_000, "is not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b"null", "is not a JSON object"),
    ],
)
def test_what_two_readers_could_take_in_two_ways_is_refused_with_the_reason(raw: bytes, says: str) -> None:
    with pytest.raises(BadInput, match=f"^it {says}$"):
        json_object(raw, lambda reason: BadInput(f"it {reason}"))


def test_a_whole_pair_of_surrogates_is_a_character() -> None:
    assert json_object(b'{"a": "\\ud83d\\ude00"}', BadInput) == {"a": "\U0001f600"}
