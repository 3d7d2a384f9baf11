"""What agencies published, as files beside the ledger: each text under its digest, for any static file server.

The text in SQL is the truth; a file that is missing is written again at the next start. It writes nothing that is not
public, and removes nothing. Source: docs/washington.md, "What is published".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from countenance.ledger import durable
from countenance.storage.tables import filings

if TYPE_CHECKING:
    from pathlib import Path

    from countenance.service.app import House

DISK = durable.Disk()


def write(house: House, digest: str, text: str) -> None:
    """Put a public text in its place, durably. Raises LogUnavailable, DiskFull."""
    with durable.disk_errors():
        durable.make_folder(DISK, house.settings.documents, mode=durable.PUBLIC_FOLDER)
        durable.put(DISK, place(house, digest), text.encode(), mode=durable.PUBLIC_FILE)


def place(house: House, digest: str) -> Path:
    """Where the text of a digest lies. digest: `sha256:` and 64 hex digits, as a filing has it."""
    return house.settings.documents / f"{digest.replace(':', '-')}.txt"


def complete(house: House) -> int:
    """At start: write every public text whose file is missing; returns how many."""
    with house.database.read() as connection:
        query = select(filings.c.id, filings.c.digest).where(filings.c.document.is_not(None))
        missing = [row.id for row in connection.execute(query) if not place(house, row.digest).exists()]
    for one in missing:
        with house.database.read() as connection:
            row = connection.execute(select(filings).where(filings.c.id == one)).one()
        write(house, row.digest, row.document)
    return len(missing)
