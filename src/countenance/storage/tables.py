"""The tables: the truth of the house, beside the ledger's files.

Ids are TEXT as `domain.ids` makes them; moments are TEXT, RFC 3339 in UTC, so that their order is the order
of their text; words that belong together are canonical JSON. A name that a customer gave a person is stored
sealed, with a keyed digest beside it for look-up; a template is stored sealed only. No table holds a
photograph. The schema in force is what `migrations/` builds; a test holds both to be the same.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from countenance.domain.errors import StorageDamaged

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

# Without names a constraint can't be altered later; these are Alembic's recommended forms.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)


class Json(TypeDecorator[Any]):
    """Canonical JSON text: UTF-8, sorted keys, no spaces, no NaN. Text that is not JSON is StorageDamaged."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None:
            return None
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        try:
            return None if value is None else json.loads(value)
        except ValueError as error:
            raise StorageDamaged("A stored record is not the JSON that was written.") from error


def _id() -> Column[str]:
    return Column("id", Text, primary_key=True)


def _of(table: str, column: str = "", *, nullable: bool = False) -> Column[str]:
    """A foreign key to the id of `table`; deleting the target while rows point at it is refused."""
    return Column(column or f"{table[:-1]}_id", Text, ForeignKey(f"{table}.id"), nullable=nullable, index=True)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _json(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Json, nullable=nullable)


def _bytes(name: str, *, nullable: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=nullable)


# What the server must remember about itself, by name: the key check value of the vault, and the like.
server = Table("server", metadata, Column("name", Text, primary_key=True), _bytes("value"))

# facts: {word: {"value": ..., "standing": "declared" | "verified"}}; sealed_key: see storage.vault; null
# once the customer has left, which ends every use of what was sealed under it.
customers = Table(
    "customers",
    metadata,
    _id(),
    _text("created"),
    _json("facts"),
    _bytes("sealed_key", nullable=True),
    _text("status"),
)

applications = Table(
    "applications",
    metadata,
    _id(),
    _text("created"),
    _json("facts"),
    _text("outcome"),
    _of("customers", nullable=True),
    Column("leaf_index", Integer, nullable=True),
)

grants = Table(
    "grants",
    metadata,
    _id(),
    _of("customers"),
    _text("created"),
    _text("until"),
    _json("purposes"),
    _json("modes"),
    _json("places"),
    _text("status"),
)

# hash: a keyed digest of the secret; the secret itself is never stored.
keys = Table(
    "keys",
    metadata,
    _id(),
    _of("grants"),
    _bytes("hash"),
    _text("created"),
    _text("revoked", nullable=True),
    UniqueConstraint("hash"),
)

# keep_days: the customer's own term, from when a person was last met; null: none.
collections = Table(
    "collections",
    metadata,
    _id(),
    _of("customers"),
    _text("purpose"),
    _text("name"),
    _text("created"),
    Column("keep_days", Integer, nullable=True),
    UniqueConstraint("customer_id", "name"),
)

# alias: the customer's own name for the person, sealed; alias_digest: keyed, to find the row by that name.
subjects = Table(
    "subjects",
    metadata,
    _id(),
    _of("collections"),
    _bytes("alias"),
    _bytes("alias_digest"),
    _text("created"),
    UniqueConstraint("collection_id", "alias_digest"),
)

# event: given or refused (consent.py); details: the rest of the record, sealed, null for one made before there was any.
consents = Table(
    "consents",
    metadata,
    _id(),
    _of("subjects"),
    _text("purpose"),
    _text("basis"),
    _text("given_at"),
    _text("until"),
    Column("adult", Boolean, nullable=False),
    _text("notice"),
    _text("manner"),
    _text("recorded_by"),
    _text("withdrawn", nullable=True),
    Column("event", Text, nullable=False, server_default="consent_given"),
    _bytes("details", nullable=True),
)

# How a person comes to their own page without an account: hash of the link's secret. It ends with the subject's row.
person_links = Table(
    "person_links",
    metadata,
    _id(),
    _of("subjects"),
    _bytes("hash"),
    _text("created"),
    _text("until"),
    _text("revoked", nullable=True),
    UniqueConstraint("hash"),
)

# id: the reference's id. The collection and the customer are repeated from the subject: the seal binds them.
templates = Table(
    "templates",
    metadata,
    _id(),
    _of("subjects"),
    _of("collections"),
    _of("customers"),
    _text("model_digest"),
    _bytes("sealed"),
    _text("created"),
)

# The erasable half of a leaf. No foreign keys: it may outlive, or precede, the rows that it names.
closed_parts = Table(
    "closed_parts",
    metadata,
    Column("leaf_index", Integer, primary_key=True, autoincrement=False),
    Column("customer_id", Text, nullable=True, index=True),
    Column("subject_id", Text, nullable=True, index=True),
    _bytes("nonce"),
    _bytes("closed"),
    CheckConstraint("leaf_index >= 0", name="leaf_index"),
)

# What a call that creates came to, for a day, so that it may be sent again: see service.kept. scope: keyed digest of
# customer, operation and idempotency key; request: of everything that was asked; answer, receipt: sealed. debt: the
# outbox id of its leaf while that is owed; then the receipt is not there yet.
kept_answers = Table(
    "kept_answers",
    metadata,
    Column("id", Integer, primary_key=True),
    _bytes("scope"),
    _of("customers"),
    _of("subjects", nullable=True),
    _bytes("request"),
    _bytes("answer"),
    _bytes("receipt", nullable=True),
    Column("debt", Integer, nullable=True, index=True),
    Column("created", Text, nullable=False, index=True),
    UniqueConstraint("scope"),
    sqlite_autoincrement=True,
)

# customer_id and subject_id name rows that are gone when the erasure is done; hence no foreign keys.
# subject_id is emptied before the certificate is signed: then nothing here names the person. undoes: the keyed
# digest of it that the leaf publishes (service.undone), kept from then on; null before.
erasures = Table(
    "erasures",
    metadata,
    _id(),
    Column("customer_id", Text, nullable=False, index=True),
    Column("subject_id", Text, nullable=True, index=True),
    _text("requested"),
    _text("state"),
    _text("certificate", nullable=True),
    _text("undoes", nullable=True),
)

# Copies of this house that may still exist. until: when the file may no longer be restored. removed: when the operator
# said that it was destroyed, or null. A row is here before its file is: a copy that nobody noted can't be.
backups = Table(
    "backups",
    metadata,
    _id(),
    _text("created"),
    _text("until"),
    _text("removed", nullable=True),
)

# Coming days on which answers change, announced once (service.schedule). grant_id: whose; null: the public leaf of
# that day. words: the changes of that grant, or the words of the leaf.
announcements = Table(
    "announcements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("day", Text, nullable=False, index=True),
    _of("grants", nullable=True),
    _json("words"),
    _text("created"),
    sqlite_autoincrement=True,
)

# Leaves that are owed: written in the same transaction as what they are about, removed once appended.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    _text("kind"),
    _json("open"),
    _json("private", nullable=True),
    _text("created"),
    sqlite_autoincrement=True,
)

# People who administer: of the provider where customer_id is null. name: sealed, like an alias; key_digest: of the
# organisation and the public key together, so that no two accounts of one organisation have one key.
accounts = Table(
    "accounts",
    metadata,
    _id(),
    _of("customers", nullable=True),
    _bytes("name"),
    _bytes("public_key"),
    _bytes("key_digest"),
    _json("roles"),
    _text("created"),
    _text("ended", nullable=True),
    UniqueConstraint("key_digest"),
)

# Signatures that were used, for as long as they could be used again. seen: the Unix second that was signed.
nonces = Table(
    "nonces",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("nonce", Text, primary_key=True),
    Column("seen", Integer, nullable=False, index=True),
    sqlite_with_rowid=False,
)

# How an applicant comes back: hash of the claim's secret; grant_id once it is approved; taken: its first key was.
claims = Table(
    "claims",
    metadata,
    Column("application_id", Text, ForeignKey("applications.id"), primary_key=True),
    _bytes("hash"),
    _of("grants", nullable=True),
    _text("taken", nullable=True),
)

# What a person of the provider signed (service.statement), word for word but for the application's own facts.
approvals = Table(
    "approvals",
    metadata,
    Column("application_id", Text, ForeignKey("applications.id"), primary_key=True),
    _of("accounts"),
    _text("until"),
    _bytes("signature"),
    _text("created"),
)

# What was filed under a statute (statute.papers), never edited: a later paper may continue the one that `about` names.
# account_id: who filed it, null for what came without an account. facts: what is not sealed; sealed: under the
# customer's key, the rest of the facts and the salt of the digest, null where there is neither. document: the text that
# is published, null where it is not public. model, threshold: digests of what was in use.
filings = Table(
    "filings",
    metadata,
    _id(),
    Column("number", Integer, nullable=False),
    _of("customers"),
    _of("accounts", nullable=True),
    _text("kind"),
    Column("about", Text, ForeignKey("filings.id"), nullable=True, index=True),
    _text("created"),
    _json("facts"),
    _bytes("sealed", nullable=True),
    _text("document", nullable=True),
    _text("digest"),
    _text("model"),
    _text("threshold"),
    UniqueConstraint("number"),
    Index("ix_filings_kind", "kind"),
)

from countenance.storage import admission, metering, promises  # noqa: E402, F401  (of this metadata, and built on the above)
