"""What a caller says about one call, and how that becomes an ask: it may narrow its grant, never widen it.

Each fact comes from the grant or the customer's record. Where a call says something of its own, the graver of the
two counts: a customer that declared `attended` may say `unattended` of one call, and is then judged by that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from countenance.domain.decision import Ask, GrantFacts
from countenance.domain.errors import BadInput

if TYPE_CHECKING:
    from countenance.service.auth import Grant, Principal

# From harmless to grave; a word outside its list is passed on as it is, and the policy denies it by name.
GRAVITY = {
    "camera": ("none", "fixed", "mobile"),
    "capture": ("pad-evaluated", "device-attested", "attended", "unattended", "unknown"),
    "minors": ("no", "unknown", "yes"),
    "legal_effect": ("no", "yes"),
}


@dataclass(frozen=True, slots=True)
class Use:
    """This very call, in the words of docs/policy.md; empty: as the grant and the customer's record say.

    authority: the id of a warrant, an order or the like on file, which narrows the call; empty: none.
    source: the address it came from, for the meter alone; empty: not over a network, or from this machine.
    """

    purpose: str = ""
    mode: str = ""
    place: str = ""
    camera: str = ""
    probe: str = ""
    capture: str = ""
    minors: str = ""
    legal_effect: str = ""
    requested_by: frozenset[str] = frozenset()
    authority: str = ""
    source: str = ""

    def on(self, purpose: str) -> Use:
        """The same use, of a collection: its purpose counts where the call names none."""
        return self if self.purpose else replace(self, purpose=purpose)


def ask_of(principal: Principal, action: str, use: Use) -> Ask:
    """The ask of this call. Raises BadInput where a word is missing and the grant leaves it open."""
    grant, record = principal.grant, principal.customer.facts
    graver = {name: _graver(name, getattr(use, name), str(record[name])) for name in GRAVITY}
    return principal.customer.ask(
        action,
        purpose=use.purpose or _only(grant.purposes, "purpose"),
        mode=use.mode or _only(grant.modes, "mode"),
        place=use.place or _only(grant.places, "place"),
        probe=use.probe or "photograph",
        requested_by=use.requested_by,
        **graver,
    )


def covered(grant: Grant, ask: Ask, moment: str) -> GrantFacts:
    """What the grant covers of this ask. moment: RFC 3339 UTC."""
    return GrantFacts(
        present=True,
        purpose=ask.purpose in grant.purposes,
        mode=ask.mode in grant.modes,
        place=ask.place in grant.places,
        current=moment < grant.until,
        approved=grant.active,
    )


def _graver(name: str, said: str, recorded: str) -> str:
    order = GRAVITY[name]
    if not said or said not in order:
        return said or recorded
    return max(said, recorded, key=order.index) if recorded in order else recorded


def _only(words: frozenset[str], name: str) -> str:
    if len(words) == 1:
        return next(iter(words))
    raise BadInput(
        f"this grant has several {name}s, so the call must name one",
        next_step=f"Add --{name} with one of: {', '.join(sorted(words))}.",
    )
