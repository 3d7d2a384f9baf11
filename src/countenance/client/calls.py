"""Every call of the native API: what is sent, what its receipt has to state, how its answer is read. It sends nothing.

Each function gives a `Call`; the clients carry it out. A photograph is bytes, or a Path that is read here, 5 MiB at
most. A collection or subject is named by its id or by your own name for it. Narrowing words (`purpose`,
`requested_by`, `mode`, ...) are keyword arguments, see said.py. Source: docs/api.md.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar, Unpack

from countenance.client import readers
from countenance.client.answers import (
    Advice,
    Collection,
    Compared,
    Consented,
    ConsentRecord,
    Detected,
    Enrolled,
    Entry,
    Erased,
    Exported,
    Identified,
    Key,
    LogHead,
    Me,
    NewKey,
    Noted,
    PackText,
    Page,
    Policies,
    Subject,
    Verified,
)
from countenance.client.photo import kind_of, photo_bytes
from countenance.client.reading import malformed
from countenance.client.said import Said, Words
from countenance.client.sent import JSON as _JSON
from countenance.client.sent import json_body as _json
from countenance.client.sent import moment as _moment
from countenance.client.sent import part as _part
from countenance.client.talk import Call, Pages
from countenance.client.witness import unverified
from countenance.domain import ids
from countenance.domain.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from countenance.client.proven import Reply
    from countenance.client.reading import Fields

T = TypeVar("T")
_ONE_TO_ONE = frozenset({"verify", "identify"})
"""What a comparison's leaf may state: one person compared with many in turn is judged as a search."""


def me() -> Call[Me]:
    """Who asks: key, customer and grant."""
    return Call("GET", "v1/me", lambda reply: readers.me(reply.fields))


def collections(*, limit: int = 100) -> Pages[Collection]:
    """Your collections, by name. limit: how many are fetched at once."""
    return _pages("v1/collections", "collections", readers.collection, limit)


def create_collection(name: str, purpose: str, *, keep_days: int | None = None) -> Call[Collection]:
    """A new, empty collection for one purpose of the grant. Raises Conflict where the name is taken.

    keep_days: who was not met for so many days is erased; None: the collection has no such term.
    """
    body = _json({"name": name, "purpose": purpose} | ({} if keep_days is None else {"keep_days": keep_days}))
    headers = {**_JSON, **_named()}
    return Call("POST", "v1/collections", _collection, content=body, headers=headers, once=True)


def subjects(collection: str, *, limit: int = 100) -> Pages[Subject]:
    """The subjects of a collection. limit: how many are fetched at once."""
    return _pages(f"v1/collections/{_part(collection)}/subjects", "subjects", readers.subject, limit)


def record_consent(
    collection: str,
    alias: str,
    *,
    until: datetime,
    adult: bool,
    manner: str,
    notice: str,
    recorded_by: str,
    evidence: str = "",
    refused: bool = False,
    basis: str = "consent",
    given_at: datetime | None = None,
) -> Call[Consented]:
    """Put a person's basis on record; the person becomes a subject if new.

    alias: your own name for the person. until, given_at: aware times; given_at: now, where it is left out. adult: the
    person said so. manner: how it was given. notice: what the person was told. evidence:
    where the proof is kept, which a consent must have. refused: the person said no. Raises BadInput, NotFound,
    Conflict.
    """
    said = {
        "alias": alias, "basis": basis, "until": _moment(until), "adult": adult, "manner": manner, "notice": notice,
        "recorded_by": recorded_by, **({"evidence": evidence} if evidence else {}),
        **({"event": "consent_refused"} if refused else {}), **({"given_at": _moment(given_at)} if given_at else {}),
    }  # fmt: skip

    def read(reply: Reply) -> Consented:
        subject, purpose = reply.fields.text("subject"), reply.fields.text("purpose")
        proven = reply.noted(
            "consent", {"purpose": purpose, "basis": "refused" if refused else basis}, key=reply.key_id, subject=subject
        )
        return Consented(*proven, subject, purpose)

    path, headers = f"v1/collections/{_part(collection)}/consents", {**_JSON, **_named()}
    return Call("POST", path, read, content=_json(said), headers=headers, once=True)


def consents(collection: str, subject: str) -> Call[tuple[ConsentRecord, ...]]:
    """Every record of consent of a person, withdrawn and refused ones too. Raises NotFound."""

    def read(reply: Reply) -> tuple[ConsentRecord, ...]:
        _same(subject, reply.fields.text("subject"))
        return reply.fields.many("records", readers.consent_record)

    return Call("GET", f"{_subject(collection, subject)}/consents", read)


def withdraw(collection: str, subject: str) -> Call[Noted]:
    """Withdraw every open basis of a subject; in force before this returns. Raises NotFound, Conflict."""

    def read(reply: Reply) -> Noted:
        return Noted(*reply.noted("withdrawal", {}, key=reply.key_id, **_ids(collection, subject)))

    return Call("DELETE", f"{_subject(collection, subject)}/consents", read)


def enrol(collection: str, subject: str, photo: bytes | Path, **use: Unpack[Words]) -> Call[Enrolled]:
    """Add a reference of a subject from one photograph. Raises Refused, NotFound, BadImage, NoFace, ..."""

    def read(reply: Reply) -> Enrolled:
        body, found = reply.fields, _same(subject, reply.fields.text("subject"))
        proven = reply.decided(outcome="enrolled", subject=found)
        return Enrolled(*proven, found, body.text("reference"), readers.face(body.inside("face")))

    call = _photo_call(f"{_subject(collection, subject)}/references", read, "enrol", photo, use, collection)
    return replace(call, headers={**call.headers, **_named()}, once=True)


def verify(collection: str, subject: str, photo: bytes | Path, **use: Unpack[Words]) -> Call[Verified]:
    """Is the person in the photograph this subject? Raises Refused, NotFound, BadImage, NoFace, ..."""

    def read(reply: Reply) -> Verified:
        body, likeness = reply.fields, readers.likeness(reply.fields)
        found = _same(subject, body.text("subject"))
        proven = reply.decided(outcome=_outcome(match=likeness.match), subject=found)
        return Verified(*proven, found, likeness, readers.face(body.inside("face")))

    return _photo_call(f"{_subject(collection, subject)}/verify", read, "verify", photo, use, collection)


def identify(collection: str, photo: bytes | Path, *, top: int = 1, **use: Unpack[Words]) -> Call[Identified]:
    """Whose is this face, of those whose basis covers the ask? top: candidates at most, 1 to 10. Raises Refused, ..."""

    def read(reply: Reply) -> Identified:
        body, found = reply.fields, reply.fields.many("candidates", readers.candidate)
        first = found[0].subject if found else ""
        if len(found) > top:
            raise malformed("the answer has more candidates than were asked for")
        proven = reply.decided(outcome=_outcome(match=bool(found)), subject=first)
        return Identified(
            *proven,
            candidates=found,
            gallery=body.count("gallery"),
            false_positive_rate=body.rate("false_positive_rate"),
            clear=None if body.null("clear") else body.truth("clear"),
            runner_up=body.rate("runner_up"),
            calibration=body.text("calibration"),
            face=readers.face(body.inside("face")),
        )

    path, query = f"v1/collections/{_part(collection)}/identify", {"top": str(top)}
    return _photo_call(path, read, "identify", photo, use, collection, query=query)


def detect(photo: bytes | Path, **use: Unpack[Words]) -> Call[Detected]:
    """Every face of a photograph, largest first. Raises Refused, BadImage."""

    def read(reply: Reply) -> Detected:
        faces = reply.fields.many("faces", readers.face)
        return Detected(*reply.decided(outcome="faces" if faces else "no-faces"), faces)

    return _photo_call("v1/detect", read, "detect", photo, use)


def compare(photo: bytes | Path, other: bytes | Path, **use: Unpack[Words]) -> Call[Compared]:
    """Do two photographs show one person? Nobody is enrolled. Raises Refused, BadImage, NoFace, ..."""

    def read(reply: Reply) -> Compared:
        likeness, faces = readers.likeness(reply.fields), reply.fields.many("faces", readers.face)
        if len(faces) != 2:
            raise malformed("the answer to a comparison has two faces")
        return Compared(*reply.decided(outcome=_outcome(match=likeness.match)), likeness, (faces[0], faces[1]))

    files = {"photo": photo_bytes(photo), "other": photo_bytes(other)}
    return Call("POST", "v1/compare", read, said=Said(use), files=files, actions=_ONE_TO_ONE)


def erase(collection: str, subject: str) -> Call[Erased]:
    """Erase a subject for good. Its certificate is checked. Raises NotFound."""

    def read(reply: Reply) -> Erased:
        erasure, certificate = reply.fields.text("erasure"), reply.fields.text("certificate")
        proven = reply.noted("erasure", {}, outcome=erasure)
        reply.match_certificate(certificate, erasure, proven[1])
        return Erased(*proven, erasure, certificate)

    return Call("DELETE", _subject(collection, subject), read)


def export(collection: str, subject: str, **use: Unpack[Words]) -> Call[Exported]:
    """All that is held about a person, templates too, for that person. Raises Refused, NotFound."""

    def read(reply: Reply) -> Exported:
        body, found = reply.fields, _same(subject, reply.fields.text("subject"))
        inside = body.text("collection")
        return Exported(
            *reply.decided(outcome="exported", subject=found, collection=inside),
            subject=found,
            collection=inside,
            purpose=body.text("purpose"),
            grounds=body.many("grounds", readers.ground),
            references=body.many("references", readers.reference),
            decisions=body.many("decisions", readers.entry),
        )

    path, asks = f"{_subject(collection, subject)}/export", frozenset({"export"})
    return Call("GET", path, read, said=Said(use), actions=asks, closed=_ids(collection))


def decisions(*, limit: int = 100) -> Pages[Entry]:
    """Every leaf about you whose closed part is kept, oldest first. limit: how many are fetched at once."""
    return _pages("v1/decisions", "decisions", readers.entry, limit)


def decision(index: int) -> Call[Noted]:
    """The receipt of one of your leaves once more, in the log's newest checkpoint. Raises NotFound."""
    if type(index) is not int or index < 0:
        raise BadInput("a leaf is named by its index, a whole number from 0 on")
    return Call("GET", f"v1/decisions/{index}", lambda reply: Noted(*reply.again(index)))


def decide(*, action: str, sector: str, country: str, purpose: str, **more: str | Sequence[str]) -> Call[Advice]:
    """What the policy would say, and why; no key is needed and nothing is done. more: the flags of docs/policy.md."""
    words = {"action": action, "sector": sector, "country": country, "purpose": purpose, **more}
    body = {name.replace("_", "-"): word if isinstance(word, str) else [*word] for name, word in words.items()}
    return Call(
        "POST", "v1/decide", lambda reply: readers.advice(reply.fields), content=_json(body), headers=_JSON, keyed=False
    )


def policies() -> Call[Policies]:
    """The packs in force."""
    return Call("GET", "v1/policies", lambda reply: readers.policies(reply.fields), keyed=False)


def policy(pack: str) -> Call[PackText]:
    """One pack, word for word. Raises NotFound."""
    return Call("GET", f"v1/policies/{_part(pack)}", lambda reply: readers.pack(reply.fields), keyed=False)


def keys() -> Call[tuple[Key, ...]]:
    """The keys of the grant, oldest first, by their ids."""
    return Call("GET", "v1/keys", lambda reply: reply.fields.many("keys", readers.key))


def new_key() -> Call[NewKey]:
    """One more key of the grant; its text is in this answer and nowhere else. Raises Conflict.

    One whose answer was lost on the way is named by the Conflict, to be revoked.
    """

    def read(reply: Reply) -> NewKey:
        made = reply.fields.text("id")
        proven = reply.noted("administration", {"act": "key-issue", "by": "key", "verdict": "allow"}, key=made)
        return NewKey(*proven, made, reply.fields.text("key"))

    return Call("POST", "v1/keys", read, headers=_named(), once=True)


def revoke_key(key: str) -> Call[Noted]:
    """End a key of the grant by its id (`key_…`, never its text), from the next call on. Raises NotFound."""
    if not ids.is_id(key, "key"):
        raise BadInput("a key is revoked by its id", next_step="List the ids with `keys`; they begin with key_.")
    return Call("DELETE", f"v1/keys/{key}", lambda reply: Noted(*reply.noted("revocation", {"of": "key"}, key=key)))


def log() -> Call[LogHead]:
    """The log as the server names it; its later keys are learned. Raises Unverified where it is not the pinned one."""

    def read(reply: Reply) -> LogHead:
        fields = reply.fields
        head = LogHead(fields.text("origin"), fields.text("vkey"), fields.count("size"), _cosigned(fields))
        reply.require_log(head.origin, head.vkey, fields.texts("keys") if "keys" in fields.of else ())
        if fields.of.get("witnessed") is not None:
            reply.require_ours(head.cosigned)
        return head

    return Call("GET", "v1/log", read, keyed=False)


def _cosigned(fields: Fields) -> str:
    return "" if fields.of.get("witnessed") is None else fields.inside("witnessed").text("checkpoint")


def _collection(reply: Reply) -> Collection:
    return readers.collection(reply.fields)


def _named() -> dict[str, str]:
    """A name for one call, so that it is done once however often it is sent."""
    return {"Idempotency-Key": f'"{secrets.token_urlsafe(24)}"'}


def _photo_call(
    path: str,
    read: Callable[[Reply], T],
    action: str,
    photo: bytes | Path,
    use: Words,
    collection: str = "",
    query: Mapping[str, str] | None = None,
) -> Call[T]:
    raw = photo_bytes(photo)
    return Call(
        "POST", path, read, said=Said(use), query=query or {}, content=raw, headers={"Content-Type": kind_of(raw)},
        actions=_ONE_TO_ONE if action == "verify" else frozenset({action}), closed=_ids(collection),
    )  # fmt: skip


def _pages(path: str, name: str, read: Callable[[Fields], T], limit: int) -> Pages[T]:
    def page(reply: Reply) -> Page[T]:
        after = "" if reply.fields.null("next") else reply.fields.text("next")
        return Page(reply.fields.many(name, read), after)

    def at(after: str) -> Call[Page[T]]:
        return Call("GET", path, page, query={"limit": str(limit), **({"after": after} if after else {})})

    return Pages(at)


def _subject(collection: str, subject: str) -> str:
    return f"v1/collections/{_part(collection)}/subjects/{_part(subject)}"


def _ids(collection: str, subject: str = "") -> dict[str, str]:
    """What was named by id, which the closed part of a leaf repeats."""
    named = {"collection": collection, "subject": subject}
    return {kind: name for kind, name in named.items() if ids.is_id(name, kind)}


def _same(asked: str, found: str) -> str:
    if ids.is_id(asked, "subject") and asked != found:
        raise unverified("it is about another subject")
    return found


def _outcome(*, match: bool) -> str:
    return "match" if match else "no-match"
