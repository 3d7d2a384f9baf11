"""What the steps do to rows that are there, from the schema of each step's predecessor."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import select

from countenance.domain.standing import FACTS
from countenance.storage import db
from countenance.storage.admission import verifications
from countenance.storage.tables import erasures, outbox

if TYPE_CHECKING:
    from pathlib import Path


def made_at(path: Path, revision: str) -> sqlite3.Connection:
    """A database with the schema of this revision."""
    config = Config()
    config.set_main_option("script_location", "countenance.storage:migrations")
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
    return sqlite3.connect(path, isolation_level=None)


def test_leaves_that_were_owed_before_they_said_what_they_undo_can_be_paid(tmp_path: Path) -> None:
    """Without the new key the leaf would fit no schema, and the house would never open again."""
    old = made_at(tmp_path / "old.db", "0001")
    owed = {
        "withdrawal": {"purpose": "access-control"}, "revocation": {"of": "key"}, "erasure": {},
        "consent": {"purpose": "access-control", "basis": "consent"},
    }  # fmt: skip
    for kind, words in owed.items():
        old.execute("INSERT INTO outbox (kind, open, created) VALUES (?, ?, '')", (kind, json.dumps(words)))
    old.execute("INSERT INTO erasures (id, customer_id, requested, state) VALUES ('era', 'cus', '', 'gone')")
    old.close()
    with db.open(tmp_path / "old.db") as database, database.read() as connection:
        rows = {row.kind: row.open for row in connection.execute(select(outbox))}
        note = connection.execute(select(erasures)).one()
    assert rows.pop("consent") == owed.pop("consent")
    assert rows == {kind: {**words, "undoes": []} for kind, words in owed.items()}
    assert (note.state, note.undoes) == ("gone", None)


def test_what_was_verified_before_checks_had_records_stays_so_until_its_day(tmp_path: Path) -> None:
    """The check stood in the customer's facts; one by a domain proved no more than a name then, either."""
    old = made_at(tmp_path / "old.db", "0004")
    for customer, method in (("cus_a", "document-seen"), ("cus_b", "domain-challenge"), ("cus_c", "")):
        kept = {"method": method, "evidence": "seen", "by": "B. Person", "until": "2027-01-01"} if method else None
        facts = json.dumps({"name": "A", "verification": kept})
        old.execute("INSERT INTO customers (id, created, facts, status) VALUES (?, '', ?, 'active')", (customer, facts))
    old.close()
    with db.open(tmp_path / "old.db") as database, database.read() as connection:
        rows = {row.customer_id: row for row in connection.execute(select(verifications))}
    assert set(rows) == {"cus_a", "cus_b"}
    assert set(rows["cus_a"].facts) == set(FACTS)
    assert rows["cus_b"].facts == ["contact", "name"]
    assert (rows["cus_a"].verifier, rows["cus_a"].until, rows["cus_a"].withdrawn) == ("B. Person", "2027-01-01", None)
