"""Who may administer what: the rules of roles.cedar over people with accounts, asked before every administrative act.

An act outside the schema is a deny, not an error. The rules read whose person it is, the roles of the account and
whether the matter is the person's own organisation's; they never read a name. Source: docs/accounts.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from countenance.domain.decision import Reason, Verdict
from countenance.domain.errors import BadRecord
from countenance.policy.cedar import Rulebook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from countenance.domain.decision import Act

NAME = "roles"
SOURCE = "docs/accounts.md"
_PERSON = {"type": "Person", "id": "person"}
_MATTER = {"type": "Matter", "id": "matter"}


@dataclass(frozen=True, slots=True)
class Roles:
    """The rules, parsed once. digest: over schema and rules; reasons: by rule id, in the order of the file."""

    digest: str
    book: Rulebook
    reasons: Mapping[str, Reason]

    def decide(self, act: Act) -> Verdict:
        """What the rules say of an act. A deny that no rule spoke says that no role permits it."""
        person = {"by": act.by, "roles": sorted(act.roles)}
        matter = {"own": act.own, "itself": act.itself, "gives": sorted(act.gives)}
        request = {
            "principal": _PERSON, "action": {"type": "Action", "id": act.name}, "resource": _MATTER, "context": {},
        }  # fmt: skip
        attributes: tuple[tuple[object, object], ...] = ((_PERSON, person), (_MATTER, matter))
        entities = [{"uid": uid, "attrs": attrs, "parents": []} for uid, attrs in attributes]
        allowed, spoke, errors = self.book.ask(request, entities)
        if not spoke and not errors:
            errors = (f"no role of this account permits {act.name} here",)
        reasons = tuple(reason for name, reason in self.reasons.items() if name in spoke)
        return Verdict("allow" if allowed else "deny", ((NAME, self.digest),), reasons, errors=errors)


@lru_cache(maxsize=1)
def load() -> Roles:
    """The rules of this installation."""
    return of(_text("roles.cedar"), _text("roles.cedarschema"))


def of(text: str, schema: str) -> Roles:
    """Rules from their text. Raises BadRecord where they break the schema or lack `@id` or `@says`."""
    book = Rulebook(NAME, text, schema)
    reasons: dict[str, Reason] = {}
    for place, (_, marks) in enumerate(book.marks):
        reason = _reason(place, marks)
        if reason.id in reasons:
            raise BadRecord(f"{NAME}: two rules are called {reason.id}")
        reasons[reason.id] = reason
    digest = hashlib.sha256(f"{schema}\0{text}".encode()).hexdigest()
    return Roles(f"sha256:{digest}", book, reasons)


def _reason(place: int, marks: Mapping[str, str]) -> Reason:
    name, says = marks.get("id", ""), marks.get("says", "")
    if set(marks) != {"id", "says"} or not name.startswith(f"{NAME}.") or not says.endswith("."):
        raise BadRecord(f"{NAME}: rule {name or place}: it has an @id in `{NAME}.` and one plain sentence as @says")
    return Reason(name, says, SOURCE, "T")


def _text(name: str) -> str:
    return resources.files("countenance.policy").joinpath(name).read_text("utf-8")
