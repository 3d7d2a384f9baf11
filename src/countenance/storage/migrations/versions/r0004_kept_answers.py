"""Answers that are kept for a day, so that a call which creates may be sent again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "kept_answers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.LargeBinary(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=True),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=True),
        sa.Column("debt", sa.Integer(), nullable=True),
        sa.Column("created", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_kept_answers_customer_id_customers")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_kept_answers_subject_id_subjects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_answers")),
        sa.UniqueConstraint("scope", name=op.f("uq_kept_answers_scope")),
        sqlite_autoincrement=True,
    )
    for column in ("customer_id", "subject_id", "debt", "created"):
        op.create_index(op.f(f"ix_kept_answers_{column}"), "kept_answers", [column], unique=False)
