"""Whether a paper may be filed now: what its kind asks of the papers before it, of keys, accounts and decisions.

It raises or returns; it writes nothing. Ids in a paper are the agency's own: another's and a missing one are one
answer. Source: docs/washington.md, "What is filed".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from countenance.domain import ids
from countenance.domain.errors import BadInput, Conflict, Incomplete, NotFound
from countenance.service.history import MOST_INDEX
from countenance.service.known import known
from countenance.statute import report
from countenance.statute.items import ITEMS
from countenance.storage.tables import accounts, closed_parts, collections, grants, keys

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from sqlalchemy import Column, Select

    from countenance.service.app import House
    from countenance.statute.book import Book, Filing, Round
    from countenance.statute.papers import (
        AuthorityPaper,
        Disclosure,
        Draft,
        Extension,
        Issue,
        OperationalTest,
        Operators,
        Reviewer,
        Training,
    )

MOST_COMMENTS = 1000  # on one report


def check(house: House, customer: str, kind: str, about: Filing | None, paper: Any) -> None:
    """Raise NotFound, BadInput, Conflict or Incomplete where a paper may not be filed now."""
    rule = RULES.get(kind)
    if rule is not None:
        rule(house, customer, about, paper)


def check_comment(book: Book, notice: str) -> None:
    """A comment is taken while a draft is open and no final report of it is. Raises Conflict."""
    of = _round(book, notice)
    if of.draft is None or (of.final is not None and of.final.at >= of.draft.at):
        raise Conflict("this report is not open for comment", next_step="Write to the agency, whose report it is.")
    if len(of.comments) >= MOST_COMMENTS:
        raise Conflict(
            f"this report has {MOST_COMMENTS} comments, as many as it takes", next_step="Write to the agency."
        )


def _draft(house: House, customer: str, about: Filing | None, paper: Draft) -> None:
    assert about is not None
    of = _round(house.on_file.book(customer), about.id)
    may = frozenset(of.report.purposes if of.report is not None else of.notice.paper.purposes)
    if new := sorted(frozenset(paper.purposes) - may):
        raise _incomplete(
            [report.Gap("WA-020-7", f"a notice of intent of its own for {', '.join(new)}, and every step")]
        )


def _in_comment(house: House, customer: str, about: Filing | None, _: Any) -> None:
    assert about is not None
    if _round(house.on_file.book(customer), about.id).draft is None:
        raise _incomplete([report.Gap("WA-020-1", "there is no draft yet that could be spoken about")])


def _comment(house: House, customer: str, about: Filing | None, _: Any) -> None:
    assert about is not None
    check_comment(house.on_file.book(customer), about.id)


def _issue(house: House, customer: str, about: Filing | None, paper: Issue) -> None:
    _in_comment(house, customer, about, paper)
    assert about is not None
    mine = {one.id for one in _round(house.on_file.book(customer), about.id).comments}
    if not mine.issuperset(paper.comments):
        raise NotFound("there is no such comment on this report", next_step="List the comments that were filed.")


def _publication(house: House, customer: str, about: Filing | None, _: Any) -> None:
    assert about is not None
    book, now = house.on_file.book(customer), house.now()
    if found := report.gaps(_round(book, about.id), known(house, book), house.on_file.overdue(now), now.date()):
        raise _incomplete(found)


def _operational_test(house: House, _customer: str, _about: Filing | None, paper: OperationalTest) -> None:
    if not paper.guidance:
        raise _incomplete([report.Gap("WA-040", "the developer's guidance was not all followed")])
    if late := house.on_file.overdue(house.now()):
        raise _incomplete([report.Gap("WA-050-2", f"the provider's mitigation is overdue: {late[0].test.id}")])


def _operators(house: House, customer: str, _about: Filing | None, paper: Operators) -> None:
    of_grant = select(keys.c.id).join(grants, grants.c.id == keys.c.grant_id).where(grants.c.customer_id == customer)
    _require(house, of_grant, keys.c.id, (paper.key,), "key")
    _accounts(house, customer, paper.accounts)


def _person(house: House, customer: str, _about: Filing | None, paper: Training | Reviewer) -> None:
    _accounts(house, customer, (paper.account,))


def _authority(house: House, customer: str, _about: Filing | None, paper: AuthorityPaper) -> None:
    mine = select(collections.c.id).where(collections.c.customer_id == customer)
    _require(house, mine, collections.c.id, paper.collections, "collection")


def _extension(house: House, customer: str, about: Filing | None, paper: Extension) -> None:
    assert about is not None
    if about.paper.kind == "exigency":
        raise Conflict(
            "exigent circumstances are not extended (item WA-080-1-exigency)",
            next_step="Apply for a warrant, and file it.",
        )
    end = house.on_file.book(customer).until(about)
    if end <= house.now():
        raise Conflict(f"this authority ended at {ids.utc(end)}", next_step="File the new one.")
    if paper.until <= end:
        raise BadInput("extension.until is after the end that it extends")


def _disclosure(house: House, customer: str, _about: Filing | None, paper: Disclosure) -> None:
    wanted = [int(index[:20]) for index in paper.decisions]
    mine = (closed_parts.c.customer_id == customer) & closed_parts.c.leaf_index.in_(
        [index for index in wanted if index <= MOST_INDEX]
    )
    with house.database.read() as connection:
        found = connection.execute(select(func.count()).select_from(closed_parts).where(mine)).scalar_one()
    if found != len(set(wanted)):
        raise NotFound("there is no such decision of yours", next_step="List the decisions of your organisation.")


RULES: dict[str, Callable[[House, str, Filing | None, Any], None]] = {
    "draft": _draft, "meeting": _in_comment, "comment": _comment, "issue": _issue, "publication": _publication,
    "operational-test": _operational_test, "operators": _operators, "training": _person, "reviewer": _person,
    "authority": _authority, "extension": _extension, "disclosure": _disclosure,
}  # fmt: skip


def _round(book: Book, notice: str) -> Round:
    return next(one for one in book.rounds if one.notice.id == notice)


def _accounts(house: House, customer: str, named: Iterable[str]) -> None:
    mine = select(accounts.c.id).where(accounts.c.customer_id == customer, accounts.c.ended.is_(None))
    _require(house, mine, accounts.c.id, tuple(named), "account")


def _require(house: House, mine: Select[Any], column: Column[Any], named: Collection[str], what: str) -> None:
    with house.database.read() as connection:
        found = set(connection.execute(mine.where(column.in_(named))).scalars())
    if not found.issuperset(named):
        raise NotFound(f"there is no such {what} of your organisation in force", next_step=f"List the {what}s.")


def _incomplete(found: Iterable[report.Gap]) -> Incomplete:
    """Every gap by its item, with how sure the item is."""
    says = "; ".join(f"{gap.says} ({gap.item}, evidence {ITEMS[gap.item].evidence})" for gap in found)
    return Incomplete(f"this lacks what RCW 43.386 asks for: {says}")
