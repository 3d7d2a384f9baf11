"""Where the rules of a pack stand: the line on which each begins, so that what is wrong with one can be found.

It reads only as much of Cedar as that takes: comments, string literals, and the semicolon that ends a rule. It parses
and decides nothing; what is no Cedar has lines all the same. Source: the Cedar grammar (docs.cedarpolicy.com).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(r'//[^\n]*|"(?:\\.|[^"\\\n])*"|;|\s+|[^\s;"/]+|.', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """A rule as it is written, up to its semicolon, and the line on which it begins, from 1."""

    line: int
    text: str


def pieces(text: str) -> Iterator[Piece]:
    """Every rule in order; last what follows the last semicolon, unless it is comments and spaces only."""
    line, began, held = 1, 0, ""
    for word in _TOKEN.findall(text):
        if not began and not word.isspace() and not word.startswith("//"):
            began = line
        held += word
        if word == ";":
            yield Piece(began, held)
            began, held = 0, ""
        line += word.count("\n")
    if began:
        yield Piece(began, held)


def line_of(text: str, place: int) -> int:
    """The line of the rule at `place`, counted from 0; the last line where there are fewer."""
    lines = [piece.line for piece in pieces(text)]
    return lines[place] if place < len(lines) else text.count("\n") + 1
