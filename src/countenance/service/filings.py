"""Filing under a statute: an agency's own people file, and what was filed is never edited.

    1. read        the paper, strictly; what it continues is the agency's own
    2. in order    each kind's own conditions (a report with a gap is not published, and the gap is named)
    3. written     row and the debts of two leaves in one transaction: of the act, and of the paper with its digest
    4. published   where the paper is public, its text under its digest

A customer's people file for their own agency; the provider's people can't, and answer independent tests only, which is
the provider's duty. What is sealed is in no list. Another's paper and a missing one are one answer.
Source: docs/washington.md.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from countenance.domain import ids
from countenance.domain.errors import BadInput, Conflict, NotFound, UnknownWord
from countenance.ledger.vocabulary import WORDS
from countenance.service import accounts, documents, orderly, owed
from countenance.service.gate import Done, Private
from countenance.service.known import known
from countenance.statute import book as books
from countenance.statute import papers, reading, report
from countenance.statute.book import Filing
from countenance.storage.tables import customers, filings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row

    from countenance.ledger.leaf import Json
    from countenance.service.accounts import Account
    from countenance.service.app import House
    from countenance.service.gate import Answered
    from countenance.storage.vault import CustomerKey

SCHEMA = "countenance-filing@v1"
MOST_FILINGS = 20_000  # of one customer
SALT = 16  # bytes, so that the digest of a paper that is not public says nothing about it


@dataclass(frozen=True, slots=True)
class Filed:
    """A paper that was filed. digest: of its document, the text. filed_receipt: of the leaf with the digest."""

    filing: str
    kind: str
    digest: str
    document: str
    filed_receipt: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A paper in a list, without what is sealed. about: the paper that it continues; sealed: fields that are."""

    id: str
    customer: str
    kind: str
    about: str
    created: str
    facts: dict[str, Any]
    sealed: tuple[str, ...]
    digest: str
    public: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A paper, whole. document: the text that its digest is over."""

    id: str
    kind: str
    about: str
    created: str
    facts: dict[str, Any]
    digest: str
    document: str


def file(house: House, who: Account, kind: str, about: str, facts: Mapping[str, object]) -> Answered[Filed]:
    """File a paper for the person's own agency. Raises Refused, NotFound, BadInput, Incomplete, Conflict."""
    owing: list[int] = []

    def work() -> Done[Filed]:
        continued = _continued(house, who.customer, kind, about)
        if kind == "mitigation":
            raise Conflict("mitigation is the provider's to file", next_step="Tell the provider the results instead.")
        paper = reading.read(kind, facts, WORDS, house.now())
        orderly.check(house, who.customer, kind, continued, paper)
        return _filing(house, Filer(who.customer, who.id), kind, about, paper, owing)

    private = Private(customer=who.customer, account=who.id)
    return _proven(house, house.gate.administer(who.act("statute-file", who.customer), private, work), owing)


def mitigate(house: House, who: Account, test: str, facts: Mapping[str, object]) -> Answered[Filed]:
    """File a step of the provider's answer to an independent test. Raises Refused, NotFound, BadInput, Conflict."""
    row = _row(house, test, "independent-test")
    if row is not None and who.customer not in ("", row.customer_id):
        row = None  # another's is a missing one, and no receipt of theirs names it
    of, owing = who.customer if row is None else row.customer_id, list[int]()

    def work() -> Done[Filed]:
        if row is None:
            raise _missing()
        paper: Any = reading.read("mitigation", facts, WORDS, house.now())
        found = next((m for m in house.on_file.book(of).mitigations() if m.test.id == test), None)
        after = books.next_step(found.state) if found is not None else ""
        if paper.step != after:
            raise Conflict(f"what comes next here is {after or 'nothing'}", next_step="List what was filed.")
        return _filing(house, Filer(of, who.id), "mitigation", test, paper, owing)

    about = Private(customer=of, account=who.id, matter="" if row is None else test)
    return _proven(house, house.gate.administer(who.act("statute-mitigate", of), about, work), owing)


def comment(house: House, customer: str, notice: str, text: str) -> Filed:
    """What somebody without an account says of a draft. Raises BadInput, Conflict."""
    owing: list[int] = []
    paper = reading.read("comment", {"text": text}, WORDS, house.now())
    orderly.check_comment(house.on_file.book(customer), notice)
    done = _filing(house, Filer(customer, ""), "comment", notice, paper, owing)
    assert done.effect is not None
    assert done.settled is not None
    with house.database.begin() as connection:
        done.effect(connection)
    done.settled()
    return replace(done.result, filed_receipt=owed.pay_one(house, owing[0]))


def listed(
    house: House, who: Account, named: str, kind: str, after: str, limit: int
) -> Answered[tuple[tuple[Listed, ...], str]]:
    """Up to `limit` papers of an agency, oldest first, without what is sealed; and the mark to go on from."""
    of, missing = accounts.concerned(house, who, named)

    def work() -> Done[tuple[tuple[Listed, ...], str]]:
        if missing is not None:
            raise missing
        return Done(_page(house, of, kind, int(after or 0), limit), "listed")

    return house.gate.administer(who.act("statute-list", of), Private(customer=of, account=who.id), work)


def shown(house: House, who: Account, filing: str) -> Answered[Shown]:
    """One paper of the person's own agency, with what is sealed. Raises Refused, NotFound."""
    row = _row(house, filing)
    mine = row if row is not None and row.customer_id == who.customer else None

    def work() -> Done[Shown]:
        if mine is None:
            raise _missing()
        return Done(opened(house, mine), "shown")

    about = Private(customer=who.customer, account=who.id, matter="" if mine is None else filing)
    return house.gate.administer(who.act("statute-show", who.customer), about, work)


def opened(house: House, row: Row[Any]) -> Shown:
    """A paper with what is sealed. Raises NotFound where its customer has left and the seal with it."""
    facts, salt = dict(row.facts["said"]), ""
    if row.sealed is not None:
        inner = json.loads(_key(house, row.customer_id).open(row.sealed, _place(row.id)))
        salt, facts = inner.pop("salt"), {**facts, **inner}
    text = row.document or _document(row.id, row.kind, row.about or "", row.created, facts, salt=salt)
    return Shown(row.id, row.kind, row.about or "", row.created, facts, row.digest, text)


@dataclass(frozen=True, slots=True)
class Filer:
    """For whom a paper is filed, and by whom. account: empty where nobody with one does."""

    customer: str
    account: str


def _filing(house: House, filer: Filer, kind: str, about: str, paper: Any, owing: list[int]) -> Done[Filed]:
    """What files a paper that is in order. owing: gets the number of the debt of its leaf."""
    made, now = ids.new("filing"), house.now()
    new = Filing(made, kind, about, now, paper, house.engine.model_digest, house.calibration.digest)
    row, document = _written(house, filer.customer, new)
    private = Private(customer=filer.customer, account=filer.account, matter=made)

    def effect(connection: Connection) -> None:
        number = _next_number(connection, filer.customer)
        connection.execute(insert(filings), {**row, "number": number, "account_id": filer.account or None})
        words: dict[str, Json] = {"filed": kind, "document": row["digest"]}
        owing.append(owed.owe(connection, "filing", words, private, "filed", now))

    def settled() -> None:
        house.on_file.changed(filer.customer)
        if row["document"] is not None:
            documents.write(house, row["digest"], row["document"])

    return Done(Filed(made, kind, row["digest"], document), "filed", effect=effect, settled=settled, about=private)


def _proven(house: House, answered: Answered[Filed], owing: list[int]) -> Answered[Filed]:
    """The same, once the leaf with the paper's digest is written."""
    return replace(answered, result=replace(answered.result, filed_receipt=owed.pay_one(house, owing[0])))


def _next_number(connection: Connection, customer: str) -> int:
    mine = select(func.count()).where(filings.c.customer_id == customer)
    if connection.execute(mine).scalar_one() >= MOST_FILINGS:
        raise Conflict(f"an agency files at most {MOST_FILINGS} papers here", next_step="Ask the provider.")
    return int(connection.execute(select(func.max(filings.c.number))).scalar_one() or 0) + 1


def _written(house: House, customer: str, new: Filing) -> tuple[dict[str, Any], str]:
    """The row of a new paper, but for its number and who filed it; and its document."""
    said = reading.plain(new.paper)
    hidden = reading.sealed(new.kind)
    inner = {name: value for name, value in said.items() if name in hidden and value}
    public = new.kind in papers.PUBLIC
    salt = "" if public else secrets.token_hex(SALT)
    created = ids.utc(new.at)
    text = _text(house, customer, new) if public else _document(new.id, new.kind, new.about, created, said, salt=salt)
    row = {
        "id": new.id, "customer_id": customer, "kind": new.kind, "about": new.about or None, "created": created,
        "facts": {"said": {name: value for name, value in said.items() if name not in hidden}, "sealed": sorted(inner)},
        "sealed": None if public else _sealed(house, customer, new.id, {**inner, "salt": salt}),
        "document": text if public else None, "digest": report.digest(text), "model": new.model,
        "threshold": new.threshold,
    }  # fmt: skip
    return row, text


def _text(house: House, customer: str, new: Filing) -> str:
    """The public text of a paper: of a report the whole report, of another the paper."""
    if new.kind not in ("draft", "publication"):
        return _document(new.id, new.kind, new.about, ids.utc(new.at), reading.plain(new.paper))
    book = books.Book((*house.on_file.book(customer).filings, new))
    of = next(one for one in book.rounds if one.notice.id == new.about)
    name = house.on_file.agency(customer)
    return report.text(name, of, known(house, book), new if new.kind == "publication" else None)


def _document(filing: str, kind: str, about: str, created: str, facts: Mapping[str, Any], *, salt: str = "") -> str:
    """The text of a paper that is no report, canonically. salt: of one that is not public."""
    whole = {"schema": SCHEMA, "id": filing, "kind": kind, "about": about, "filed": created, "facts": dict(facts)}
    if salt:
        whole["salt"] = salt
    return json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


def _continued(house: House, customer: str, kind: str, about: str) -> Filing | None:
    """The paper that a new one continues. Raises UnknownWord, BadInput, NotFound for another's too."""
    if kind not in papers.PAPERS:
        raise UnknownWord("this is no kind of paper", next_step=f"Known are: {', '.join(sorted(papers.PAPERS))}.")
    wanted = papers.ABOUT.get(kind, "")
    if not wanted:
        if about:
            raise BadInput(f"a {kind} begins something, and is about no other paper", next_step="Leave `about` out.")
        return None
    found = house.on_file.book(customer).named(about, wanted)
    if found is None:
        raise NotFound(f"there is no such {wanted}", next_step=f"Name in `about` the {wanted} that it continues.")
    return found


def _page(house: House, of: str, kind: str, after: int, limit: int) -> tuple[tuple[Listed, ...], str]:
    query = select(filings).where(filings.c.customer_id == of, filings.c.number > after)
    if kind:
        query = query.where(filings.c.kind == kind)
    with house.database.read() as connection:
        rows = connection.execute(query.order_by(filings.c.number).limit(limit + 1)).all()
    return tuple(map(_listed, rows[:limit])), str(rows[limit - 1].number) if len(rows) > limit else ""


def _listed(row: Row[Any]) -> Listed:
    return Listed(
        row.id, row.customer_id, row.kind, row.about or "", row.created, row.facts["said"],
        tuple(row.facts["sealed"]), row.digest, public=row.document is not None,
    )  # fmt: skip


def _row(house: House, filing: str, kind: str = "") -> Row[Any] | None:
    query = select(filings).where(filings.c.id == filing)
    with house.database.read() as connection:
        row: Row[Any] | None = connection.execute(query).one_or_none()
    return row if row is not None and kind in ("", row.kind) else None


def _sealed(house: House, customer: str, filing: str, inner: Mapping[str, Any]) -> bytes:
    plain = json.dumps(inner, ensure_ascii=False).encode()
    return _key(house, customer).seal(plain, _place(filing))


def _key(house: House, customer: str) -> CustomerKey:
    with house.database.read() as connection:
        sealed = connection.execute(select(customers.c.sealed_key).where(customers.c.id == customer)).scalar()
    if sealed is None:
        raise _missing()
    return house.vault.open_customer_key(customer, sealed)


def _place(filing: str) -> bytes:
    return f"filing\n{filing}".encode()


def _missing() -> NotFound:
    return NotFound("there is no such paper", next_step="List what was filed.")
