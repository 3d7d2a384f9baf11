"""The public transparency page, as JSON and for people: what the leaves say, and where each number can be looked up."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio.from_thread
import pytest

from countenance.http import operation
from countenance.http.app import create_app
from countenance.http.metrics import Metrics
from countenance.ledger import leaf, proof, sums
from countenance.ledger.proof import Receipt
from countenance.service import demands
from countenance.service.transparency import NO_LEAF_SAYS, SMALL
from tests.http.conftest import Client, Doors, admit_customer, bearer
from tests.http.people import hand
from tests.http.test_demands import demanded, photo_of_one, png
from tests.http.test_rules import LOOSER, approve
from tests.service.promises import law_text
from tests.service.test_witnesses import Witnessed
from tests.service.world import new_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = ("/transparency", "/transparency/leaves/0", "/verify")


class Parts(HTMLParser):
    """A page as who does not see it gets it: tags with their attributes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def shown(doors: Doors) -> dict[str, Any]:
    doors.world.house.log.publish()
    answer = doors.client.get("/v1/transparency")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def page(doors: Doors) -> str:
    doors.world.house.log.publish()
    answer = doors.client.get("/transparency")
    assert answer.status_code == 200, answer.text
    return answer.text


def lived_in(doors: Doors) -> None:
    """A house in which everything happened once that the page has a place for."""
    doors.enrolled("ada", 1)
    doors.show("/v1/collections/staff/identify", 1)
    assert doors.show("/v1/collections/staff/identify").json()["code"] == "no-face"
    doors.show("/v1/detect?place=publicly-accessible&mode=real-time", 1)
    american = admit_customer(doors.world, "Harbour Gym US", country="US", region="US-OR")
    headers = {**png(american.key), "Countenance-Requested-By": "police"}
    assert doors.client.post("/v1/detect", content=photo_of_one(), headers=headers).status_code == 403
    doors.delete("/v1/collections/staff/subjects/ada")
    one, other = hand(doors), hand(doors)
    change = one.post("/policy-changes", LOOSER).json()["change"]
    assert (approve(one, change), approve(other, change)) == (201, 201)
    doors.world.later(days=31)
    assert doors.world.house.policies.digest == change["after"]
    assert one.post("/policy-changes", {"on": ["microsoft-2020"]}).status_code == 201
    assert one.post("/policy-changes", {"off": ["gdpr-9"]}).status_code == 201
    assert one.post("/laws", {"record": law_text().decode()}).status_code == 201
    demand = demanded(doors)
    assert other.post(f"/demands/{demand}/answer", {"outcome": "refused"}).status_code == 201


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """A house that was lived in; the tests that share it only look."""
    world = new_world(tmp_path_factory.mktemp("busy"))
    with anyio.from_thread.start_blocking_portal() as portal:
        app = create_app(world.house)
        operation.attach(app, world.house, Metrics(world.house))
        made = Doors(world, Client(app, portal), admit_customer(world))
        lived_in(made)
        yield made
    world.house.close()


@contextmanager
def doors_of(world: Witnessed) -> Iterator[Client]:
    """The doors of a house with witnesses, which is closed afterwards."""
    app = create_app(world.house)
    operation.attach(app, world.house, Metrics(world.house))
    with anyio.from_thread.start_blocking_portal() as portal:
        yield Client(app, portal)
    world.house.close()
    world.village.close()


def rows(found: dict[str, Any], table: str) -> dict[str, dict[str, Any]]:
    return {row["word"]: row for row in found[table]}


def test_every_number_is_that_of_the_leaves(busy: Doors) -> None:
    found = shown(busy)
    size = busy.world.house.log.size
    counted = sums.recounted(busy.world.settings.ledger, size)
    assert (found["log"]["counted"], found["log"]["size"]) == (size, size)
    assert found["decisions"]["leaves"] == counted.decisions.leaves > 5
    for name in ("action", "sector", "purpose", "country", "refused-by", "ended-by", "for-law-enforcement"):
        told = rows(found, name.replace("-", "_"))
        assert told.keys() == counted.tables[name].keys()
        for word, cell in counted.tables[name].items():
            assert (told[word]["leaves"], told[word]["refused"]) == (cell.leaves, cell.refused)
            assert (told[word]["first"], told[word]["newest"]) == (cell.first, cell.newest)
    assert rows(found, "leaves")["erasure"]["leaves"] == 1
    assert rows(found, "ended_by")["no-face"]["leaves"] == 1
    assert rows(found, "refused_by")["microsoft-2020.us-police"]["leaves"] == 1
    assert rows(found, "for_law_enforcement")["detect"]["refused"] == 1


def test_the_leaf_that_a_row_names_says_the_rows_word(busy: Doors) -> None:
    found = shown(busy)
    for table in ("action", "sector", "purpose", "country"):
        for word, row in rows(found, table).items():
            for index in (row["first"], row["newest"]):
                ask: Any = leaf.parse(busy.world.house.log.prove(index).extra).open["ask"]
                assert ask[table] == word
    for event in found["promises"]["changes"]:
        opened = leaf.parse(busy.world.house.log.prove(event["index"]).extra).open
        assert (opened["kind"], opened["step"]) == ("policy-change", event["words"]["step"])


def test_the_share_on_declarations_alone_is_of_decisions_that_say(doors: Doors) -> None:
    assert shown(doors)["declared_alone"] == 0.0
    declared = admit_customer(doors.world, "Harbour Cafe", verification=None)
    headers = png(declared.key)
    assert doors.client.post("/v1/detect", content=photo_of_one(), headers=headers).status_code == 200
    found = shown(doors)
    counted = found["decisions"]
    assert found["declared_alone"] == counted["declared"] / (counted["declared"] + counted["checked"]) > 0
    assert f"{100 * found['declared_alone']:.1f} %" in page(doors)


def test_an_empty_house_has_no_share_and_invents_nothing(tmp_path: Path) -> None:
    world = Witnessed(tmp_path)
    with doors_of(world) as client:
        found, text = client.get("/v1/transparency").json(), client.get("/transparency").text
    assert (found["declared_alone"], found["log"]["counted"], found["evaluations"]) == (None, 0, [])
    for says in (
        "no decision says yet",
        "No change is under notice",
        "No law is recorded",
        "No decision has carried one",
    ):
        assert says in text
    assert found["no_leaf_says"] == list(NO_LEAF_SAYS)


def test_promises_their_history_and_what_is_under_notice_with_its_difference(busy: Doors) -> None:
    promises = shown(busy)["promises"]
    assert [("microsoft-2020" in one["packs"]) for one in promises["history"]] == [True, False, True]
    assert promises["history"][-1]["digest"] == promises["digest"]
    (waiting,) = promises["under_notice"]
    assert waiting["difference"]["removed"] == ["gdpr-9"]
    assert waiting["why"]
    assert [event["words"]["step"] for event in reversed(promises["changes"])] == [
        "proposed", "approved", "approved", "in-force", "proposed", "in-force", "proposed",
    ]  # fmt: skip
    text = page(busy)
    assert "Packs that go: gdpr-9." in text
    assert f"/ledger/{waiting['file']}" in text


def test_a_changed_text_is_shown_line_by_line(doors: Doors) -> None:
    """A pack of the operator's own, put on and then changed."""
    old = (
        "// pack: ours\n// title: Ours\n// promised_by: Us, 1 May 2026\n// in_force: always\n// status: optional\n"
        "// source: https://example.org/ours\n// checked_on: 2026-11-22\n// stale_after: 2027-11-22\n"
        "// secondary: none\n\n"
        '@id("ours.marketing")\n@says("No marketing.")\n@source("https://example.org/ours")\n@evidence("T")\n'
        'forbid (principal, action, resource) when { resource.purpose == "marketing" };\n'
    )
    one = hand(doors)
    assert one.post("/policy-changes", {"packs": {"ours": old}}).status_code == 201
    looser = old.replace('"marketing" }', '"marketing" && resource.mode != "one-off" }')
    answer = one.post("/policy-changes", {"packs": {"ours": looser}})
    assert answer.status_code == 201, answer.text
    (waiting,) = shown(doors)["promises"]["under_notice"]
    assert waiting["difference"]["changed"] == ["ours"]
    changed = [line for line in waiting["difference"]["lines"] if line.startswith(("+forbid", "-forbid"))]
    assert len(changed) == 2
    assert "&amp;&amp; resource.mode != &quot;one-off&quot;" in page(doors)


def test_laws_and_what_became_of_them(busy: Doors) -> None:
    laws = shown(busy)["laws"]
    (record,) = laws["records"]
    assert (record["id"], record["state"], record["signatures"], laws["in_force"]) == (
        "us-face-act-2027", "proposed", 0, [],
    )  # fmt: skip
    assert [event["words"]["step"] for event in laws["changes"]] == ["proposed"]
    assert busy.client.get(f"/ledger/{record['file']}").status_code == 200


def test_evaluations_are_the_figures_that_decisions_carry(doors: Doors) -> None:
    doors.show("/v1/detect", 1)
    (found,) = shown(doors)["evaluations"]
    assert found["model"] == doors.world.house.engine.model_digest
    context: Any = leaf.parse(doors.world.house.log.prove(found["newest"]).extra).open["context"]
    assert found["facts"] == {name: fact for name, fact in context.items() if name.startswith("model.")}


def test_a_demand_is_broken_down_only_where_the_customer_was_told(doors: Doors) -> None:
    """The outcome of a demand is in no leaf: a customer with nobody beside them would learn of it here."""
    told, untold = demanded(doors), demanded(doors, untold="forbidden-by-order", sector="intelligence")
    bo = hand(doors, "approver")
    for demand in (told, untold):
        assert bo.post(f"/demands/{demand}/answer", {"outcome": "refused"}).status_code == 201
    found = shown(doors)["demands"]
    assert (found["recorded"]["leaves"], found["answered"]["leaves"]) == (2, 2)
    (row,) = found["told"]
    assert (row["sector"], row["instrument"], row["outcome"], row["demands"]) == ("police", "warrant", "refused", 1)
    opened: Any = leaf.parse(doors.world.house.log.prove(row["newest"]).extra).open
    assert (opened["ask"]["action"], opened["ask"]["requested-by"]) == ("disclose", ["police"])
    assert sum(one.demands for one in demands.counted(doors.world.house)) == 2
    assert "1 answered demands more are counted by the leaves" in page(doors)


def test_a_stop_a_restore_and_a_defect_are_traces_and_no_incident_is_made_up(doors: Doors) -> None:
    traces = shown(doors)["incidents"]
    assert (traces["stop"], traces["restore"], traces["defects"]["leaves"]) == ([], [], 0)
    hand(doors).post("/policy-stop")
    (stop,) = shown(doors)["incidents"]["stop"]
    assert stop["words"]["step"] == "stopped"
    text = page(doors)
    assert "An emergency stop is on" in text
    assert "No leaf is for incidents" in text


def test_nothing_on_it_names_anybody(busy: Doors) -> None:
    whole = page(busy) + json.dumps(shown(busy))
    for name in ("Harbour Gym", "A. Constable", "A. Person", "ada", busy.admitted.customer, busy.admitted.grant):
        assert not re.search(rf"\b{re.escape(name)}\b", whole), name
    assert SMALL.split(":")[0] in whole


def test_a_page_is_made_for_who_does_not_see_it(busy: Doors) -> None:
    for path in PAGES:
        busy.world.house.log.publish()
        found = Parts(busy.client.get(path).text)
        assert (len(found.of("h1")), found.of("html")) == (1, [{"lang": "en"}])
        ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
        assert len(ids) == len(set(ids))
        labels = {name for _, attributes in found.tags for name in attributes.get("aria-labelledby", "").split()}
        labels |= {name["for"] for name in found.of("label")}
        labels |= {to["href"][1:] for to in found.of("a") if to["href"].startswith("#")}
        assert labels <= set(ids)
        assert len(found.of("table")) == len(found.of("caption"))
        assert all(head.get("scope") in ("col", "row") for head in found.of("th"))
        named = {name["for"] for name in found.of("label")}
        assert {one["id"] for tag in ("textarea", "input") for one in found.of(tag)} == named


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_nothing_and_says_so_to_the_browser(doors: Doors, path: str) -> None:
    answer = doors.client.get(path)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert {"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert answer.headers["referrer-policy"] == "no-referrer"
    found = Parts(answer.text)
    loading = ("img", "link", "iframe", "object", "embed", "source", "audio", "video", "base", "form")
    assert not [tag for tag, attributes in found.tags if tag in loading or "src" in attributes or "style" in attributes]
    assert len(found.of("script")) == (path == "/verify")
    again = doors.client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.headers["content-security-policy"]) == (304, policy)


def test_every_link_leads_somewhere(busy: Doors) -> None:
    text = page(busy)
    links = {to["href"] for to in Parts(text).of("a")}
    one = next(to for to in sorted(links) if to.startswith("/transparency/leaves/"))
    links |= {to["href"] for to in Parts(busy.client.get(one).text).of("a")}
    assert not [to for to in links if urlsplit(to).netloc]
    missing = [to for to in links if to.startswith("/") and busy.client.get(to).status_code != 200]
    assert missing == []


def test_the_page_of_a_leaf_has_the_leaf_and_a_proof_that_holds(doors: Doors) -> None:
    doors.show("/v1/detect", 1)
    house = doors.world.house
    for index in range(house.log.size):
        text = doors.client.get(f"/transparency/leaves/{index}").text
        raw = re.search(r"<pre[^>]*>(.*?)</pre>", text, re.DOTALL)
        assert raw is not None
        found = proof.verify_receipt(proof.read_receipt(raw[1].encode()), house.log.verifier)
        assert (found.index, found.leaf) == (index, leaf.parse(house.log.prove(index).extra))
        assert Receipt(house.log.prove(index)).proof.encode() == raw[1].encode()
        assert "unwitnessed" in text
    for name in ("-1", "+1", "01", "x", "٣", str(house.log.size), "9" * 30, "1e1"):
        answer = doors.client.get(f"/transparency/leaves/{name}")
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store"), name
        assert "no such leaf" in answer.text


def test_without_a_witness_everything_says_unwitnessed_and_with_them_who_they_are(tmp_path: Path) -> None:
    world = Witnessed(tmp_path)
    world.grow(3)
    with doors_of(world) as client:
        for path in ("/transparency", "/transparency/leaves/1", "/v1/transparency", "/v1/log", "/verify"):
            assert "unwitnessed" in client.get(path).text.lower(), path
        world.look()
        text, found = client.get("/transparency").text, client.get("/v1/transparency").json()["log"]
        assert ("unwitnessed" in text, found["state"]) == (False, "witnessed")
        assert all(name in text for name in world.village.names)
        assert "checkpoint.cosigned" in text
        assert "/ledger/witnessed/1" in client.get("/transparency/leaves/1").text
        assert client.get("/ledger/witnessed/1").status_code == 200
        world.grow()
        assert "unwitnessed" in client.get("/transparency/leaves/3").text, "nobody has cosigned this one yet"


def test_however_often_it_is_asked_for_each_leaf_is_counted_once(doors: Doors) -> None:
    """The bundles are read once: afterwards they may be gone."""
    doors.show("/v1/detect", 1)
    before = shown(doors)
    for each in (doors.world.settings.ledger / "tile/entries").rglob("*"):
        if each.is_file():
            each.unlink()
    assert shown(doors) == before
    assert doors.client.get("/transparency").status_code == 200


def test_no_key_is_asked_for_and_one_changes_nothing(doors: Doors) -> None:
    shown(doors)
    alone = doors.client.get("/transparency").text
    assert doors.client.get("/transparency", headers=bearer("cnt_nonsense")).text == alone
    assert doors.client.get("/transparency?more=1").status_code == 400


def test_a_look_leaves_no_leaf(doors: Doors) -> None:
    size = doors.world.house.log.size
    for path in ("/v1/transparency", *PAGES):
        assert doors.client.get(path).status_code == 200
    assert doors.world.house.log.size == size
