"""Counts of the meter by the hour and the day, the keys that it locked, and who has looked.

The old counts, of one hour and with digests of what was compared, go: they were worth an hour.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_COUNTED = ("people", "strangers", "searches", "unmatched", "compared", "failed", "targets", "repeats")


def upgrade() -> None:
    op.drop_table("meter")
    _measures()
    _followed()
    _locks()
    _looks()


def _measures() -> None:
    op.create_table(
        "measures",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("span", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTED),
        sa.PrimaryKeyConstraint("scope", "span", "at", name=op.f("pk_measures")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_measures_span_at", "measures", ["span", "at"], unique=False)


def _followed() -> None:
    op.create_table(
        "followed",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_followed")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_followed_target", "followed", ["target"], unique=False)


def _locks() -> None:
    op.create_table(
        "locks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("reached", sa.Text(), nullable=False),
        sa.Column("created", sa.Text(), nullable=False),
        sa.Column("released", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_locks_customer_id_customers")),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name=op.f("fk_locks_key_id_keys")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_locks")),
    )
    for column in ("customer_id", "key_id"):
        op.create_index(op.f(f"ix_locks_{column}"), "locks", [column], unique=False)


def _looks() -> None:
    op.create_table(
        "looks",
        sa.Column("lock_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("created", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["lock_id"], ["locks.id"], name=op.f("fk_looks_lock_id_locks")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_looks_account_id_accounts")),
        sa.PrimaryKeyConstraint("lock_id", "account_id", name=op.f("pk_looks")),
        sqlite_with_rowid=False,
    )
