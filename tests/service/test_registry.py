"""The registry of laws: proposed in public, objected to, signed by two, recorded; never edited."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from countenance.domain.decision import Facts
from countenance.domain.errors import BadInput, BadRecord, Conflict, NotFound, Refused, StorageDamaged, Unverified
from countenance.ledger.fsck import fsck
from countenance.ledger.leaf import Leaf
from countenance.ledger.slow import Slow
from countenance.policy import cedar, laws
from countenance.service import records, registry
from countenance.storage import db, promises
from tests.policy.asks import ask
from tests.service.promises import Person, law_text, leaves, steps

if TYPE_CHECKING:
    from countenance.service.records import Held
    from tests.service.world import World


def propose(world: World, **changed: str) -> Held:
    return registry.propose(world.house, Person.of(world, "operator").account, law_text(**changed)).result


def signers(world: World) -> tuple[Person, Person]:
    return Person.of(world, "approver"), Person.of(world, "assessor")


def recorded(world: World, **changed: str) -> Held:
    law = propose(world, **changed)
    for person in signers(world):
        person.sign(law)
    world.later(days=31)
    return registry.record(world.house, Person.of(world, "approver").account, law.id).result


def lifts(world: World) -> bool:
    """Whether police in the US may be sold to, as far as the promise of June 2020 goes."""
    house = world.house
    facts = Facts(on=world.moment, model=house.model_facts(world.moment), laws=house.laws)
    verdict = cedar.decide(house.policies, ask(action="provision", sector="police", country="US"), facts)
    return "microsoft-2020.us-police" not in [reason.id for reason in verdict.reasons]


def test_a_record_takes_its_period_and_two_people_and_lifts_from_its_own_day_on(world: World) -> None:
    law = propose(world)
    assert (law.state, law.not_before) == ("proposed", "2026-12-22T11:00:00Z")
    operator = Person.of(world, "operator").account
    for person in signers(world):
        person.sign(law)
    with pytest.raises(Conflict, match="period of objection"):
        registry.record(world.house, operator, law.id)
    world.moment = datetime(2026, 12, 22, 10, 59, 59, tzinfo=UTC)
    with pytest.raises(Conflict, match="period of objection"):
        registry.record(world.house, operator, law.id)
    world.later(seconds=1)
    assert registry.record(world.house, operator, law.id).result.state == "recorded"
    assert list(world.house.laws) == []
    assert not lifts(world)
    world.moment = datetime(2027, 2, 28, 23, 59, 59, tzinfo=UTC)
    assert not lifts(world)
    world.later(seconds=1)
    assert [one.id for one in world.house.laws] == [law.id]
    assert lifts(world)
    assert steps(world, records.KIND) == ["proposed", "signed", "signed", "recorded"]


def test_the_digest_in_leaves_is_of_the_laws_in_force_and_their_text_is_public(world: World) -> None:
    before = world.house.in_force.held.digests["laws"]
    assert before == laws.registry_digest(())
    law = recorded(world)
    world.moment = datetime(2027, 3, 1, tzinfo=UTC)
    digest = world.house.in_force.at(world.moment).digests["laws"]
    folder = world.settings.ledger / "laws"
    for name in (before, digest, law.digest):
        raw = (folder / f"{name.removeprefix('sha256:')}.json").read_bytes()
        assert f"sha256:{hashlib.sha256(raw).hexdigest()}" == name
    assert digest == laws.registry_digest(world.house.laws)
    index = json.loads((folder / "index.json").read_text())
    assert index["in_force"] == digest
    assert [each["id"] for each in index["records"]] == [law.id]


@pytest.mark.parametrize("who", [("approver",), ("assessor",), ("approver", "approver"), ("assessor", "assessor"), ()])
def test_one_signature_or_nobody_from_outside_is_not_enough(world: World, who: tuple[str, ...]) -> None:
    law = propose(world)
    for role in who:
        Person.of(world, role).sign(law)
    world.later(days=31)
    enough = who == ("assessor", "assessor")  # two people from outside: one of them is
    if enough:
        assert registry.record_here(world.house, law.id).law.state == "recorded"
        return
    with pytest.raises(Conflict, match="two people with different keys"):
        registry.record_here(world.house, law.id)


def test_one_key_signs_once_and_only_the_record_that_it_read(world: World) -> None:
    law, other = propose(world), propose(world, id='"us-other-act"')
    approver, assessor = signers(world)
    approver.sign(law)
    with pytest.raises(Conflict, match="this key"):
        approver.sign(law)
    for signature in (assessor.key.sign(other.record.message), approver.key.sign(law.record.message), bytes(64)):
        with pytest.raises(BadInput, match="not your signature"):
            registry.sign(world.house, assessor.account, law.id, signature)
    assert len(records.one(world.house.database, law.id).signatures) == 1


def test_who_may_do_what(world: World) -> None:
    law = propose(world)
    customer = world.customer().customer.id
    outsider, assessor = Person.of(world, "operator", customer=customer), Person.of(world, "assessor")
    for person in (outsider, assessor, Person.of(world, "auditor")):
        with pytest.raises(Refused):
            registry.propose(world.house, person.account, law_text(id='"another"'))
        with pytest.raises(Refused):
            registry.record(world.house, person.account, law.id)
        with pytest.raises(Refused):
            registry.repeal(world.house, person.account, law.id)
    for person in (outsider, Person.of(world, "operator")):
        with pytest.raises(Refused):
            person.sign(law)
    assert not Person.of(world, "assessor").account.roles & {"operator", "approver"}


def test_anybody_with_an_account_objects_and_is_heard_by_everybody(world: World) -> None:
    law = propose(world)
    customer = world.customer().customer.id
    for person, words in (
        (Person.of(world, "auditor", customer=customer), "it tests nobody"),
        (signers(world)[1], "no"),
    ):
        registry.object_to(world.house, person.account, law.id, words)
    registry.object_here(world.house, law.id, "a letter says: no")
    found = records.one(world.house.database, law.id)
    assert [(each.by, each.words) for each in found.objections] == [
        ("customer", "it tests nobody"), ("provider", "no"), ("provider", "a letter says: no")
    ]  # fmt: skip
    for words in ("", "  ", "x" * 2001, "bell \a"):
        with pytest.raises(BadInput):
            registry.object_here(world.house, law.id, words)


def test_a_repeal_holds_at_once_and_for_good(world: World) -> None:
    law = recorded(world)
    world.moment = datetime(2027, 3, 2, tzinfo=UTC)
    assert lifts(world)
    registry.repeal(world.house, Person.of(world, "operator").account, law.id)
    assert not lifts(world)
    assert list(world.house.laws) == []
    world.restart()
    assert list(world.house.laws) == []
    for act in (registry.repeal_here, registry.record_here):
        with pytest.raises(Conflict):
            act(world.house, law.id)


def test_a_record_is_superseded_by_another_from_that_ones_day_on(world: World) -> None:
    first = recorded(world)
    second = recorded(world, id='"us-face-act-2028"', recognises='["warrant"]\nsupersedes = "us-face-act-2027"',
                      **{"from": "2028-01-01", "legality": '"no"'})  # fmt: skip
    assert records.one(world.house.database, first.id).state == "superseded"
    world.moment = datetime(2027, 12, 31, tzinfo=UTC)
    assert [one.id for one in world.house.laws] == [first.id]
    assert lifts(world)
    world.moment = datetime(2028, 1, 1, tzinfo=UTC)
    assert [one.id for one in world.house.laws] == [second.id]
    assert not lifts(world)
    assert steps(world, records.KIND)[-2:] == ["recorded", "superseded"]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"legality": '"perhaps"'}, "line 12: assessment.legality"),
        ({"expiry_review": '"yes"\nkindness = "yes"'}, "line 23: assessment.kindness"),
        ({"from": "2027-02-30"}, "line 7"),
        ({"until": "2027-01-01"}, "line 8: until"),
        ({"id": '"Not An Id"'}, "line 2: id"),
        ({"jurisdiction": '"XX"'}, "line 4: jurisdiction"),
        ({"sources": "[]"}, "line 9: sources"),
        ({"recognises": '["warrant"]\nsupersedes = "nothing"'}, "supersedes"),
    ],
)
def test_a_bad_record_is_refused_with_line_or_field(world: World, changed: dict[str, str], says: str) -> None:
    with pytest.raises((BadRecord, Conflict), match=says):
        propose(world, **changed)
    assert records.known(world.house.database) == ()


def test_a_criterion_without_a_source_and_a_record_with_signatures_are_refused(world: World) -> None:
    text = law_text().replace(b'legality = "https://example.org/legality"\n', b"")
    signed = law_text() + b'\n[[assessment.signed]]\nname = "A"\noutside = true\nkey = "x"\nsignature = "y"\n'
    for raw in (text, signed, b"\xff", b"x" * 1_000_001):
        with pytest.raises(BadRecord):
            registry.propose_here(world.house, raw)


def test_an_id_is_used_once_and_a_missing_one_is_not_found(world: World) -> None:
    law = propose(world)
    with pytest.raises(Conflict, match="of this id"):
        propose(world, title='"Another title"')
    for call in (registry.record_here, registry.repeal_here):
        with pytest.raises(NotFound):
            call(world.house, "us-no-such-act")
    assert records.one(world.house.database, law.id).title == "Face Recognition Act"


def test_a_longer_period_is_a_setting_and_is_kept_with_the_record(world: World) -> None:
    from dataclasses import replace

    world.settings = replace(world.settings, objection_days=90)
    world.restart()
    assert propose(world).not_before == "2027-02-20T11:00:00Z"


def test_a_damaged_record_keeps_the_house_shut(world: World) -> None:
    law = propose(world)
    world.house.close()
    with db.open(world.settings.database, create=False) as database, database.begin() as connection:
        spoilt = {**law.record.document, "title": "Another"}
        connection.execute(update(promises.laws).values(document=spoilt))
    with pytest.raises(StorageDamaged, match="registry of laws"):
        world.open()
    with db.open(world.settings.database, create=False) as database, database.begin() as connection:
        connection.execute(update(promises.laws).values(document=dict(law.record.document)))
    world.open()


def test_the_leaves_name_nobody_and_a_stranger_finds_the_log_whole(world: World) -> None:
    law = recorded(world)
    raw = b"".join(world.house.log.prove(index).extra for index in range(world.house.log.size))
    for signature in law.signatures:
        assert signature.key.encode() not in raw
    world.house.log.publish()
    assert fsck(world.settings.ledger, world.house.log.verifier).kinds[records.KIND] == 4


def test_a_stranger_sees_a_law_that_was_recorded_too_soon_or_by_too_few(world: World) -> None:
    recorded(world)
    proposed, first, second, last = (dict(each) for each in leaves(world, records.KIND))
    wrong = (
        (proposed, first, last),
        (last,),
        (proposed, first, second, {**last, "outside": []}),
        (proposed, first, second, {**last, "keys": last["keys"][:1]}),  # type: ignore[index]
        (proposed, first, second, {**last, "time": proposed["time"]}),
        ({**proposed, "notice": 29}, first, second, last),
    )
    told(proposed, first, second, last)
    for each in wrong:
        with pytest.raises(Unverified):
            told(*each)


def told(*said: dict[str, Any]) -> None:
    slow = Slow()
    for each in said:
        slow.take(Leaf(each, bytes(32)))
