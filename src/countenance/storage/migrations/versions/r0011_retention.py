"""The customer's own term of retention, of each collection."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    with op.batch_alter_table("collections") as table:
        table.add_column(sa.Column("keep_days", sa.Integer(), nullable=True))
