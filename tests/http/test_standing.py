"""What a customer's facts rest on and what happens when they change, over HTTP: checks, codes, changes, figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from countenance.domain.errors import Unauthenticated
from countenance.service import auth
from tests.http.conftest import Doors, admit_customer, bearer
from tests.http.people import Hand, hand
from tests.http.test_applications import apply, approval
from tests.http.test_grants import detect
from tests.service.world import photo

if TYPE_CHECKING:
    import httpx

WHO = ["name", "sector", "acts-for", "seat", "use"]
SEEN = {"method": "document-seen", "facts": WHO, "evidence": "extract of the register", "until": "2027-06-01"}


class Newcomer:
    """A customer that came over HTTP: it declared everything, and holds a key and a claim."""

    def __init__(self, doors: Doors, **changed: Any) -> None:
        self.doors = doors
        asked = apply(doors, purposes=["access-control"], **changed)
        self.application, self.claim = asked["application"], asked["claim"]
        ada = hand(doors, "approver")
        made = ada.post(f"/applications/{self.application}/approval", approval(ada, self.application)).json()
        self.id, self.grant = made["customer"], made["grant"]
        taken = doors.client.post(f"/v1/applications/{self.application}/key", headers=bearer(self.claim))
        self.key = taken.json()["key"]

    def identify(self) -> httpx.Response:
        """A search of an empty collection: no match, or why not."""
        headers = bearer(self.key)
        self.doors.client.post(
            "/v1/collections", json={"name": "all", "purpose": "access-control"}, headers=headers
        )  # fmt: skip
        return self.doors.client.post(
            "/v1/collections/all/identify", content=photo(1), headers={**headers, "Content-Type": "image/png"}
        )

    def detect(self) -> httpx.Response:
        return detect(self.doors, self.key)


def reasons(answer: httpx.Response) -> list[str]:
    return [reason["id"] for reason in answer.json()["decision"]["reasons"]]


def test_what_is_declared_may_not_search_until_somebody_checked_it_and_not_after_that_ends(doors: Doors) -> None:
    pool, ada = Newcomer(doors), hand(doors, "operator")
    refused = pool.identify()
    assert (refused.status_code, reasons(refused)) == (403, ["core.unverified-identify"])
    assert set(refused.json()["decision"]["rests_on"].values()) == {"declared"}
    made = ada.post(f"/customers/{pool.id}/verifications", SEEN)
    assert made.status_code == 201, made.text
    found = pool.identify()
    assert found.status_code == 200, found.text
    rests = found.json()["decision"]["rests_on"]
    assert {fact for fact, rest in rests.items() if rest == "verified"} == set(WHO)
    context = doors.world.proven(found.json()["receipt"]).leaf.open["context"]
    assert isinstance(context, dict)
    assert context["verified"] is True
    ended = ada.delete(f"/customers/{pool.id}/verifications/{made.json()['verification']}")
    assert ended.status_code == 200
    assert reasons(pool.identify()) == ["core.unverified-identify"]
    assert ada.delete(f"/customers/{pool.id}/verifications/{made.json()['verification']}").status_code == 404


def test_a_check_that_has_run_out_counts_no_more(doors: Doors) -> None:
    pool, ada = Newcomer(doors), hand(doors, "operator")
    ada.post(f"/customers/{pool.id}/verifications", {**SEEN, "until": "2026-11-23"})
    doors.world.later(hours=13)
    assert pool.identify().status_code == 200  # 22 November, 23:30
    doors.world.later(minutes=30)
    assert reasons(pool.identify()) == ["core.unverified-identify"]


def test_one_fact_that_nobody_checked_leaves_the_customer_unverified(doors: Doors) -> None:
    pool, ada = Newcomer(doors), hand(doors, "operator")
    for part in (["name", "sector"], ["acts-for", "seat"]):
        listed = {**SEEN, "method": "official-list", "facts": part}
        assert ada.post(f"/customers/{pool.id}/verifications", listed).status_code == 201
    refused = pool.identify()
    assert reasons(refused) == ["core.unverified-identify"]
    assert refused.json()["decision"]["rests_on"]["sector"] == "verified"
    assert refused.json()["decision"]["rests_on"]["use"] == "declared"
    assert ada.post(f"/customers/{pool.id}/verifications", {**SEEN, "facts": ["use"]}).status_code == 201
    assert pool.identify().status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "own-machine"}, {"method": "email-domain-challenge"}, {"method": "hearsay"}, {"facts": []},
        {"facts": ["height"]}, {"evidence": " "}, {"evidence": "a\nb"}, {"until": "2026-11-22"},
        {"until": "2029-11-22"}, {"until": "2027-02-30"}, {"until": "next year"}, {"verifier": "me"},
        {"method": "domain-challenge", "facts": ["sector"]}, {"method": "official-list", "facts": ["use"]},
    ],
)  # fmt: skip
def test_what_is_no_check_is_named(doors: Doors, changed: dict[str, Any]) -> None:
    ada, path = hand(doors, "operator"), f"/customers/{doors.admitted.customer}/verifications"
    answer = ada.post(path, {**SEEN, **changed})
    assert answer.status_code == 400, answer.text
    assert len(ada.get(path).json()["verifications"]) == 1


def test_a_code_that_comes_back_from_the_domain_verifies_name_and_contact_once(doors: Doors) -> None:
    pool, ada = Newcomer(doors), hand(doors, "operator")
    sent = ada.post(f"/customers/{pool.id}/challenges", {"domain": "pool.example", "facts": ["name", "contact"]})
    assert sent.status_code == 201, sent.text
    assert sent.json()["application"] == pool.application
    path = f"/v1/applications/{pool.application}/challenges/{sent.json()['id']}"
    doors.world.house.database.checkpoint_truncate()
    assert not doors.world.house.database.contains(sent.json()["code"].encode())
    wrong = doors.client.post(path, json={"code": "A" * 22}, headers=bearer(pool.claim))
    assert (wrong.status_code, wrong.json()["detail"]) == (400, "this is not the code that was sent")
    good = doors.client.post(path, json={"code": sent.json()["code"]}, headers=bearer(pool.claim))
    assert good.status_code == 201, good.text
    leaf = doors.world.proven(good.json()["receipt"])
    assert (leaf.leaf.open["act"], leaf.leaf.open["by"]) == ("challenge-answer", "applicant")
    assert doors.client.post(path, json={"code": sent.json()["code"]}, headers=bearer(pool.claim)).status_code == 404
    rests = ada.get(f"/customers/{pool.id}/facts").json()["rests_on"]
    assert {fact for fact, rest in rests.items() if rest == "verified"} == {"name", "contact"}
    (record,) = ada.get(f"/customers/{pool.id}/verifications").json()["verifications"]
    assert (record["method"], record["account"]) == ("email-domain-challenge", ada.account)
    assert "pool.example" in record["evidence"]


def test_a_code_is_its_customers_and_runs_out(doors: Doors) -> None:
    pool, bar, ada = Newcomer(doors), Newcomer(doors, name="Harbour Bar"), hand(doors, "operator")
    sent = ada.post(f"/customers/{pool.id}/challenges", {"domain": "pool.example", "facts": ["name"]}).json()
    theirs = f"/v1/applications/{bar.application}/challenges/{sent['id']}"
    code = {"code": sent["code"]}
    assert doors.client.post(theirs, json=code, headers=bearer(bar.claim)).status_code == 404
    own = f"/v1/applications/{pool.application}/challenges/{sent['id']}"
    assert doors.client.post(own, json=code, headers=bearer(bar.claim)).status_code == 401
    doors.world.later(days=7)
    assert doors.client.post(own, json=code, headers=bearer(pool.claim)).status_code == 404


@pytest.mark.parametrize("domain", ["POOL.example", "pool", "-a.example", "a..example", "pool.example.", "a@b.example"])
def test_what_is_no_domain_is_named_and_nothing_is_sent(doors: Doors, domain: str) -> None:
    pool, ada = Newcomer(doors), hand(doors, "operator")
    answer = ada.post(f"/customers/{pool.id}/challenges", {"domain": domain, "facts": ["name"]})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-input")


def test_a_domain_proves_no_sector(doors: Doors) -> None:
    pool, ada = Newcomer(doors), hand(doors, "operator")
    answer = ada.post(f"/customers/{pool.id}/challenges", {"domain": "pool.example", "facts": ["sector"]})
    assert (answer.status_code, answer.json()["detail"]) == (400, "email-domain-challenge cannot prove sector")


@pytest.fixture(params=["provider", "customer"])
def ada(doors: Doors, request: pytest.FixtureRequest) -> Hand:
    """An operator, of either side, of a gym in the United States."""
    return hand(doors, "operator", customer=doors.admitted.customer if request.param == "customer" else "")


def moved_to_the_us(doors: Doors) -> str:
    """The gym's use lies in the United States now; it is checked again. Returns its path."""
    path, ada = f"/customers/{doors.admitted.customer}", hand(doors, "operator")
    assert ada.post(f"{path}/facts", {"country": "US", "region": "US-OR"}).status_code == 201
    assert ada.post(f"{path}/verifications", SEEN).status_code == 201
    return path


def test_a_customer_that_begins_to_act_for_police_has_no_grant_from_the_next_call_on(doors: Doors, ada: Hand) -> None:
    doors.enrolled("ada", 1)
    path = moved_to_the_us(doors)
    assert detect(doors, doors.admitted.key).status_code == 200
    before = doors.world.house.log.size
    answer = ada.post(f"{path}/facts", {"acts_for": ["police"]})
    assert answer.status_code == 201, answer.text
    refused = detect(doors, doors.admitted.key)
    assert refused.status_code == 403
    assert {"microsoft-2020.us-police", "core.grant-ended", "core.grant-unapproved"} <= set(reasons(refused))
    body = answer.json()
    assert body["grants"] == [
        {"grant": doors.admitted.grant, "holds": False, "reasons": ["microsoft-2020.us-police"]}
    ]  # fmt: skip
    assert (body["facts"], body["declared"]) == (["acts-for"], ["acts-for"])
    kinds = [leaf_at(doors, index)["kind"] for index in range(before, doors.world.house.log.size - 1)]
    assert sorted(kinds) == ["administration", "decision", "revocation", "revocation", "revocation"]
    assert doors.delete("/v1/collections/staff/subjects/ada/consents").status_code == 200  # the way out stays open
    assert doors.delete("/v1/collections/staff/subjects/ada").status_code == 200


def leaf_at(doors: Doors, index: int) -> dict[str, Any]:
    from countenance.ledger import leaf

    return leaf.parse(doors.world.house.log.prove(index).extra).open


def test_what_was_suspended_stays_so_whatever_the_facts_become(doors: Doors) -> None:
    path, ada = moved_to_the_us(doors), hand(doors, "operator")
    ada.post(f"{path}/facts", {"acts_for": ["police"]})
    back = ada.post(f"{path}/facts", {"acts_for": []})
    assert (back.status_code, back.json()["grants"]) == (201, [])
    assert "core.grant-ended" in reasons(detect(doors, doors.admitted.key))
    assert ada.post(f"/grants/{doors.admitted.grant}/keys").status_code == 409
    assert ada.delete(f"/grants/{doors.admitted.grant}").status_code == 409
    (held,) = ada.get(f"/grants?customer={doors.admitted.customer}").json()["grants"]
    assert held["active"] is False


def test_each_combination_of_a_grant_is_decided_and_one_deny_suspends_it(doors: Doors) -> None:
    many = admit_customer(
        doors.world, "Harbour School", purposes=frozenset({"access-control", "attendance"}),
        places=frozenset({"private", "own-device"}),
    )  # fmt: skip
    ada, before = hand(doors, "operator"), doors.world.house.log.size
    answer = ada.post(f"/customers/{many.customer}/facts", {"capture": "unattended"})
    assert answer.json()["grants"] == [{"grant": many.grant, "holds": True, "reasons": []}]
    decided = [leaf_at(doors, index) for index in range(before, doors.world.house.log.size)]
    decided = [one for one in decided if one["kind"] == "decision"]
    asked = {(one["ask"]["purpose"], one["ask"]["place"]) for one in decided}
    assert len(asked) == len(decided) == 4
    assert {one["verdict"] for one in decided} == {"allow"}
    assert ada.post(f"/customers/{many.customer}/facts", {"minors": "yes"}).json()["grants"] == [
        {"grant": many.grant, "holds": False, "reasons": ["core.minors"]}
    ]


def test_only_what_changed_falls_back_to_declared(doors: Doors) -> None:
    path, ada = f"/customers/{doors.admitted.customer}", hand(doors, "operator")
    before = ada.get(f"{path}/verifications").json()["verifications"]
    assert ada.post(f"{path}/facts", {"seat_country": "FR", "contact": "New Person"}).status_code == 201
    rests = ada.get(f"{path}/facts").json()["rests_on"]
    assert {fact for fact, rest in rests.items() if rest == "declared"} == {"seat", "contact"}
    after = ada.get(f"{path}/verifications").json()["verifications"]
    assert [one["id"] for one in after if one["withdrawn"]] == [before[0]["id"]]
    (rest,) = [one for one in after if not one["withdrawn"]]
    assert (rest["continues"], rest["until"]) == (before[0]["id"], before[0]["until"])
    (change,) = ada.get(f"{path}/facts").json()["changes"]
    assert change["after"] == {"seat_country": "FR", "contact": "New Person"}
    assert change["before"] == {"seat_country": "", "contact": "A. Person"}


@pytest.mark.parametrize(
    ("new", "status"),
    [
        ({"sector": "pirates"}, 400), ({"country": "Germany"}, 400), ({"acts_for": ["friends"]}, 400),
        ({"region": "US-WA"}, 400), ({"name": ""}, 400), ({"name": "a\nb"}, 400), ({"height": "tall"}, 400),
        ({"minors": "perhaps"}, 400), ({}, 409), ({"country": "DE"}, 409),
    ],
)  # fmt: skip
def test_a_slip_of_the_pen_changes_and_suspends_nothing(doors: Doors, new: dict[str, Any], status: int) -> None:
    ada, path = hand(doors, "operator"), f"/customers/{doors.admitted.customer}/facts"
    answer = ada.post(path, new)
    assert answer.status_code == status, answer.text
    assert detect(doors, doors.admitted.key).status_code == 200
    assert ada.get(path).json()["changes"] == []


@pytest.mark.parametrize(
    ("new", "status"),
    [
        ({"acts_for": ["commercial"]}, 201), ({"acts_for": []}, 400), ({"capture": "unattended"}, 201),
        ({"capture": "pad-evaluated"}, 400), ({"contact": "C. Person"}, 201), ({"name": "Other"}, 400),
        ({"country": "FR"}, 400), ({"seat_country": "FR"}, 400), ({"camera": "mobile"}, 201),
    ],
)  # fmt: skip
def test_a_customers_own_people_declare_what_makes_rules_stricter_and_nothing_milder(
    doors: Doors, new: dict[str, Any], status: int
) -> None:
    reseller = admit_customer(doors.world, "Harbour Resale", acts_for=frozenset({"nonprofit"}))
    if "acts_for" in new:
        new = {"acts_for": [*new["acts_for"], *(["nonprofit"] if new["acts_for"] else [])]}
    own = hand(doors, "operator", customer=reseller.customer)
    assert own.post(f"/customers/{reseller.customer}/facts", new).status_code == status


def test_a_customer_that_names_itself_another_sector_goes_on_to_count_as_what_it_was(doors: Doors) -> None:
    own = hand(doors, "operator", customer=doors.admitted.customer)
    path = f"/customers/{doors.admitted.customer}/facts"
    assert own.post(path, {"sector": "nonprofit"}).status_code == 201
    facts = own.get(path).json()["facts"]
    assert (facts["sector"], facts["acts_for"]) == ("nonprofit", ["commercial"])


def test_a_change_holds_when_the_log_can_not_be_written(doors: Doors) -> None:
    path, ada = moved_to_the_us(doors), hand(doors, "operator")
    doors.world.house.log.close()
    assert ada.post(f"{path}/facts", {"acts_for": ["police"]}).status_code == 503
    before = doors.world.house.log.size
    house = doors.world.restart()
    assert house.log.size == before + 5  # act, decision, grant, two records that covered it
    who = auth.authenticate(house.database, doors.admitted.key)
    assert (who.grant.active, who.customer.facts["acts_for"]) == (False, ["police"])


def test_a_claim_and_a_key_open_no_door_of_facts(doors: Doors) -> None:
    pool = Newcomer(doors)
    for secret in (pool.claim, pool.key):
        answer = doors.client.get(f"/v1/administration/customers/{pool.id}/facts", headers=bearer(secret))
        assert answer.status_code == 401
    with pytest.raises(Unauthenticated):
        auth.authenticate(doors.world.house.database, pool.claim)


def test_figures_say_what_rests_on_declarations_alone(doors: Doors) -> None:
    pool, ada = Newcomer(doors), hand(doors, "operator")
    assert ada.get("/figures").json()["customers"] == {"verified": 1, "partly": 0, "declared": 1}
    ada.post(f"/customers/{pool.id}/verifications", {**SEEN, "facts": ["name"]})
    found = ada.get("/figures").json()
    assert found["customers"] == {"verified": 1, "partly": 1, "declared": 0}
    assert found["grants"] == {"verified": 1, "partly": 1, "declared": 0}
    ada.delete(f"/grants/{pool.grant}")
    assert ada.get("/figures").json()["grants"] == {"verified": 1, "partly": 0, "declared": 0}
