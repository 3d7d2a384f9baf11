"""Records of consent: every field comes back to the person, a refusal covers nothing, and both can be erased."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from countenance.domain.errors import Conflict, NotFound, Refused
from countenance.service import agreed, enrol, erase, export, people
from countenance.service.use import Use
from countenance.storage.tables import consents
from tests.service.test_line import enrolled
from tests.service.world import World, photo

SAID = {
    "evidence": "form 17, Ada Canary", "language": "en-GB", "lawful_basis": "GDPR 9(2)(a)", "controller": "Harbour Gym",
    "method": "at the desk", "location": "the front desk",
}  # fmt: skip


def test_a_record_has_the_fields_of_the_standard_as_they_were_said(world: World) -> None:
    who, inside = enrolled(world)
    world.consents(who, inside, "ada", **SAID)
    subject, (record,) = agreed.of_subject(world.house, who, inside, "ada")
    (purpose,) = record["pii_processing"]["purposes"]
    (event,) = record["events"]
    assert (record["schema_version"], record["pii_principal_id"]) == ("ISO/IEC TS 27560:2023", subject)
    assert record["pii_processing"]["privacy_notice"] == "what it is for"
    assert (record["pii_processing"]["language"], record["evidence"]) == ("en-GB", SAID["evidence"])
    assert (purpose["purpose"], purpose["lawful_basis"]) == ("access-control", "GDPR 9(2)(a)")
    assert (purpose["pii_controllers"], purpose["collection_method"]) == (["Harbour Gym"], "at the desk")
    assert purpose["retention_period"].endswith("2026-12-22T10:30:00Z")
    assert event == {
        "event_type": "consent_given", "event_time": "2026-11-22T10:30:00Z", "event_manner": "in-writing",
        "event_location": "the front desk", "recorded_by": "A. Person",
    }  # fmt: skip


def test_a_withdrawal_is_an_event_of_the_record_and_the_export_has_it(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    people.withdraw(world.house, who, inside, "ada")
    _, (record,) = agreed.of_subject(world.house, who, inside, "ada")
    assert [event["event_type"] for event in record["events"]] == ["consent_given", "consent_withdrawn"]
    world.later(seconds=1)
    world.consents(who, inside, "ada")
    (withdrawn, given) = export.export(world.house, who, inside, "ada", Use()).result.grounds
    assert (withdrawn.record, given.withdrawn) == (record, None)


def test_a_refusal_is_on_record_and_covers_nothing(world: World) -> None:
    who, inside = enrolled(world)
    said_no = replace(world.basis(inside.purpose), event="consent_refused", adult=False)
    answer = people.give_consent(world.house, who, inside, "ada", said_no)
    assert world.proven(answer.receipt).leaf.open["basis"] == "refused"
    _, (record,) = agreed.of_subject(world.house, who, inside, "ada")
    assert [event["event_type"] for event in record["events"]] == ["consent_refused"]
    with pytest.raises(Refused):
        enrol.enrol(world.house, who, inside, "ada", photo(1), Use())
    with pytest.raises(Conflict, match="nothing to withdraw"):
        people.withdraw(world.house, who, inside, "ada")
    world.consents(who, inside, "ada")
    assert enrol.enrol(world.house, who, inside, "ada", photo(1), Use()).result.reference


def test_who_agreed_before_withdraws_and_does_not_refuse(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    with pytest.raises(Conflict, match="is open"):
        people.give_consent(
            world.house, who, inside, "ada", replace(world.basis(inside.purpose), event="consent_refused")
        )
    assert len(agreed.of_subject(world.house, who, inside, "ada")[1]) == 1


def test_a_record_that_is_older_than_its_sealed_part_says_so_by_empty_texts(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    with world.house.database.begin() as connection:
        connection.execute(update(consents).values(details=None))
    _, (record,) = agreed.of_subject(world.house, who, inside, "ada")
    assert (record["evidence"], record["pii_processing"]["language"]) == ("", "")
    assert record["pii_processing"]["purposes"][0]["pii_controllers"] == ["Harbour Gym"]


def test_nobody_learns_of_the_records_of_another_tenant_or_of_nobody(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    with pytest.raises(NotFound):
        agreed.of_subject(world.house, who, inside, "eve")
    with pytest.raises(NotFound):
        people.withdraw(world.house, who, inside, "eve")


def test_the_sealed_part_is_in_no_file_in_the_clear_and_goes_with_an_erasure(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    people.withdraw(world.house, who, inside, "ada")
    world.later(seconds=1)
    world.consents(who, inside, "ada", **SAID)
    with world.house.database.read() as connection:
        sealed = [bytes(one) for one in connection.execute(select(consents.c.details)).scalars()]
    assert not world.house.database.contains(SAID["evidence"].encode())
    assert all(world.house.database.contains(one) for one in sealed)
    erase.erase(world.house, who, inside, "ada")
    assert not any(world.house.database.contains(one) for one in sealed)


def test_a_basis_that_ends_stops_covering_in_the_same_second_whatever_its_record_says(world: World) -> None:
    _, inside = enrolled(world, ("ada", 1))
    world.moment += timedelta(days=30)
    assert world.house.candidates.active(inside.id, inside.purpose, world.moment) == frozenset()
