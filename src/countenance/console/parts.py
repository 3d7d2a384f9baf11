"""The parts of which pages here are made: a frame with its style in it, tables with captions, links, sentences.

Every text is escaped where it enters. A page carries its one style, and `policy` says so to the browser: nothing is
loaded, from here or elsewhere. Sources: WCAG 2.2 (1.3.1, 1.4.10, 2.4.6); CSP Level 3, "Usage of source expressions".
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_HERE = files("countenance.console")


def read(name: str) -> str:
    """A file of this room."""
    return _HERE.joinpath(name).read_text(encoding="utf-8")


_FRAME = Template(read("transparency.html"))
STYLE = read("transparency.css")


def source(text: str) -> str:
    """What names a style or script of this text in a policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


CLOSED = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
POLICY = f"default-src 'none'; style-src {source(STYLE)}; {CLOSED}"
"""Of a page without a script."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def page(title: str, *parts: str) -> str:
    """A whole page of parts that are HTML."""
    return _FRAME.substitute(title=escape(title), style=STYLE, body="\n".join(part for part in parts if part))


def link(to: str, says: str) -> Markup:
    return Markup(f'<a href="{escape(to)}">{escape(says)}</a>')


def text(says: str) -> str:
    """Escaped, unless it is HTML already."""
    return says if isinstance(says, Markup) else escape(says)


def paragraph(*says: str) -> str:
    return f"<p>{''.join(map(text, says))}</p>"


def told(says: str, *, alert: bool = False) -> str:
    """A sentence that stands out."""
    return f'<p class="said" role="{"alert" if alert else "note"}">{text(says)}</p>'


def listed(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{text(item)}</li>" for item in items) + "</ul>"


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str | int]], *, none: str = "None.") -> str:
    """A table; a sentence where it has no row. A row's first cell is its head; whole numbers stand to the right."""
    body = "".join(_row(row) for row in rows)
    if not body:
        return f"<p>{escape(caption)}: {escape(none)}</p>"
    return framed(caption, heads, body)


def framed(caption: str, heads: Sequence[str], body: str) -> str:
    """A table of rows that are HTML, which a keyboard can scroll where it is wider than the page."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    whole = f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide" role="region" aria-label="{escape(caption)}" tabindex="0">{whole}</div>'


def _row(row: Sequence[str | int]) -> str:
    first, *rest = row
    return (
        f'<tr><th scope="row">{text(str(first)) if isinstance(first, int) else text(first)}</th>'
        + "".join(
            f'<td class="n">{cell:,}</td>' if isinstance(cell, int) else f"<td>{text(cell)}</td>" for cell in rest
        )
        + "</tr>"
    )
