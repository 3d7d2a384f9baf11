"""What anybody may read without a key: the set in force, what is coming, the log and its witnesses.

Shapes only, nothing is decided here. Source: docs/api.md.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from countenance.http.shapes import Digest, Moment, Pack, Shape


class UnderNotice(Shape):
    """A change of the set in force that waits. why: for whom it opens a door. not_before: empty until notice runs."""

    change: str
    document: Digest
    before: Digest
    after: Digest
    loosens: bool
    notice_days: int
    not_before: str
    approvals: int
    why: list[str]


class WasInForce(Shape):
    """A set, and from when to when it decided. until: empty while it does."""

    digest: Digest
    since: Moment
    until: str


class Policies(Shape):
    """The packs in force, and the digest that every decision carries. stopped: an emergency stop is on."""

    in_force: list[Pack]
    digest: Digest
    since: Moment
    stopped: bool
    under_notice: list[UnderNotice]
    history: list[WasInForce]


class Turning(Shape):
    """A day (UTC) on which a rule, a pack, a law or the evaluation of the model turns. cause: which of them."""

    day: str
    cause: Literal["rule", "pack", "law", "model"]
    name: str
    says: str
    source: str


class Announcement(Shape):
    """A day on which answers will change: what they become, by which rules, and for what kinds of customers."""

    day: str
    because: list[str]
    becomes: list[str]
    sectors: list[str]
    countries: list[str]
    purposes: list[str]


class Schedule(Shape):
    """on: the day this was asked. digest: of the packs in force. announced: within the next 30 days."""

    on: str
    digest: str
    turns: list[Turning]
    announced: list[Announcement]


class PackText(Shape):
    name: str
    digest: str
    text: str


class Witnessed(Shape):
    """A checkpoint that the quorum cosigned. at: the oldest of their times; checkpoint: the signed note."""

    size: int
    by: list[str]
    at: str
    checkpoint: str


class Log(Shape):
    """The transparency log: its name, public key, and how many leaves it has.

    keys: announcements of its later keys, each a tlog-proof. state: whether enough witnesses (the quorum) cosigned.
    witnessed: the newest checkpoint that they did, by whom, and when at the latest; null: unwitnessed.
    """

    origin: str
    vkey: str
    size: int
    keys: list[str]
    state: Literal["unwitnessed", "witnessed"]
    witnesses: list[str]
    quorum: int
    witnessed: Witnessed | None


class NewShown(Shape):
    """A receipt on one line, or the text of a receipt, a tlog-proof or a checkpoint, that this log signed."""

    proof: str = Field(min_length=1, max_length=60_000)


class Shown(Shape):
    """What was shown is of the log's one history. shown: leaves under it; size: of the log."""

    shown: int
    size: int
