"""Promises side by side as one page of HTML that somebody can print, quote and check.

The page is whole: no script, no request to anywhere, all text escaped. Tables have captions and heads for readers who
hear them, an answer is a word and never a colour alone, wide tables scroll by themselves when the page is enlarged.
It decides nothing. Source: WCAG 2.2; docs/policy.md, "Promises side by side".
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from countenance.policy import compare, packs, wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from countenance.domain.decision import Reason, Verdict
    from countenance.policy.compare import Comparison, Row
    from countenance.policy.packs import PackFile

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 Georgia, serif; max-width: 70rem; margin: 0 auto; padding: 1rem; }
h1, h2, th { font-family: system-ui, sans-serif; line-height: 1.25; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; padding: 0.5rem 0; }
th, td { border: 1px solid; padding: 0.5rem; text-align: left; vertical-align: top; min-width: 9rem; }
.scroll { overflow-x: auto; }
.answer { font-family: system-ui, sans-serif; font-weight: bold; }
.small { font-size: 0.875rem; font-weight: normal; }
th ul { margin: 0; padding-left: 1.1rem; }
a { overflow-wrap: anywhere; }
@media print {
  @page { size: A4 landscape; margin: 1.5cm; }
  body { max-width: none; font-size: 9pt; padding: 0; }
  .scroll { overflow: visible; }
  tr { break-inside: avoid; }
  th, td { min-width: 0; }
  a[href^="https"]::after { content: " (" attr(href) ")"; font-size: 0.875em; }
}
"""
_RELATIONS = {
    "equal": "allows the same as",
    "within": "allows less than, and nothing else than,",
    "contains": "allows all that is allowed by, and more than,",
    "crosses": "crosses",
}
_HOW = (
    "Each promise decides together with core, the rules that this software never leaves out. What is said here of all "
    "asks is a proof over every class of every attribute, not a sample; each example was decided by the policy itself."
)


def page(found: Comparison) -> str:
    """The whole page, in UTF-8 when it is written."""
    day = escape(wire.when(found.on))
    title = f"Promises about face recognition, side by side on {day}"
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>",
        f"<h1>{title}</h1>\n<p>{escape(_HOW)}</p>",
        f"<h2>In short</h2>\n<ul>{''.join(f'<li>{escape(each)}</li>' for each in compare.sentences(found))}</ul>",
        f"<h2>Who allows less</h2>\n{_matrix(found)}",
        f"<h2>Which asks tell them apart</h2>\n{_asks(found)}",
        f"<h2>The promises</h2>\n{''.join(_pack(file) for file in found.packs)}",
        f"<h2>How to check this</h2>\n{_check(found)}",
        "</main>\n</body>\n</html>\n",
    ]
    return "\n".join(parts)


def _matrix(found: Comparison) -> str:
    names = [file.name for file in found.packs]
    rows = [
        f'<tr><th scope="row">{escape(one)}</th>{"".join(_relation(found, one, other) for other in names)}</tr>'
        for one in names
    ]
    return _table("Read a row from the left: this promise, how it lies to that one.", ["", *names], rows)


def _relation(found: Comparison, one: str, other: str) -> str:
    said = "the same promise" if one == other else f"{_RELATIONS[found.relation(one, other)]} {other}"
    return f"<td>{escape(said)}</td>"


def _asks(found: Comparison) -> str:
    if not found.rows:
        return "<p>None: on this day they allow the same asks.</p>"
    names = [file.name for file in found.packs]
    alike: dict[tuple[object, ...], list[Row]] = {}
    for row in found.rows:
        alike.setdefault(tuple(row.verdicts[name].reasons for name in names), []).append(row)
    rows = [_alike(group, names) for group in alike.values()]
    said = (
        "Each row names asks on which at least two of these promises differ, wherever no other rule speaks against "
        "them, and what each promise says of their examples."
    )
    return _table(said, ["Asks", *names], rows)


def _alike(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Asks of which each promise says the same, for the same reasons."""
    cells = "".join(f"<td>{_answer(rows[0].verdicts[name])}</td>" for name in names)
    asks = "".join(f"<li>{_ask(row)}</li>" for row in rows)
    return f'<tr><th scope="row"><ul>{asks}</ul></th>{cells}</tr>'


def _ask(row: Row) -> str:
    said = row.says[:1].upper() + row.says[1:]
    return f'{escape(said)} <span class="small">For example: {escape(_words(row))}.</span>'


def _words(row: Row) -> str:
    """The ask of the example, without what is nothing."""
    said = {name: word for name, word in wire.ask_words(row.example.ask).items() if word}
    words = [f"{name} {' and '.join(word) if isinstance(word, list) else word}" for name, word in said.items()]
    named = row.example.context["exception"]
    return ", ".join([*words, *([f"organisation {named}"] if named else [])])


def _answer(verdict: Verdict) -> str:
    if verdict.allowed:
        return '<p class="answer">allows</p>'
    return f'<p class="answer">denies</p>{"".join(_reason(each) for each in verdict.reasons)}'


def _reason(reason: Reason) -> str:
    source = f'<a href="{escape(reason.source)}">source of {escape(reason.id)}</a>'
    return (
        f"<blockquote>{escape(reason.says)}</blockquote>"
        f'<p class="small">{source}; {escape(packs.EVIDENCE[reason.evidence])}.</p>'
    )


def _pack(file: PackFile) -> str:
    header = file.header
    links = "".join(f'<li><a href="{escape(url)}">{escape(url)}</a></li>' for url in header.sources)
    gaps = "".join(f"<li>Not known: {escape(gap)}</li>" for gap in header.gaps)
    return (
        f"<h3>{escape(header.title)}</h3>\n<p>{escape(file.name)}: promised by {escape(header.promised_by)}. "
        f"Sources last read on {header.checked_on}.</p>\n<ul>{links}{gaps}</ul>\n"
    )


def _check(found: Comparison) -> str:
    names = " ".join(file.name for file in found.packs)
    digests = "".join(f"<li>{escape(file.name)}: <code>{file.digest}</code></li>" for file in found.packs)
    command = f"countenance policy compare {names} --on {wire.when(found.on)}"
    return (
        f"<p>With this software: <code>{escape(command)}</code>. <code>countenance decide</code> decides an example, "
        f"with its words as flags and <code>--pack NAME</code>. These rules were read:</p>\n<ul>{digests}</ul>"
    )


def _table(caption: str, heads: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f'<th scope="col">{escape(each)}</th>' if each else "<td></td>" for each in heads)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}">\n<table>\n'
        f"<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n"
        + "\n".join(rows)
        + "\n</tbody>\n</table>\n</div>"
    )
