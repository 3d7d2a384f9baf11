"""The tables of promises and laws: every policy set and record of a law, and what became of each change of them.

Of the same metadata and the same forms as `tables`, which says what those are. Source: docs/laws.md.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Integer, Table, Text, UniqueConstraint

from countenance.storage.tables import _bytes, _id, _json, _of, _text, metadata

# Every policy set that was ever in force or proposed, whole. digest: as decisions carry it; schema: the text it was
# checked under; packs: [{"name", "text"}] in the order of the set. Never edited.
policy_sets = Table(
    "policy_sets",
    metadata,
    Column("digest", Text, primary_key=True),
    _text("created"),
    _text("schema"),
    _json("packs"),
)

# A change of the set in force. before is empty for the first set; digest: of `document`, which approvers sign.
# Never edited: what became of it is in policy_events.
policy_changes = Table(
    "policy_changes",
    metadata,
    _id(),
    _text("created"),
    _text("before"),
    Column("after", Text, ForeignKey("policy_sets.digest"), nullable=False, index=True),
    Column("loosens", Boolean, nullable=False),
    Column("notice_days", Integer, nullable=False),
    _text("digest"),
    _json("document"),
)

# What became of a change, in order. by: the hex of the public key that approved; empty for what happens once.
policy_events = Table(
    "policy_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("change_id", Text, ForeignKey("policy_changes.id"), nullable=False),
    _text("step"),
    _text("by"),
    _of("accounts", nullable=True),
    _bytes("signature", nullable=True),
    _text("created"),
    UniqueConstraint("change_id", "step", "by"),
    sqlite_autoincrement=True,
)

# Records of laws, as docs/policy.md has them, without their signatures. Never edited: see law_events. supersedes: the
# id of another record, or empty; digest: of `document` in canonical form.
laws = Table(
    "laws",
    metadata,
    _id(),
    _text("created"),
    _text("digest"),
    _text("supersedes"),
    Column("notice_days", Integer, nullable=False),
    _json("document"),
)

# What became of a record, in order. by: the hex of the public key that signed; a random id of an objection; else empty.
law_events = Table(
    "law_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("law_id", Text, ForeignKey("laws.id"), nullable=False),
    _text("step"),
    _text("by"),
    _of("accounts", nullable=True),
    _bytes("signature", nullable=True),
    _text("words", nullable=True),
    _text("created"),
    UniqueConstraint("law_id", "step", "by"),
    sqlite_autoincrement=True,
)
