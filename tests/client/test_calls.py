"""Every call, by both clients: what it sends, and that the whole answer comes back as a record."""

from __future__ import annotations

import inspect
import json
from dataclasses import FrozenInstanceError, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from countenance.client import AsyncClient, Client
from countenance.domain.errors import BadInput, BadRecord, EmptyImage, ImageTooLarge, UnsupportedImage, Unverified
from countenance.policy import wire
from tests.client.asks import ALL, CONSENT, JPEG, PNG
from tests.client.server import (
    AGAIN,
    ASKS,
    COLLECTION,
    DECISION,
    KEY,
    KEY_ID,
    NOTES,
    PLAIN,
    REFERENCE,
    SUBJECT,
    Server,
)
from tests.ledger.world import SIGNER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_every_call_has_a_test_and_stands_on_both_clients() -> None:
    for kind in (Client, AsyncClient):
        public = {name for name, _ in inspect.getmembers(kind, callable) if not name.startswith("_")}
        elsewhere = {"close", "reports", "report"}  # the texts that agencies published: test_papers.py
        assert public - elsewhere == set(ALL) == {*ASKS, *NOTES, *AGAIN, *PLAIN}


@pytest.mark.parametrize("name", ALL)
def test_every_answer_is_a_frozen_record(client: Any, name: str) -> None:
    found = ALL[name](client)
    for record in found if isinstance(found, list | tuple) else [found]:
        with pytest.raises(FrozenInstanceError):
            setattr(record, fields(record)[0].name, 1)


@pytest.mark.parametrize("name", ASKS)
def test_an_ask_keeps_its_decision_and_its_verified_receipt(client: Any, server: Server, name: str) -> None:
    found = ALL[name](client)
    assert wire.answer(found.decision.verdict, found.decision.on) == DECISION
    assert found.decision.ask.action == ASKS[name][0]
    assert found.decision.verdict.context == {"verified": True, "model.groups": 4}
    assert (found.index, found.proof.index) == (0, 0)
    assert found.proof.closed is not None
    assert found.proof.closed["outcome"] == ASKS[name][1]
    assert found.receipt
    assert server.seen[0].method == ("GET" if name == "export" else "POST")


@pytest.mark.parametrize("name", NOTES)
def test_a_deed_keeps_its_verified_receipt(client: Any, name: str) -> None:
    found = ALL[name](client)
    assert found.proof.leaf.kind == NOTES[name][0]
    assert found.index == found.proof.index
    assert found.receipt


def test_what_is_found_comes_back_whole(client: Any) -> None:
    enrolled, verified = ALL["enrol"](client), ALL["verify"](client)
    identified, detected, compared = (ALL[name](client) for name in ("identify", "detect", "compare"))
    assert (enrolled.subject, enrolled.reference) == (SUBJECT, REFERENCE)
    assert (verified.match, verified.likeness.promised_rate, verified.likeness.false_match_rate) == (True, 0.001, None)
    assert identified.candidates[0].false_match_rate == 0.0001
    assert (identified.match, identified.gallery, identified.clear, identified.runner_up) == (True, 7, True, None)
    assert detected.faces == (enrolled.face,)
    assert compared.match
    assert compared.faces == (enrolled.face, enrolled.face)
    face = enrolled.face
    assert (face.box.width, face.box.height, face.landmarks[4], face.quality.ok) == (30.0, 40.5, (4.0, 4.5), True)


def test_what_is_held_about_a_person_comes_back_whole(client: Any) -> None:
    held = client.export(COLLECTION, SUBJECT)
    (ground,), (reference,), (entry,) = held.grounds, held.references, held.decisions
    assert (held.subject, held.collection, held.purpose) == (SUBJECT, COLLECTION, "access-control")
    assert (ground.notice, ground.withdrawn) == ("what it is for", None)
    assert (reference.reference, reference.template) == (REFERENCE, (0.5, -0.5, 0.5, -0.5))
    assert "0.5" not in repr(reference)
    assert (entry.index, entry.outcome, entry.subject) == (3, "enrolled", SUBJECT)
    assert [entry] == list(client.decisions())


def test_a_receipt_comes_again_as_often_as_it_is_asked_for(client: Any, server: Server) -> None:
    index, line = server.append("consent", {"purpose": "access-control", "basis": "consent"}, {"key": KEY_ID})
    kept = {"index": index, "receipt": line}
    ALL["detect"](client)
    server.body = lambda _: kept
    assert client.decision(0) == client.decision(0)


@pytest.mark.parametrize("index", [-1, True, 1.0, "0", None])
def test_a_leaf_is_named_by_its_index(client: Any, server: Server, index: Any) -> None:
    with pytest.raises(BadInput, match="index"):
        client.decision(index)
    assert not server.seen


def test_plain_answers_come_back_whole(client: Any) -> None:
    me = client.me()
    assert (me.key, me.grant.purposes, me.grant.active) == (KEY_ID, frozenset({"access-control"}), True)
    assert client.create_collection("staff", "access-control").created == datetime(2026, 11, 22, 12, 30, 5, tzinfo=UTC)
    assert client.keys()[0].revoked is None
    assert client.policies().in_force[0][0] == client.policy("core").name == "core"
    advice = client.decide(action="verify", sector="police", country="US", purpose="access-control")
    assert (advice.allowed, advice.assumed) == (False, ("mode=one-off",))
    assert [name for name, _ in advice.verdict.lifted_when[0].all] == ["activity.tripped", "model.worst_fmr_ppm"]
    assert client.log().size == 5
    found = client.transparency()
    assert (found.counted, found.size, found.cosigned, found.declared_alone) == (4, 5, "", 0.25)
    assert (found.decisions.refused, found.action["verify"].newest, found.under_notice) == (1, 3, ("chg_1",))


@pytest.mark.parametrize("change", [
    lambda body: body["log"].update(vkey="example.org/other+00000000+AAAA"), lambda body: body.pop("decisions"),
    lambda body: body["decisions"].update(leaves=-1), lambda body: body.update(declared_alone="none"),
    lambda body: body["action"].append(body["action"][0]), lambda body: body["country"][0].pop("newest"),
    lambda body: body["log"].update(witnessed={"checkpoint": "x"}), lambda body: body.update(sector={}),
])  # fmt: skip
def test_sums_of_another_log_or_form_are_refused(
    client: Any, server: Server, change: Callable[[dict[str, Any]], object]
) -> None:
    def changed(body: dict[str, Any]) -> dict[str, Any]:
        change(body)
        return body

    server.body = changed
    with pytest.raises((BadRecord, Unverified)):
        client.transparency()


def test_a_list_is_fetched_page_by_page(client: Any, server: Server) -> None:
    person = PLAIN["subjects"]["subjects"][0]
    pages = [{"subjects": [{**person, "alias": f"{n}"}], "next": token} for n, token in enumerate(("a", "b", None))]
    server.before = [httpx.Response(200, json=page) for page in pages]
    assert [one.alias for one in client.subjects(COLLECTION, limit=1)] == ["0", "1", "2"]
    assert [str(request.url.query, "ascii") for request in server.seen] == [
        "limit=1",
        "limit=1&after=a",
        "limit=1&after=b",
    ]


def test_a_list_that_leads_in_a_circle_is_refused(client: Any, server: Server) -> None:
    server.body = lambda body: {**body, "next": "a"}
    with pytest.raises(BadRecord, match="leads back"):
        list(client.subjects(COLLECTION))
    assert len(server.seen) == 2


def test_the_narrowing_words_are_sent_and_held_against_the_leaf(client: Any, server: Server) -> None:
    query = {
        "mode": "post", "place": "private", "camera": "fixed", "probe": "sketch", "capture": "unattended",
        "minors": "yes", "legal_effect": "yes",
    }  # fmt: skip
    said = {"purpose": "venue-entry", "requested_by": ["police", "commercial"], **query}
    found = client.identify(COLLECTION, PNG, top=3, **said)
    request = server.seen[0]
    assert request.headers["countenance-purpose"] == "venue-entry"
    assert request.headers["countenance-requested-by"] == "commercial,police"
    assert dict(request.url.params) == {
        "top": "3",
        **{k: v for k, v in said.items() if k not in ("purpose", "requested_by")},
    }
    assert found.decision.ask.requested_by == frozenset({"police", "commercial"})
    assert found.decision.ask.legal_effect == "yes"


def test_photographs_are_sent_raw_or_as_a_form_from_bytes_or_a_path(
    blocking: Client, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "one.jpg").write_bytes(JPEG)
    blocking.verify(COLLECTION, SUBJECT, tmp_path / "one.jpg")
    blocking.compare(PNG, tmp_path / "one.jpg")
    first, second = server.seen
    assert (first.headers["content-type"], first.content) == ("image/jpeg", JPEG)
    assert second.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="photo"' in second.content
    assert second.content.count(PNG) == second.content.count(JPEG) == 1


@pytest.mark.parametrize(
    ("photo", "error"),
    [(b"", EmptyImage), (b"GIF89a", UnsupportedImage), (PNG + bytes(5 * 2**20), ImageTooLarge), ("a.jpg", BadInput)],
)
def test_a_photograph_that_no_server_reads_is_not_sent(client: Any, server: Server, photo: Any, error: type) -> None:
    with pytest.raises(error):
        client.detect(photo)
    assert not server.seen


def test_a_file_that_is_missing_or_too_large_is_not_sent(blocking: Client, server: Server, tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(PNG + bytes(5 * 2**20))
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        blocking.detect(tmp_path / "missing.jpg")
    with pytest.raises(ImageTooLarge):
        blocking.detect(tmp_path / "large.png")
    assert not server.seen


@pytest.mark.parametrize("name", ["", ".", "..", "a/verify", "a\\b", "a\x00b", "a\nb", "\ud800"])
def test_a_name_that_would_be_another_address_is_not_sent(blocking: Client, server: Server, name: str) -> None:
    """Erasing `ada/consents` would have withdrawn the consents of `ada`; erasing `..` worse."""
    for call in (blocking.erase, blocking.withdraw):
        with pytest.raises(BadInput):
            call(COLLECTION, name)
    with pytest.raises(BadInput):
        blocking.create_collection(name, "access-control") if name == "\ud800" else blocking.policy(name)
    assert not server.seen


def test_a_name_is_quoted_whole() -> None:
    seen = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return httpx.Response(404, json={})

    transport = httpx.MockTransport(handle)
    made = Client("https://x.example/faces/", KEY, log_key=SIGNER.vkey, transport=transport)
    with made as client, pytest.raises(BadRecord):
        client.withdraw("a b?c#d", "%2F..é")
    assert seen == [b"/faces/v1/collections/a%20b%3Fc%23d/subjects/%252F..%C3%A9/consents"]


@pytest.mark.parametrize(
    "use",
    [{"purpose": "a,b"}, {"purpose": "a b"}, {"purpose": "a\r\nX: y"}, {"mode": "é"}, {"place": 3}, {"mode": "x" * 65},
     {"requested_by": ["a,b"]}, {"porpoise": "access-control"}],
)  # fmt: skip
def test_words_that_fit_no_header_are_not_sent(client: Any, server: Server, use: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        client.detect(PNG, **use)
    assert not server.seen


def test_a_sector_alone_is_one_sector_and_an_empty_word_is_none(blocking: Client, server: Server) -> None:
    blocking.detect(PNG, requested_by="police", purpose="", mode="")
    assert server.seen[0].headers["countenance-requested-by"] == "police"
    assert "countenance-purpose" not in server.seen[0].headers
    assert not server.seen[0].url.query


def test_a_time_without_a_zone_and_a_key_by_its_text_are_not_sent(blocking: Client, server: Server) -> None:
    naive = datetime(2027, 1, 1)  # noqa: DTZ001
    with pytest.raises(BadInput, match="zone"):
        blocking.record_consent(COLLECTION, "ada", **{**CONSENT, "until": naive})
    with pytest.raises(BadInput) as refused:
        blocking.revoke_key(KEY)
    assert KEY not in str(refused.value)
    assert not server.seen


def test_a_consent_is_sent_as_it_was_given(blocking: Client, server: Server) -> None:
    blocking.record_consent(COLLECTION, "ada", given_at=datetime(2026, 11, 22, 13, tzinfo=UTC), **CONSENT)
    sent = json.loads(server.seen[0].content)
    assert (sent["until"], sent["given_at"], sent["adult"]) == ("2027-11-22T10:00:00Z", "2026-11-22T13:00:00Z", True)
