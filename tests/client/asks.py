"""Each call of the API once, by its name, as the tests make it of either client."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.client.server import COLLECTION, KEY_ID, SUBJECT

if TYPE_CHECKING:
    from collections.abc import Callable

PNG = b"\x89PNG\r\n\x1a\n and the rest"
JPEG = b"\xff\xd8\xff and the rest"
UNTIL = datetime(2027, 11, 22, 10, 0, tzinfo=UTC)
CONSENT: dict[str, Any] = {
    "until": UNTIL, "adult": True, "manner": "in-writing", "notice": "what it is for", "recorded_by": "A. Person",
    "evidence": "form 17",
}  # fmt: skip

ALL: dict[str, Callable[[Any], Any]] = {
    "me": lambda client: client.me(),
    "collections": lambda client: list(client.collections()),
    "create_collection": lambda client: client.create_collection("staff", "access-control"),
    "subjects": lambda client: list(client.subjects(COLLECTION)),
    "record_consent": lambda client: client.record_consent(COLLECTION, "ada", **CONSENT),
    "consents": lambda client: client.consents(COLLECTION, SUBJECT),
    "withdraw": lambda client: client.withdraw(COLLECTION, SUBJECT),
    "enrol": lambda client: client.enrol(COLLECTION, SUBJECT, PNG),
    "verify": lambda client: client.verify(COLLECTION, SUBJECT, PNG),
    "identify": lambda client: client.identify(COLLECTION, PNG, top=2),
    "detect": lambda client: client.detect(JPEG),
    "compare": lambda client: client.compare(PNG, JPEG),
    "erase": lambda client: client.erase(COLLECTION, SUBJECT),
    "export": lambda client: client.export(COLLECTION, SUBJECT),
    "decisions": lambda client: list(client.decisions()),
    "decision": lambda client: client.decision(0),
    "disclose": lambda client: client.disclose(0, "police", purpose="missing-persons"),
    "decide": lambda client: client.decide(
        action="verify", sector="police", country="US", purpose="access-control", legal_effect="no", pack=["core"]
    ),
    "policies": lambda client: client.policies(),
    "policy": lambda client: client.policy("core"),
    "keys": lambda client: client.keys(),
    "new_key": lambda client: client.new_key(),
    "revoke_key": lambda client: client.revoke_key(KEY_ID),
    "log": lambda client: client.log(),
    "transparency": lambda client: client.transparency(),
}
