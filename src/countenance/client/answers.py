"""What the calls give back: frozen records, each field of its type. They decide nothing and hold no key but a new one.

Boxes and landmarks are in pixels of the upright photograph, origin top left. A false match rate is an upper bound in
[0, 1]; None is "no figure". Moments are aware and in UTC. Source: docs/api.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from countenance.ledger.cosignature import WitnessKey, cosignatures

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from countenance.domain.decision import Decision, Verdict
    from countenance.domain.face import Box, Quality
    from countenance.ledger.proof import VerifiedReceipt

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Noted:
    """What every deed leaves. receipt: one line of base64url, to keep; proof: the same, verified; index: its leaf's."""

    receipt: str
    index: int
    proof: VerifiedReceipt


@dataclass(frozen=True, slots=True)
class Answer(Noted):
    """What every ask leaves: also the decision it was allowed by. Its `ask` is the one that the leaf states."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class Face:
    """A face without its template. landmarks: five points, from the left: eye, eye, nose tip, mouth corners."""

    box: Box
    landmarks: tuple[tuple[float, float], ...]
    quality: Quality


@dataclass(frozen=True, slots=True)
class Likeness:
    """One comparison. promised_rate: what the threshold keeps; false_match_rate: what this pair has earned."""

    match: bool
    promised_rate: float
    false_match_rate: float | None
    calibration: str


@dataclass(frozen=True, slots=True)
class Enrolled(Answer):
    """A new reference of a subject."""

    subject: str
    reference: str
    face: Face


@dataclass(frozen=True, slots=True)
class Verified(Answer):
    """Is it the subject? A match is a lead, not proof of who somebody is."""

    subject: str
    likeness: Likeness
    face: Face

    @property
    def match(self) -> bool:
        return self.likeness.match


@dataclass(frozen=True, slots=True)
class Compared(Answer):
    """Do two photographs show one person? faces: of the first and of the other."""

    likeness: Likeness
    faces: tuple[Face, Face]

    @property
    def match(self) -> bool:
        return self.likeness.match


@dataclass(frozen=True, slots=True)
class Candidate:
    """A subject whose likeness reaches the threshold."""

    subject: str
    reference: str
    false_match_rate: float | None


@dataclass(frozen=True, slots=True)
class Identified(Answer):
    """Who is it? No candidates: no match.

    gallery: subjects searched. false_positive_rate: upper bound of the chance that a stranger gets any candidate
    here. clear: whether the second stays below the threshold, None without a first. runner_up: the second's rate.
    """

    candidates: tuple[Candidate, ...]
    gallery: int
    false_positive_rate: float | None
    clear: bool | None
    runner_up: float | None
    calibration: str
    face: Face

    @property
    def match(self) -> bool:
        return bool(self.candidates)


@dataclass(frozen=True, slots=True)
class Detected(Answer):
    """Every face of a photograph, largest first."""

    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True)
class Consented(Noted):
    """A basis is on record for this subject and purpose."""

    subject: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Erased(Noted):
    """A person is gone. certificate: a signed note, bound to the leaf; safe to publish."""

    erasure: str
    certificate: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf about you, from its closed part. An empty text does not apply."""

    index: int
    time: datetime
    outcome: str
    key: str
    collection: str
    subject: str
    request: str


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """A record with the fields of ISO/IEC TS 27560:2023. events: type and moment of each, oldest first.

    whole: the record as it came, to be given to the person.
    """

    id: str
    subject: str
    evidence: str
    events: tuple[tuple[str, datetime], ...]
    whole: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Ground:
    """A basis on record, as it was given. withdrawn: when; None: it was not."""

    basis: str
    purpose: str
    given_at: datetime
    until: datetime
    manner: str
    notice: str
    recorded_by: str
    withdrawn: datetime | None


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference as it is held. template: (D,), unit L2; it is the person's own, and `repr` leaves it out."""

    reference: str
    created: datetime
    model_digest: str
    template: tuple[float, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Exported(Answer):
    """All that is held about one person."""

    subject: str
    collection: str
    purpose: str
    grounds: tuple[Ground, ...]
    references: tuple[Reference, ...]
    decisions: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Collection:
    """One gallery for one purpose. keep_days: its own term of retention; None: it has none."""

    id: str
    name: str
    purpose: str
    created: datetime
    keep_days: int | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A person in a collection, under your own name for them."""

    id: str
    alias: str
    references: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What the key's customer was granted."""

    id: str
    purposes: frozenset[str]
    modes: frozenset[str]
    places: frozenset[str]
    until: datetime
    active: bool


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks: the ids of the key and its customer, and the grant."""

    key: str
    customer: str
    grant: Grant


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the grant, by its id; never its text. revoked: when it ended; None: in force."""

    id: str
    created: datetime
    revoked: datetime | None


@dataclass(frozen=True, slots=True)
class NewKey(Noted):
    """One more key of the grant, shown this once. `repr` leaves its text out."""

    id: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LogHead:
    """The log as the server names it; its key is the pinned one, or follows from it.

    size: leaves, as the server says, unsigned. cosigned: the newest checkpoint that witnesses are said to have
    cosigned, signed by the log; empty: unwitnessed.
    """

    origin: str
    vkey: str
    size: int
    cosigned: str = ""

    def witnessed_by(self, *vkeys: str) -> tuple[str, ...]:
        """Which of the witnesses with these vkeys cosigned it, by name; none: unwitnessed.

        vkeys: from the witnesses themselves, never from the server. Raises Unverified, BadRecord.
        """
        if not self.cosigned:
            return ()
        known = [WitnessKey.from_vkey(vkey.strip()) for vkey in vkeys]
        return tuple(one.name for one in cosignatures(self.cosigned.encode(), known))


@dataclass(frozen=True, slots=True)
class Advice:
    """What the policy would say. No receipt: nothing was asked for and nothing was done. assumed: `flag=word`."""

    verdict: Verdict
    on: datetime
    assumed: tuple[str, ...]

    @property
    def allowed(self) -> bool:
        return self.verdict.allowed


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list. next: the token of the next part; empty: this was the last."""

    items: tuple[T, ...]
    next: str


@dataclass(frozen=True, slots=True)
class Policies:
    """The packs in force as (name, digest), and the digest of the whole set, which every decision's leaf carries."""

    in_force: tuple[tuple[str, str], ...]
    digest: str


@dataclass(frozen=True, slots=True)
class PackText:
    """One pack of promises or law, word for word."""

    name: str
    digest: str
    text: str
