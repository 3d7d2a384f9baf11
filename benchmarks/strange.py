"""Every operation that takes an id, asked with a missing one and with another tenant's: the calls, not their times.

What is asked is read from the description: which ids a path, a query and a document take, and what opens the door. Only
what a tenant has is said here, and it sends nothing itself. benchmarks/alike.py and tests/http/test_alike.py do.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import insert

from countenance.consent import Basis
from countenance.domain import ids as identifiers
from countenance.service import accounts, admit, applications, auth, checks, demands, filings, people, signed
from countenance.service.application import Application
from countenance.storage.admission import challenges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from countenance.service.app import House

OPEN = frozenset({"pack", "report", "law", "change", "lock"})
"""Parts of a path that are nobody's own: everybody's, or the provider's."""
PROVIDERS = frozenset({"law", "change", "lock"})  # no tenant's, so that there is no other tenant's
KEYED, CLAIMED, SIGNED = "HTTPBearer", "Claim", "PersonSignature"  # what opens a door, as the description calls it
_WRONG = "A" * 43  # a secret that nobody was given
PHOTO = b"0"  # sent where a photograph is taken; nobody comes to read it


class Opening(Protocol):
    """What opens a door to a caller: the headers for one call, made anew for each."""

    def __call__(self, method: str, target: str, body: bytes) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Bearer:
    """A key or a claim."""

    text: str

    def __call__(self, method: str, target: str, body: bytes) -> Mapping[str, str]:
        del method, target, body
        return {"Authorization": f"Bearer {self.text}"}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs: the id of their account, their key, and the clock of the house."""

    account: str
    key: signed.PersonKey = field(repr=False)
    now: Callable[[], datetime]

    def __call__(self, method: str, target: str, body: bytes) -> Mapping[str, str]:
        created, nonce = int(self.now().timestamp()), secrets.token_urlsafe(signed.NONCE_BYTES)
        return self.key.headers(self.account, method, target.encode(), body or None, created=created, nonce=nonce)


@dataclass(frozen=True, slots=True)
class Tenant:
    """By the name of a door's lock in the description: what this tenant opens it with; by an id's name: one it has."""

    opens: Mapping[str, Opening]
    ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. kind: the media type of its body, where it has one."""

    method: str
    path: str
    opening: Opening
    query: str = ""
    body: bytes = b""
    kind: str = ""

    @property
    def scope(self) -> dict[str, Any]:
        target = f"{self.path}?{self.query}" if self.query else self.path
        sent = {"Host": "localhost", **self.opening(self.method, target, self.body)}
        if self.body:
            sent |= {"Content-Type": self.kind, "Content-Length": str(len(self.body))}
        return {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": self.method,
            "path": self.path, "raw_path": self.path.encode(), "root_path": "", "scheme": "http",
            "query_string": self.query.encode(), "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
            "headers": [(name.lower().encode(), text.encode()) for name, text in sent.items()],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Three:
    """A missing id, another missing one, one of another tenant: the same request otherwise."""

    name: str
    sides: tuple[Asked, Asked, Asked]

    @property
    def by_path(self) -> bool:
        """Whether the path of the other tenant's is its alone."""
        return self.sides[2].path not in {side.path for side in self.sides[:2]}


def threes(document: Mapping[str, Any], me: Tenant, other: Tenant) -> Iterator[Three]:
    """Every operation and place in it that takes an id, and the id inside what opens a door.

    What asks for no key, claim or signature knows no tenants. A part of a path of which no tenant has an id here is
    left out; tests/http/test_alike.py fails on it.
    """
    for path, methods in document["paths"].items():
        for method, words in methods.items():
            call = _Call(method.upper(), path, words)
            if "security" in words and other.ids.keys() >= set(call.parts) - OPEN and not PROVIDERS & set(call.parts):
                yield from call.threes(me, other)
    yield from _inside(me, other)


@dataclass(frozen=True, slots=True)
class _Call:
    """An operation of the description, and what is sent to it."""

    method: str
    path: str
    words: Mapping[str, Any]

    @property
    def parts(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)

    def threes(self, me: Tenant, other: Tenant) -> Iterator[Three]:
        """One for each part of the path, where those before it are the caller's own; then query and document."""
        strange = (missing(other, 1), missing(other, 2), other.ids)
        for place, part in enumerate(self.parts):
            if part not in OPEN:
                yield self._three(part, me, [{**me.ids, **_of(ids, self.parts[place:])} for ids in strange])
        asked = {its["name"] for its in self.words.get("parameters", ()) if its["in"] == "query"}
        for name in sorted(asked & other.ids.keys()):
            yield self._three(f"?{name}", me, [me.ids] * 3, [f"{name}={ids[name]}{self._needed}" for ids in strange])
        for name in sorted(self._fields.keys() & other.ids.keys()):
            yield self._three(f"{name} in its document", me, [me.ids] * 3, said=[{name: ids[name]} for ids in strange])

    def _three(
        self,
        what: str,
        me: Tenant,
        filled: Sequence[Mapping[str, str]],
        queries: Sequence[str] = ("", "", ""),
        said: Sequence[Mapping[str, str]] = ({}, {}, {}),
    ) -> Three:
        (lock,) = self.words["security"][0]
        sides = (
            Asked(self.method, self.path.format(**ids), me.opens[lock], query, *self._body(more))
            for ids, query, more in zip(filled, queries, said, strict=True)
        )
        return Three(f"{self.method} {self.path}: {what}", _sides(sides))

    def _body(self, more: Mapping[str, str]) -> tuple[bytes, str]:
        """What the operation takes, and its media type: the least document of its description, or a photograph."""
        if "requestBody" not in self.words:
            return b"", ""
        if any(kind.startswith("image/") for kind in self._kinds):
            return PHOTO, "image/png"
        least = {name: _least(self._fields[name]) for name in self._schema.get("required", ())}
        return json.dumps({**least, **more}).encode(), "application/json"

    @property
    def _needed(self) -> str:
        """What the query has to say besides an id."""
        asked = self.words.get("parameters", ())
        names = [its["name"] for its in asked if its["in"] == "query" and its.get("required")]
        return "".join(f"&{name}={'access-control' if name == 'purpose' else 'example'}" for name in names)

    @property
    def _kinds(self) -> Mapping[str, Any]:
        kinds: Mapping[str, Any] = self.words.get("requestBody", {"content": {}})["content"]
        return kinds

    @property
    def _schema(self) -> Mapping[str, Any]:
        schema: Mapping[str, Any] = self._kinds.get("application/json", {"schema": {}})["schema"]
        return schema

    @property
    def _fields(self) -> Mapping[str, Any]:
        fields: Mapping[str, Any] = self._schema.get("properties", {})
        return fields


def _of(ids: Mapping[str, str], parts: Sequence[str]) -> dict[str, str]:
    return {part: ids[part] for part in parts}


def _least(schema: Mapping[str, Any]) -> Any:
    """Something that fits this field of a description."""
    return (schema.get("examples") or schema.get("enum") or ["example"])[0]


def _inside(me: Tenant, other: Tenant) -> Iterator[Three]:
    """An id with a secret that is not its own: in a key, in a claim, and as the account that signed."""
    for what, form, path, theirs in (
        ("a key", "cnt_{}_{}", "/v1/me", other.ids["key"]),
        ("a claim", "cla_{}_{}", "/v1/applications/app_{}", other.ids["application"]),
    ):
        numbers = (*(at * 32 for at in "01"), theirs.rpartition("_")[2])
        yield Three(
            f"{what} of an id, and a wrong secret",
            _sides(Asked("GET", path.format(number), Bearer(form.format(number, _WRONG))) for number in numbers),
        )
    person = me.opens[SIGNED]
    if isinstance(person, Person):
        by = (*(missing(other, number)["account"] for number in (1, 2)), other.ids["account"])
        yield Three(
            "a signature by an account, and a wrong key",
            _sides(Asked("GET", "/v1/administration/grants", replace(person, account=account)) for account in by),
        )


def _sides(asked: Iterable[Asked]) -> tuple[Asked, Asked, Asked]:
    first, second, third = asked
    return first, second, third


def missing(like: Tenant, number: int) -> dict[str, str]:
    """Ids of the form of this tenant's, which nobody has."""
    return {part: _nobodys(text, number) for part, text in like.ids.items()}


def _nobodys(text: str, number: int) -> str:
    kind, _, digits = text.rpartition("_")
    return f"{kind}_{number:0{len(digits)}}" if kind else str(10**6 + number)


def tenant(house: House, name: str) -> Tenant:
    """A customer with one of everything that has an id, and what opens each door to it.

    Its people are an operator and auditor, who signs; it has applied for more, which waits.
    """
    application = Application(
        name=name, sector="commercial", country="DE", purposes=frozenset({"access-control"}), contact="A. Person",
        attested_by="A. Person",
    )  # fmt: skip
    admitted = admit.apply(house, application)
    who = auth.authenticate(house.database, admitted.key)
    inside = people.create_collection(house, who, "staff", "access-control")
    given = people.give_consent(house, who, inside, "ada", _basis(house.now()))
    index = str(house.log.size - 1)
    checked, _ = checks.record_here(house, admitted.customer, _check(house.now()))
    wanted, _ = demands.record_here(house, _demand(admitted.customer))
    waiting, person = applications.ask(house, application), _person(house, admitted.customer)
    ids = {
        "collection": inside.id, "subject": given.subject, "key": who.key, "index": index, "grant": admitted.grant,
        "customer": admitted.customer, "account": person.account, "application": waiting.application,
        "filing": _filed(house, admitted.customer, person),
        "verification": checked, "demand": wanted, "challenge": _sent(house, admitted.customer, person.account),
    }  # fmt: skip
    return Tenant({KEYED: Bearer(admitted.key), CLAIMED: Bearer(waiting.claim), SIGNED: person}, ids)


def _filed(house: House, customer: str, person: Person) -> str:
    """A paper of an organisation, by its person; its id."""
    who = accounts.Account(person.account, customer, frozenset({"operator"}), b"")
    facts = {"what": "camera", "on": house.now().date().isoformat()}
    return filings.file(house, who, "change", "", facts).result.filing


def _person(house: House, customer: str) -> Person:
    key = signed.PersonKey(secrets.token_bytes(32))
    new = accounts.NewAccount("Ada Person", frozenset({"operator", "auditor"}), key.public, customer)
    return Person(accounts.register_here(house, new).id, key, house.now)


def _basis(now: datetime) -> Basis:
    return Basis(
        basis="consent", purpose="access-control", given_at=now, until=now.replace(year=now.year + 1), adult=True,
        manner="electronic", notice="a benchmark", recorded_by="a benchmark", evidence="none",
    )  # fmt: skip


def _check(now: datetime) -> checks.Check:
    until = (now + timedelta(days=30)).date()
    return checks.Check("document-seen", frozenset({"name"}), "extract of the register", until, "B. Person")


def _demand(customer: str) -> demands.NewDemand:
    return demands.NewDemand(customer, "police", "request", frozenset({"decisions"}), "A. Constable")


def _sent(house: House, customer: str, account: str) -> str:
    """A code that is out."""
    made, now = identifiers.new("challenge"), house.now()
    row = {
        "id": made, "customer_id": customer, "account_id": account, "created": identifiers.utc(now),
        "until": identifiers.utc(now + timedelta(days=7)), "domain": "example.org", "facts": ["name"],
        "hash": bytes(32), "answered": None,
    }  # fmt: skip
    with house.database.begin() as connection:
        connection.execute(insert(challenges), row)
    return made
