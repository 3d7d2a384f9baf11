"""What is different between two policy sets, in the words of their published texts.

It reads the texts that lie beside the ledger under the sets' digests, as any stranger can, and judges nothing: for whom
a change opens a door is found out elsewhere (policy/diff.py). A text that is not there is not guessed. Source:
docs/ledger.md, "The folders".
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from countenance.service import sets

if TYPE_CHECKING:
    from pathlib import Path

MOST_LINES = 400
"""Lines of difference that are shown of one change; the texts themselves are public, whole."""
_KEPT = 64


@dataclass(frozen=True, slots=True)
class Difference:
    """Packs that the change adds and takes away, and whose text it changes. lines: unified; more: they were cut."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    lines: tuple[str, ...]
    more: bool


def between(public: Path, before: str, after: str) -> Difference | None:
    """From one set to another, by their digests; None while the text of one of them is not there, whole."""
    try:
        return _between(public, before, after)
    except _Missing:
        return None


class _Missing(Exception):
    """A text that is not published yet; never leaves this module."""


@lru_cache(maxsize=_KEPT)
def _between(public: Path, before: str, after: str) -> Difference:
    """Kept: what lies under a digest never changes."""
    old, new = _texts(public, before), _texts(public, after)
    changed = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
    lines = [line for name in changed for line in _lines(name, old[name], new[name])]
    added, removed = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
    more = len(lines) > MOST_LINES
    return Difference(tuple(added), tuple(removed), tuple(changed), tuple(lines[:MOST_LINES]), more)


def _texts(public: Path, digest: str) -> dict[str, str]:
    held = sets.read_published(public, digest)
    if held is None:
        raise _Missing
    return {file.name: file.text for file in held.policies.files}


def _lines(name: str, old: str, new: str) -> list[str]:
    title = f"{name}.cedar"
    return [*difflib.unified_diff(old.split("\n"), new.split("\n"), f"before/{title}", f"after/{title}", lineterm="")]
