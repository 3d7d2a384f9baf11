"""What a house shows everybody of itself: the call, and its records. It sends nothing and believes no number.

The numbers are counts of leaves, and each names leaves by which it can be looked up; `recounted` of ledger/sums.py
counts them again from a published folder. Source: docs/transparency-page.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.client.reading import malformed
from countenance.client.talk import Call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from countenance.client.proven import Reply
    from countenance.client.reading import Fields

TABLES = ("leaves", "action", "sector", "purpose", "country", "refused_by", "ended_by", "for_law_enforcement")


@dataclass(frozen=True, slots=True)
class Count:
    """leaves: how many. Of decisions: refused; allowed, but without_result; by whether who the customer is was checked
    by somebody, or declared alone. first, newest: indices of leaves.
    """

    leaves: int
    refused: int
    without_result: int
    checked: int
    declared: int
    first: int
    newest: int


@dataclass(frozen=True, slots=True)
class Transparency:
    """Sums over the first `counted` leaves of `size`. declared_alone: a share of decisions; None: no figure.

    cosigned: the newest checkpoint that witnesses are said to have cosigned, signed by the log; empty: unwitnessed.
    under_notice: ids of changes that wait. whole: the document as it came, of docs/openapi.json.
    """

    counted: int
    size: int
    cosigned: str
    decisions: Count
    declared_alone: float | None
    leaves: Mapping[str, Count]
    action: Mapping[str, Count]
    sector: Mapping[str, Count]
    purpose: Mapping[str, Count]
    country: Mapping[str, Count]
    refused_by: Mapping[str, Count]
    ended_by: Mapping[str, Count]
    for_law_enforcement: Mapping[str, Count]
    under_notice: tuple[str, ...]
    whole: Mapping[str, object]


def transparency() -> Call[Transparency]:
    """What the leaves add up to. Raises Unverified where it is of another log than the pinned one."""

    def read(reply: Reply) -> Transparency:
        fields, log = reply.fields, reply.fields.inside("log")
        reply.require_log(log.text("origin"), log.text("vkey"), ())
        cosigned = "" if log.null("witnessed") else log.inside("witnessed").text("checkpoint")
        if cosigned:
            reply.require_ours(cosigned)
        return Transparency(
            counted=log.count("counted"), size=log.count("size"), cosigned=cosigned,
            decisions=_count(fields.inside("decisions")), declared_alone=fields.rate("declared_alone"),
            **{name: _table(fields, name) for name in TABLES},
            under_notice=fields.inside("promises").many("under_notice", lambda one: one.text("change")),
            whole=fields.of,
        )  # fmt: skip

    return Call("GET", "v1/transparency", read, keyed=False)


def _table(fields: Fields, name: str) -> dict[str, Count]:
    found = fields.many(name, lambda row: (row.text("word"), _count(row)))
    table = dict(found)
    if len(table) != len(found):
        raise malformed(f"in the answer, `{name}` has a word twice")
    return table


def _count(row: Fields) -> Count:
    names = ("leaves", "refused", "without_result", "checked", "declared", "first", "newest")
    return Count(*(row.count(name) for name in names))
