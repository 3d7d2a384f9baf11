"""Backups that may still exist, and the digest by which a leaf says whose erasure it was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "backups",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("created", sa.Text(), nullable=False),
        sa.Column("until", sa.Text(), nullable=False),
        sa.Column("removed", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backups")),
    )
    op.add_column("erasures", sa.Column("undoes", sa.Text(), nullable=True))
    # Leaves still owed are of kinds that say since now what they undo; of these it is not known any more.
    op.execute(
        "UPDATE outbox SET open = json_set(open, '$.undoes', json('[]')) "
        "WHERE kind IN ('withdrawal', 'revocation', 'erasure')"
    )
