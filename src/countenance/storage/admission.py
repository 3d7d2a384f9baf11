"""The tables of admission: who attested what, which facts somebody checked, what changed, and who demanded records.

Of the same metadata and the same forms as `tables`, which says what those are. Source: docs/admission.md.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Integer, Table, Text

from countenance.storage.tables import _bytes, _id, _json, _of, _text, metadata

# Who attests an application, when, in which words. public_key, signature: where it is signed; else it is a typed name.
attestations = Table(
    "attestations",
    metadata,
    Column("application_id", Text, ForeignKey("applications.id"), primary_key=True),
    _text("name"),
    _text("moment"),
    _text("statement"),
    _bytes("public_key", nullable=True),
    _bytes("signature", nullable=True),
)

# Facts that somebody checked: see service.standing. verifier: the name of a person on the machine itself, empty where
# account_id says who. until: a date, exclusive. continues: the record that a change of facts parted this one from.
verifications = Table(
    "verifications",
    metadata,
    _id(),
    _of("customers"),
    _text("created"),
    _text("method"),
    _json("facts"),
    _text("evidence"),
    _text("verifier"),
    _of("accounts", nullable=True),
    _text("until"),
    _text("withdrawn", nullable=True),
    _text("continues", nullable=True),
)

# Codes for a domain: sent to an address there, to come back from the applicant, or to be found in a file of it, by
# method. hash: of the code.
challenges = Table(
    "challenges",
    metadata,
    _id(),
    _of("customers"),
    _of("accounts"),
    _text("created"),
    _text("until"),
    _text("domain"),
    _json("facts"),
    _bytes("hash"),
    _text("answered", nullable=True),
    Column("method", Text, nullable=False, server_default="email-domain-challenge"),
)

# Facts that changed, as they were and as they are. by: provider, customer or machine.
fact_changes = Table(
    "fact_changes",
    metadata,
    _id(),
    _of("customers"),
    _text("created"),
    _text("by"),
    _of("accounts", nullable=True),
    _json("before"),
    _json("after"),
)

# Asks to hand a result on. decision: the leaf of the result; leaf_index: that of the ask to hand it on.
disclosures = Table(
    "disclosures",
    metadata,
    _id(),
    _of("customers"),
    _text("created"),
    Column("decision", Integer, nullable=False),
    _text("sector"),
    _text("purpose"),
    _text("instrument"),
    _text("verdict"),
    Column("leaf_index", Integer, nullable=False),
)

# What somebody demanded of a customer's records. name: sealed, see service.demands. untold: why the customer was not
# told. verdict, leaf_index: of the decision on the answer; null as long as there is none.
demands = Table(
    "demands",
    metadata,
    _id(),
    _of("customers"),
    _text("created"),
    _text("sector"),
    _text("instrument"),
    _text("purpose"),
    _json("records"),
    _bytes("name"),
    Column("told", Boolean, nullable=False),
    _text("untold"),
    _text("state"),
    _text("verdict", nullable=True),
    Column("leaf_index", Integer, nullable=True),
    _text("answered", nullable=True),
)
