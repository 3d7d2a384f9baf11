"""The transparency page in a real browser: it asks for nothing but itself, and can be read large and narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.console.browser import Browser, open_browser
from tests.http.scene import Painted, Scene
from tests.service.world import photo

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDE = 1280  # CSS pixels of an ordinary window
OVERFLOWS = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Painted, Browser]]:
    """A server with some decisions, and a browser."""
    with Painted(Scene(tmp_path_factory.mktemp("house"))) as server:
        for person in (1, 2):
            server.ask("POST", "/v1/detect", content=photo(person), headers={"Content-Type": "image/png"})
        while server.ask("GET", "/v1/transparency").json()["decisions"]["leaves"] < 3:
            pass  # the leaves are published within a quarter of a second
        with open_browser(tmp_path_factory.mktemp("profile")) as window:
            yield server, window


def test_it_asks_for_itself_and_for_nothing_else(seen: tuple[Painted, Browser]) -> None:
    server, browser = seen
    browser.requests()
    for path in ("/transparency", "/transparency/leaves/0"):
        browser.go(server.at + path)
        assert browser.requests() == [server.at + path]
        assert browser.run("return performance.getEntriesByType('resource').length;") == 0
        assert browser.run("return document.scripts.length;") == 0
        assert browser.run("return getComputedStyle(document.body).margin;") == "0px", "its style is taken"


@pytest.mark.parametrize("path", ["/transparency", "/transparency/leaves/0", "/verify"])
@pytest.mark.parametrize("zoom", [1, 2, 4])
def test_nothing_is_lost_when_it_is_enlarged(seen: tuple[Painted, Browser], path: str, zoom: int) -> None:
    """Up to 400 % of an ordinary window, as WCAG 2.2 has it (1.4.10): tables may scroll, the page does not."""
    server, browser = seen
    size = {"width": WIDE // zoom, "height": 800 // zoom, "deviceScaleFactor": zoom, "mobile": False}
    browser.call("POST", "goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": size})
    browser.go(server.at + path)
    assert browser.run("return innerWidth;") == WIDE // zoom
    assert browser.run(OVERFLOWS) <= 0
    browser.shoot(f"{path.strip('/').replace('/', '-')}-{100 * zoom}")


def test_a_screen_reader_gets_headings_and_named_tables(seen: tuple[Painted, Browser]) -> None:
    server, browser = seen
    browser.go(f"{server.at}/transparency")
    label = browser.call("GET", f"element/{browser.find('#decisions')}/computedlabel")
    role = browser.call("GET", f"element/{browser.find('#decisions')}/computedrole")
    assert (role, label) == ("heading", "Decisions")
    table = browser.find("table")
    assert browser.call("GET", f"element/{table}/computedrole") == "table"
    assert browser.call("GET", f"element/{table}/computedlabel") == "Leaves by kind"
    assert browser.call("GET", f"element/{browser.find('nav')}/computedlabel") == "On this page"
