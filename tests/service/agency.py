"""A Washington state agency for tests: admitted, with people, and every paper in order unless a test leaves one out."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from countenance.service import accounts, admit, agencies, auth, filings, signed, statements
from countenance.service.application import Application
from countenance.statute.papers import TOPICS

if TYPE_CHECKING:
    from collections.abc import Collection

    from countenance.service.accounts import Account
    from countenance.service.auth import Principal
    from countenance.service.filings import Filed
    from tests.service.world import World

PURPOSE = "benefits-eligibility"


def account(world: World, *roles: str, customer: str = "") -> Account:
    """A person with an account, as the gate of administration knows them."""
    key = signed.PersonKey(secrets.token_bytes(32))
    made = accounts.register_here(
        world.house, accounts.NewAccount("Ada Person", frozenset(roles), key.public, customer)
    )
    return accounts.Account(made.id, customer, frozenset(roles), signed.public_key(key.public))


@dataclass
class Agency:
    """An agency of the state, its clerk (an operator), and the ids of what it filed by kind. who: once admitted."""

    world: World
    customer: str = field(init=False)
    clerk: Account = field(init=False)
    who: Principal = field(init=False)
    filed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.customer = agencies.register_here(self.world.house, self.application()).customer
        self.clerk = account(self.world, "operator", customer=self.customer)

    def application(self) -> Application:
        return Application(
            name="Department of Benefits", sector="public-agency", country="US", region="US-WA", seat_country="US",
            seat_region="US-WA", purposes=frozenset({PURPOSE}), legal_effect="yes", contact="A. Person",
            attested_by="A. Person", verification=self.world.verification(),
        )  # fmt: skip

    def admit(self) -> None:
        """Ask to be admitted with what is on file. Raises Refused."""
        made = admit.apply(self.world.house, self.application(), customer=self.customer)
        self.who = auth.authenticate(self.world.house.database, made.key)

    def file(self, kind: str, about: str = "", /, **facts: Any) -> Filed:
        made = filings.file(self.world.house, self.clerk, kind, self.filed.get(about, about), facts).result
        self.filed[kind] = made.filing
        return made

    @property
    def day(self) -> str:
        return self.world.moment.date().isoformat()

    def notice(self, **changed: Any) -> Filed:
        whole = {"authority": "The Legislature", "service": "Benefits desk", "purposes": [PURPOSE], "filed": self.day}
        return self.file("notice", **{**whole, **changed})

    def draft(self, without: Collection[str] = (), **changed: Any) -> Filed:
        """A draft made of the server's own, its placeholders filled in."""
        written = json.loads(statements.draft(self.world.house, self.clerk, [PURPOSE]).result.text)
        written["sections"] = {
            letter: text.replace("[[the agency: ", "We say of ").replace("]]", ".")
            for letter, text in written["sections"].items()
            if letter not in without
        }
        written["remedies"] = dict.fromkeys(written["remedies"], "A second photograph is taken.")
        return self.file("draft", "notice", **{**written, **changed})

    def meeting(self, place: str) -> Filed:
        return self.file("meeting", "notice", held=self.day, place=place, attended=20, summary="It was talked over.")

    def published(self) -> Filed:
        return self.file("publication", "notice", posted="https://agency.example/report", submitted=self.day)

    def tested(self, **changed: Any) -> Filed:
        whole = {
            "context": "At the desk, by day.", "passed": self.day, "purposes": [PURPOSE], "places": ["private"],
            "cameras": ["none"], "guidance": True,
        }  # fmt: skip
        return self.file("operational-test", **{**whole, **changed})

    def trained(self, topics: Collection[str] = TOPICS, days: int = 365) -> Filed:
        expires = (self.world.moment + timedelta(days=days)).date().isoformat()
        return self.file(
            "training",
            account=self.clerk.id,
            topics=[*topics],
            completed=self.day,
            expires=expires,
            trainer="C. Person",
        )

    def operators(self, *people: str) -> Filed:
        return self.file("operators", key=self.who.key, accounts=[*(people or (self.clerk.id,))])

    def reviewer(self, *, alters: bool = True) -> Filed:
        return self.file("reviewer", account=self.clerk.id, alters=alters)

    def in_order(self, without: Collection[str] = ()) -> None:
        """The whole walk: notice, draft, 30 days of comment, three meetings, publication, 90 days, test, training, and
        then admission with a key and who uses it. Raises Refused where something that is missing keeps it out.
        """
        self.notice()
        self.draft()
        for place in ("Olympia", "Spokane", "Yakima"):
            self.meeting(place)
        self.world.later(days=30)
        self.published()
        self.world.later(days=89 if "90 days" in without else 90)
        for name, step in (("test", self.tested), ("training", self.trained), ("reviewer", self.reviewer)):
            if name not in without:
                step()
        self.admit()
        if "operators" not in without:
            self.operators()

    def again(self) -> Principal:
        """The same key, looked up anew: a grant may have ended meanwhile."""
        return auth.still(self.world.house.database, self.who)

    def at(self, **by: float) -> datetime:
        return self.world.moment + timedelta(**by)
