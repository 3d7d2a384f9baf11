"""Papers for the tests of the pure core, made as they are read."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from countenance.ledger.vocabulary import WORDS
from countenance.statute import reading
from countenance.statute.book import Book, Filing, Use
from countenance.statute.papers import TOPICS
from countenance.statute.standing import Asked

NOW = datetime(2027, 6, 1, 12, tzinfo=UTC)
MODEL, THRESHOLD = "sha256:" + "a" * 64, "sha256:" + "b" * 64
PURPOSE = "benefits-eligibility"
USE = Use(PURPOSE, "private", "none", MODEL, THRESHOLD)
SECTIONS = {letter: f"Section {letter}." for letter in "abcdefgh"}
DAY = "2027-01-01"

FACTS: dict[str, dict[str, Any]] = {
    "notice": {"authority": "The Legislature", "service": "Desk", "purposes": [PURPOSE], "filed": DAY},
    "draft": {"purposes": [PURPOSE], "sections": SECTIONS, "remedies": {"all": "Look twice."}},
    "meeting": {"held": DAY, "place": "Olympia", "attended": 20, "summary": "Talked over."},
    "comment": {"text": "Why?"},
    "issue": {"raised": "Why?", "answer": "Because.", "comments": []},
    "publication": {"posted": "https://agency.example/report", "submitted": DAY},
    "operational-test": {"context": "At the desk.", "passed": DAY, "purposes": [PURPOSE], "places": ["private"],
                         "cameras": ["none"], "guidance": True},
    "change": {"what": "camera", "on": DAY},
    "operators": {"key": "key_1", "accounts": ["acc_1"]},
    "training": {"account": "acc_1", "topics": [*TOPICS], "completed": DAY, "expires": "2028-01-01", "trainer": "C."},
    "reviewer": {"account": "acc_1", "alters": True},
    "independent-test": {"tester": "A university", "received": DAY, "material": True, "summary": "Unequal.",
                         "rates": {"all": 9_999}},
    "mitigation": {"step": "plan", "text": "Better thresholds."},
    "authority": {"kind": "warrant", "issuer": "Superior Court", "purpose": PURPOSE, "modes": ["real-time"],
                  "start": "2027-05-01T08:00:00Z", "until": "2027-07-01T08:00:00Z", "person": "Somebody."},
    "extension": {"issuer": "Superior Court", "until": "2027-08-01T08:00:00Z"},
    "ruling": {"step": "requested", "at": "2027-05-01T09:00:00Z", "by": "Superior Court"},
    "ending": {"reason": "Found."},
    "warrant-application": {
        "sought": "warrant", "outcome": "granted", "applied": DAY, "ended": "2027-02-01", "days": 30, "extensions": 0,
        "extension_days": 0, "judge": "J.", "officer": "O.", "agency": "A.", "authorised_by": "B.",
        "spaces": "A square.",
        "persons": ["female|white|18-29|king"],
    },
    "disclosure": {"case": "27-1", "defendant": "Somebody.", "trial": "2027-09-01", "decisions": ["7"]},
    "disclosed": {"on": DAY, "how": "By letter."},
    "exemption": {"ground": "airport", "basis": "49 CFR", "purposes": [PURPOSE], "reported_to": "The port commission",
                  "reported": DAY},
}  # fmt: skip
"""A good paper of every kind."""


def paper(kind: str, /, **changed: Any) -> Any:
    """A good paper but for what is changed; None: left out."""
    whole = {name: value for name, value in {**FACTS[kind], **changed}.items() if value is not None}
    return reading.read(kind, whole, WORDS, NOW)


class Papers:
    """A book in the making."""

    def __init__(self) -> None:
        self.filings: list[Filing] = []

    def add(self, kind: str, day: str = DAY, about: str = "", model: str = MODEL, /, **changed: Any) -> str:
        """File a good paper, but for what is changed; its id."""
        made = f"{kind}-{len(self.filings)}"
        at = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        self.filings.append(Filing(made, kind, about, at, paper(kind, **changed), model, THRESHOLD))
        return made

    def without(self, name: str) -> None:
        self.filings = [one for one in self.filings if one.id != name]

    @property
    def book(self) -> Book:
        return Book(tuple(self.filings))


def asked(day: date, *, remedied: frozenset[str] = frozenset(), use: Use = USE, key: str = "key_1") -> Asked:
    return Asked(use, key, frozenset(), remedied, day)


def in_order() -> Papers:
    """Everything an agency files, published on 2027-02-01."""
    made = Papers()
    notice = made.add("notice")
    made.add("draft", DAY, notice)
    for place in ("Olympia", "Spokane", "Yakima"):
        made.add("meeting", DAY, notice, place=place)
    made.add("publication", "2027-02-01", notice)
    for kind in ("operational-test", "training", "operators", "reviewer"):
        made.add(kind)
    return made
