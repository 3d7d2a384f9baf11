"""A person's own doors and page: the token alone opens them, it shows what is held, and every way out works."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from countenance.storage.tables import person_links
from tests.http.conftest import bearer, consent
from tests.service.world import photo

if TYPE_CHECKING:
    import httpx

    from tests.http.conftest import Doors

SUBJECT = "/v1/collections/staff/subjects/ada"
DOORS = [("GET", ""), ("GET", "/export"), ("DELETE", "/consents"), ("DELETE", "")]


def linked(doors: Doors, alias: str = "ada", person: int = 1, **query: Any) -> str:
    """The token of a link for a new subject with one reference."""
    doors.enrolled(alias, person)
    made = doors.post(f"/v1/collections/staff/subjects/{alias}/link", params=query)
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


def mine(doors: Doors, token: str, method: str = "GET", path: str = "") -> httpx.Response:
    return doors.client.request(method, f"/v1/person{path}", headers=bearer(token))


def form(doors: Doors, **fields: str) -> httpx.Response:
    return doors.client.post("/person", data=fields)


def test_it_shows_what_is_held_for_what_and_who_asked_when(doors: Doors) -> None:
    token = linked(doors)
    doors.show(f"{SUBJECT}/verify", 1)
    answer = mine(doors, token)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["customer"], found["purpose"], len(found["references"])) == ("Harbour Gym", "access-control", 1)
    assert found["grounds"][0]["record"]["evidence"] == "form 17"
    newest = found["asked"][0]
    assert (newest["action"], newest["purpose"], newest["outcome"]) == ("verify", "access-control", "match")
    assert [one["kind"] for one in found["asked"]] == ["decision", "decision", "consent"]
    proven = doors.world.proven(answer.headers["countenance-receipt"])
    assert (proven.leaf.kind, proven.closed and proven.closed["outcome"]) == ("access", "shown")
    assert mine(doors, token).json()["asked"][0]["kind"] == "access"
    assert "template" not in answer.text.replace("the template is", "").replace("biometric template", "")


def test_the_export_has_the_persons_own_template(doors: Doors) -> None:
    found = mine(doors, linked(doors), path="/export").json()
    assert len(found["references"][0]["template"]) > 500
    assert found["asked"][-1]["kind"] == "consent"


def test_a_withdrawal_holds_within_a_second_and_says_so_in_the_log(doors: Doors) -> None:
    token = linked(doors)
    assert doors.show("/v1/collections/staff/identify", 1).json()["candidates"]
    began = time.monotonic()
    answer = mine(doors, token, "DELETE", "/consents")
    assert doors.show("/v1/collections/staff/identify", 1).json()["candidates"] == []
    assert doors.show(f"{SUBJECT}/verify", 1).status_code == 403
    assert time.monotonic() - began < 1.0
    assert doors.world.proven(answer.json()["receipt"]).leaf.kind == "withdrawal"
    assert mine(doors, token, "DELETE", "/consents").status_code == 409


def test_an_erasure_by_the_person_is_certified_and_ends_the_link(doors: Doors) -> None:
    token = linked(doors)
    linked(doors, "bob", 2)
    with doors.world.house.database.read() as connection:
        (row, _) = connection.execute(person_links.select().order_by(person_links.c.created)).all()
    answer = mine(doors, token, "DELETE")
    assert answer.json()["certificate"].startswith("countenance-erasure@v1")
    assert not doors.world.house.database.contains(row.hash)
    assert not doors.world.house.database.contains(row.subject_id.encode())
    for method, path in DOORS:
        assert mine(doors, token, method, path).status_code == 401
    assert doors.show("/v1/collections/staff/identify", 2).json()["candidates"]


def test_it_opens_after_the_customers_grant_has_ended(doors: Doors) -> None:
    token = linked(doors, days=30)
    from countenance.storage.tables import grants

    with doors.world.house.database.begin() as connection:
        connection.execute(grants.update().values(until="2026-01-01T00:00:00Z"))
    assert doors.show(f"{SUBJECT}/verify", 1).status_code == 403
    assert mine(doors, token, "DELETE", "/consents").status_code == 200
    assert mine(doors, token, path="/export").status_code == 200
    assert mine(doors, token, "DELETE").status_code == 200


@pytest.mark.parametrize("days", [0, 31, -1])
def test_a_link_that_would_open_for_too_long_is_refused(doors: Doors, days: int) -> None:
    doors.enrolled("ada", 1)
    assert doors.post(f"{SUBJECT}/link", params={"days": days}).status_code == 400


def test_a_link_that_ended_was_revoked_or_never_was_is_one_answer(doors: Doors) -> None:
    ended, revoked = linked(doors), linked(doors, "bob", 2, days=30)
    assert doors.delete("/v1/collections/staff/subjects/bob/link").json() == {"ended": 1}
    assert doors.delete("/v1/collections/staff/subjects/bob/link").status_code == 404
    doors.world.later(days=7)
    number = ended.split("_")[1]
    tried = [
        ended, revoked, "", "lnk_", f"lnk_{'0' * 32}_{'A' * 43}", f"lnk_{number}_{'A' * 43}", ended + "\n", "é" * 80,
        doors.admitted.key,
    ]  # fmt: skip
    said = set()
    for token in tried:
        answer = doors.client.get("/v1/person", headers={"Authorization": b"Bearer " + token.encode()})
        said.add((answer.status_code, answer.json().get("detail"), answer.json().get("next_step")))
    assert len(said) == 1
    assert next(iter(said))[0] == 401


def test_the_secret_is_kept_as_a_hash_alone(doors: Doors) -> None:
    token = linked(doors)
    doors.world.house.database.checkpoint_truncate()
    assert not doors.world.house.database.contains(token.split("_", 2)[2].encode())


def test_a_link_opens_its_own_subject_and_no_door_of_keys(doors: Doors) -> None:
    ada, bob = linked(doors), linked(doors, "bob", 2)
    assert mine(doors, ada).json()["subject"] != mine(doors, bob).json()["subject"]
    assert doors.client.get("/v1/me", headers=bearer(ada)).status_code == 401
    assert doors.client.get(f"{SUBJECT}/export", headers=bearer(ada)).status_code == 401


class Page(HTMLParser):
    """What a reader that does not see the page goes by."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.tags if found == tag]


def test_the_page_does_all_of_it_without_a_script_or_another_address(doors: Doors) -> None:
    token = linked(doors)
    first = doors.client.get("/person")
    shown = form(doors, token=token, do="look")
    withdrawn = form(doors, token=token, do="withdraw")
    unsure = form(doors, token=token, do="erase")
    taken = form(doors, token=token, do="export")
    gone = form(doors, token=token, do="erase", sure="yes")
    assert [one.status_code for one in (first, shown, withdrawn, unsure, taken, gone)] == [200] * 6
    assert "Harbour Gym" in Page(shown).words
    assert "Withdrawn." in Page(withdrawn).words
    assert "tick the box" in Page(unsure).words
    assert taken.json()["references"][0]["template"]
    assert "attachment" in taken.headers["content-disposition"]
    assert "countenance-erasure@v1" in Page(gone).words
    assert form(doors, token=token).status_code == 401
    for answer in (first, shown, withdrawn, unsure, gone):
        page = Page(answer)
        assert page.words.count("The log of these answers is unwitnessed") == 1
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert not page.all("script")
        assert not re.search(r"(?:src|href|action)=\"(?!/person)", answer.text)
        assert not re.search(r"\s(?:style|on[a-z]+)=", answer.text)
        assert all(one["method"] == "post" for one in page.all("form"))
    assert doors.client.get("/person/page.css").headers["content-type"].startswith("text/css")


def test_the_page_can_be_heard_and_enlarged(doors: Doors) -> None:
    page = Page(form(doors, token=linked(doors)))
    assert page.all("html")[0]["lang"] == "en"
    assert "user-scalable" not in str(page.all("meta"))
    assert [tag for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)] == ["h1", "h2", "h2", "h2", "h2"]
    assert len(page.all("table")) == len(page.all("caption")) == 3
    assert all(head["scope"] == "col" for head in page.all("th"))
    labels = {one["for"] for one in page.all("label")}
    assert {one["id"] for one in page.all("input") if one["type"] != "hidden"} == labels
    style = doors.client.get("/person/page.css").text
    assert not re.search(r"(?<!m)(?:width|height): *[0-9.]+px|overflow: hidden", style)


def test_what_somebody_wrote_into_a_record_stays_text(doors: Doors) -> None:
    doors.post("/v1/collections", json={"name": "staff", "purpose": "access-control"})
    hostile = "<script>alert(1)</script> & \"'"
    assert doors.post("/v1/collections/staff/consents", json=consent("ada", notice=hostile)).status_code == 201
    doors.show(f"{SUBJECT}/references", 1)
    token = doors.post(f"{SUBJECT}/link").json()["token"]
    answer = form(doors, token=token)
    assert "<script" not in answer.text
    assert hostile in Page(answer).words


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"data": {"token": "x", "do": "dance"}}, 400),
        ({"content": b"token=a&token=b", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 400),
        ({"content": b"token=\xff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 400),
        ({"data": {"token": "x" * 2000}}, 413),
        ({"json": {"token": "x"}}, 400),
        ({"content": photo(1)}, 400),
        ({"data": {"token": ""}}, 401),
    ],
)
def test_a_form_that_is_not_of_the_page_is_told_so_in_a_page(doors: Doors, sent: dict[str, Any], status: int) -> None:
    answer = doors.client.post("/person", **sent)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert 'role="alert"' in answer.text


def test_a_token_in_an_address_is_refused(doors: Doors) -> None:
    token = linked(doors)
    assert doors.client.get("/person", params={"token": token}).status_code == 400
    assert doors.client.get("/v1/person", params={"token": token}).status_code == 400
