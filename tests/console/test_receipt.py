"""The page that checks a receipt, in a real browser: it says what the Python verifier says, and asks nobody."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from countenance.console import receipt
from countenance.ledger import leaf
from tests.console.browser import Browser, open_browser
from tests.console.cases import COSIGNED, GOOD, STRANGER, WITNESS, Case, bad, good, scattered
from tests.http.scene import Painted, Scene
from tests.ledger.world import LONG, SIGNER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SCATTERED, SEED = (20_000, 5) if LONG else (400, 5)
AT_ONCE = 100
DROP = """
const cases = arguments[0], result = document.getElementById("result"), said = [];
const settled = () => new Promise((done) => {
  const look = () => (["none", "checking"].includes(result.dataset.state) ? setTimeout(look, 0) : done());
  look();
});
return (async () => {
  for (const [raw, keys, witnesses] of cases) {
    document.getElementById("keys").value = keys;
    document.getElementById("witnesses").value = witnesses;
    const moved = new DataTransfer();
    moved.items.add(new File([Uint8Array.from(atob(raw), (one) => one.charCodeAt(0))], "a.receipt"));
    result.dataset.state = "none";
    document.dispatchEvent(new DragEvent("drop", { dataTransfer: moved, cancelable: true }));
    await settled();
    said.push([result.dataset.state, result.textContent]);
  }
  return said;
})();
"""
SETTLED = """
const result = document.getElementById("result");
return new Promise((done) => {
  const look = () => (["none", "checking"].includes(result.dataset.state)
    ? setTimeout(look, 5) : done(result.dataset.state));
  look();
});
"""
PASTE = """
const [text, keys, witnesses] = arguments, result = document.getElementById("result");
const put = (id, value) => {
  document.getElementById(id).value = value;
  document.getElementById(id).dispatchEvent(new Event("input"));
};
put("keys", keys); put("receipt", text); put("witnesses", witnesses);
result.dataset.state = "none";
document.getElementById("check").click();
return new Promise((done) => {
  const look = () => (["none", "checking"].includes(result.dataset.state)
    ? setTimeout(look, 0) : done([result.dataset.state, result.textContent]));
  look();
});
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("profile")) as window:
        yield window


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[tuple[Painted, Browser]]:
    """A server in a process of its own, and the browser that has its page."""
    with Painted(Scene(tmp_path_factory.mktemp("house"))) as server:
        browser.go(f"{server.at}/verify")
        yield server, browser


def dropped(browser: Browser, cases: Iterable[Case]) -> list[tuple[str, str]]:
    found = [[base64.b64encode(one.raw).decode(), one.keys, one.witnesses] for one in cases]
    said: list[tuple[str, str]] = []
    for start in range(0, len(found), AT_ONCE):
        said += [tuple(each) for each in browser.run(DROP, found[start : start + AT_ONCE])]
    return said


def test_what_holds_holds_in_the_browser_too(served: tuple[Painted, Browser]) -> None:
    _, browser = served
    cases = good()
    assert {name: case.expected() for name, case in cases.items()} == dict.fromkeys(cases, "holds")
    said = dict(zip(cases, dropped(browser, cases.values()), strict=True))
    assert {name: state for name, (state, _) in said.items()} == dict.fromkeys(cases, "holds"), said


def test_what_does_not_hold_is_refused_with_a_sentence(served: tuple[Painted, Browser]) -> None:
    _, browser = served
    cases = bad()
    assert {name: case.expected() for name, case in cases.items()} == dict.fromkeys(cases, "refused")
    said = dict(zip(cases, dropped(browser, cases.values()), strict=True))
    assert {name: state for name, (state, _) in said.items()} == dict.fromkeys(cases, "refused"), said
    assert all(len(text) > len("It does not hold") + 10 for _, text in said.values())


def test_wherever_a_byte_is_changed_both_verifiers_say_the_same(served: tuple[Painted, Browser]) -> None:
    _, browser = served
    cases = list(scattered(SCATTERED, SEED))
    for case, (state, text) in zip(cases, dropped(browser, cases), strict=True):
        assert (case.raw, state) == (case.raw, case.expected()), text


def test_a_person_pastes_and_presses(served: tuple[Painted, Browser]) -> None:
    _, browser = served
    browser.go(browser.call("GET", "url"))
    browser.type("#keys", SIGNER.vkey)
    browser.run("document.getElementById('receipt').value = arguments[0];", GOOD.line())
    browser.press("#check")
    assert browser.run(SETTLED) == "holds"
    browser.shoot("verify-holds")
    state, text = browser.run(PASTE, GOOD.encode().decode(), SIGNER.vkey, "")
    assert state == "holds"
    for part in ("Leaf 3 is in the log example.org/countenance", "unwitnessed", "access-control", "cus_1", "allow"):
        assert part in text
    assert browser.run(PASTE, GOOD.line() + "A", SIGNER.vkey, "")[0] == "refused"
    assert browser.run(PASTE, GOOD.line(), "", "")[0] == "refused"
    browser.shoot("verify-refused")


def test_it_says_who_witnessed_and_else_that_nobody_did(served: tuple[Painted, Browser]) -> None:
    _, browser = served
    for witness, says in ((WITNESS, "cosigned by witness.example/w1"), (STRANGER, "unwitnessed")):
        state, text = browser.run(PASTE, COSIGNED.line(), SIGNER.vkey, witness.verifier.vkey)
        assert (state, says in text) == ("holds", True), text


def test_the_browser_asks_for_nothing_once_it_has_the_page(served: tuple[Painted, Browser]) -> None:
    """By the browser's own record, by the page's, and by the server's lines."""
    server, browser = served
    browser.requests()
    browser.go(f"{server.at}/verify")
    assert browser.requests() == [f"{server.at}/verify"]
    lines = len(server.lines)
    assert browser.run(PASTE, GOOD.encode().decode(), SIGNER.vkey, "")[0] == "holds"
    assert dropped(browser, [Case(GOOD.encode())])[0][0] == "holds"
    assert browser.requests() == []
    assert browser.run("return performance.getEntriesByType('resource').map((one) => one.name);") == []
    assert server.lines[lines:] == []


@pytest.mark.parametrize("attempt", [
    "fetch('/healthz').then(() => true, () => false)",
    "new Promise((done) => { const line = new XMLHttpRequest(); line.onload = () => done(true);"
    " line.onerror = () => done(false); line.open('GET', '/healthz'); line.send(); })",
    "new Promise((done) => { const shown = new Image(); shown.onload = () => done(true);"
    " shown.onerror = () => done(false); shown.src = '/healthz'; })",
])  # fmt: skip
def test_even_a_script_in_the_page_reaches_nobody(served: tuple[Painted, Browser], attempt: str) -> None:
    """The control is the page of the server's own health, which may ask."""
    server, browser = served
    before = len(server.lines)
    assert browser.run(f"return {attempt};") is False
    assert server.lines[before:] == []


def test_a_browser_without_ed25519_says_so_and_refuses_nothing(served: tuple[Painted, Browser]) -> None:
    server, browser = served
    kept = "const kept = crypto.subtle.importKey.bind(crypto.subtle); "
    for lack, says in (
        (f"{kept}crypto.subtle.importKey = (form, key, kind, ...more) => kind.name === 'Ed25519'"
         " ? Promise.reject(new DOMException('x', 'NotSupportedError')) : kept(form, key, kind, ...more);",
         "cannot check Ed25519"),
        ("Object.defineProperty(crypto, 'subtle', { value: undefined });", "without TLS"),
    ):  # fmt: skip
        browser.go(f"{server.at}/verify")
        browser.run(lack)
        state, text = browser.run(PASTE, GOOD.line(), SIGNER.vkey, "")
        assert (state, says in text) == ("unable", True), text
    browser.go(f"{server.at}/verify")


def test_a_saved_copy_checks_from_the_disk(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    saved = tmp_path_factory.mktemp("saved") / "verify.html"
    saved.write_bytes(receipt.PAGE)
    browser.go(saved.as_uri())
    assert browser.run(PASTE, GOOD.line(), SIGNER.vkey, "")[0] == "holds"
    assert browser.run("return fetch('http://127.0.0.1:9/').then(() => true, () => false);") is False


class _Parts(HTMLParser):
    """Tags with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_it_is_one_text_that_names_nothing_to_load() -> None:
    text = receipt.PAGE.decode()
    tags = _Parts(text).tags
    assert not [tag for tag, attributes in tags if attributes.keys() & {"src", "href", "srcset", "action", "onclick"}]
    assert [tag for tag, _ in tags].count("script") == 1
    assert "connect-src 'none'" in receipt.POLICY
    assert "unsafe" not in receipt.POLICY
    assert "frame-ancestors 'none'" in receipt.POLICY


def test_every_field_of_a_leaf_has_its_check_in_the_page() -> None:
    """A field that the log comes to write needs a line in receipt.js, or the page refuses what holds."""
    for name, known in (("FIELDS", leaf._FIELDS), ("ASK", leaf._ASK)):  # noqa: SLF001  (the schema itself)
        table = re.search(rf"const {name} = {{\n(.*?)\n  }};", receipt.SCRIPT, re.DOTALL)
        assert table is not None
        assert set(re.findall(r'(?:^|[{,])\s*"([a-z-]+)":', table[1], re.MULTILINE)) == set(known)
