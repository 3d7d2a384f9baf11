"""A person's page as HTML: what is held about me, for what, who asked and when; withdraw, take it along, be erased.

It renders what it is given and decides nothing. Every text is escaped where it enters; the page has one style of its
own, no script, and forms that carry the token in their body. Headings, tables with captions and labels are for readers
that do not see it. Sources: WCAG 2.2 (1.3.1, 1.4.10, 2.4.6, 3.3.2); docs/people.md.
"""

from __future__ import annotations

from html import escape
from string import Template
from typing import TYPE_CHECKING

from countenance.console import parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from countenance.service.erase import Erased
    from countenance.service.export import Ground
    from countenance.service.person import About, Asked

_FRAME = Template(parts.read("person.html"))
STYLE = parts.read("person.css")

SURE = (
    '<p><input type="checkbox" id="sure" name="sure" value="yes" required>'
    ' <label for="sure">Yes, erase me. This cannot be undone.</label></p>'
)


def door(problem: str = "") -> str:
    """The page where the token is given. problem: why the last one did not open it."""
    return _page(
        "What is held about me",
        _status(problem, alert=True),
        "<p>You were given a token for this page. It begins with <code>lnk_</code>.</p>",
        '<form method="post" action="/person"><p><label for="token">Your token</label>',
        '<input id="token" name="token" type="password" autocomplete="off" required maxlength="100"></p>',
        '<p><button name="do" value="look">Show me</button></p></form>',
    )


def about(held: About, token: str, said: str = "") -> str:
    """What is held, and the forms. said: what the last one did."""
    return _page(
        "What is held about me",
        _status(said),
        f"<p>By <strong>{escape(held.customer)}</strong>, for <strong>{escape(held.purpose)}</strong>.</p>",
        "<h2>What you agreed to</h2>",
        _table("Consents and other grounds", ("For", "Ground", "Since", "Until", "State"), map(_ground, held.grounds)),
        "<h2>What is kept of your face</h2>",
        "<p>Photographs are not kept. A template is a list of numbers made from one.</p>",
        _table("Templates", ("Reference", "Made"), held.references),
        "<h2>Who asked, and when</h2>",
        "<p>The newest 100 are shown; your download has all.</p>" if held.more else "",
        _table("Questions about you", ("When", "What", "For", "Came to"), map(_asked, held.asked)),
        "<h2>What you can do</h2>",
        _button("export", "Download all of it", token),
        _button("withdraw", "Withdraw what I agreed to", token),
        _button("erase", "Erase me", token, SURE),
    )


def erased(done: Erased) -> str:
    """The last page: the certificate."""
    return _page(
        "You are erased",
        "<p>The storage was read again, and nothing of you was found. Keep this certificate; it names nobody.</p>",
        f"<pre>{escape(done.certificate)}</pre>",
    )


def sentence(title: str, says: str) -> str:
    """A page that says one thing."""
    return _page(title, _status(says, alert=True))


def vouched(made: str, by: Sequence[str]) -> str:
    """A page with a last line on who vouches for the log. by: names of witnesses; none: it is unwitnessed."""
    says = (
        f"witnessed by {', '.join(by)}." if by else "unwitnessed: it could show different people different histories."
    )
    return made.replace("</main>", f"<p>The log of these answers is {escape(says)}</p>\n</main>")


def _page(title: str, *pieces: str) -> str:
    return _FRAME.substitute(title=escape(title), body="\n".join(piece for piece in pieces if piece))


def _status(says: str, *, alert: bool = False) -> str:
    role = "alert" if alert else "status"
    return f'<p class="said" role="{role}">{escape(says)}</p>' if says else ""


def _ground(one: Ground) -> tuple[str, ...]:
    refused = one.record["events"][0]["event_type"] == "consent_refused"
    state = f"withdrawn {one.withdrawn}" if one.withdrawn else "refused" if refused else "open"
    return one.purpose, f"{one.basis}, {one.manner}: {one.notice}", one.given_at, one.until, state


def _asked(one: Asked) -> tuple[str, ...]:
    return one.time, one.action or one.kind, one.purpose, one.outcome


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    return parts.framed(caption, heads, body) if body else "<p>Nothing.</p>"


def _button(act: str, says: str, token: str, more: str = "") -> str:
    return (
        f'<form method="post" action="/person"><input type="hidden" name="token" value="{escape(token)}">{more}'
        f'<p><button name="do" value="{act}">{escape(says)}</button></p></form>'
    )
