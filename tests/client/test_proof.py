"""No answer without its proof: each way in which a receipt may not be the one of this answer is refused.

The server here signs real leaves and lies in one thing at a time.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from countenance.client import Client
from countenance.client.witness import Witness
from countenance.domain.errors import BadInput, BadRecord, NoFace, NotFound, Refused, Unverified
from countenance.ledger.note import Signer
from countenance.ledger.proof import Receipt
from countenance.policy import wire
from tests.client.asks import ALL, CONSENT, PNG
from tests.client.server import ASKS, COLLECTION, DECISION, DENIED, ERASURE, KEY, NOTES, SUBJECT, Server, certificate
from tests.ledger.world import SIGNER, make_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from countenance.ledger import leaf

PROVEN = (*ASKS, *NOTES)
OTHER = "key_" + "00" * 16


def _refused(client: Any, name: str, why: str) -> None:
    with pytest.raises(Unverified, match=why) as found:
        ALL[name](client)
    assert KEY not in str(found.value)
    assert "Do not rely" in found.value.next_step


BACKUP = "bak_" + 32 * "0" + " until 2026-12-22T12:00:00Z"


@pytest.mark.parametrize("name", PROVEN)
def test_an_answer_without_a_receipt_is_refused(client: Any, server: Server, name: str) -> None:
    server.body = lambda body: {key: value for key, value in body.items() if key != "receipt"}
    _refused(client, name, "carries no receipt")


@pytest.mark.parametrize("name", PROVEN)
def test_a_receipt_that_was_changed_is_refused(client: Any, server: Server, name: str) -> None:
    server.body = lambda body: {**body, "receipt": _changed(body["receipt"])}
    _refused(client, name, "does not hold")


def _changed(line: str) -> str:
    """One bit of the last hash or signature, in the checkpoint at the end."""
    made = Receipt.from_line(line)
    raw = bytearray(made.proof.checkpoint)
    at = raw.rindex(b" ") + 20
    raw[at] = ord("A") if raw[at] != ord("A") else ord("B")
    return Receipt(type(made.proof)(made.proof.extra, made.proof.index, made.proof.path, bytes(raw))).line()


@pytest.mark.parametrize("name", PROVEN)
def test_a_log_that_is_not_the_pinned_one_is_refused(server: Server, name: str) -> None:
    stranger = Signer.from_seed(SIGNER.name, bytes(32))
    transport = httpx.MockTransport(server.handle)
    with Client("https://x.example", KEY, log_key=stranger.vkey, transport=transport) as client:
        _refused(client, name, "does not hold")


@pytest.mark.parametrize("name", PROVEN)
def test_a_receipt_of_another_key_is_refused(client: Any, server: Server, name: str) -> None:
    server.closed = {"key": OTHER}
    if name == "erase":  # its leaf names no key, so that nothing leads to the person
        assert ALL[name](client).erasure == ERASURE
    else:
        _refused(client, name, "another key")


@pytest.mark.parametrize("name", PROVEN)
def test_a_receipt_is_never_taken_twice(client: Any, server: Server, name: str) -> None:
    kept: list[dict[str, Any]] = []

    def again(body: dict[str, Any]) -> dict[str, Any]:
        kept.append(body)
        return kept[0]

    server.body = again
    ALL[name](client)
    _refused(client, name, "for another answer before")


@pytest.mark.parametrize("name", ASKS)
@pytest.mark.parametrize(
    ("lie", "why"),
    [
        ({"ask": {"action": "track"}}, "for track"),
        ({"states": {"verdict": "deny"}}, "its receipt says deny"),
        ({"states": {"reasons": ["core.other"]}}, "reasons are not those"),
        ({"states": {"outside-policy": "no-face"}}, "does not say allow"),
        ({"closed": {"outcome": "refused"}}, "another outcome"),
    ],
)
def test_a_result_and_its_leaf_say_the_same(
    client: Any, server: Server, name: str, lie: dict[str, Any], why: str
) -> None:
    for field, said in lie.items():
        setattr(server, field, said)
    _refused(client, name, why)


@pytest.mark.parametrize("name", ["enrol", "verify", "identify", "export"])
def test_a_receipt_of_another_subject_or_collection_is_refused(client: Any, server: Server, name: str) -> None:
    server.closed = {"subject": "sub_" + "9" * 32}
    _refused(client, name, "another subject")
    server.closed = {"collection": "col_" + "9" * 32}
    _refused(client, name, "another collection")


@pytest.mark.parametrize("name", ["enrol", "verify", "export"])
def test_an_answer_about_another_subject_is_refused(client: Any, server: Server, name: str) -> None:
    other = "sub_" + "9" * 32
    server.closed, server.body = {"subject": other}, lambda body: {**body, "subject": other}
    _refused(client, name, "about another subject")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"receipt": None}, "carries no receipt"),
        ({"receipt": "AAAA"}, "does not hold"),
        ({"index": 5}, "another index"),
    ],
)
def test_a_receipt_that_comes_again_is_proven_too(client: Any, server: Server, body: dict[str, Any], why: str) -> None:
    server.body = lambda told: {**told, **body}
    _refused(client, "decision", why)


def test_a_receipt_that_comes_again_is_of_the_leaf_that_was_asked_for(client: Any, server: Server) -> None:
    ALL["detect"](client)
    other = server.append("consent", {"purpose": "access-control", "basis": "consent"}, {})
    server.body = lambda _: {"index": other[0], "receipt": other[1]}
    _refused(client, "decision", "another index")


@pytest.mark.parametrize("name", ["verify", "compare"])
def test_a_comparison_that_was_judged_as_a_search_is_an_answer(client: Any, server: Server, name: str) -> None:
    server.ask = {"action": "identify"}
    assert ALL[name](client).decision.ask.action == "identify"


def test_a_search_that_was_judged_as_a_comparison_is_refused(client: Any, server: Server) -> None:
    server.ask = {"action": "verify"}
    _refused(client, "identify", "for verify")


@pytest.mark.parametrize("name", ["verify", "compare"])
def test_a_match_that_the_leaf_does_not_know_is_refused(client: Any, server: Server, name: str) -> None:
    server.body = lambda body: {**body, "match": False}
    _refused(client, name, "another outcome")


def test_another_index_and_another_receipt_in_the_header_are_refused(client: Any, server: Server) -> None:
    server.body = lambda body: {**body, "index": body["index"] + 1}
    _refused(client, "detect", "another index")
    server.body, server.header = lambda body: body, lambda line: line[:-4]
    _refused(client, "detect", "differ")


def test_a_decision_with_an_error_in_it_is_no_allow(client: Any, server: Server) -> None:
    server.body = lambda body: {**body, "decision": {**DECISION, "errors": ["a word is not known"]}}
    _refused(client, "detect", "does not say allow")


@pytest.mark.parametrize(
    ("said", "stated"),
    [
        ({"purpose": "venue-entry"}, {"purpose": "access-control"}),
        ({"mode": "real-time"}, {"mode": "one-off"}),
        ({"requested_by": ["police"]}, {"requested-by": []}),
        ({"requested_by": ["police"]}, {"requested-by": ["commercial", "police"]}),
        ({"minors": "yes"}, {"minors": "no"}),
        ({"camera": "mobile"}, {"camera": "fixed"}),
        ({"probe": "sketch"}, {"probe": "photograph"}),
    ],
)
def test_a_leaf_that_states_less_than_was_said_is_refused(
    client: Any, server: Server, said: dict[str, Any], stated: dict[str, leaf.Json]
) -> None:
    """A server that drops a word would have asked the policy about another use."""
    server.ask = stated
    with pytest.raises(Unverified, match="states another"):
        client.detect(PNG, **said)


def test_a_leaf_may_be_graver_than_what_was_said_and_names_no_unknown_word(client: Any, server: Server) -> None:
    server.ask = {"minors": "yes", "camera": "mobile", "purpose": "unrecognised"}
    found = client.detect(PNG, minors="unknown", camera="fixed", purpose="a-new-one")
    assert (found.decision.ask.minors, found.decision.ask.purpose) == ("yes", "unrecognised")


@pytest.mark.parametrize("name", NOTES)
def test_a_deed_proven_by_another_kind_of_leaf_is_refused(
    client: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kind, words, _, _ = NOTES["withdraw" if name != "withdraw" else "erase"]
    monkeypatch.setitem(NOTES, name, (kind, words, *NOTES[name][2:]))
    _refused(client, name, "not for")


def test_a_consent_for_another_purpose_or_on_another_basis_is_refused(client: Any, server: Server) -> None:
    server.states = {"purpose": "venue-entry"}
    _refused(client, "record_consent", "another purpose")
    server.states = {}
    with pytest.raises(Unverified, match="another basis"):
        client.record_consent(COLLECTION, "ada", **{**CONSENT, "basis": "demonstration"})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace("leaf 0", "leaf 1"), "does not hold"),
        (lambda _: certificate("era_" + "9" * 32, 0), "another erasure"),
        (lambda _: certificate(ERASURE, 5), "another erasure or leaf"),
        (lambda text: text.replace("example.org/countenance/certificate", "other.org/x"), "does not hold"),
        (lambda _: certificate(ERASURE, 0, ""), "which backups there are"),
        (lambda _: certificate(ERASURE, 0, "none", BACKUP), "which backups there are"),
        (lambda _: certificate(ERASURE, 0, "bak_1 until tomorrow"), "which backups there are"),
        (lambda _: "gone", "does not hold"),
        (lambda _: "\n\nno note", "does not hold"),
    ],
)
def test_a_certificate_is_of_this_erasure_and_signed(
    client: Any, server: Server, change: Callable[[str], str], why: str
) -> None:
    server.body = lambda body: {**body, "certificate": change(body["certificate"])}
    _refused(client, "erase", why)


def test_a_certificate_may_name_the_backups_that_have_not_expired(client: Any, server: Server) -> None:
    copies = (BACKUP, BACKUP.replace("0", "1", 1))
    server.body = lambda body: {**body, "certificate": certificate(ERASURE, 0, *copies)}
    assert client.erase(COLLECTION, SUBJECT).certificate == certificate(ERASURE, 0, *copies)


def test_without_its_key_a_certificate_is_still_of_this_leaf(blocking: Client, server: Server) -> None:
    assert blocking.erase(COLLECTION, SUBJECT).certificate == certificate(ERASURE, 0)
    server.body = lambda body: {**body, "certificate": certificate(ERASURE, 0)}
    _refused(blocking, "erase", "another erasure or leaf")


def test_a_refusal_carries_its_decision_and_its_verified_receipt(client: Any, server: Server) -> None:
    _deny(server)
    with pytest.raises(Refused, match="It went wrong") as found:
        client.verify(COLLECTION, SUBJECT, PNG, purpose="venue-entry")
    refused = found.value
    assert wire.answer(refused.decision.verdict, refused.decision.on) == DENIED
    assert refused.decision.ask.purpose == "venue-entry"
    assert Receipt.from_line(refused.receipt).proof.index == 0
    assert (refused.next_step, refused.retry, refused.code) == ("Do this.", False, "refused")


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        ({"states": {"verdict": "allow"}}, "its receipt says allow"),
        ({"states": {"reasons": []}}, "reasons are not those"),
        ({"states": {"outside-policy": "no-face"}}, "does not say deny"),
        ({"closed": {"outcome": "match"}}, "another outcome"),
        ({"closed": {"key": OTHER}}, "another key"),
        ({"ask": {"purpose": "housing"}}, "another purpose"),
        ({"body": lambda body: {**body, "receipt": ""}}, "carries no receipt"),
        ({"body": lambda body: {**body, "receipt": None}}, "carries no receipt"),
        ({"body": lambda body: {**body, "decision": DECISION}}, "says allow"),
    ],
)
def test_a_refusal_that_is_not_proven_is_not_believed(
    client: Any, server: Server, lie: dict[str, Any], why: str
) -> None:
    _deny(server)
    for field, said in lie.items():
        setattr(server, field, {**server.states, **said} if field == "states" else said)
    with pytest.raises(Unverified, match=why):
        client.verify(COLLECTION, SUBJECT, PNG, purpose="venue-entry")


def _deny(server: Server) -> None:
    server.states = {"verdict": "deny", "reasons": ["core.meter"]}
    server.answer = lambda _, request: server.problem(  # type: ignore[method-assign, assignment]
        403, "refused", request, decision=DENIED, outcome="refused"
    )


def test_an_ask_that_came_to_nothing_is_proven_too(client: Any, server: Server) -> None:
    server.states = {"outside-policy": "no-face"}
    server.before = [server.problem(422, "no-face", outcome="none")]
    with pytest.raises(NoFace) as found:
        ALL["verify"](client)
    assert Receipt.from_line(found.value.receipt).proof.index == 0
    server.states = {"outside-policy": "not-found", "verdict": "deny"}
    server.before = [server.problem(404, "not-found", outcome="none")]
    with pytest.raises(NotFound) as missing:
        ALL["verify"](client)
    assert missing.value.receipt


@pytest.mark.parametrize("code", ["no-face", "several-faces", "poor-quality"])
def test_an_error_that_owes_a_receipt_and_has_none_is_not_believed(client: Any, server: Server, code: str) -> None:
    server.before = [server.problem(422, code)]
    _refused(client, "verify", "carries no receipt")


def test_an_error_that_its_receipt_does_not_know_is_not_believed(client: Any, server: Server) -> None:
    server.states = {"outside-policy": "poor-quality"}
    server.before = [server.problem(422, "no-face", outcome="none")]
    _refused(client, "verify", "says otherwise")
    server.before = [server.problem(422, "poor-quality", outcome="none", action="detect")]
    _refused(client, "verify", "for detect")


def test_a_leaf_from_before_the_ask_is_refused(client: Any, server: Server) -> None:
    """The log was seen to have two leaves when the ask was sent: its leaf can't be the first of them."""
    old = server.decision({"action": "detect"}, {"outcome": "faces"})
    ALL["detect"](client)
    server.body = lambda body: {**body, "receipt": old[1], "index": old[0]}
    _refused(client, "detect", "older than the ask")


def test_two_histories_of_one_size_are_refused(tmp_path: Path) -> None:
    witness = Witness(SIGNER.verifier)
    with make_log(tmp_path / "one") as one, make_log(tmp_path / "two") as two:
        lines = [Server(log).decision({}, {"outcome": "match"})[1] for log in (one, two)]
    assert lines[0] != lines[1]
    witness.check(lines[0], 0)
    with pytest.raises(Unverified, match="two histories"):
        witness.check(lines[1], 0)


def test_what_is_remembered_is_bounded_and_nothing_older_is_taken(tmp_path: Path) -> None:
    witness = Witness(SIGNER.verifier, remembered=4)
    with make_log(tmp_path) as log:
        lines = [Server(log).decision({}, {"outcome": "match"})[1] for _ in range(8)]
    for line in lines[1:]:
        witness.check(line, 0)
    assert witness.size == 8
    for line in lines[1:]:
        with pytest.raises(Unverified, match=r"before|older"):
            witness.check(line, 0)
    with pytest.raises(Unverified, match="older"):
        witness.check(lines[0], 0)


def test_asks_under_way_at_once_may_end_in_any_order(tmp_path: Path) -> None:
    witness = Witness(SIGNER.verifier)
    with make_log(tmp_path) as log:
        lines = [Server(log).decision({}, {"outcome": "match"})[1] for _ in range(3)]
    assert [witness.check(line, 0).index for line in reversed(lines)] == [2, 1, 0]


@pytest.mark.parametrize("line", ["x", "=", "é", "A" * (1 << 21), base64.urlsafe_b64encode(b"countenance").decode()])
def test_what_is_no_receipt_is_refused(line: str) -> None:
    with pytest.raises(Unverified, match="does not hold"):
        Witness(SIGNER.verifier).check(line, 0)


def test_the_log_that_the_server_names_is_the_pinned_one(client: Any, server: Server) -> None:
    server.body = lambda body: {**body, "vkey": Signer.from_seed(SIGNER.name, bytes(32)).vkey}
    _refused(client, "log", "names another log")


@pytest.mark.parametrize(("key", "error"), [("", BadInput), ("x", BadRecord), (SIGNER.vkey[:-2], BadRecord)])
def test_there_is_no_client_without_the_logs_key(key: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        Client("https://x.example", KEY, log_key=key)
