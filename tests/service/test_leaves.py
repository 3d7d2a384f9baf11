"""What the log says after a full run: enough to decide everything again, and nothing about anybody."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from countenance.domain.errors import CountenanceError
from countenance.policy import cedar, wire
from countenance.service import admit, detect, erase, identify, people, verify
from countenance.service.use import Use
from countenance.storage.tables import consents
from tests.service.test_line import enrolled
from tests.service.world import World, photo, template

if TYPE_CHECKING:
    from countenance.service.auth import Principal
    from countenance.service.people import Collection


def full_run(world: World) -> tuple[Principal, Collection, list[str]]:
    """Every kind of ask, allowed, refused and ended early; returns the receipts too."""
    who, inside = enrolled(world, ("canary-ada", 1), ("canary-bob", 2))
    receipts = [
        detect.detect(world.house, who, photo(1), Use()).receipt,
        verify.verify(world.house, who, inside, "canary-ada", photo(1), Use()).receipt,
        verify.compare(world.house, who, photo(1), photo(2), Use()).receipt,
        identify.identify(world.house, who, inside, photo(2), Use()).receipt,
    ]
    for call in (
        lambda: detect.detect(world.house, who, photo(1), Use(purpose="marketing")),
        lambda: detect.detect(world.house, who, photo(1), Use(probe="canary-word")),
        lambda: identify.identify(world.house, who, inside, photo(), Use()),
        lambda: verify.verify(world.house, who, inside, "canary-nobody", photo(1), Use()),
        lambda: world.customer(sector="police", country="US", name="canary police"),
    ):
        with pytest.raises(CountenanceError) as ended:
            call()
        receipts.append(ended.value.receipt)
    receipts.append(people.withdraw(world.house, who, inside, "canary-bob"))
    receipts.append(erase.erase(world.house, who, inside, "canary-ada").receipt)
    receipts.append(admit.revoke(world.house, who))
    return who, inside, receipts


def test_the_ledger_holds_no_name_no_id_no_template_no_picture_and_no_hash_of_one(world: World) -> None:
    who, inside, _ = full_run(world)
    bob = people.subject_id(world.house, who, inside, "canary-bob")
    with world.house.database.read() as connection:
        bases = [row.encode() for row in connection.execute(select(consents.c.id)).scalars()]
    world.house.close()
    published = b"".join(path.read_bytes() for path in world.settings.ledger.rglob("*") if path.is_file())
    assert len(published) > 1000
    secrets = [b"canary", *(text.encode() for text in (who.customer.id, who.grant.id, who.key, inside.id, bob))]
    assert bases
    secrets += [form for secret in (*bases, *secrets[1:]) for form in _forms(secret)]
    for person in (1, 2):
        secrets += [photo(person)[:64], template(person).tobytes()[:16]]
        digest = hashlib.sha256(photo(person))
        secrets += [digest.digest(), digest.hexdigest().encode()]
    secrets += [secret.removeprefix(b"sub_") for secret in secrets if secret.startswith(b"sub_")]
    assert [secret for secret in secrets if secret in published] == []


def _forms(secret: bytes) -> list[bytes]:
    """An id without its prefix, in bytes, and the digests that anybody could make of it."""
    bare = secret.partition(b"_")[2]
    digest = hashlib.sha256(secret)
    return [secret, bare, bytes.fromhex(bare.decode()), digest.digest(), digest.hexdigest().encode(),
            base64.b64encode(digest.digest())]  # fmt: skip


def test_every_decision_can_be_decided_again_from_the_open_part_of_its_leaf(world: World) -> None:
    _, _, receipts = full_run(world)
    again = 0
    for receipt in receipts:
        opened = world.proven(receipt).leaf.open
        if opened["kind"] != "decision" or "unrecognised" in str(opened["ask"]):
            continue
        on = datetime.fromisoformat(str(opened["time"]))
        verdict = cedar.redecide(world.house.policies, wire.ask_of(opened["ask"]), on, opened["context"])  # type: ignore[arg-type]
        assert verdict.answer == opened["verdict"]
        assert [reason.id for reason in verdict.reasons] == opened["reasons"]
        again += 1
    assert again >= 7


def test_two_identical_calls_share_no_word_that_is_not_in_their_open_parts(world: World) -> None:
    who, _ = enrolled(world)
    first, second = (world.proven(detect.detect(world.house, who, photo(1), Use()).receipt) for _ in range(2))
    assert first.leaf.open == second.leaf.open
    assert first.leaf.commitment != second.leaf.commitment


def test_a_leaf_tells_the_hour_and_no_more(world: World) -> None:
    who, _ = enrolled(world)
    world.later(minutes=7, seconds=9)
    found = world.proven(detect.detect(world.house, who, photo(1), Use()).receipt)
    assert found.leaf.open["time"] == "2026-11-22T10:00:00Z"
    assert found.closed is not None
    assert found.closed["time"] == "2026-11-22T10:37:09Z"


def test_every_rule_that_has_a_next_step_exists(world: World) -> None:
    from countenance.service.gate import NEXT_STEPS

    assert set(NEXT_STEPS) <= set(world.house.policies.rules)
