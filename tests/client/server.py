"""A small server for the client's tests: canned results, but real leaves in a real log, and so real receipts.

It tells the truth unless a test makes it lie: `states`, `ask` and `closed` change what the leaf says, `body` changes
what the caller is told, `before` are replies (or broken connections) that come first. It asserts that each call
carries the key, or must not.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from countenance.ledger import leaf, vocabulary
from countenance.ledger.proof import Receipt
from tests.ledger.world import ASK, DIGESTS, SIGNER, closed_part

if TYPE_CHECKING:
    from collections.abc import Callable

    from countenance.ledger.log import Log

KEY_ID, KEY = "key_" + "ab" * 16, "cnt_" + "ab" * 16 + "_" + "s3cr3t-" * 6 + "x"
COLLECTION, SUBJECT, REFERENCE, ERASURE = (f"{kind}_{'0' * 31}1" for kind in ("col", "sub", "ref", "era"))
MOMENT = "2026-11-22T12:30:05Z"
DIGEST = "sha256:" + 64 * "a"
UNDOES: dict[str, leaf.Json] = {"undoes": [base64.b64encode(bytes(range(32))).decode()]}
CERTIFICATES = type(SIGNER).from_seed("example.org/countenance/certificate", bytes(range(1, 33)))
FACE = {
    "box": {"x": 1.5, "y": 2, "width": 30, "height": 40.5},
    "landmarks": [[float(n), n + 0.5] for n in range(5)],
    "quality": [{"name": "sharpness", "value": 0.9, "unit": "1", "ok": True, "says": "the face is blurred"}],
}
LIKENESS = {"match": True, "promised_rate": 0.001, "false_match_rate": None, "calibration": DIGEST}
TEMPLATE = base64.b64encode(struct.pack("<4f", 0.5, -0.5, 0.5, -0.5)).decode()
COUNT = {"leaves": 4, "refused": 1, "without_result": 0, "checked": 3, "declared": 1, "first": 0, "newest": 3}
ENTRY = {
    "index": 3, "time": MOMENT, "outcome": "enrolled", "key": KEY_ID, "collection": COLLECTION, "subject": SUBJECT,
    "request": "req_1",
}  # fmt: skip
DECISION: dict[str, Any] = {
    "decision": "allow", "on": MOMENT, "packs": [{"name": "core", "digest": DIGEST}],
    "reasons": [{"id": "core.permit", "says": "It is allowed.", "source": "docs/policy.md", "evidence": "own"}],
    "lifted_when": [], "duties": ["tell them"], "assumed": [], "errors": [],
}  # fmt: skip
DENIED: dict[str, Any] = {
    **DECISION, "decision": "deny",
    "reasons": [{"id": "core.meter", "says": "Too many.", "source": "docs/policy.md", "evidence": "own"}],
    "lifted_when": [
        {"all": [{"fact": "activity.tripped", "is": False}, {"fact": "model.worst_fmr_ppm", "at_most": 10}],
         "says": "if the meter is quiet"},
    ],
}  # fmt: skip

ASKS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "enrol": ("enrol", "enrolled", {"subject": SUBJECT, "reference": REFERENCE, "face": FACE}),
    "verify": ("verify", "match", {"subject": SUBJECT, **LIKENESS, "face": FACE}),
    "identify": ("identify", "match", {
        "candidates": [{"subject": SUBJECT, "reference": REFERENCE, "false_match_rate": 0.0001}], "gallery": 7,
        "false_positive_rate": 0.01, "clear": True, "runner_up": None, "calibration": DIGEST, "face": FACE,
    }),
    "detect": ("detect", "faces", {"faces": [FACE]}),
    "compare": ("verify", "match", {**LIKENESS, "faces": [FACE, FACE]}),
    "disclose": ("disclose", "disclosed", {"disclosure": "dis_" + "0" * 32}),
    "export": ("export", "exported", {
        "subject": SUBJECT, "collection": COLLECTION, "purpose": "access-control",
        "grounds": [{"basis": "consent", "purpose": "access-control", "given_at": MOMENT, "until": MOMENT,
                     "manner": "in-writing", "notice": "what it is for", "recorded_by": "A. Person",
                     "withdrawn": None}],
        "references": [{"reference": REFERENCE, "created": MOMENT, "model_digest": DIGEST, "template": TEMPLATE}],
        "decisions": [ENTRY],
    }),
}  # fmt: skip
"""By the name of the call: the action of its leaf, the outcome in its closed part, and the result."""

NOTES: dict[str, tuple[str, dict[str, leaf.Json], dict[str, str], dict[str, Any]]] = {
    "record_consent": ("consent", {"purpose": "access-control", "basis": "consent"}, {"subject": SUBJECT},
                       {"subject": SUBJECT, "purpose": "access-control"}),
    "withdraw": ("withdrawal", {"purpose": "access-control", **UNDOES},
                 {"subject": SUBJECT, "collection": COLLECTION}, {}),
    "erase": ("erasure", UNDOES, {"key": "", "outcome": ERASURE}, {"erasure": ERASURE, "certificate": ""}),
    "new_key": ("administration", {"act": "key-issue", "by": "key", "roles": [], "verdict": "allow", "reasons": [],
                                    "outside-policy": ""}, {"key": "key_" + "cd" * 16},
                {"id": "key_" + "cd" * 16, "key": "cnt_new"}),
    "revoke_key": ("revocation", {"of": "key", **UNDOES}, {"key": KEY_ID}, {}),
}  # fmt: skip
"""By the name of the call: kind and open words of its leaf, its closed part, and the answer."""

AGAIN: dict[str, tuple[str, dict[str, leaf.Json], dict[str, str], dict[str, Any]]] = {
    "decision": (*NOTES["record_consent"][:3], {"index": 0}),
}
"""The same, where an old leaf is proven once more."""

PLAIN: dict[str, dict[str, Any]] = {
    "me": {"key": KEY_ID, "customer": "cus_1", "grant": {
        "id": "gra_1", "purposes": ["access-control"], "modes": ["one-off"], "places": ["private"], "until": MOMENT,
        "active": True}},
    "collections": {"collections": [{"id": COLLECTION, "name": "staff", "purpose": "access-control",
                                     "created": MOMENT, "keep_days": None}], "next": None},
    "create_collection": {"id": COLLECTION, "name": "staff", "purpose": "access-control", "created": MOMENT,
                          "keep_days": 90},
    "subjects": {"subjects": [{"id": SUBJECT, "alias": "ada", "references": 1}], "next": None},
    "consents": {"subject": SUBJECT, "records": [{
        "record_id": "con_1", "pii_principal_id": SUBJECT, "evidence": "form 17",
        "events": [{"event_type": "consent_given", "event_time": MOMENT}]}]},
    "decide": {**DENIED, "assumed": ["mode=one-off"]},
    "policies": {"in_force": [{"name": "core", "digest": DIGEST}], "digest": DIGEST},
    "policy": {"name": "core", "digest": DIGEST, "text": "permit();"},
    "keys": {"keys": [{"id": KEY_ID, "created": MOMENT, "revoked": None}]},
    "decisions": {"decisions": [ENTRY], "next": None},
    "log": {"origin": SIGNER.name, "vkey": SIGNER.vkey, "size": 5},
    "transparency": {
        "log": {"origin": SIGNER.name, "vkey": SIGNER.vkey, "size": 5, "counted": 4, "witnessed": None},
        "decisions": COUNT, "declared_alone": 0.25, "promises": {"under_notice": [{"change": "chg_1"}]},
        **{name: [{"word": "verify", **COUNT}] for name in (
            "leaves", "action", "sector", "purpose", "country", "refused_by", "ended_by", "for_law_enforcement")},
    },
}  # fmt: skip
"""By the name of the call: answers without a receipt."""

CREATES = ("create_collection", "record_consent", "enrol", "new_key")
OPEN = ("decide", "policies", "policy", "log", "transparency")
IN = f"/v1/collections/{COLLECTION}"
ROUTES = {
    ("GET", "/v1/me"): "me", ("GET", "/v1/collections"): "collections",
    ("POST", "/v1/collections"): "create_collection",
    ("GET", f"{IN}/subjects"): "subjects", ("POST", f"{IN}/consents"): "record_consent",
    ("GET", f"{IN}/subjects/{SUBJECT}/consents"): "consents",
    ("DELETE", f"{IN}/subjects/{SUBJECT}/consents"): "withdraw", ("DELETE", f"{IN}/subjects/{SUBJECT}"): "erase",
    ("POST", f"{IN}/subjects/{SUBJECT}/references"): "enrol", ("POST", f"{IN}/subjects/{SUBJECT}/verify"): "verify",
    ("POST", f"{IN}/identify"): "identify", ("POST", "/v1/detect"): "detect", ("POST", "/v1/compare"): "compare",
    ("POST", "/v1/decide"): "decide", ("GET", "/v1/policies"): "policies", ("GET", "/v1/policies/core"): "policy",
    ("GET", "/v1/keys"): "keys", ("POST", "/v1/keys"): "new_key", ("DELETE", f"/v1/keys/{KEY_ID}"): "revoke_key",
    ("GET", "/v1/log"): "log", ("GET", "/v1/transparency"): "transparency",
    ("GET", f"{IN}/subjects/{SUBJECT}/export"): "export",
    ("GET", "/v1/decisions"): "decisions", ("GET", "/v1/decisions/0"): "decision",
    ("POST", "/v1/decisions/0/disclosures"): "disclose",
}  # fmt: skip

Body = dict[str, Any]


@dataclass
class Server:
    """One server. `handle` is what an httpx.MockTransport calls."""

    log: Log
    states: dict[str, leaf.Json] = field(default_factory=dict)
    ask: dict[str, leaf.Json] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)
    body: Callable[[Body], Body] = field(default=lambda body: body)
    header: Callable[[str], str] = field(default=lambda line: line)
    before: list[httpx.Response | Exception] = field(default_factory=list)
    seen: list[httpx.Request] = field(default_factory=list)
    old: tuple[int, str] | None = None

    def handle(self, request: httpx.Request) -> httpx.Response:
        name = ROUTES[request.method, request.url.path]
        sent = request.headers.get("authorization", "")
        assert sent == ("" if name in OPEN else f"Bearer {KEY}")
        named = request.headers.get("idempotency-key", "")
        assert re.fullmatch(r'"[A-Za-z0-9_-]{16,64}"' if name in CREATES else "", named)
        self.seen.append(request)
        if self.before:
            first = self.before.pop(0)
            if isinstance(first, Exception):
                raise first
            return first
        return self.answer(name, request)

    def answer(self, name: str, request: httpx.Request) -> httpx.Response:
        if name in PLAIN:
            return _json(200, self.body(json.loads(json.dumps(PLAIN[name]))))
        if name in NOTES or name in AGAIN:
            return self._noted(name)
        action, outcome, result = ASKS[name]
        index, line = self.decision({"action": action, **said(request)}, {"outcome": outcome})
        whole = {**json.loads(json.dumps(result)), "decision": DECISION, "receipt": line, "index": index}
        return self.told(200, whole)

    def problem(self, status: int, code: str, request: httpx.Request | None = None, **more: Any) -> httpx.Response:
        """An error; with outcome=..., also with the receipt of a leaf that has this outcome."""
        whole = {"type": "urn:x", "title": "T", "status": status, "code": code, "detail": "It went wrong.",
                 "next_step": "Do this.", "retry": False, "request": "req_1"}  # fmt: skip
        outcome, headers = more.pop("outcome", ""), more.pop("headers", {})
        if outcome:
            words = {"action": more.pop("action", "verify"), **(said(request) if request else {})}
            whole["receipt"] = self.decision(words, {"outcome": outcome})[1]
        return self.told(status, {**whole, **more}, {"content-type": "application/problem+json", **headers})

    def told(self, status: int, body: Body, headers: dict[str, str] | None = None) -> httpx.Response:
        """The reply: its receipt stands in the header too, as body and test leave it."""
        body = self.body(body)
        if line := self.header(body.get("receipt") or ""):
            headers = {"countenance-receipt": line, **(headers or {})}
        return _json(status, body, headers)

    def decision(self, words: dict[str, leaf.Json], closed: dict[str, str]) -> tuple[int, str]:
        """Append a decision's leaf; its index and receipt."""
        ask = {**leaf.ask_words(ASK), **words, **self.ask}
        opened: dict[str, leaf.Json] = {
            "ask": ask, "context": {"verified": True, "model.groups": 4},
            "verdict": "allow", "reasons": ["core.permit"], "outside-policy": "", **self.states,
        }  # fmt: skip
        parts = {"key": KEY_ID, "collection": COLLECTION, "subject": SUBJECT, **closed}
        if ask["action"] == "detect" or closed["outcome"] == "no-match":
            parts["subject"] = ""
        return self.append("decision", opened, parts)

    def append(self, kind: str, words: dict[str, leaf.Json], closed: dict[str, str]) -> tuple[int, str]:
        nonce, private = secrets.token_bytes(32), closed_part(**{**closed, **self.closed})
        opened: dict[str, leaf.Json] = {"v": 1, "kind": kind, "time": "2026-11-22T12:00:00Z", **words, **DIGESTS}
        entry = leaf.encode({**opened, "commitment": leaf.commitment(private, nonce)})
        appended = self.log.append(entry)
        return appended.index, Receipt(appended.proof, nonce, private).line()

    def _noted(self, name: str) -> httpx.Response:
        kind, words, closed, result = {**NOTES, **AGAIN}[name]
        if name in NOTES or not self.old:
            self.old = self.append(kind, {**words, **self.states}, {"key": KEY_ID, **closed})
        index, line = self.old
        whole = {**result, "receipt": line}
        if name == "erase":
            whole["certificate"] = certificate(ERASURE, index)
        return self.told(200, whole)


def certificate(erasure: str, index: int, *copies: str) -> str:
    backups = "".join(f"backup {copy}\n" for copy in copies or ("none",))
    text = f"countenance-erasure@v1\n{erasure}\nrequested {MOMENT}\ngone {MOMENT}\nleaf {index}\n{backups}"
    return CERTIFICATES.sign(text).decode()


def said(request: httpx.Request) -> dict[str, leaf.Json]:
    """The words that this call says of itself, as an honest server writes them."""
    query = {name.replace("_", "-"): word for name, word in request.url.params.items() if name != "top"}
    words: dict[str, leaf.Json] = {name: _known(name, word) for name, word in query.items()}
    if purpose := request.headers.get("countenance-purpose"):
        words["purpose"] = _known("purpose", purpose)
    if sectors := request.headers.get("countenance-requested-by"):
        words["requested-by"] = [*sorted({_known("requested-by", sector) for sector in sectors.split(",")})]
    return words


def _known(name: str, word: str) -> str:
    return word if word in vocabulary.WORDS[name] else leaf.UNRECOGNISED


def _json(status: int, body: Body, headers: dict[str, str] | None = None) -> httpx.Response:
    named = {"content-type": "application/json", **(headers or {})}
    return httpx.Response(status, content=json.dumps(body).encode(), headers=named)
