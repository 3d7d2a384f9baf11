"""Codes for a file of a domain, beside those sent to an address; and documents by which somebody demands records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0008"


def upgrade() -> None:
    method = sa.Column("method", sa.Text(), nullable=False, server_default="email-domain-challenge")
    op.add_column("challenges", method)
    for table in ("demands", "disclosures"):
        op.add_column(table, sa.Column("authority", sa.Text(), nullable=True))
    texts = ("created", "sector", "kind", "purpose", "begins", "until", "recognised_by", "verifier")
    op.create_table(
        "instruments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        sa.Column("issuer", sa.LargeBinary(), nullable=False),
        sa.Column("names_person", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("requested", "granted", "refused", "withdrawn")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_instruments_account_id_accounts")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_instruments_customer_id_customers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instruments")),
    )
    for column in ("account_id", "customer_id"):
        op.create_index(op.f(f"ix_instruments_{column}"), "instruments", [column], unique=False)
