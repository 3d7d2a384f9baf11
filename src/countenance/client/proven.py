"""A reply that came, and whether its receipt proves it: that it is of this ask, this key, this answer, and of the log.

Nothing of a reply is handed on before this. What is checked against the leaf, in order: the kind; what was asked, in
the words that this client said; the verdict and the reasons; and in the closed part the key, the collection, the
subject and the outcome. Sources: docs/ledger.md, "The receipt"; docs/api.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.client import readers
from countenance.client.reading import Fields, parse
from countenance.client.witness import unverified
from countenance.domain.decision import NO_ASK, Act, Decision
from countenance.domain.errors import BadRecord, Unverified
from countenance.ledger import note
from countenance.ledger.checkpoint import open_checkpoint
from countenance.policy import wire

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from countenance.client.said import Said
    from countenance.client.witness import Witness
    from countenance.domain.decision import Verdict
    from countenance.ledger.proof import VerifiedReceipt

HEADER = "countenance-receipt"
CERTIFICATE = "countenance-erasure@v1"
_BACKUP = re.compile(r"backup bak_[0-9a-f]{32} until [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:00:00Z")


@dataclass(frozen=True, slots=True)
class Raw:
    """What came over the line. headers: by lower-case name; body: at most `talk.MOST` bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """What a reply is held against.

    actions: that the leaf may state, empty where nothing is asked of the policy; closed: what its closed part has to
    say; key: the text of the caller's own, never shown; since: the log's size that was seen before. act, account: of a
    person who administers.
    """

    said: Said
    actions: frozenset[str]
    closed: Mapping[str, str]
    key: str
    witness: Witness
    since: int
    act: str = ""
    account: str = ""


class Reply:
    """One reply to one ask. Raises BadRecord where it is malformed, Unverified where its proof does not hold."""

    def __init__(self, raw: Raw, asked: Asked) -> None:
        self._raw = raw
        self._asked = asked
        self._fields: Fields | None = None

    @property
    def status(self) -> int:
        return self._raw.status

    @property
    def media(self) -> str:
        return self._raw.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def key_id(self) -> str:
        """The id of the caller's key, which the closed part of its leaves repeats."""
        return "key_" + self._asked.key.split("_")[1] if self._asked.key else ""

    def require_log(self, origin: str, vkey: str, announcements: Sequence[str]) -> None:
        """Raise Unverified unless this names the pinned log, under its key or one that follows from it."""
        witness = self._asked.witness
        witness.learn([text.encode("utf-8", "replace") for text in announcements])
        if (origin, vkey) not in {(key.name, key.vkey) for key in witness.keys}:
            raise unverified("the server names another log than the one whose key was given to this client")

    def require_ours(self, signed: str) -> None:
        """Raise Unverified unless the pinned log signed this checkpoint."""
        try:
            open_checkpoint(signed.encode("utf-8", "replace"), self._asked.witness.keys)
        except (BadRecord, Unverified) as error:
            raise unverified(f"its cosigned checkpoint does not hold: {error.message}") from None

    @property
    def fields(self) -> Fields:
        self._fields = self._fields or parse(self._raw.body)
        return self._fields

    @property
    def receipt(self) -> str:
        """The line, empty where there is none; where header and body both have one, they are the same."""
        header = self._raw.headers.get(HEADER, "")
        told = "" if self.fields.of.get("receipt", "") in ("", None) else self.fields.text("receipt")
        if header and header != told:
            raise unverified("the receipts in its header and in its body differ")
        return told

    def proof(self) -> VerifiedReceipt:
        """The receipt, verified, and of the index that the body states."""
        found = self._asked.witness.check(self.receipt, self._asked.since)
        if "index" in self.fields.of and self.fields.count("index") != found.index:
            raise unverified("its receipt is for another index")
        return found

    def decided(self, *, outcome: str, **closed: str) -> tuple[str, int, VerifiedReceipt, Decision]:
        """What an allowed ask leaves, as `Answer` takes it. closed: further parts that the leaf committed to."""
        proof = self.proof()
        index, decision = self.fields.count("index"), self.decision(proof)
        if not decision.verdict.allowed or proof.leaf.open["outside-policy"]:
            raise unverified("it is a result, and its receipt does not say allow")
        self.match_closed(proof, outcome=outcome, **closed)
        return self.receipt, index, proof, decision

    def noted(self, kind: str, opened: Mapping[str, str], **closed: str) -> tuple[str, int, VerifiedReceipt]:
        """What a deed leaves that is no decision, as `Noted` takes it. opened: words that the leaf states."""
        proof = self.proof()
        if proof.leaf.kind != kind:
            raise unverified(f"its receipt is for {proof.leaf.kind}, not for {kind}")
        for name, word in opened.items():
            if proof.leaf.open.get(name) != word:
                raise unverified(f"its receipt states another {name}")
        _match(proof, closed)
        return self.receipt, proof.index, proof

    def filed(self, opened: Mapping[str, str], **closed: str) -> str:
        """The receipt of the leaf of a paper, beside that of the act, once it states the same. Raises Unverified."""
        line = self.fields.text("filed_receipt")
        proof = self._asked.witness.check(line, self._asked.since)
        if proof.leaf.kind != "filing" or any(proof.leaf.open.get(name) != word for name, word in opened.items()):
            raise unverified("the receipt of its paper is for another one")
        _match(proof, {"account": self._asked.account, "outcome": "filed", **closed})
        return line

    def again(self, index: int) -> tuple[str, int, VerifiedReceipt]:
        """The receipt of a leaf of this index, which need not be new, as `Noted` takes it."""
        proof = self._asked.witness.again(self.receipt)
        if not index == self.fields.count("index") == proof.index:
            raise unverified("its receipt is for another index")
        _match(proof, {})
        return self.receipt, index, proof

    def decision(self, proof: VerifiedReceipt, body: Fields | None = None) -> Decision:
        """The decision of the body, once the leaf states the same of the ask that was sent. body: where it stands."""
        self.match_ask(proof)
        body = body or self.fields.inside("decision")
        context = proof.leaf.open["context"]
        assert isinstance(context, dict)
        facts = {name: fact for name, fact in context.items() if isinstance(fact, bool | int | str)}
        verdict = _verdict(proof, Fields(body.of, "the decision"), facts)
        rests_on = tuple(readers.rests_on(body, checked=facts.get("verified")))
        return Decision(wire.ask_of(_words(proof)), readers.moment(body, "on"), verdict, rests_on=rests_on)

    def administered(self, outcome: str, **closed: str) -> tuple[str, int, VerifiedReceipt, Decision]:
        """What an administrative act leaves, as `Answer` takes it. closed: further parts that the leaf committed to."""
        proof = self.proof()
        index, decision = self.fields.count("index"), self.ruling(proof)
        if not decision.verdict.allowed or proof.leaf.open["outside-policy"]:
            raise unverified("it is a result, and its receipt does not say allow")
        _match(proof, {"outcome": outcome, **closed})
        return self.receipt, index, proof, decision

    def ruling(self, proof: VerifiedReceipt) -> Decision:
        """The decision on an act, once the leaf states the same of the act that was sent, by this account."""
        self.match_act(proof)
        opened, body = proof.leaf.open, Fields(self.fields.inside("decision").of, "the decision")
        roles = opened["roles"]
        assert isinstance(roles, list)
        act = Act(str(opened["act"]), str(opened["by"]), frozenset(map(str, roles)))
        return Decision(NO_ASK, readers.moment(body, "on"), _verdict(proof, body, {}), act)

    def match_act(self, proof: VerifiedReceipt) -> None:
        """Raise Unverified unless the leaf is of this act, by the person who signed the call."""
        if proof.leaf.kind != "administration":
            raise unverified(f"its receipt is for {proof.leaf.kind}, not for administration")
        if proof.leaf.open["act"] != self._asked.act:
            raise unverified(f"its receipt is for {proof.leaf.open['act']}")
        _match(proof, {"account": self._asked.account, **self._asked.closed})

    def proofs(self) -> tuple[VerifiedReceipt, ...]:
        """Every receipt of `receipts`, verified."""
        return tuple(self._asked.witness.check(line, self._asked.since) for line in self.fields.texts("receipts"))

    def match_ask(self, proof: VerifiedReceipt) -> None:
        """Raise Unverified unless the leaf is a decision about this ask, made with this key."""
        if proof.leaf.kind != "decision":
            raise unverified(f"its receipt is for {proof.leaf.kind}, not for a decision")
        words = _words(proof)
        if words["action"] not in self._asked.actions:
            raise unverified(f"its receipt is for {words['action']}")
        if missing := self._asked.said.missing_in(words):
            raise unverified(f"its receipt states another {missing} than the call did")
        self.match_closed(proof)

    def match_closed(self, proof: VerifiedReceipt, **closed: str) -> None:
        """Raise Unverified unless the closed part is of this key, this collection, and says these."""
        _match(proof, {"key": self.key_id, **self._asked.closed, **closed})

    def match_outcome(self, proof: VerifiedReceipt, outcome: str) -> None:
        """Raise Unverified unless the closed part says this of how it ended, be it a decision or an act."""
        if proof.leaf.kind == "administration":
            _match(proof, {"outcome": outcome})
        else:
            self.match_closed(proof, outcome=outcome)

    def match_certificate(self, certificate: str, erasure: str, index: int) -> None:
        """Raise Unverified unless it certifies this erasure, by this leaf; and is signed, where its key is pinned."""
        signed, known = certificate.encode("utf-8", "replace"), self._asked.witness.certificates
        try:
            text = note.open_note(signed, [known]) if known else note.parse(signed).text
        except (BadRecord, Unverified) as error:
            raise unverified(f"its certificate does not hold: {error.message}") from None
        lines = text.split("\n")
        if lines[:2] != [CERTIFICATE, erasure] or lines[4:5] != [f"leaf {index}"] or lines[-1]:
            raise unverified("its certificate is of another erasure or leaf")
        if lines[5:-1] != ["backup none"] and not (lines[5:-1] and all(map(_BACKUP.fullmatch, lines[5:-1]))):
            raise unverified("its certificate does not say which backups there are")

    def redacted(self, text: str) -> str:
        """A server's words without the key, should they repeat it, and without what could steer a terminal."""
        kept = text.replace(self._asked.key, "[the key]") if self._asked.key else text
        return "".join(each if each.isprintable() else "\ufffd" for each in kept)


def _verdict(proof: VerifiedReceipt, body: Fields, facts: Mapping[str, bool | int | str]) -> Verdict:
    """What the policy said, once the leaf says the same."""
    opened, verdict, assumed = proof.leaf.open, readers.verdict(body, facts), body.texts("assumed")
    if assumed:
        raise unverified("its decision rests on what was assumed, which no decision of an ask does")
    if verdict.answer != opened["verdict"]:
        raise unverified(f"it says {verdict.answer}, and its receipt says {opened['verdict']}")
    if [reason.id for reason in verdict.reasons] != opened["reasons"]:
        raise unverified("its reasons are not those of its receipt")
    return verdict


def _words(proof: VerifiedReceipt) -> Mapping[str, object]:
    words = proof.leaf.open["ask"]
    assert isinstance(words, dict)
    return words


def _match(proof: VerifiedReceipt, closed: Mapping[str, str]) -> None:
    if proof.closed is None:
        raise unverified("its receipt lacks the closed part, which is its holder's")
    for name, word in closed.items():
        if proof.closed[name] != word:
            raise unverified(f"its receipt is for another {name}")
