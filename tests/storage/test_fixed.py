"""Fixed statements: they read and write what SQLAlchemy reads and writes, with the same errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import bindparam, insert, select

from countenance.domain.errors import Conflict, Misconfigured, StorageDamaged
from countenance.storage import db
from countenance.storage.fixed import Fixed
from countenance.storage.tables import collections, consents, customers, server, subjects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Table

ONE = Fixed(select(customers).where(customers.c.id == bindparam("id"), customers.c.status == "active").limit(1))
NEW = Fixed(insert(server))
FACTS = {"b": [1, "é"], "a": True}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[db.Database]:
    with db.open(tmp_path / "countenance.db") as opened:
        row = {"id": "cus_1", "created": "", "facts": FACTS, "sealed_key": b"\0key", "status": "active"}
        with opened.begin() as connection:
            connection.execute(insert(customers), row)
        yield opened


def test_it_reads_what_sqlalchemy_reads(database: db.Database) -> None:
    (found,) = database.rows(ONE, id="cus_1")
    with database.read() as connection:
        row = connection.execute(select(customers)).one()
    assert tuple(found) == tuple(row)
    assert (found.facts, found.sealed_key) == (FACTS, b"\0key")
    assert database.rows(ONE, id="cus_2") == []


def test_booleans_come_as_booleans(database: db.Database) -> None:
    rows: list[tuple[Table, dict[str, object]]] = [
        (collections, {"id": "col", "customer_id": "cus_1", "purpose": "p", "name": "n", "created": ""}),
        (subjects, {"id": "sub", "collection_id": "col", "alias": b"", "alias_digest": b"", "created": ""}),
        (consents, {"id": "con", "subject_id": "sub", "purpose": "p", "basis": "consent", "given_at": "", "until": "",
                    "adult": True, "notice": "", "manner": "", "recorded_by": "", "withdrawn": None}),
    ]  # fmt: skip
    with database.begin() as connection:
        for table, row in rows:
            connection.execute(insert(table), row)
    (found,) = database.rows(Fixed(select(consents.c.adult, consents.c.withdrawn)))
    assert found.adult is True
    assert found.withdrawn is None


def test_a_value_that_was_not_given_is_an_error(database: db.Database) -> None:
    with pytest.raises(KeyError):
        database.rows(ONE)


def test_rows_are_written_all_or_none(database: db.Database) -> None:
    database.put(NEW, [{"name": "a", "value": b"1"}])
    with pytest.raises(Conflict):
        database.put(NEW, [{"name": "b", "value": b"2"}, {"name": "a", "value": b"3"}])
    found = database.rows(Fixed(select(server.c.name, server.c.value)))
    assert [tuple(row) for row in found] == [("a", b"1")]
    database.put(NEW, [{"name": "b", "value": b"2"}])  # the connection is as good as new


def test_a_record_that_was_altered_is_named_damaged(database: db.Database) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE customers SET facts = '{'")
    with pytest.raises(StorageDamaged):
        database.rows(ONE, id="cus_1")


def test_a_statement_that_fails_is_an_error_of_ours(database: db.Database) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("DROP TABLE server")
    with pytest.raises(Misconfigured):
        database.put(NEW, [{"name": "a", "value": b"1"}])
