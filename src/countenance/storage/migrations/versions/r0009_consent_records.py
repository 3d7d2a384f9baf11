"""Records of consent with all their fields, refusals among them, and links by which people come to their own page."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    with op.batch_alter_table("consents") as table:
        table.add_column(sa.Column("event", sa.Text(), nullable=False, server_default="consent_given"))
        table.add_column(sa.Column("details", sa.LargeBinary(), nullable=True))
    op.create_table(
        "person_links",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.Text(), nullable=False),
        sa.Column("until", sa.Text(), nullable=False),
        sa.Column("revoked", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_person_links_subject_id_subjects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_links")),
        sa.UniqueConstraint("hash", name=op.f("uq_person_links_hash")),
    )
    op.create_index(op.f("ix_person_links_subject_id"), "person_links", ["subject_id"], unique=False)
