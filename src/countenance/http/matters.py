"""The shapes of what people with accounts administer, and of an application, to the last field.

Closed like those of shapes.py; nothing here decides or stores. Source: docs/accounts.md.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from countenance.http.shapes import Answer, Moment, Shape

Role = Literal["operator", "approver", "reviewer", "auditor"]
PublicKey = Annotated[
    str,
    Field(
        min_length=44, max_length=44, description="The 32 bytes of an Ed25519 public key, base64.",
        examples=["7ANphhjz9nr9opN+2ux51XTlh1MkDDN9HfmS1lSG+ds="],
    ),
]  # fmt: skip
Of = Annotated[str, Field(max_length=100, description="A customer's id; empty for the provider's own.")]
Next = Annotated[str | None, Field(description="Give it as `after` for what follows; null at the end.")]


class NewAccount(Shape):
    """Somebody to register. customer: whose person it will be; your own organisation where it is left out."""

    name: Annotated[str, Field(min_length=1, max_length=100, examples=["Ada Person"])]
    roles: Annotated[list[Role], Field(min_length=1, max_length=4, examples=[["operator"]])]
    public_key: PublicKey
    customer: Of = ""


class Registered(Answer):
    account: str


class Ended(Answer):
    """ended: the id of what has ended, from the next call on."""

    ended: str


class Person(Shape):
    """An account. ended: from when it counts no more."""

    id: str
    name: str
    customer: Of
    roles: list[Role]
    public_key: PublicKey
    created: Moment
    ended: Moment | None


class People(Answer):
    accounts: list[Person]
    next: Next
