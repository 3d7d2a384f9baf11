"""JSON that no two readers take in two ways: one object, no key twice, no number that is none, no half a character.

It knows no schema and says nothing of its own: the caller makes the error from the reason. Source: RFC 8259, sections
4, 6 and 8.2.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable


def json_object(
    raw: bytes, refuse: Callable[[str], Exception], *, integer: Callable[[str], int] = int,
    fraction: Callable[[str], float] = float,
) -> dict[str, Any]:  # fmt: skip
    """The one object in these bytes. refuse: the error for a reason such as "is not JSON", which is then raised.

    integer, fraction: how a number's text is read; they may raise errors of their own.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise refuse("has a key twice")
        return found

    def none(_: str) -> NoReturn:
        raise refuse("has a number that is none")

    try:
        value = json.loads(
            raw.decode("utf-8"), object_pairs_hook=once, parse_constant=none, parse_int=integer, parse_float=fraction
        )
        if b"\\u" in raw:
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        raise refuse("is not JSON") from None
    if not isinstance(value, dict):
        raise refuse("is not a JSON object")
    return value
