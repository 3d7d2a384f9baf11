"""Both clients against the real application and a real house: what the fake server assumes is what the house does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from countenance.client import AsyncClient, Client, readers
from countenance.client.reading import Fields
from countenance.domain.errors import (
    BadInput,
    BadRecord,
    Conflict,
    DamagedImage,
    NoFace,
    NotFound,
    PoorQuality,
    Refused,
    SeveralFaces,
    Unauthenticated,
    Unverified,
)
from countenance.domain.standing import WHO
from countenance.ledger.note import Signer
from countenance.policy import wire
from tests.client.house import Doors, listening, opened
from tests.service.world import photo, template

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOLD: dict[str, Any] = {
    "adult": True, "manner": "in-writing", "notice": "what it is for", "recorded_by": "A. Person",
    "evidence": "form 17",
}  # fmt: skip


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    with opened(tmp_path) as made:
        yield made


@pytest.fixture
def faces(doors: Doors) -> Iterator[Client]:
    with listening(doors.app) as address, Client(address, doors.key, **doors.pinned) as made:  # type: ignore[arg-type]
        yield made


def _until(doors: Doors) -> datetime:
    return doors.world.moment + timedelta(days=30)


def _enrolled(doors: Doors, faces: Client) -> tuple[str, str]:
    inside = faces.create_collection("staff", "access-control").id
    subject = faces.record_consent(inside, "ada", until=_until(doors), **TOLD).subject
    faces.enrol(inside, subject, photo(1))
    return inside, subject


def test_a_person_comes_is_known_and_goes(doors: Doors, faces: Client) -> None:
    inside, subject = _enrolled(doors, faces)
    same, other = faces.verify(inside, "ada", photo(1)), faces.verify("staff", subject, photo(2))
    assert (same.match, other.match, same.subject) == (True, False, subject)
    found, nobody = faces.identify(inside, photo(1)), faces.identify(inside, photo(9), top=10)
    assert (found.candidates[0].subject, found.gallery, found.clear) == (subject, 1, True)
    assert (nobody.candidates, nobody.clear, nobody.match) == ((), None, False)
    assert len(faces.detect(photo(1, 2)).faces) == 2
    assert faces.compare(photo(1), photo(1, variant=3)).match
    gone = faces.erase(inside, "ada")
    assert gone.erasure in gone.certificate
    with pytest.raises(NotFound) as missing:
        faces.verify(inside, "ada", photo(1))
    assert doors.world.proven(missing.value.receipt).leaf.open["outside-policy"] == "not-found"


def test_both_clients_get_the_same_answers(doors: Doors, faces: Client) -> None:
    inside, subject = _enrolled(doors, faces)

    async def ask() -> list[Any]:
        transport = httpx.ASGITransport(doors.app)
        made = AsyncClient("http://127.0.0.1", doors.key, transport=transport, **doors.pinned)  # type: ignore[arg-type]
        async with made as waiting:
            people = [person async for person in waiting.subjects(inside, limit=1)]
            calls = (waiting.me(), waiting.policies(), waiting.keys(), waiting.policy("core"))
            return [people, *await asyncio.gather(*calls), await waiting.verify(inside, subject, photo(1))]

    people, me, policies, keys, core, verified = asyncio.run(ask())
    assert people == list(faces.subjects(inside))
    assert (me, policies, keys, core) == (faces.me(), faces.policies(), faces.keys(), faces.policy("core"))
    again = faces.verify(inside, subject, photo(1))
    assert (verified.likeness, verified.face) == (again.likeness, again.face)
    assert again.index == verified.index + 1


def test_many_asks_at_once_are_all_proven(doors: Doors) -> None:
    async def ask() -> set[int]:
        transport = httpx.ASGITransport(doors.app)
        made = AsyncClient("http://127.0.0.1", doors.key, transport=transport, **doors.pinned)  # type: ignore[arg-type]
        async with made as waiting:
            return {found.index for found in await asyncio.gather(*(waiting.detect(photo(1)) for _ in range(12)))}

    assert len(asyncio.run(ask())) == 12


def test_lists_come_in_parts(doors: Doors, faces: Client) -> None:
    for name in ("a", "b", "c"):
        faces.create_collection(name, "access-control")
    assert [one.name for one in faces.collections(limit=1)] == ["a", "b", "c"]
    for alias in ("é", "b c", "x?y"):
        faces.record_consent("a", alias, until=_until(doors), **TOLD)
    assert {one.alias for one in faces.subjects("a", limit=2)} == {"é", "b c", "x?y"}
    assert faces.withdraw("a", "x?y").proof.leaf.kind == "withdrawal"
    with pytest.raises(Conflict):
        faces.withdraw("a", "x?y")
    with pytest.raises(Conflict):
        faces.create_collection("a", "access-control")


class Lossy(httpx.HTTPTransport):
    """A line that carries every call through, and loses the answer to the first of each that creates."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: set[str] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        named = request.headers.get("idempotency-key", "")
        if named and named not in self.lost:
            self.lost.add(named)
            answer.read()
            raise httpx.ReadError("the line broke")
        return answer


def test_what_creates_is_done_once_though_its_answer_was_lost(doors: Doors) -> None:
    waited: list[float] = []
    with listening(doors.app) as address:
        made = Client(address, doors.key, transport=Lossy(), sleep=waited.append, **doors.pinned)  # type: ignore[arg-type]
        with made as faces:
            inside, subject = _enrolled(doors, faces)
            assert len(faces.export(inside, subject).references) == 1
            assert [one.id for one in faces.collections()] == [inside]
            assert [one.outcome[:4] for one in faces.decisions()] == ["gran", "con_", "enro", "expo"]
            with pytest.raises(Conflict, match="shown once") as told:
                faces.new_key()
            lost = told.value.next_step.split("revoke ")[1].split(" ")[0]
            assert faces.revoke_key(lost).proof.leaf.kind == "revocation"
            assert len(faces.keys()) == 2
    assert waited == [0.5] * 4


def test_a_person_gets_all_that_is_held_and_each_decision_its_receipt_again(doors: Doors, faces: Client) -> None:
    inside, subject = _enrolled(doors, faces)
    verified = faces.verify(inside, "ada", photo(1))
    held = faces.export("staff", "ada")
    assert (held.subject, held.collection, held.purpose) == (subject, inside, "access-control")
    assert [ground.notice for ground in held.grounds] == [TOLD["notice"]]
    assert [entry.outcome for entry in held.decisions][1:] == ["enrolled", "match"]
    (reference,) = held.references
    assert sum(one * other for one, other in zip(reference.template, template(1).tolist(), strict=True)) > 0.99
    listed = list(faces.decisions(limit=2))
    assert [entry.index for entry in listed] == sorted(entry.index for entry in listed)
    assert set(held.decisions) <= set(listed)
    again = faces.decision(verified.index)
    assert (again.proof.leaf, again.proof.closed) == (verified.proof.leaf, verified.proof.closed)
    assert again.proof.checkpoint.size > verified.proof.checkpoint.size
    faces.erase(inside, subject)
    with pytest.raises(NotFound):
        faces.decision(verified.index)


@pytest.mark.parametrize("told", [{"name": "verified"}, dict.fromkeys(WHO, "declared"), dict.fromkeys(WHO, "so-so")])
def test_what_facts_rest_on_is_held_against_the_leaf(told: dict[str, str]) -> None:
    """The leaf says that all is checked; a decision that says otherwise, or not enough, is not believed."""
    checked = dict.fromkeys(WHO, "verified")
    assert dict(readers.rests_on(Fields({"rests_on": checked}), checked=True)) == checked
    with pytest.raises((BadRecord, Unverified)):
        list(readers.rests_on(Fields({"rests_on": told}), checked=True))


def test_a_refusal_is_proven_whole(doors: Doors, faces: Client) -> None:
    inside, _ = _enrolled(doors, faces)
    before = doors.world.engine.shown
    with pytest.raises(Refused) as found:
        faces.identify(inside, photo(1), place="publicly-accessible", mode="real-time", requested_by=["police"])
    refused = found.value
    proven = doors.world.proven(refused.receipt)
    assert proven.leaf.open["verdict"] == "deny"
    assert (refused.decision.ask.place, refused.decision.ask.requested_by) == (
        "publicly-accessible",
        frozenset({"police"}),
    )
    assert wire.ask_words(refused.decision.ask) == proven.leaf.open["ask"]
    assert refused.decision.verdict.reasons
    assert doors.world.engine.shown == before
    with pytest.raises(Refused) as unknown:
        faces.detect(photo(1), purpose="a-purpose-of-my-own")
    assert unknown.value.decision.ask.purpose == "unrecognised"
    assert faces.detect(photo(1), minors="yes").decision.ask.minors == "yes"


def test_the_meter_turns_comparisons_into_a_search_and_the_leaf_says_so(doors: Doors, faces: Client) -> None:
    judged = set()
    for person in range(1, 8):
        try:
            judged.add(faces.compare(photo(1), photo(person, variant=person)).decision.ask.action)
        except Refused as refused:
            judged.add(refused.decision.ask.action)
    assert judged == {"verify", "identify"}
    assert doors.world.engine.shown


@pytest.mark.parametrize(
    ("image", "error"),
    [(photo(), NoFace), (photo(1, 2), SeveralFaces), (photo(1, blur=True), PoorQuality), (photo(1)[:60], DamagedImage)],
    ids=["nobody", "two", "blurred", "cut"],
)
def test_photographs_that_come_to_nothing_are_proven(
    doors: Doors, faces: Client, image: bytes, error: type[BadInput]
) -> None:
    inside, _ = _enrolled(doors, faces)
    with pytest.raises(error) as found:
        faces.verify(inside, "ada", image)
    assert doors.world.proven(found.value.receipt).leaf.open["outside-policy"] == error.code


def test_keys_are_made_listed_and_ended(doors: Doors, faces: Client) -> None:
    made, own = faces.new_key(), faces.me().key
    assert made.key not in repr(made)
    held = faces.keys()
    assert {one.id for one in held} == {own, made.id}
    assert not [one for one in held if one.revoked]
    assert faces.revoke_key(made.id).proof.leaf.kind == "revocation"
    held = faces.keys()
    assert [one.id for one in held if one.revoked] == [made.id]
    with pytest.raises(NotFound):
        faces.revoke_key(made.id)
    assert faces.revoke_key(own).index == doors.world.house.log.size - 1
    with pytest.raises(Unauthenticated):
        faces.me()


def test_whoever_has_no_key_asks_the_policy_and_the_log(doors: Doors) -> None:
    with listening(doors.app) as address, Client(address, log_key=doors.pinned["log_key"]) as anybody:
        asked = {"action": "verify", "sector": "police", "country": "US", "purpose": "criminal-investigation"}
        advice = anybody.decide(**asked, acts_for=["police"], on="2026-11-22")
        assert not advice.allowed
        assert advice.on == datetime(2026, 11, 22, tzinfo=UTC)
        assert advice.assumed
        assert anybody.log().size == doors.world.house.log.size
        assert anybody.policies().digest == doors.world.house.policies.digest
        doors.world.house.log.publish()
        found = anybody.transparency()
        assert found.decisions.leaves == sum(count.leaves for count in found.action.values()) > 0
        assert (found.counted, found.cosigned) == (doors.world.house.log.size, "")
        with pytest.raises(NotFound):
            anybody.policy("nothing-like-this")
        with pytest.raises(Unauthenticated):
            anybody.me()
        with pytest.raises(BadInput):
            anybody.decide(**asked, color="green")


def test_another_log_is_not_believed(doors: Doors, faces: Client) -> None:
    stranger = Signer.from_seed("test.example/log", bytes(32)).vkey
    with Client(str(faces)[8:-2], doors.key, log_key=stranger) as careful:
        for ask in (lambda: careful.detect(photo(1)), careful.log):
            with pytest.raises(Unverified):
                ask()
