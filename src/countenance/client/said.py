"""What a call says of itself, as headers and query; and whether a leaf states what was said.

A call may narrow its grant, never widen it. Where the server's record is graver, the graver counts, so a leaf may be
graver than what was said and never less. Sources: docs/policy.md, "The ask"; docs/api.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from countenance.domain.errors import BadInput
from countenance.ledger import leaf, vocabulary
from countenance.service.use import GRAVITY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EXACT = ("purpose", "mode", "place", "probe")
QUERY = ("mode", "place", "probe", *GRAVITY)
NAMES = frozenset({*EXACT, *GRAVITY, "requested_by", "authority"})


class Words(TypedDict, total=False):
    """The narrowing words of one call; what is left out, or empty, is as the grant and the record say."""

    purpose: str
    requested_by: Sequence[str]
    mode: str
    place: str
    camera: str
    probe: str
    capture: str
    minors: str
    legal_effect: str
    authority: str


class Said:
    """The words of one call, each fit for a header. Raises BadInput for a name or a text that is not."""

    def __init__(self, words: Words) -> None:
        given: Mapping[str, object] = {**words}
        if odd := sorted(given.keys() - NAMES):
            raise BadInput(f"{odd[0]} is no word of a call", next_step=f"Known are {', '.join(sorted(NAMES))}.")
        sectors = given.get("requested_by", ())
        listed = [sectors] if isinstance(sectors, str) else [*words.get("requested_by", ())]
        self.requested_by = tuple(sorted({_fit("requested_by", sector) for sector in listed if sector}))
        self.authority = _fit("authority", given.get("authority", ""))
        apart = ("requested_by", "authority")
        self.words = {name: _fit(name, word) for name, word in given.items() if name not in apart and word}

    @property
    def headers(self) -> dict[str, str]:
        named = {
            "Countenance-Purpose": self.words.get("purpose", ""),
            "Countenance-Requested-By": ",".join(self.requested_by),
            "Countenance-Authority": self.authority,
        }
        return {name: value for name, value in named.items() if value}

    @property
    def query(self) -> dict[str, str]:
        return {name: self.words[name] for name in QUERY if name in self.words}

    def missing_in(self, ask: Mapping[str, object]) -> str:
        """The first word that was said and that the leaf's ask does not state; empty: it states them all."""
        if self.requested_by and ask["requested-by"] != _written("requested-by", self.requested_by):
            return "requested-by"
        for name, word in self.words.items():
            key = name.replace("_", "-")
            if not _states(key, word, str(ask[key]), GRAVITY.get(name, ())):
                return key
        return ""


def _states(key: str, word: str, stated: str, order: Sequence[str]) -> bool:
    if word in order and stated in order:
        return order.index(stated) >= order.index(word)
    return stated in (word, *_written(key, (word,))) or (word in order and stated == leaf.UNRECOGNISED)


def _written(key: str, words: Sequence[str]) -> list[str]:
    """The words as a leaf may write them: one in no vocabulary is `unrecognised`."""
    return sorted({word if word in vocabulary.WORDS[key] else leaf.UNRECOGNISED for word in words})


def _fit(name: str, word: object) -> str:
    if not isinstance(word, str) or not word.isascii() or not word.isprintable() or {",", " "} & set(word):
        raise BadInput(f"{name} takes words such as those of docs/policy.md")
    if len(word) > 64:
        raise BadInput(f"{name}: a word has at most 64 characters")
    return word
