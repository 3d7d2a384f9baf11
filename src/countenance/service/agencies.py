"""An agency before it is admitted: it has people and files its paperwork, and has no grant, no key and no use.

RCW 43.386.020 wants notice and report before a service is procured, and admission is procurement; so whoever has to
file must be able to before there is a grant. It is registered on the machine itself, where trust begins; what it asks
for later is decided by the policy as ever (service/admit.py). Source: docs/washington.md, "Before admission".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import exists, insert, select

from countenance.domain import ids
from countenance.domain.errors import Conflict, NotFound
from countenance.service import owed, standing
from countenance.service.application import check, facts_row
from countenance.service.gate import Private
from countenance.storage.tables import customers, grants

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from countenance.service.app import House
    from countenance.service.application import Application


@dataclass(frozen=True, slots=True)
class Registered:
    """An agency that may file, and the receipt of its leaf."""

    customer: str
    receipt: str


def register_here(house: House, application: Application) -> Registered:
    """Register an agency on the machine itself, with what it says of itself. Raises BadInput."""
    check(application)
    made = ids.new("customer")
    row = {
        "id": made, "created": ids.utc(house.now()), "facts": facts_row(application), "status": "active",
        "sealed_key": house.vault.new_customer_key(made),
    }  # fmt: skip

    def effect(connection: Connection) -> None:
        connection.execute(insert(customers), row)

    return Registered(made, owed.by_machine(house, "agency-register", Private(customer=made), "registered", effect))


def require(house: House, customer: str, application: Application) -> None:
    """Raise as `require_within` does, before anything is decided."""
    with house.database.read() as connection:
        require_within(connection, customer, application)


def require_within(connection: Connection, customer: str, application: Application) -> None:
    """Raise unless this registered agency may be admitted as what the application says.

    NotFound where there is no such customer in force; Conflict where it was admitted before, or where the application
    says otherwise than what somebody has checked: a name that was verified does not become another one.
    """
    there = exists().where(
        customers.c.id == customer, customers.c.status == "active", customers.c.sealed_key.is_not(None)
    )
    granted = exists().where(grants.c.customer_id == customer)
    if not connection.execute(select(there)).scalar_one():
        raise NotFound("there is no such customer", next_step="Register the agency first.")
    if connection.execute(select(granted)).scalar_one():
        raise Conflict("this customer was admitted before", next_step="Apply anew, as a customer of its own.")
    before = connection.execute(select(customers.c.facts).where(customers.c.id == customer)).scalar_one()
    changed = standing.changed(before, facts_row(application))
    if said := sorted(standing.within(connection, customer).keys() & set(changed)):
        raise Conflict(
            f"the application says another {said[0]} than was checked",
            next_step="Say what was checked, or have the provider enter what has changed first.",
        )
