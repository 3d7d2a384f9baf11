"""What Alembic runs: our steps, on the connection and in the transaction that `storage.db` gives it."""

from __future__ import annotations

from alembic import context

from countenance.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
