"""What a scene of the story is, once it has happened: the same value is printed, written as JSON and drawn.

A scene holds no template and no score. `as_told` says whether the house did what the story claims of it: the
demonstration fails where one scene did not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from countenance.ledger.proof import Receipt
from countenance.policy import wire

if TYPE_CHECKING:
    from countenance.demo.cast import Photo
    from countenance.domain.decision import Decision
    from countenance.domain.face import Box


@dataclass(frozen=True, slots=True)
class Shown:
    """A photograph in a scene. box: the face that was found, in pixels of the upright original."""

    photo: Photo
    role: str
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """What a decision left. what: in a few words; receipt: one line, base64url, its holder's own."""

    what: str
    receipt: str

    @property
    def leaf(self) -> int:
        """The index of the leaf in the log."""
        return Receipt.from_line(self.receipt).proof.index

    @property
    def file(self) -> str:
        """The name of the file with the receipt's public half."""
        return f"leaf-{self.leaf:02}.receipt"


@dataclass(frozen=True, slots=True)
class Scene:
    """One thing that happened. outcome: in a word or two; quotes: rule, source and the like, name and text."""

    title: str
    outcome: str
    as_told: bool
    said: tuple[str, ...]
    quotes: tuple[tuple[str, str], ...] = ()
    shown: tuple[Shown, ...] = ()
    proofs: tuple[Proof, ...] = ()
    decision: Decision | None = None

    def to_wire(self) -> dict[str, Any]:
        """The scene as JSON, without the photographs."""
        decided = wire.answer(self.decision.verdict, self.decision.on) if self.decision else None
        return {
            "scene": self.title, "outcome": self.outcome, "as_told": self.as_told, "said": list(self.said),
            "quotes": dict(self.quotes), "photographs": [shown.photo.caption for shown in self.shown],
            "decision": decided, "receipts": [proof.receipt for proof in self.proofs],
        }  # fmt: skip
