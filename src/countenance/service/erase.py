"""Erasure: a person leaves and is really gone; then, and only then, a certificate is signed.

    1. note the erasure           so that a crash from here on is completed at the next start
    -- the point of no return: from this commit on the person is not found, whatever happens
    2. debts and the index        leaves owed about the person are written; the rows in memory are overwritten
    3. the rows                   templates, bases, counts, nonces and closed parts, kept answers, the subject itself
    4. the files                  the write-ahead log is folded in and cut; deleted pages are zeroed
    5. re-read                    the files are searched for what was deleted; written anew where it is found
    6. the name                   the note of step 1 forgets whom it was about, but for a digest; then 4 and 5 again
    7. the leaf                   an erasure took place; it names nobody, and a restored backup can undo it again
    8. the certificate            signed with its own key, bound to that leaf; it names the copies that may still exist

Every step may be run again. Killed before 1 is committed, nothing was acknowledged; after it, a restart finishes,
and writes the whole database anew, since nobody knows any more what to look for.
An erasure is never asked of the policy: leaving always works.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from countenance.domain import ids
from countenance.domain.errors import Conflict, NotFound, StorageDamaged
from countenance.service import backup, founding, kept, owed, people, undone
from countenance.service.gate import Private
from countenance.storage.metering import followed
from countenance.storage.tables import closed_parts, consents, erasures, person_links, subjects

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from countenance.gallery.faces import Faces
    from countenance.ledger.leaf import Json
    from countenance.service.app import House
    from countenance.service.auth import Principal
    from countenance.service.people import Collection
    from countenance.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class Erased:
    """A completed erasure. certificate: a signed note; receipt: its leaf's, one line; both safe to publish."""

    erasure: str
    certificate: str
    receipt: str


def erase(house: House, who: Principal, inside: Collection, alias_or_id: str) -> Erased:
    """Erase one subject of a collection. Raises NotFound for a missing one, or another tenant's."""
    return erase_subject(house, who.customer.id, inside.id, people.subject_id(house, who, inside, alias_or_id))


def erase_subject(house: House, customer: str, collection: str, subject: str) -> Erased:
    """The same by its id, whoever asks for it. One at a time: who comes second finds nobody (NotFound)."""
    erasure = ids.new("erasure")
    row = {
        "id": erasure, "customer_id": customer, "subject_id": subject,
        "requested": ids.utc(house.now()), "state": "begun", "certificate": None, "undoes": None,
    }  # fmt: skip
    with house.erasing:
        with house.database.begin() as connection:
            if connection.execute(select(subjects.c.id).where(subjects.c.id == subject)).first() is None:
                raise NotFound("this person was erased meanwhile")
            connection.execute(insert(erasures), row)
        return _carry_out(house, erasure, collection=collection)


def complete(house: House) -> int:
    """At start: finish every erasure that a crash interrupted; returns how many."""
    with house.database.read() as connection:
        unfinished = connection.execute(select(erasures.c.id).where(erasures.c.state != "certified")).all()
    for row in unfinished:
        _carry_out(house, row.id, resumed=True)
    return len(unfinished)


def _carry_out(house: House, erasure: str, collection: str = "", *, resumed: bool = False) -> Erased:
    """Steps 2 to 8. resumed: what the crash had deleted is not known any more, so the database is written anew."""
    note = _note(house, erasure)
    if note.state == "begun":
        owed.pay(house)
        if collection:
            house.index.remove_subject(collection, note.subject_id)
        house.meter.forget(house.vault.digest(note.subject_id.encode(), label="meter"))
        with house.database.begin() as connection:
            traces = remove(connection, house.faces, house.vault, note.subject_id)
        house.candidates.changed()
        _scrub(house, traces)
        _forget_name(house, note)
        _scrub(house, (note.subject_id.encode(),))
    if resumed:
        house.database.rewrite()
    return _certify(house, _note(house, erasure))


def _note(house: House, erasure: str) -> Row[tuple[str, ...]]:
    with house.database.read() as connection:
        return connection.execute(select(erasures).where(erasures.c.id == erasure)).one()


def remove(connection: Connection, faces: Faces, vault: Vault, subject: str) -> tuple[bytes, ...]:
    """Delete every row about a subject but for its erasure's; returns the bytes that must not be found again."""
    target = vault.digest(subject.encode(), label="meter")
    sealed = (*faces.delete(connection, subject), *kept.forget(connection, subject))
    closed = connection.execute(select(closed_parts).where(closed_parts.c.subject_id == subject)).all()
    aliases = connection.execute(select(subjects.c.alias).where(subjects.c.id == subject)).scalars().all()
    told = select(consents.c.details).where(consents.c.subject_id == subject, consents.c.details.is_not(None))
    details = [sealed[: kept.TRACE] for sealed in connection.execute(told).scalars()]
    hashes = connection.execute(select(person_links.c.hash).where(person_links.c.subject_id == subject)).scalars().all()
    for table in (consents, closed_parts, person_links):
        connection.execute(delete(table).where(table.c.subject_id == subject))
    connection.execute(delete(followed).where(followed.c.target == target))
    connection.execute(delete(subjects).where(subjects.c.id == subject))
    return (*sealed, *(row.nonce for row in closed), *aliases, *details, *hashes, target)


def _scrub(house: House, traces: tuple[bytes, ...]) -> None:
    """Re-read every file of the database; a trace that is still there means no certificate."""
    try:
        house.database.scrub(traces)
    except Conflict as error:
        raise StorageDamaged(
            "an erased record is still in the storage, so no certificate is signed",
            next_step="Stop other readers of the data folder and start again: the erasure is completed then.",
        ) from error


def _forget_name(house: House, note: Row[tuple[str, ...]]) -> None:
    """From here on the note has a digest of whom it was about, which says nothing, and the leaf says it, too."""
    kept = undone.digest(house.vault, "erasure", note.subject_id)
    forgotten = update(erasures).where(erasures.c.id == note.id).values(subject_id=None, undoes=kept, state="gone")
    with house.database.begin() as connection:
        connection.execute(forgotten)


def _certify(house: House, note: Row[tuple[str, ...]]) -> Erased:
    """Leaf, then certificate, then the state that says so: a crash between them makes a second leaf, never none."""
    words: dict[str, Json] = {"undoes": [note.undoes] if note.undoes else []}
    index, receipt = house.gate.note("erasure", words, Private(customer=note.customer_id), note.id)
    moment = ids.utc(house.now())
    signer = founding.signer(house.settings, house.vault, "certificate")
    text = f"countenance-erasure@v1\n{note.id}\nrequested {note.requested}\ngone {moment}\nleaf {index}\n"
    certificate = signer.sign(text + _copies(house, moment)).decode()
    with house.database.begin() as connection:
        connection.execute(
            update(erasures).where(erasures.c.id == note.id).values(state="certified", certificate=certificate)
        )
    return Erased(note.id, certificate, receipt)


def _copies(house: House, moment: str) -> str:
    """The certificate's lines about backups that have not expired: each may still hold what was erased here."""
    with house.database.read() as connection:
        copies = backup.unexpired(connection, moment)
    return "".join(f"backup {copy.id} until {copy.until}\n" for copy in copies) or "backup none\n"
