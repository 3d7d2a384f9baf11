"""The story as one page: photographs, the faces found, decisions, the public halves of receipts, and credits.

The page is a single file. It loads nothing, runs nothing and holds no receipt's private half: a policy in its
head says so to the browser (CSP level 3). Every text goes through `html.escape`.
"""

from __future__ import annotations

import base64
import json
import re
from functools import cache
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from countenance.demo.proof import public_half
from countenance.policy import wire
from countenance.vision.decode import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from countenance.demo.cast import Cast, Photo
    from countenance.demo.scene import Scene, Shown

TITLE = "A face-recognition server that keeps its promises, and proves it"
LEAD = (
    "What happened when the demonstration was run on this machine. Each decision below was made by the policy, "
    "and each has a receipt that anybody can check against the public log in this folder."
)
CHECK = (
    "countenance ledger verify receipts/leaf-00.receipt --key log.vkey\ncountenance ledger fsck ledger --key log.vkey"
)


def page(scenes: Sequence[Scene], cast: Cast) -> str:
    """The whole page as HTML."""
    body = "".join(_scene(number, scene) for number, scene in enumerate(scenes, start=1))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{TITLE}</title><style>{_style()}</style></head><body><main>"
        f'<h1>{TITLE}</h1><p class="lead">{LEAD}</p>{_summary(scenes)}{body}{_check()}{_credits(cast)}'
        "</main></body></html>\n"
    )


def _summary(scenes: Sequence[Scene]) -> str:
    receipts = sum(len(scene.proofs) for scene in scenes)
    told = sum(scene.as_told for scene in scenes)
    return f'<p class="soft">{told} of {len(scenes)} scenes as told, {receipts} receipts.</p>'


def _scene(number: int, scene: Scene) -> str:
    said = "".join(f"<p>{_prose(sentence)}</p>" for sentence in scene.said)
    kind = scene.outcome.replace(" ", "-") if scene.as_told else "untold"
    untold = "" if scene.as_told else "<p><strong>This is not what the story said would happen.</strong></p>"
    return (
        f'<section aria-labelledby="s{number}"><div class="head"><span class="n">{number}</span>'
        f'<h2 id="s{number}">{escape(scene.title)}</h2><span class="word {escape(kind)}">{escape(scene.outcome)}</span>'
        f"</div>{said}{untold}{_photos(scene.shown)}{_quotes(scene)}{_decision(scene)}{_receipts(scene)}</section>"
    )


def _prose(sentence: str) -> str:
    """A sentence as HTML; what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(sentence))


def _photos(shown: Sequence[Shown]) -> str:
    return f'<div class="photos">{"".join(map(_figure, shown))}</div>' if shown else ""


def _figure(shown: Shown) -> str:
    caption = f"<figcaption>{escape(shown.role)}: {escape(shown.photo.caption)}</figcaption>"
    found = "; the face that was found is framed" if shown.box else ""
    return (
        f'<figure><span class="frame"><img src="{_address(shown.photo)}" '
        f'alt="{escape(shown.photo.caption, quote=True)}{found}">{_frame(shown)}</span>{caption}</figure>'
    )


def _frame(shown: Shown) -> str:
    """The box over the photograph, in pixels of the upright original."""
    if shown.box is None:
        return ""
    image, box = decode(shown.photo.raw), shown.box
    width, height = round(image.width / image.scale), round(image.height / image.scale)
    return (
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true"><rect x="{box.x:.1f}" '
        f'y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"/></svg>'
    )


def _address(photo: Photo) -> str:
    kind = "png" if photo.raw.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(photo.raw).decode()}"


def _quotes(scene: Scene) -> str:
    rows = "".join(f"<dt>{escape(label)}</dt><dd>{_linked(text)}</dd>" for label, text in scene.quotes)
    return f"<dl>{rows}</dl>" if rows else ""


def _linked(text: str) -> str:
    shown = escape(text, quote=True)
    return f'<a href="{shown}" rel="noreferrer">{shown}</a>' if text.startswith("https://") else shown


def _decision(scene: Scene) -> str:
    if scene.decision is None:
        return ""
    text = json.dumps(wire.answer(scene.decision.verdict, scene.decision.on), indent=1, ensure_ascii=False)
    return f"<details><summary>The decision</summary><pre>{escape(text)}</pre></details>"


def _receipts(scene: Scene) -> str:
    parts = [
        f"<details><summary>Receipt of {escape(proof.what)}, leaf {proof.leaf}</summary>"
        f"<pre>{escape(public_half(proof.receipt).decode())}</pre></details>"
        for proof in scene.proofs
    ]
    return "".join(parts)


def _check() -> str:
    return (
        "<section><h2>Check it yourself</h2><p>In the folder of this page, with nothing but the public key:</p>"
        f"<pre>{escape(CHECK)}</pre><p>The files under <code>receipts</code> are the public halves. The private half, "
        "which says whom a leaf is about, belongs to the caller alone, and the house has erased its own.</p></section>"
    )


def _credits(cast: Cast) -> str:
    rows = "".join(_credit(photo) for person in cast.people for photo in person.photos)
    return (
        '<section><h2>Photographs</h2><table><thead><tr><th scope="col">photograph</th>'
        f'<th scope="col">author and licence</th></tr></thead><tbody>{rows}</tbody></table>'
        '<p class="soft">Shown as they are; the frames are drawn over them by this page.</p></section>'
    )


def _credit(photo: Photo) -> str:
    source = f"<br>{_linked(photo.source)}" if photo.source else ""
    return f"<tr><td>{escape(photo.caption)}</td><td>{escape(photo.credit)}{source}</td></tr>"


@cache
def _style() -> str:
    return resources.files("countenance.demo").joinpath("page.css").read_text(encoding="utf-8")
