"""The tables of the meter: counts that survive a restart, keys that are locked, and who has looked.

Of the same metadata and the same forms as `tables`, which says what those are. Source: docs/activity.md.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from countenance.storage.tables import _bytes, _id, _json, _of, _text, metadata

COUNTED = ("people", "strangers", "searches", "unmatched", "compared", "failed", "targets", "repeats")

# What a key or a customer did in an hour or on a day: counts, and nothing that they are counts of. scope: its id;
# span: hour | day; at: its number since 1970.
measures = Table(
    "measures",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("span", Text, primary_key=True),
    Column("at", Integer, primary_key=True),
    *(Column(name, Integer, nullable=False) for name in COUNTED),
    Index("ix_measures_span_at", "span", "at"),
    sqlite_with_rowid=False,
)

# Whom nearly every search under a scope finds, as a keyed digest; deleted when the person is erased.
followed = Table(
    "followed",
    metadata,
    Column("scope", Text, primary_key=True),
    _bytes("target"),
    Column("votes", Integer, nullable=False),
    Column("days", Integer, nullable=False),
    Column("day", Integer, nullable=False),
    Index("ix_followed_target", "target"),
    sqlite_with_rowid=False,
)

# A key that the meter locked; key_id null: every key of the customer. reached: the measures. released: when two people
# had looked, or null.
locks = Table(
    "locks",
    metadata,
    _id(),
    _of("customers"),
    _of("keys", nullable=True),
    _json("reached"),
    _text("created"),
    _text("released", nullable=True),
)

# Who looked at a lock and let the key go on; never edited.
looks = Table(
    "looks",
    metadata,
    Column("lock_id", Text, ForeignKey("locks.id"), primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    _text("created"),
    sqlite_with_rowid=False,
)
