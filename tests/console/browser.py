"""A real browser, driven over W3C WebDriver with what the client speaks HTTP with: no package for it is needed.

`open_browser` starts Debian's chromedriver and, by it, a chromium without a window and with a profile of its own; where
there is none, the test is skipped by name. It keeps the browser's own record of every request that it makes.
Source: W3C WebDriver, sections 8 to 13 and 17.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.house.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 60  # seconds for a start on a busy machine
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the name under which a reference to an element travels
INSIDE = ("chrome:", "chrome-untrusted:", "data:")  # what a browser has in itself, such as its first page
SHOTS = ROOT / "screenshots"
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip


@dataclass
class Browser:
    """One window."""

    at: str

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = httpx.request(method, f"{self.at}/{path}", json=body if method == "POST" else None, timeout=PATIENCE)
        value = answer.json()["value"]
        assert answer.status_code == 200, value
        return value

    def go(self, address: str) -> None:
        self.call("POST", "url", {"url": address})

    def run(self, script: str, *given: Any) -> Any:
        """What a function body of JavaScript returns; it may return a promise."""
        return self.call("POST", "execute/sync", {"script": script, "args": list(given)})

    def find(self, selector: str) -> str:
        found = self.call("POST", "element", {"using": "css selector", "value": selector})
        return str(found[ELEMENT])

    def type(self, selector: str, text: str) -> None:
        self.call("POST", f"element/{self.find(selector)}/value", {"text": text})

    def press(self, selector: str) -> None:
        self.call("POST", f"element/{self.find(selector)}/click", {})

    def requests(self) -> list[str]:
        """Addresses that the browser asked for since this was called last, by its own record; not what lies in it."""
        said = [json.loads(line["message"])["message"] for line in self.call("POST", "se/log", {"type": "performance"})]
        asked = [one["params"]["request"]["url"] for one in said if one["method"] == "Network.requestWillBeSent"]
        return [address for address in asked if not address.startswith(INSIDE)]

    def shoot(self, name: str) -> None:
        """A picture of the window, for people who look at a run's results."""
        SHOTS.mkdir(exist_ok=True)
        (SHOTS / f"{name}.png").write_bytes(base64.b64decode(self.call("GET", "screenshot")))

    def resize(self, width: int, height: int = 900) -> None:
        self.call("POST", "window/rect", {"width": width, "height": height})


@contextmanager
def open_browser(profile: Path) -> Iterator[Browser]:
    """A browser with this folder for its profile."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no chromium, or no chromedriver")
    child = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        base = f"http://127.0.0.1:{_port(child)}"
        options = {"binary": chromium, "args": [*QUIET, f"--user-data-dir={profile}", "about:blank"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"performance": "ALL"}}
        body = {"capabilities": {"alwaysMatch": wanted}}
        made = httpx.post(f"{base}/session", json=body, timeout=PATIENCE).json()["value"]
        assert "sessionId" in made, made
        window = f"{base}/session/{made['sessionId']}"
        yield Browser(window)
        httpx.delete(window, timeout=PATIENCE)
    finally:
        child.terminate()
        child.wait(PATIENCE)
        if child.stdout is not None:
            child.stdout.close()


def _port(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    for line in child.stdout:
        if found := re.search(r"started successfully on port (\d+)", line):
            return found[1]
    raise AssertionError("chromedriver did not start")
