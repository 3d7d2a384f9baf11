"""Keys that the meter locked, by both kinds of client."""

from __future__ import annotations

import pytest

from countenance.domain.decision import activity_of
from countenance.domain.errors import Conflict, NotFound
from countenance.service import auth
from tests.client.test_office import Office, office

__all__ = ["office"]


def test_a_key_that_the_meter_locked_goes_on_when_two_people_have_looked(office: Office) -> None:
    house = office.doors.world.house
    (grant,) = office.person("operator").grants()
    who = auth.authenticate(house.database, office.person("operator").issue_key(grant.id).key)
    house.locks.impose(who, activity_of({"camera"}))
    ada, bo = office.person("operator"), office.person("approver")
    (lock,) = ada.locks()
    assert (lock.key, lock.customer, lock.reached, lock.looked) == (who.key, grant.customer, {"camera"}, 0)
    first = ada.look_at_lock(lock.id)
    assert (first.looked, first.released, first.proof.leaf.open["act"]) == (1, False, "lock-look")
    with pytest.raises(Conflict, match="have looked"):
        ada.look_at_lock(lock.id)
    assert bo.look_at_lock(lock.id).released
    assert not house.locks.standing(who, "detect").tripped
    assert ada.locks()[0].released is not None
    with pytest.raises(NotFound):
        bo.look_at_lock("lck_" + "0" * 32)
