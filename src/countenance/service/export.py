"""What is held about one person, whole, for that person: the one answer that holds templates.

It goes through the gate as `export` and leaves a leaf. Nothing is left out but what would name others, and nothing is
computed: what is stored is what is given. Source: GDPR, articles 15 and 20; docs/people.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from countenance.service import agreed, history, people
from countenance.service.gate import Answered, Done, Permit
from countenance.service.use import Use, ask_of

if TYPE_CHECKING:
    from countenance.gallery.faces import Held
    from countenance.service.app import House
    from countenance.service.auth import Principal
    from countenance.service.people import Collection
    from countenance.storage.vault import CustomerKey


@dataclass(frozen=True, slots=True)
class Ground:
    """A basis on record, as it was given. Moments: RFC 3339 UTC; withdrawn None: not withdrawn."""

    basis: str
    purpose: str
    given_at: str
    until: str
    manner: str
    notice: str
    recorded_by: str
    withdrawn: str | None
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Export:
    """One subject: bases, references with their templates, and every decision that its closed part names."""

    subject: str
    collection: str
    purpose: str
    grounds: tuple[Ground, ...]
    references: tuple[Held, ...]
    decisions: tuple[history.Entry, ...]


def export(house: House, who: Principal, inside: Collection, alias_or_id: str, use: Use) -> Answered[Export]:
    """All that is held about a subject. Raises Refused, NotFound."""
    ask = ask_of(who, "export", use.on(inside.purpose))
    target = people.target(house, who, inside, alias_or_id, ask.purpose)

    def work(_: Permit) -> Done[Export]:
        seal_of = people.customer_key(house, who)
        held = Export(
            subject=target.subject,
            collection=inside.id,
            purpose=inside.purpose,
            grounds=grounds(house, seal_of, who.customer.name, target.subject),
            references=house.faces.held(seal_of.templates, target.subject),
            decisions=history.about(house, who, target.subject),
        )
        return Done(held, "exported")

    return house.gate.run(
        who, ask, work, about=target.about, consent=target.consent, written=target.written, problem=target.problem
    )


def grounds(house: House, seal: CustomerKey, controller: str, subject: str) -> tuple[Ground, ...]:
    """Every basis of a subject, oldest first, with its record."""
    return tuple(
        Ground(
            row.basis, row.purpose, row.given_at, row.until, row.manner, row.notice, row.recorded_by, row.withdrawn,
            record,
        )
        for row, record in agreed.of(house, seal, controller, subject)
    )  # fmt: skip
