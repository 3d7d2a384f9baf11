"""Errors back from the wire: a problem document becomes the class of the house's tree that has its code.

A receipt in it is verified like any other, and a refusal without one is itself refused. The text of an error never
holds the key, even where a server repeats it. Sources: RFC 9457; docs/errors.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from countenance.client.reading import malformed
from countenance.client.witness import unverified
from countenance.domain.errors import Conflict, CountenanceError, Misconfigured, Refused, Unavailable, tree

if TYPE_CHECKING:
    from countenance.client.proven import Reply

MEDIA = "application/problem+json"
ONLY_FROM_WORK = frozenset({"no-face", "several-faces", "poor-quality"})
"""Codes that nothing but the work of an allowed ask can come to, so that a leaf is owed."""


def classes() -> dict[str, type[CountenanceError]]:
    """Every class of the tree by its code."""
    return {each.code: each for each in tree()}


def error_of(reply: Reply) -> CountenanceError:
    """The error that this reply tells. Raises Unverified where it owes a receipt that does not hold."""
    if 300 <= reply.status < 400:
        says, step = "the server answers with a redirect, and none is followed", "Give the address it leads to."
        return Misconfigured(says, next_step=step)
    if reply.media != MEDIA:
        return _of_a_stranger(reply.status)
    code, says, step = (reply.redacted(reply.fields.text(name)) for name in ("code", "detail", "next_step"))
    retry = reply.fields.truth("retry")
    if code == Refused.code:
        return _refused(reply, says, step)
    error = classes().get(code, CountenanceError)(says, next_step=step)
    error.receipt = _receipt(reply, code)
    vars(error).update(code=code, retry=retry)  # what the server says of this very error
    return error


def _of_a_stranger(status: int) -> CountenanceError:
    """For an answer that is not the server's own, such as a proxy's page."""
    if status in (429, 502, 503, 504):
        return Unavailable(f"the server is not reached: something before it answers {status}")
    return malformed(f"the answer is neither a result nor a problem: status {status}")


def _refused(reply: Reply, says: str, step: str) -> Refused:
    proof = reply.proof()
    decision = reply.ruling(proof) if proof.leaf.kind == "administration" else reply.decision(proof)
    if decision.verdict.allowed or proof.leaf.open["outside-policy"]:
        raise unverified("it is a refusal, and its receipt does not say deny")
    reply.match_outcome(proof, "refused")
    return Refused(says, decision=decision, receipt=reply.receipt, next_step=step)


def _receipt(reply: Reply, code: str) -> str:
    """The receipt of an error, verified; empty where there is none and none is owed."""
    if not reply.receipt and code not in ONLY_FROM_WORK:
        return ""
    proof = reply.proof()
    if proof.leaf.kind == "administration" and proof.leaf.open["by"] == "key":
        if code != Conflict.code or proof.leaf.open["act"] != "key-issue":  # a key that a try before issued
            raise unverified(f"it says {code}, and its receipt says otherwise")
    elif proof.leaf.kind in ("decision", "administration"):
        match = reply.match_ask if proof.leaf.kind == "decision" else reply.match_act
        match(proof)
        if proof.leaf.open["outside-policy"] != code:
            raise unverified(f"it says {code}, and its receipt says otherwise")
    return reply.receipt
