"""The policy set in force as data of the house, its changes, and the registry of laws."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def upgrade() -> None:
    op.create_table(
        "policy_sets",
        *_text("digest", "created", "schema", "packs"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_policy_sets")),
    )
    op.create_table(
        "policy_changes",
        *_text("id", "created", "before", "after"),
        sa.Column("loosens", sa.Boolean(), nullable=False),
        sa.Column("notice_days", sa.Integer(), nullable=False),
        *_text("digest", "document"),
        sa.ForeignKeyConstraint(["after"], ["policy_sets.digest"], name=op.f("fk_policy_changes_after_policy_sets")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_changes")),
    )
    op.create_index(op.f("ix_policy_changes_after"), "policy_changes", ["after"], unique=False)
    op.create_table(
        "laws",
        *_text("id", "created", "digest", "supersedes"),
        sa.Column("notice_days", sa.Integer(), nullable=False),
        *_text("document"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_laws")),
    )
    _events("policy_events", "change", "policy_changes")
    _events("law_events", "law", "laws", *_text("words", nullable=True))


def _events(name: str, of: str, table: str, *more: sa.Column[str]) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Integer(), nullable=False),
        *_text(f"{of}_id", "step", "by"),
        *_text("account_id", nullable=True),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        *more,
        *_text("created"),
        sa.ForeignKeyConstraint([f"{of}_id"], [f"{table}.id"], name=op.f(f"fk_{name}_{of}_id_{table}")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f(f"fk_{name}_account_id_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sa.UniqueConstraint(f"{of}_id", "step", "by", name=op.f(f"uq_{name}_{of}_id_step_by")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f(f"ix_{name}_account_id"), name, ["account_id"], unique=False)
