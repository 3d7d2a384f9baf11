"""What is coming, over HTTP: to everybody by kinds, to those it concerns by grant; and the server announces it."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

from countenance.config import Serving
from countenance.http import server
from countenance.service import schedule
from tests.http.conftest import admit_customer
from tests.http.people import hand
from tests.service.test_schedule import turning

if TYPE_CHECKING:
    from tests.http.conftest import Doors


def announced(doors: Doors) -> tuple[Any, Any]:
    """Two police departments whose answers change within the month; everything is announced."""
    facts: dict[str, Any] = {"sector": "police"}
    made = tuple(admit_customer(doors.world, f"Harbour Police {number}", **facts) for number in (1, 2))
    doors.world.later(days=5)
    turning(doors.world)
    schedule.announce(doors.world.house, lambda _: None)
    return made[0], made[1]


def test_everybody_reads_by_kinds_and_may_keep_it(doors: Doors) -> None:
    announced(doors)
    answer = doors.client.get("/v1/policies/schedule")
    found = answer.json()
    assert (found["on"], found["digest"]) == ("2026-11-27", doors.world.house.policies.digest)
    assert [each["day"] for each in found["announced"]] == ["2026-12-24"]
    assert found["announced"][0]["sectors"] == ["police"]
    assert ("2026-12-24", "rule", "own.comes") in {
        (turn["day"], turn["cause"], turn["name"]) for turn in found["turns"]
    }
    assert min(turn["day"] for turn in found["turns"]) >= found["on"]
    assert "Harbour" not in answer.text
    again = doors.client.get("/v1/policies/schedule", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_the_providers_people_read_by_customer_in_parts(doors: Doors) -> None:
    first, second = announced(doors)
    person = hand(doors, "auditor")
    whole = person.get("/schedule").json()["schedule"]
    assert {each["customer"] for each in whole} == {first.customer, second.customer}
    assert {each["day"] for each in whole} == {"2026-12-24"}
    change = whole[0]["changes"][0]
    assert (change["was"], change["becomes"], change["because"]) == ("allow", "deny", ["own.comes"])
    part = person.get("/schedule?limit=1").json()
    rest = person.get(f"/schedule?limit=1&after={part['next']}").json()
    assert [*part["schedule"], *rest["schedule"]] == whole
    assert rest["next"] is None
    only = person.get(f"/schedule?customer={second.customer}").json()["schedule"]
    assert [each["customer"] for each in only] == [second.customer]
    doors.world.proven(person.get("/schedule").json()["receipt"])


def test_a_customers_people_read_their_own_and_no_others(doors: Doors) -> None:
    first, second = announced(doors)
    person = hand(doors, "operator", customer=first.customer)
    assert [each["customer"] for each in person.get("/schedule").json()["schedule"]] == [first.customer]
    theirs, none = (person.get(f"/schedule?customer={of}") for of in (second.customer, f"cus_{'0' * 32}"))
    assert (theirs.status_code, none.status_code) == (404, 404)
    assert theirs.json()["detail"] == none.json()["detail"]


def test_what_has_passed_is_shown_to_nobody(doors: Doors) -> None:
    announced(doors)
    doors.world.later(days=40)
    assert doors.client.get("/v1/policies/schedule").json()["announced"] == []
    assert hand(doors, "operator").get("/schedule").json()["schedule"] == []


def test_a_served_house_announces_by_itself(doors: Doors) -> None:
    admit_customer(doors.world, "Harbour Police", sector="police")
    doors.world.later(days=5)
    turning(doors.world)
    lines: list[Any] = []

    def ready(_: str) -> None:
        until = time.monotonic() + 20
        while not lines and time.monotonic() < until:
            time.sleep(0.01)
        signal.raise_signal(signal.SIGTERM)

    server.serve(doors.world.house, Serving(port=0), ready=ready, log=lines.append)
    assert [line["day"] for line in lines if line["event"] == "schedule"] == ["2026-12-24"]
