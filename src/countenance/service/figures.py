"""What rests on declarations alone, counted: customers, grants, decisions; and demands and what was handed on.

Counts only: nobody is named. Decisions are counted from the public ledger, as any stranger can; the rest from SQL.
It publishes nothing itself. Source: docs/admission.md.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from countenance.domain import ids
from countenance.domain.standing import WHO
from countenance.ledger import publish, sums
from countenance.ledger.checkpoint import open_checkpoint
from countenance.service import demands, standing
from countenance.service.gate import Done, Private
from countenance.storage.admission import disclosures
from countenance.storage.tables import customers, grants

if TYPE_CHECKING:
    from countenance.service.accounts import Account
    from countenance.service.app import House
    from countenance.service.demands import Count
    from countenance.service.gate import Answered
    from countenance.service.standing import Standing

STANDINGS = ("verified", "partly", "declared")
"""Of a customer: who it is was checked whole, in part, or not at all."""


@dataclass(frozen=True, slots=True)
class Figures:
    """customers: active; grants: in force; each by what the customer's facts rest on. disclosures: by verdict."""

    customers: dict[str, int]
    grants: dict[str, int]
    disclosures: dict[str, int]
    demands: tuple[Count, ...]


def shown(house: House, who: Account) -> Answered[Figures]:
    """The figures, for people of the provider. Raises Refused."""

    def work() -> Done[Figures]:
        return Done(figures(house), "shown")

    return house.gate.administer(who.act("figures-show", ""), Private(account=who.id), work)


def figures(house: House) -> Figures:
    """The figures of this moment."""
    by_customer, by_grant = Counter(dict.fromkeys(STANDINGS, 0)), Counter(dict.fromkeys(STANDINGS, 0))
    now = ids.utc(house.now())
    in_force = (grants.c.customer_id == customers.c.id) & (grants.c.status == "active") & (grants.c.until > now)
    query = select(customers.c.id, func.count(grants.c.id)).outerjoin(grants, in_force)
    with house.database.read() as connection:
        active = query.where(customers.c.status == "active").group_by(customers.c.id)
        for customer, granted in connection.execute(active).all():
            rests = _rests(house, standing.within(connection, customer))
            by_customer[rests] += 1
            by_grant[rests] += granted
        verdicts = select(disclosures.c.verdict, func.count()).group_by(disclosures.c.verdict)
        handed = {"allow": 0, "deny": 0} | {row[0]: int(row[1]) for row in connection.execute(verdicts)}
    return Figures(dict(by_customer), dict(by_grant), handed, demands.counted(house))


def decisions(house: House) -> dict[str, int]:
    """Decisions that the published ledger holds, by what the customer's facts rested on: `verified` or `declared`."""
    folder = house.settings.ledger
    size = open_checkpoint((folder / publish.CHECKPOINT).read_bytes(), house.log.verifier).size
    counted = sums.recounted(folder, size).decisions
    return {"verified": counted.checked, "declared": counted.declared}


def _rests(house: House, checked: Standing) -> str:
    rests = standing.rests_on(checked, house.now())
    held = [rests[fact] == "verified" for fact in WHO]
    return "verified" if all(held) else "partly" if any(held) else "declared"
