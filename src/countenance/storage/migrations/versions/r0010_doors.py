"""Codes for a file of a domain, beside those that are sent to an address there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    method = sa.Column("method", sa.Text(), nullable=False, server_default="email-domain-challenge")
    op.add_column("challenges", method)
