"""The leaf's schema, held from both sides: what it takes comes back byte for byte, all else is refused."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.domain.decision import Ask
from countenance.domain.errors import BadRecord, Unverified
from countenance.ledger import leaf, vocabulary
from countenance.ledger.note import Signer
from countenance.policy import words
from tests.ledger.world import ASK, DIGEST, DIGESTS, SIGNER, closed_part, decision

if TYPE_CHECKING:
    from collections.abc import Callable

NONCE = bytes(range(32))
CLOSED = closed_part(customer="cus_1", outcome="match")
DECISION = decision(CLOSED, NONCE)


def digests(count: int) -> list[str]:
    """This many digests as a leaf has them: base64, ascending."""
    return sorted(base64.b64encode(bytes([number]) * 32).decode() for number in range(count))


UNDONE: list[leaf.Json] = [*digests(3)]
EXTRAS: dict[str, dict[str, leaf.Json]] = {
    "grant": {"sector": "commercial", "country": "US", "purposes": ["access-control"], "modes": ["one-off"],
              "places": ["private"]},
    "revocation": {"of": "key", "undoes": [UNDONE[0]]},
    "administration": {"act": "grant-end", "by": "provider", "roles": ["approver", "operator"], "verdict": "deny",
                       "reasons": ["roles.own-roles"], "outside-policy": ""},
    "consent": {"purpose": "access-control", "basis": "consent"},
    "withdrawal": {"purpose": "access-control", "undoes": UNDONE},
    "erasure": {"undoes": []}, "sweep": {"because": ["illinois-bipa.retention", "retention.record"]},
    "access": {}, "complaint": {}, "start": {},
    "backup": {"step": "made", "backup": "bak_" + 32 * "0", "until": "2026-12-22T12:00:00Z"},
    "log-key": {"vkey": SIGNER.vkey, "until": "2026-12-22T12:00:00Z"},
    "schedule": {
        "day": "2026-12-24", "because": ["core.model-stale", "washington-rcw-43.386.notice"], "becomes": ["deny"],
        "sectors": ["police"], "countries": ["DE", "US"], "purposes": ["access-control"],
    },
    "filing": {"filed": "notice", "document": DIGEST},
    "policy-change": {"step": "proposed", "change": DIGEST, "before": "", "after": DIGEST, "loosens": True,
                      "notice": 30, "keys": [DIGEST]},
    "law": {"step": "signed", "record": DIGEST, "notice": 30, "keys": [DIGEST], "outside": []},
}  # fmt: skip
JSON = st.recursive(
    st.booleans() | st.integers(-leaf.MAX_INT, leaf.MAX_INT) | st.text(st.characters(blacklist_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def opened(kind: str, **changed: leaf.Json) -> dict[str, leaf.Json]:
    common: dict[str, leaf.Json] = {"v": 1, "kind": kind, "time": "2026-11-22T12:00:00Z", **DIGESTS}
    return {**common, "commitment": leaf.commitment(CLOSED, NONCE), **EXTRAS[kind], **changed}


def with_change(change: Callable[[dict[str, Any]], object]) -> bytes:
    """The decision's leaf with one thing changed, in canonical form."""
    changed = json.loads(DECISION)
    change(changed)
    return json.dumps(changed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_a_decision_comes_back_byte_for_byte() -> None:
    found = leaf.parse(DECISION)
    assert (found.kind, found.encode()) == ("decision", DECISION)
    assert found.commitment == leaf.commit(CLOSED, NONCE)


@pytest.mark.parametrize("kind", [kind for kind in vocabulary.KINDS if kind != "decision"])
def test_every_other_kind_comes_back_and_takes_no_key_more_or_less(kind: str) -> None:
    raw = leaf.encode(opened(kind))
    assert leaf.parse(raw).encode() == raw
    for key in opened(kind):
        with pytest.raises(BadRecord):
            leaf.encode({k: v for k, v in opened(kind).items() if k != key})
    with pytest.raises(BadRecord):
        leaf.encode(opened(kind, subject="sub_1"))


@pytest.mark.parametrize("undoes", [
    ["sub_" + 32 * "0"], [UNDONE[1], UNDONE[0]], [UNDONE[0], UNDONE[0]], UNDONE[0], [1], ["AAAA"], ["?" * 44], {},
    [*digests(leaf.MAX_UNDONE + 1)],
])  # fmt: skip
@pytest.mark.parametrize("kind", ["withdrawal", "revocation", "erasure"])
def test_what_is_undone_is_a_short_sorted_list_of_digests_and_never_an_id(kind: str, undoes: leaf.Json) -> None:
    with pytest.raises(BadRecord):
        leaf.encode(opened(kind, undoes=undoes))


def test_as_many_digests_as_one_leaf_may_carry_fit_in_it() -> None:
    raw = leaf.encode(opened("withdrawal", undoes=[*digests(leaf.MAX_UNDONE)]))
    assert leaf.parse(raw).encode() == raw


@pytest.mark.parametrize("changed", [
    {"step": "lost"}, {"backup": "bak_1"}, {"backup": "sub_" + 32 * "0"}, {"until": "2026-12-22T12:30:00Z"},
    {"until": ""},
])  # fmt: skip
def test_a_leaf_of_a_backup_says_a_step_a_random_id_and_a_whole_hour(changed: dict[str, leaf.Json]) -> None:
    with pytest.raises(BadRecord):
        leaf.encode(opened("backup", **changed))


@pytest.mark.parametrize("changed", [
    {"vkey": ""}, {"vkey": "a name"}, {"vkey": SIGNER.vkey[:-4]}, {"vkey": SIGNER.vkey + "\n"}, {"vkey": 1},
    {"vkey": Signer.generate("x" * 300).vkey}, {"until": "2026-12-22T12:30:00Z"},
])  # fmt: skip
def test_a_leaf_of_a_key_says_a_whole_vkey_and_a_whole_hour(changed: dict[str, leaf.Json]) -> None:
    with pytest.raises(BadRecord):
        leaf.encode(opened("log-key", **changed))


@given(st.dictionaries(st.text(st.characters(blacklist_categories=["Cs"]), max_size=6), JSON, max_size=5))
def test_canonical_json_comes_back(value: dict[str, leaf.Json]) -> None:
    raw = leaf.canonical(value)
    assert leaf.parse_canonical(raw) == value
    assert leaf.canonical(leaf.parse_canonical(raw)) == raw


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"1", b"{", b'{"a":1} ', b' {"a":1}', b'{"b":1,"a":1}', b'{"a":1,"a":1}', b'{"a":1.0}', b'{"a":1e3}',
     b'{"a":NaN}', b'{"a":null}', b'{"a":"\\u0041"}', b'{"a":-0}', b'{"a":9007199254740992}', b'{"a":"\xff"}',
     b'{"a":"\\ud800"}', b'{"a":' + b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}", b'\xef\xbb\xbf{"a":1}'],
)  # fmt: skip
def test_json_in_any_other_form_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRecord):
        leaf.parse_canonical(raw)


@pytest.mark.parametrize("value", [{"a": 1.5}, {"a": None}, {1: "a"}, {"a": (1,)}, {"a": b"x"}, {"a": "\ud800"}])
def test_what_is_no_canonical_json_is_not_written(value: Any) -> None:
    with pytest.raises(BadRecord):
        leaf.canonical(value)


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "version 2": lambda d: d.update(v=2),
    "version true": lambda d: d.update(v=True),
    "version as text": lambda d: d.update(v="1"),
    "no version": lambda d: d.pop("v"),
    "unknown kind": lambda d: d.update(kind="gossip"),
    "kind of another type": lambda d: d.update(kind=["decision"]),
    "another kind's keys": lambda d: d.update(kind="erasure"),
    "a key more": lambda d: d.update(subject="sub_1"),
    "a key less": lambda d: d.pop("model"),
    "exact time": lambda d: d.update(time="2026-11-22T12:30:00Z"),
    "time without zone": lambda d: d.update(time="2026-11-22T12:00:00"),
    "no such day": lambda d: d.update(time="2026-02-30T12:00:00Z"),
    "verdict of another word": lambda d: d.update(verdict="perhaps"),
    "verdict true": lambda d: d.update(verdict=True),
    "a reason twice": lambda d: d.update(reasons=["a.b", "a.b"]),
    "a reason in prose": lambda d: d.update(reasons=["because John said so"]),
    "outside-policy in prose": lambda d: d.update({"outside-policy": "no face of John"}),
    "a digest of another form": lambda d: d.update(model="sha256:" + "A" * 64),
    "no policy digest": lambda d: d.update(policy=""),
    "a short commitment": lambda d: d.update(commitment="AAAA"),
    "a commitment that is no base64": lambda d: d.update(commitment="?" * 44),
    "context nested": lambda d: d["context"].update(grant={"present": True}),
    "context with a name": lambda d: d["context"].update(exception="John Smith"),
    "context key in prose": lambda d: d["context"].update({"who asks": True}),
    "ask with a key more": lambda d: d["ask"].update(organisation="Acme"),
    "ask with a key less": lambda d: d["ask"].pop("mode"),
    "ask with prose": lambda d: d["ask"].update(purpose="find John Smith"),
    "ask with a country's name": lambda d: d["ask"].update(country="Germany"),
    "ask with a set out of order": lambda d: d["ask"].update({"acts-for": ["police", "military"]}),
    "ask with a set with twins": lambda d: d["ask"].update({"acts-for": ["police", "police"]}),
    "ask with a word for a set": lambda d: d["ask"].update({"acts-for": "police"}),
    "ask with a locality too long": lambda d: d["ask"].update(locality="a" * 81),
    "ask with digits for a locality": lambda d: d["ask"].update(locality="5 Main St"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_leaf_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(BadRecord):
        leaf.parse(with_change(CHANGES[name]))


def test_a_changed_leaf_in_the_schema_is_still_a_leaf() -> None:
    """The control of the test above: it is the schema that refuses, not the way the changes are made."""
    for change in (lambda d: d.update(verdict="deny"), lambda d: d["ask"].update(locality="Portland, OR")):
        assert leaf.parse(with_change(change)).kind == "decision"


def test_a_leaf_has_a_bound() -> None:
    context: dict[str, leaf.Json] = {f"fact.{number}": True for number in range(2000)}
    with pytest.raises(BadRecord):
        decision(CLOSED, NONCE, context=context)
    with pytest.raises(BadRecord):
        leaf.parse(b" " * (leaf.MAX_LEAF + 1))


def test_a_word_in_no_vocabulary_is_never_written() -> None:
    """A purpose that somebody typed could be a name; the leaf says only that it was not recognised."""
    typed = Ask(
        "find", "John Smith", "Germany", "john-smith", requested_by=frozenset({"john", "police"}),
        region="us-wa", locality="5 Main St", mode="now",
    )  # fmt: skip
    written = leaf.ask_words(typed)
    known = {"requested-by": ["police", leaf.UNRECOGNISED], "acts-for": [], "seat-country": "", "seat-region": ""}
    unrecognised = {"action", "sector", "country", "purpose", "region", "locality", "mode"}
    assert {key for key, value in written.items() if value == leaf.UNRECOGNISED} == unrecognised
    assert {key: written[key] for key in known} == known
    leaf.parse(decision(CLOSED, NONCE, ask=written))


def test_every_word_of_an_ask_is_written_as_it_is() -> None:
    for key, known in vocabulary.WORDS.items():
        for word in known:
            value = frozenset({word}) if key in ("acts-for", "requested-by") else word
            asked = Ask(**{**_fields(), key.replace("-", "_"): value})
            assert leaf.ask_words(asked)[key] in (word, [word])


def _fields() -> dict[str, Any]:
    return {"action": ASK.action, "sector": ASK.sector, "country": ASK.country, "purpose": ASK.purpose}


def test_the_leafs_vocabulary_is_the_policys() -> None:
    """Two rooms that may not import each other agree on every word."""
    assert {key: frozenset(known) for key, known in words.VOCABULARY.items()} == vocabulary.WORDS


def test_the_closed_part_opens_under_its_nonce_alone() -> None:
    committed = leaf.commit(CLOSED, NONCE)
    assert leaf.open_closed(CLOSED, NONCE, committed)["customer"] == "cus_1"
    for closed, nonce in ((CLOSED[:-1] + b" ", NONCE), (CLOSED, NONCE[::-1]), (b"", NONCE)):
        with pytest.raises(Unverified):
            leaf.open_closed(closed, nonce, committed)


@pytest.mark.parametrize("nonce", [b"", b"\0" * 31, b"\0" * 33, b"\0" * 64])
def test_a_nonce_has_32_bytes(nonce: bytes) -> None:
    with pytest.raises(BadRecord):
        leaf.commit(CLOSED, nonce)


@pytest.mark.parametrize(
    "closed",
    [b"{}", leaf.canonical({**json.loads(CLOSED), "name": "John"}), leaf.canonical({**json.loads(CLOSED), "time": ""}),
     leaf.canonical({**json.loads(CLOSED), "customer": 1}), CLOSED.replace(b",", b", "),
     leaf.canonical({**json.loads(CLOSED), "outcome": "a" * leaf.MAX_CLOSED})],
)  # fmt: skip
def test_a_closed_part_of_another_form_is_refused_even_if_committed_to(closed: bytes) -> None:
    with pytest.raises(BadRecord):
        leaf.open_closed(closed, NONCE, leaf.commit(closed, NONCE))
