"""Every call about promises and laws: what is sent, what its receipt has to state, and the records that come back.

An approval and a signature are made over what was read here, its digest computed anew, and not over what the server
calls it. It sends nothing. Sources: docs/policy.md; docs/laws.md.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from countenance.client import readers
from countenance.client.answers import Answer
from countenance.client.reading import Fields, malformed
from countenance.client.sent import JSON, json_body, part
from countenance.client.talk import Call
from countenance.client.witness import unverified

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from countenance.client.hand import Hand
    from countenance.client.proven import Reply

UNDER = "v1/administration"
APPROVAL = "countenance-policy-approval@v1"
ASSESSMENT = b"countenance/law-assessment/v1\n"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the policy set. approvals: by the public key. not_before None: its notice does not run yet."""

    id: str
    created: datetime
    before: str
    after: str
    loosens: bool
    notice_days: int
    digest: str
    why: tuple[str, ...]
    state: str
    not_before: datetime | None
    approvals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownChange(Answer):
    change: Change


@dataclass(frozen=True, slots=True)
class Changes(Answer):
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Law:
    """A record of the registry. document: its text, where it was asked for alone, as its digest names it."""

    id: str
    title: str
    state: str
    created: datetime
    not_before: datetime | None
    record: str
    signatures: tuple[tuple[str, bool], ...]
    objections: tuple[str, ...]
    document: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShownLaw(Answer):
    law: Law


def changes() -> Call[Changes]:
    """Every change of the policy set, oldest first. Raises Refused."""

    def read(reply: Reply) -> Changes:
        return Changes(*reply.administered("listed"), reply.fields.many("changes", _change))

    return Call("GET", f"{UNDER}/policy-changes", read, act="policy-list")


def change(change: str) -> Call[ShownChange]:
    """One change, its digest computed here. Raises Refused, NotFound."""
    return _changing("GET", f"policy-changes/{part(change)}", "policy-show", "shown", of=change)


def propose(
    *, on: Sequence[str] = (), off: Sequence[str] = (), packs: Mapping[str, str] | None = None, notice_days: int = 0
) -> Call[ShownChange]:
    """Propose packs on or off, or texts of your own by their names. Raises Refused, BadRecord, Conflict."""
    body = {"on": [*on], "off": [*off], "packs": dict(packs or {}), "notice_days": notice_days}
    return _changing("POST", "policy-changes", "policy-propose", "proposed", json_body(body))


def approve(change: Change) -> Call[ShownChange]:
    """Approve a change that you read, signed over it. Raises Refused, Conflict."""

    def made(hand: Hand) -> bytes:
        return json_body({"signature": hand.sign(f"{APPROVAL}\n{change.id}\n{change.digest}\n".encode())})

    path = f"policy-changes/{part(change.id)}/approval"
    return _changing("POST", path, "policy-approve", "approved", made=made, of=change.id)


def withdraw(change: str) -> Call[ShownChange]:
    """Withdraw a change under notice. Raises Refused, NotFound, Conflict."""
    path = f"policy-changes/{part(change)}/withdrawal"
    return _changing("POST", path, "policy-withdraw", "withdrawn", of=change)


def stop() -> Call[ShownChange]:
    """Emergency stop, at once: everything but a person's own data is refused. Raises Refused, Conflict."""
    return _changing("POST", "policy-stop", "policy-stop", "stopped")


def resume() -> Call[ShownChange]:
    """Propose to lift an emergency stop. Raises Refused, Conflict."""
    return _changing("POST", "policy-resume", "policy-resume", "proposed")


def laws() -> Call[tuple[Law, ...]]:
    """The registry of laws, oldest first."""
    return Call("GET", "v1/laws", lambda reply: reply.fields.many("laws", _law), keyed=False)


def law(law: str) -> Call[Law]:
    """One record with its text, its digest computed here. Raises NotFound."""
    return Call("GET", f"v1/laws/{part(law)}", lambda reply: _whole_law(reply.fields), keyed=False)


def propose_law(record: str) -> Call[ShownLaw]:
    """Propose a record: the text of a TOML file. Raises Refused, BadRecord, Conflict."""
    return _ruling("laws", "law-propose", "proposed", json_body({"record": record}))


def sign_law(law: Law) -> Call[ShownLaw]:
    """Sign a record that you read with `law`. Raises Refused, Conflict."""
    if not law.document:
        raise malformed("only a record that was read whole can be signed")
    digest = hashlib.sha256(_canonical(law.document)).digest()

    def made(hand: Hand) -> bytes:
        return json_body({"signature": hand.sign(ASSESSMENT + digest)})

    return _ruling(f"laws/{part(law.id)}/signature", "law-sign", "signed", made=made, of=law.id)


def object_to_law(law: str, words: str) -> Call[ShownLaw]:
    """Object to a record that is proposed, in words that everybody can read. Raises Refused, NotFound, Conflict."""
    return _ruling(f"laws/{part(law)}/objections", "law-object", "objected", json_body({"words": words}), of=law)


def record_law(law: str) -> Call[ShownLaw]:
    """Record a law, once its period is over and two have signed. Raises Refused, NotFound, Conflict."""
    return _ruling(f"laws/{part(law)}/recording", "law-record", "recorded", of=law)


def repeal_law(law: str) -> Call[ShownLaw]:
    """End a recorded law, at once. Raises Refused, NotFound, Conflict."""
    return _ruling(f"laws/{part(law)}/repeal", "law-repeal", "repealed", of=law)


def _changing(
    method: str, path: str, act: str, outcome: str, content: bytes | None = None, *,
    made: Callable[[Hand], bytes] | None = None, of: str = "",
) -> Call[ShownChange]:  # fmt: skip
    def read(reply: Reply) -> ShownChange:
        found = _change(reply.fields.inside("change"))
        if of and found.id != of:
            raise unverified("it is about another than was asked for")
        return ShownChange(*reply.administered(outcome, matter=found.id), found)

    headers = JSON if content is not None or made is not None else {}
    return Call(method, f"{UNDER}/{path}", read, headers=headers, content=content, made=made, act=act)


def _ruling(
    path: str, act: str, outcome: str, content: bytes | None = None, *, made: Callable[[Hand], bytes] | None = None,
    of: str = "",
) -> Call[ShownLaw]:  # fmt: skip
    def read(reply: Reply) -> ShownLaw:
        found = _law(reply.fields.inside("law"))
        if of and found.id != of:
            raise unverified("it is about another than was asked for")
        return ShownLaw(*reply.administered(outcome, matter=found.id), found)

    headers = JSON if content is not None or made is not None else {}
    return Call("POST", f"{UNDER}/{path}", read, headers=headers, content=content, made=made, act=act)


def _change(body: Fields) -> Change:
    """A change, once its digest is that of what it says."""
    made, before, after = (body.text(name) for name in ("id", "before", "after"))
    document = {
        "change": made, "proposed": body.text("created"), "before": before, "after": after,
        "loosens": body.truth("loosens"), "notice_days": body.count("notice_days"), "why": [*body.texts("why")],
    }  # fmt: skip
    digest = f"sha256:{hashlib.sha256(_canonical(document)).hexdigest()}"
    if digest != body.text("digest"):
        raise unverified("the digest of the change is not that of what it says")
    return Change(
        made, readers.moment(body, "created"), before, after, body.truth("loosens"), body.count("notice_days"),
        digest, body.texts("why"), body.text("state"), _sometime(body, "not_before"),
        body.many("approvals", lambda approval: approval.text("key")),
    )  # fmt: skip


def _law(body: Fields) -> Law:
    return Law(
        body.text("id"), body.text("title"), body.text("state"), readers.moment(body, "created"),
        _sometime(body, "not_before"), body.text("record"),
        body.many("signatures", lambda one: (one.text("key"), one.truth("outside"))),
        body.many("objections", lambda one: one.text("words")),
    )  # fmt: skip


def _whole_law(body: Fields) -> Law:
    found, document = _law(body), body.inside("document").of
    if f"sha256:{hashlib.sha256(_canonical(document)).hexdigest()}" != found.record:
        raise unverified("the digest of the record is not that of its text")
    shown = (found.id, found.title, found.state, found.created, found.not_before, found.record)
    return Law(*shown, found.signatures, found.objections, document)


def _sometime(body: Fields, name: str) -> datetime | None:
    return readers.moment(body, name) if body.text(name) else None


def _canonical(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
