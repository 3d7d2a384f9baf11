"""The page: one file that loads nothing, runs nothing, and takes no text for markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from countenance.demo.cast import Cast, Person, Photo
from countenance.demo.page import page
from countenance.demo.scene import Scene, Shown
from countenance.domain.face import Box
from tests.demo.stand_in import picture

HOSTILE = "<script>alert(1)</script>\"'&"
VOID = {"meta", "img", "br", "rect"}


class Outline(HTMLParser):
    """Collects elements and attributes, and checks that elements are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def close(self) -> None:
        super().close()
        assert not self._open


def _outline(kind: str = "JPEG") -> Outline:
    photo = Photo(picture(100, kind), HOSTILE, HOSTILE, "https://example.com/" + HOSTILE)
    shown = (Shown(photo, "probe", Box(10.0, 20.0, 30.0, 40.0)), Shown(photo, "reference"))
    scene = Scene(HOSTILE, "match", as_told=True, said=(HOSTILE, "`code`"), quotes=((HOSTILE, HOSTILE),), shown=shown)
    read = Outline()
    read.feed(page([scene], Cast((Person(HOSTILE, (photo,)),), (), (HOSTILE,))))
    read.close()
    return read


def test_no_text_becomes_markup() -> None:
    tags = {tag for tag, _ in _outline().seen}
    assert "script" not in tags
    assert not [name for _, attrs in _outline().seen for name in attrs if name.startswith("on")]


def test_it_loads_nothing_and_says_so_to_the_browser() -> None:
    seen = _outline().seen
    policy = next(a["content"] for t, a in seen if t == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert policy
    assert policy.startswith("default-src 'none'")
    assert all((a["src"] or "").startswith("data:image/") for t, a in seen if "src" in a)
    assert not [t for t, _ in seen if t in ("link", "iframe", "object", "video")]


def test_the_box_is_drawn_in_the_pictures_own_pixels() -> None:
    seen = _outline().seen
    assert [a["viewbox"] for t, a in seen if t == "svg"] == ["0 0 160 160"]
    rect = next(a for t, a in seen if t == "rect")
    assert (rect["x"], rect["y"], rect["width"], rect["height"]) == ("10.0", "20.0", "30.0", "40.0")


def test_every_photograph_has_a_text_and_a_credit() -> None:
    seen = _outline().seen
    assert all(HOSTILE in (a["alt"] or "") for t, a in seen if t == "img")
    assert len([t for t, _ in seen if t == "td"]) == 2


def test_a_png_is_called_a_png() -> None:
    assert all((a["src"] or "").startswith("data:image/png") for t, a in _outline("PNG").seen if t == "img")


def test_it_reads_in_the_dark_and_on_a_small_screen() -> None:
    text = page([], Cast((), (), ()))
    assert "prefers-color-scheme: dark" in text
    assert re.search(r"@media \(max-width", text)
    assert '<html lang="en">' in text
