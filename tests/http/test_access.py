"""Who may open which door: a row for every operation that is described, a column for every kind of caller.

An operation without a row fails. Another tenant's id and a missing one must be the same answer.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from countenance.service import registry
from tests.http import test_access_people as of_people
from tests.http.conftest import Doors, b64, consent
from tests.http.people import hand
from tests.http.test_applications import POOL
from tests.http.test_applications import apply as applied
from tests.http.test_described import COMMITTED, operations
from tests.service.promises import law_text
from tests.service.world import photo

if TYPE_CHECKING:
    import httpx

CALLERS = ("nobody", "unknown key", "revoked key", "own key", "other tenant", "ended grant")
OPEN = (200,) * 6
OPEN_PARTS = (
    "GET /v1/policies",
    "GET /v1/laws",
    "GET /v1/reports",
    "POST /v1/reports",
)  # what everybody may see or say
ROUNDS = 10_000 if os.environ.get("COUNTENANCE_LONG") else 150

# (nobody, unknown key, revoked key, own key, another tenant's key, a key whose grant has ended)
TABLE = {
    "GET /v1/me": (401, 401, 401, 200, 200, 200),
    "GET /v1/keys": (401, 401, 401, 200, 200, 200),
    "POST /v1/keys": (401, 401, 401, 201, 201, 201),
    "DELETE /v1/keys/{key}": (401, 401, 401, 200, 404, 404),
    "POST /v1/detect": (401, 401, 401, 200, 200, 403),
    "POST /v1/compare": (401, 401, 401, 200, 200, 403),
    "GET /v1/collections": (401, 401, 401, 200, 200, 200),
    "POST /v1/collections": (401, 401, 401, 201, 201, 201),
    "GET /v1/collections/{collection}/subjects": (401, 401, 401, 200, 404, 404),
    "POST /v1/collections/{collection}/consents": (401, 401, 401, 201, 404, 404),
    "POST /v1/collections/{collection}/identify": (401, 401, 401, 200, 404, 404),
    "POST /v1/collections/{collection}/subjects/{subject}/verify": (401, 401, 401, 200, 404, 404),
    "POST /v1/collections/{collection}/subjects/{subject}/references": (401, 401, 401, 201, 404, 404),
    "GET /v1/collections/{collection}/subjects/{subject}/consents": (401, 401, 401, 200, 404, 404),
    "DELETE /v1/collections/{collection}/subjects/{subject}/consents": (401, 401, 401, 200, 404, 404),
    "POST /v1/collections/{collection}/subjects/{subject}/link": (401, 401, 401, 201, 404, 404),
    "DELETE /v1/collections/{collection}/subjects/{subject}/link": (401, 401, 401, 200, 404, 404),
    "GET /v1/person": (401,) * 6,
    "GET /v1/person/export": (401,) * 6,
    "DELETE /v1/person/consents": (401,) * 6,
    "DELETE /v1/person": (401,) * 6,
    "DELETE /v1/collections/{collection}/subjects/{subject}": (401, 401, 401, 200, 404, 404),
    "GET /v1/collections/{collection}/subjects/{subject}/export": (401, 401, 401, 200, 404, 404),
    "GET /v1/decisions": (401, 401, 401, 200, 200, 200),
    "GET /v1/decisions/{index}": (401, 401, 401, 200, 404, 404),
    "GET /v1/decisions/{index}/disclosures": (401, 401, 401, 200, 404, 404),
    "POST /v1/decisions/{index}/disclosures": (401, 401, 401, 201, 404, 404),
    "POST /v1/applications": (201,) * 6,
    "GET /v1/applications/{application}": (401,) * 6,
    "POST /v1/applications/{application}/key": (401,) * 6,
    "POST /v1/applications/{application}/challenges/{challenge}": (401,) * 6,
    "GET /v1/decide": OPEN,
    "POST /v1/decide": OPEN,
    "GET /v1/policies": OPEN,
    "GET /v1/policies/schedule": OPEN,
    "GET /v1/policies/{pack}": OPEN,
    "GET /v1/laws": OPEN,
    "GET /v1/laws/{law}": OPEN,
    "GET /v1/log": OPEN,
    "GET /v1/transparency": OPEN,
    "GET /v1/reports": OPEN,
    "GET /v1/reports/{report}": OPEN,
    "GET /v1/reports/{report}/text": OPEN,
    "POST /v1/reports/{report}/comments": (201,) * 6,
    "POST /v1/log/shown": OPEN,
}
QUESTION = {"action": "detect", "sector": "commercial", "country": "DE", "purpose": "access-control"}
BODIES: dict[str, dict[str, Any]] = {
    "POST /v1/compare": {"json": {"photo": b64(photo(1)), "other": b64(photo(1))}},
    "POST /v1/collections": {"json": {"name": "visitors", "purpose": "access-control"}},
    "POST /v1/collections/{collection}/consents": {"json": consent("eve")},
    "POST /v1/applications": {"json": POOL},
    "POST /v1/applications/{application}/key": {},
    "POST /v1/reports/{report}/comments": {"json": {"text": "Who looks at a wrong match?"}},
    "POST /v1/applications/{application}/challenges/{challenge}": {"json": {"code": "A" * 22}},
    "POST /v1/decisions/{index}/disclosures": {"json": {"recipient": "commercial"}},
    "GET /v1/decide": {"params": QUESTION},
    "POST /v1/decide": {"json": QUESTION},
}
PHOTO = {"json": {"photo": b64(photo(1))}}


@dataclass
class Access:
    """The doors, the ids behind them, and a key for every kind of caller."""

    doors: Doors
    ids: dict[str, str]
    keys: dict[str, dict[str, str]]

    def ask(self, row: str, who: str, **changed: str) -> httpx.Response:
        method, path = row.split(" ")
        sent = BODIES.get(row, PHOTO if method == "POST" and row != "POST /v1/keys" else {})
        if row == "POST /v1/log/shown":
            sent = {"json": {"proof": self.doors.world.house.log.checkpoint.decode()}}
        return self.doors.client.request(method, path.format(**{**self.ids, **changed}), headers=self.keys[who], **sent)


@pytest.fixture
def access(doors: Doors) -> Access:
    subject = doors.enrolled("ada", 1)
    assert doors.post(f"/v1/collections/staff/subjects/{subject}/link").status_code == 201
    spare = doors.post("/v1/keys").json()
    ended = doors.post("/v1/keys").json()
    doors.delete(f"/v1/keys/{ended['id']}")
    own = doors.get("/v1/decisions").json()["decisions"]
    ids = {
        "collection": doors.get("/v1/collections").json()["collections"][0]["id"],
        "subject": subject, "key": spare["id"], "pack": "core", "application": applied(doors)["application"],
        "report": report(doors),
        "law": registry.propose_here(doors.world.house, law_text()).law.id,
        "index": next(str(one["index"]) for one in own if one["outcome"] == "enrolled"), "challenge": "cha_" + "0" * 32,
    }  # fmt: skip
    keys = {
        "nobody": {},
        "unknown key": {"Authorization": f"Bearer cnt_{'0' * 32}_{'A' * 43}"},
        "revoked key": {"Authorization": f"Bearer {ended['key']}"},
        "own key": doors.key,
        "other tenant": doors.another(),
        "ended grant": doors.ended_grant(),
    }
    return Access(doors, ids, keys)


def report(doors: Doors) -> str:
    """A report that is open for comment; its id."""
    bo = hand(doors, "operator", customer=doors.admitted.customer)
    day = doors.world.moment.date().isoformat()
    facts = {"authority": "The Council", "service": "Door", "purposes": ["access-control"], "filed": day}
    notice = str(bo.post("/statute/filings", {"kind": "notice", "facts": facts}).json()["filing"])
    draft = {"kind": "draft", "about": notice, "facts": {"purposes": ["access-control"], "sections": {}}}
    assert bo.post("/statute/filings", draft).status_code == 201
    return notice


def test_every_described_operation_has_a_row() -> None:
    document = json.loads(COMMITTED.read_text(encoding="utf-8"))
    described = {f"{method.upper()} {path}" for method, path, _ in operations(document)}
    people = {row.replace(" /", " /v1/administration/") for row in of_people.TABLE}
    assert described == {*TABLE, *people}
    assert not people & set(TABLE)


@pytest.mark.parametrize("row", TABLE)
def test_each_caller_gets_what_the_table_says(access: Access, row: str) -> None:
    found = {who: access.ask(row, who).status_code for who in CALLERS if who != "own key"}
    found["own key"] = access.ask(row, "own key").status_code
    assert found == dict(zip(CALLERS, TABLE[row], strict=True))


@pytest.mark.parametrize("row", [row for row in TABLE if "{" in row and not row.startswith(OPEN_PARTS)])
def test_another_tenants_id_is_the_same_answer_as_a_missing_one(access: Access, row: str) -> None:
    part = row.split("{")[1].split("}")[0]
    missing = "99999" if part == "index" else f"{access.ids[part][:4]}{'0' * 32}"
    theirs = access.ask(row, "other tenant").json()
    none = access.ask(row, "other tenant", **{part: missing}).json()
    same = ("type", "title", "status", "code", "detail", "next_step", "retry")
    assert [theirs[name] for name in same] == [none[name] for name in same]
    assert set(theirs) == set(none)


def test_no_random_call_of_another_tenant_learns_or_changes_anything(access: Access) -> None:
    """Any operation, with any mixture of the first tenant's ids, names and missing ones."""
    rng = random.Random(7)  # noqa: S311
    rows = [row for row in TABLE if TABLE[row][CALLERS.index("other tenant")] == 404]
    words = {
        "collection": [access.ids["collection"], "staff", "col_" + "0" * 32, "visitors"],
        "subject": [access.ids["subject"], "ada", "sub_" + "0" * 32],
        "key": [access.ids["key"], "key_" + "0" * 32],
        "index": [access.ids["index"], "0", "99999"],
    }
    secret = (access.ids["subject"], access.ids["key"], access.ids["collection"], "ada")
    for _ in range(ROUNDS):
        chosen = {name: rng.choice(values) for name, values in words.items()}
        answer = access.ask(rng.choice(rows), "other tenant", **chosen)
        assert answer.status_code == 404
        assert not any(word in answer.text for word in secret)
    found = access.doors.show("/v1/collections/staff/identify", 1).json()
    assert [one["subject"] for one in found["candidates"]] == [access.ids["subject"]]


def test_a_claim_opens_its_own_three_doors_and_no_other(access: Access) -> None:
    asked = applied(access.doors)
    access.keys["applicant"] = {"Authorization": f"Bearer {asked['claim']}"}
    for row, expected in TABLE.items():
        own = {
            "GET /v1/applications/{application}": 200, "POST /v1/applications/{application}/key": 409,
            "POST /v1/applications/{application}/challenges/{challenge}": 404,
        }  # fmt: skip
        found = access.ask(row, "applicant", application=asked["application"])
        assert found.status_code == own.get(row, expected[CALLERS.index("unknown key")]), row


def test_a_persons_signature_opens_no_door_of_keys(access: Access) -> None:
    ada = hand(access.doors)
    for row in [row for row in TABLE if TABLE[row][0] == 401]:
        method, path = row.split(" ")
        target = path.format(**access.ids)
        answer = access.doors.client.request(method, target, headers=ada.headers(method, target))
        assert answer.status_code == 401, row


BYPASSES: list[tuple[str, dict[str, str]]] = [
    *[("/v1/me", {"Authorization": value}) for value in (
        "", "Bearer", "Bearer ", "bearer", "Basic {key}", "Token {key}", "{key}", "Bearer  {key}x",
        "Bearer {key} {key}", "Bearer {key},Bearer {key}", "Bearer cnt_", "Bearer cnt_{id}", "Bearer cnt_{id}_",
        "Bearer {key}=", "Bearer %63nt_{id}_", "Bearer {KEY}", "Bearer {key}/../", "Bearer null",
        "Bearer undefined", "Bearer true", "Bearer *", "Bearer ' OR 1=1 --", "Bearer cnt_{id}_' OR '1'='1",
        "Digest username=admin", "Bearer\t{key}", "Bearer key_{id}", "Bearer {key}" + "A" * 300,
    )],
    *[("/v1/me", {name: "{key}"}) for name in (
        "X-Api-Key", "Api-Key", "X-Auth-Token", "Proxy-Authorization", "X-Authorization", "Cookie", "X-Forwarded-User",
        "X-Remote-User", "Remote-User", "X-Original-Authorization", "Ocp-Apim-Subscription-Key", "X-Amz-Security-Token",
    )],
    *[("/v1/me", {name: "127.0.0.1"}) for name in (
        "X-Forwarded-For", "X-Real-Ip", "Forwarded", "X-Client-Ip", "True-Client-Ip", "X-Original-Url", "X-Rewrite-Url",
    )],
    *[(path, {}) for path in (
        "/v1/me?key={key}", "/v1/me?access_token={key}", "/v1/me?api_key={key}", "/v1//me", "//v1/me", "/v1/me/",
        "/v1/./me", "/v1/x/../me", "/v1/%6de", "/V1/me", "/v1/ME", "/v1/me;x", "/v1/me%00", "/v1/me%20", "/v1/me.json",
        "/v1/log/../me", "/v1/log/..%2fme", "/v1/log%2f..%2fme", "/v1/policies/..%2f..%2fme",
    )],
]  # fmt: skip


@pytest.mark.parametrize(("path", "headers"), BYPASSES)
def test_no_way_around_the_key(doors: Doors, path: str, headers: dict[str, str]) -> None:
    key = doors.admitted.key
    put = {"{key}": key, "{id}": key.split("_")[1], "{KEY}": key.upper()}

    def filled(text: str) -> str:
        for name, value in put.items():
            text = text.replace(name, value)
        return text

    answer = doors.client.get(filled(path), headers={name: filled(value) for name, value in headers.items()})
    assert answer.status_code in (400, 401, 404)
    assert doors.admitted.customer not in answer.text


def test_there_are_sixty_ways_tried() -> None:
    assert len(BYPASSES) >= 60
