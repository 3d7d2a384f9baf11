"""Every call of people with accounts and of applicants: what is sent, what its receipt has to state. It sends nothing.

As calls.py is for customers. An approval is signed over the facts that were read, not over those that the server has
by then. Sources: docs/accounts.md; docs/api.md.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, TypeVar

from countenance.client import matters, readers
from countenance.client.answers import Page
from countenance.client.matters import (
    Acted,
    Applied,
    Approved,
    FirstKey,
    GrantKeys,
    IssuedKey,
    Looked,
    ShownApplication,
)
from countenance.client.reading import Fields, malformed
from countenance.client.sent import JSON, json_body, moment, part
from countenance.client.talk import Call, Pages
from countenance.client.witness import unverified
from countenance.domain import ids
from countenance.domain.errors import BadInput
from countenance.service import signed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from countenance.client.hand import Hand
    from countenance.client.matters import Account, Entry, HeldGrant, HeldLock, ListedApplication, Progress
    from countenance.client.proven import Reply
    from countenance.domain.decision import Decision
    from countenance.ledger.proof import VerifiedReceipt

T = TypeVar("T")
UNDER = "v1/administration"


def accounts(customer: str = "", *, limit: int = 100) -> Pages[Account]:
    """The accounts of an organisation: a customer's by its id, your own where it is empty. Raises Refused, NotFound."""
    return pages("accounts", "account-list", matters.account, limit, customer=customer)


def register(name: str, roles: Collection[str], public_key: str, customer: str = "") -> Call[Acted]:
    """Register a person. public_key: as `countenance account keygen` prints it. Raises Refused, Conflict, ..."""
    body = {"name": name, "roles": sorted(roles), "public_key": public_key.strip(), "customer": customer}
    return acted("POST", "accounts", "account-register", "registered", "account", "matter", json_body(body))


def end_account(account: str) -> Call[Acted]:
    """End an account, from its next call on. Raises Refused, NotFound."""
    return acted("DELETE", f"accounts/{part(account)}", "account-end", "ended", "ended", "matter", of=account)


def applications(state: str = "", *, limit: int = 100) -> Pages[ListedApplication]:
    """Applications, oldest first; only those in a state, where one is given. Raises Refused."""
    return pages("applications", "application-list", matters.listed_application, limit, state=state)


def application(application: str) -> Call[ShownApplication]:
    """One application, whole. Raises Refused, NotFound."""

    def read(reply: Reply) -> ShownApplication:
        body, (facts, digest) = reply.fields, matters.facts(reply.fields)
        found = _same(application, body.text("id"))
        proven = reply.administered("shown", matter=found)
        created = readers.moment(body, "created")
        return ShownApplication(*proven, found, created, body.text("state"), body.text("customer"), facts, digest)

    return Call("GET", f"{UNDER}/applications/{part(application)}", read, act="application-show")


def approve(application: ShownApplication, *, until: datetime | None = None) -> Call[Approved]:
    """Grant what an application asks for, signed over the facts that you read. until: a year, where it is left out.

    Raises Refused where your roles or, on this day, the policy forbid it; Conflict where it does not wait any more.
    """
    end = moment(until) if until else ""
    statement = signed.statement(application.id, application.facts, end)

    def made(hand: Hand) -> bytes:
        return json_body({"until": end, "signature": hand.sign(statement)})

    def read(reply: Reply) -> Approved:
        body = reply.fields
        found, customer, grant = (body.text(name) for name in ("application", "customer", "grant"))
        proven = reply.administered("approved", matter=_same(application.id, found), customer=customer, grant=grant)
        return Approved(*proven, found, customer, grant, readers.moment(body, "until"))

    return Call(
        "POST", f"{UNDER}/applications/{part(application.id)}/approval", read, headers=JSON, made=made,
        act="application-approve", actions=frozenset({"provision"}), closed={"matter": application.id},
    )  # fmt: skip


def refuse(application: str) -> Call[Acted]:
    """Turn an application away. Raises Refused, NotFound, Conflict where it does not wait any more."""
    path = f"applications/{part(application)}/refusal"
    return acted("POST", path, "application-refuse", "refused", "application", "matter", of=application)


def grants(customer: str = "", *, limit: int = 100) -> Pages[HeldGrant]:
    """Grants, oldest first: a customer's by its id, or all that you may see. Raises Refused, NotFound."""
    return pages("grants", "grant-list", matters.grant, limit, customer=customer)


def end_grant(grant: str) -> Call[Acted]:
    """End a grant, from the next call on. Raises Refused, NotFound, Conflict where it has ended."""
    return acted("DELETE", f"grants/{part(grant)}", "grant-end", "ended", "ended", "grant", of=grant)


def grant_keys(grant: str) -> Call[GrantKeys]:
    """The keys of a grant, oldest first, by their ids. Raises Refused, NotFound."""

    def read(reply: Reply) -> GrantKeys:
        return GrantKeys(*reply.administered("listed", grant=grant), reply.fields.many("keys", readers.key))

    return Call("GET", f"{UNDER}/grants/{part(grant)}/keys", read, act="key-list")


def issue_key(grant: str) -> Call[IssuedKey]:
    """One more key of a grant; its text is in this answer and nowhere else. Raises Refused, NotFound, Conflict."""

    def read(reply: Reply) -> IssuedKey:
        made = reply.fields.text("id")
        return IssuedKey(*reply.administered("issued", grant=grant, key=made), made, reply.fields.text("key"))

    return Call("POST", f"{UNDER}/grants/{part(grant)}/keys", read, act="key-issue")


def revoke_key(grant: str, key: str) -> Call[Acted]:
    """End a key of a grant by its id (`key_…`), from the next call on. Raises Refused, NotFound."""
    if not ids.is_id(key, "key"):
        raise BadInput("a key is revoked by its id", next_step="List the ids with `grant_keys`; they begin with key_.")
    return acted("DELETE", f"grants/{part(grant)}/keys/{key}", "key-revoke", "revoked", "ended", "key", of=key)


def locks(*, limit: int = 100) -> Pages[HeldLock]:
    """The keys that the meter locked, oldest first; for the provider's people. Raises Refused."""
    return pages("locks", "lock-list", matters.lock, limit)


def look_at_lock(lock: str) -> Call[Looked]:
    """Let a locked key go on, which takes two people who looked. Raises Refused, NotFound, Conflict."""

    def read(reply: Reply) -> Looked:
        told, released = reply.fields.text("id"), reply.fields.truth("released")
        if told != lock:
            raise unverified("its answer is about another lock")
        outcome = "released" if released else "looked"
        return Looked(*reply.administered(outcome), told, reply.fields.count("looked"), released)

    return Call("POST", f"{UNDER}/locks/{part(lock)}/look", read, act="lock-look")


def decisions(*, limit: int = 100) -> Pages[Entry]:
    """Every leaf about your organisation, oldest first; for a customer's people. Raises Refused."""
    return pages("decisions", "decision-list", matters.entry, limit)


def apply(
    *,
    name: str,
    sector: str,
    country: str,
    purposes: Sequence[str],
    contact: str,
    attested_by: str,
    modes: Sequence[str] = ("one-off",),
    places: Sequence[str] = ("private",),
    attestation: Mapping[str, str] | None = None,
    **more: str | Sequence[str],
) -> Call[Applied]:
    """Ask to be admitted. more: `acts_for`, `region`, `camera`, ... of docs/policy.md. Raises Refused, TooOften.

    attestation: moment, public_key and signature, as docs/admission.md has it; a typed name where it is left out.
    """
    said: dict[str, object] = {
        "name": name, "sector": sector, "country": country, "purposes": [*purposes], "contact": contact,
        "attested_by": attested_by, "modes": [*modes], "places": [*places],
    }  # fmt: skip
    said.update({word: value if isinstance(value, str) else [*value] for word, value in more.items()})
    said |= {} if attestation is None else {"attestation": {**attestation}}
    return Call(
        "POST", "v1/applications", lambda reply: _applied(reply, said), content=json_body(said), headers=JSON,
        keyed=False, actions=frozenset({"provision"}),
    )  # fmt: skip


def apply_for_agency(**said: Any) -> Call[Applied]:
    """Ask for the admission of your own agency, which was registered to file first: the words of `Applicant.apply`.

    Raises Refused, TooOften; Conflict where it was admitted before, or says another thing than was checked.
    """
    whole = {"modes": ["one-off"], "places": ["private"], **said}

    def read(reply: Reply) -> Applied:
        made = _applied(reply, whole)
        reply.administered("asked", matter=made.application)
        return made

    return Call(
        "POST", f"{UNDER}/applications", read, content=json_body(whole), headers=JSON, act="application-make",
        actions=frozenset({"provision"}),
    )  # fmt: skip


def _applied(reply: Reply, said: Mapping[str, Any]) -> Applied:
    """What waits, once there is a receipt for each combination of what was said. Raises Unverified."""
    body, proofs = reply.fields, reply.proofs()
    made = body.text("application")
    decisions = _decided(reply, proofs, made)
    found = {(one.ask.purpose, one.ask.mode, one.ask.place) for one in decisions}
    asked = set(product(said["purposes"], said["modes"], said["places"]))
    where = said["sector"], said["country"]
    if found != asked or any((one.ask.sector, one.ask.country) != where for one in decisions):
        raise unverified("its receipts are not for what was applied for")
    return Applied(made, body.text("claim"), decisions, body.texts("receipts"), proofs)


def progress(application: str) -> Call[Progress]:
    """What became of an application, by its claim. Raises Unauthenticated."""
    return Call("GET", f"v1/applications/{part(application)}", lambda reply: matters.progress(reply.fields))


def take_key(application: str) -> Call[FirstKey]:
    """The first key of the grant, once it is approved, and once. Raises Unauthenticated, Conflict."""

    def read(reply: Reply) -> FirstKey:
        made, grant = reply.fields.text("id"), reply.fields.text("grant")
        stated = {"act": "key-issue", "by": "applicant", "verdict": "allow"}
        proven = reply.noted("administration", stated, key=made, grant=grant, matter=application)
        return FirstKey(*proven, made, grant, reply.fields.text("key"))

    return Call("POST", f"v1/applications/{part(application)}/key", read)


def _decided(reply: Reply, proofs: Sequence[VerifiedReceipt], application: str) -> tuple[Decision, ...]:
    """The decisions of an application, each with the leaf that states it."""
    told = reply.fields.many("decisions", lambda body: body)
    if not proofs or len(told) != len(proofs):
        raise malformed("the answer has not one receipt for each decision")
    found = []
    for body, proof in zip(told, proofs, strict=True):
        reply.match_closed(proof, key="", matter=application)
        made = reply.decision(proof, Fields(body.of, "the decision"))
        if not made.verdict.allowed or proof.leaf.open["outside-policy"]:
            raise unverified("it waits, and one of its receipts does not say allow")
        found.append(made)
    return tuple(found)


def acted(
    method: str, path: str, act: str, outcome: str, told: str, named: str, content: bytes | None = None, *, of: str = ""
) -> Call[Acted]:
    """An act on one thing. told: the answer's field that names it; named: the closed part's; of: as it was asked."""

    def read(reply: Reply) -> Acted:
        return same_acted(reply, outcome, of, told, named)

    headers: Mapping[str, str] = JSON if content is not None else {}
    return Call(method, f"{UNDER}/{path}", read, headers=headers, content=content, act=act)


def same_acted(reply: Reply, outcome: str, of: str, told: str, named: str) -> Acted:
    """An act as it was done, once it is about what was asked for."""
    found = _same(of, reply.fields.text(told))
    return Acted(*reply.administered(outcome, **{named: found}), found)


def pages(
    name: str, act: str, read: Callable[[Fields], T], limit: int, *, under: str = UNDER, **query: str
) -> Pages[T]:
    """A list whose every part is an act with a receipt of its own. under: the address that its name follows."""

    def page(reply: Reply) -> Page[T]:
        reply.administered("listed")
        after = "" if reply.fields.null("next") else reply.fields.text("next")
        return Page(reply.fields.many(name, read), after)

    def at(after: str) -> Call[Page[T]]:
        asked = {**query, "limit": str(limit), "after": after}
        given = {word: value for word, value in asked.items() if value}
        return Call("GET", f"{under}/{name}", page, query=given, act=act)

    return Pages(at)


def _same(asked: str, found: str) -> str:
    if asked and asked != found:
        raise unverified("it is about another than was asked for")
    return found
