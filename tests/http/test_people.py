"""Who a signed call is from: the one good way in, and every way that was tried around it, one answer for all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from countenance.domain import ids
from countenance.domain.errors import Unauthenticated
from countenance.service import accounts, signed
from countenance.storage.tables import nonces
from tests.http.people import Hand, hand, new_key, newcomer

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.http.conftest import Doors

PATH = "/v1/administration/accounts"
SAME = ("type", "title", "status", "code", "detail", "next_step", "retry")


def refused(answer: httpx.Response) -> tuple[Any, ...]:
    """The problem without its request id; fails where it is not the one 401."""
    body = answer.json()
    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"] == "Signature"
    assert "countenance-receipt" not in answer.headers
    assert set(body) - {"request"} == set(SAME)
    return tuple(body[name] for name in SAME)


THE_ANSWER = (
    "urn:countenance:error:unauthenticated", "Nobody here by this key", 401, "unauthenticated",
    "this call is not signed by an account in force", "Sign it with a registered key, once and now: docs/accounts.md.",
    False,
)  # fmt: skip


def test_a_signed_call_is_answered_with_a_receipt_that_says_who_to_its_holder_alone(doors: Doors) -> None:
    ada = hand(doors)
    answer = ada.get("/accounts")
    assert answer.status_code == 200, answer.text
    proven = doors.world.proven(answer.headers["countenance-receipt"])
    assert proven.closed is not None
    assert (proven.closed["account"], proven.closed["outcome"]) == (ada.account, "listed")
    opened = proven.leaf.open
    assert (opened["kind"], opened["act"], opened["by"], opened["verdict"]) == (
        "administration", "account-list", "provider", "allow",
    )  # fmt: skip
    assert opened["roles"] == ["approver", "auditor", "operator"]
    assert opened["reasons"] == ["roles.provider-operator", "roles.provider-auditor"]
    assert opened["policy"] == doors.world.house.roles.digest
    assert ada.account not in proven.leaf.encode().decode()


def _replayed(ada: Hand) -> httpx.Response:
    headers = ada.headers("GET", PATH)
    assert ada.client.get(PATH, headers=headers).status_code == 200
    return ada.client.get(PATH, headers=headers)


def _same_nonce(ada: Hand) -> httpx.Response:
    nonce = "A" * 22
    assert ada.send("GET", "/accounts", nonce=nonce).status_code == 200
    return ada.send("GET", "/accounts?limit=5", nonce=nonce)


def _for(method: str, target: str, body: bytes | None = None) -> Callable[[Hand], httpx.Response]:
    """Signed for this, sent as a GET of the accounts."""
    return lambda ada: ada.client.get(PATH, headers=ada.headers(method, target, body))


def _changed(**changed: str | None) -> Callable[[Hand], httpx.Response]:
    """A good call's headers with one thing changed or left out."""

    def send(ada: Hand) -> httpx.Response:
        headers: dict[str, Any] = ada.headers("GET", PATH)
        headers.update({name.replace("_", "-"): value for name, value in changed.items()})
        return ada.client.get(PATH, headers={name: value for name, value in headers.items() if value is not None})

    return send


def _twice(name: str) -> Callable[[Hand], httpx.Response]:
    def send(ada: Hand) -> httpx.Response:
        body = json.dumps(newcomer()).encode()
        headers = list(ada.headers("POST", PATH, body).items())
        again = [(key, value) for key, value in headers if key == name]
        return ada.client.post(PATH, content=body, headers=[*headers, *again, ("Content-Type", "application/json")])

    return send


def _input(old: str, new: str) -> Callable[[Hand], httpx.Response]:
    """A good call whose Signature-Input says something else."""

    def send(ada: Hand) -> httpx.Response:
        headers = ada.headers("GET", PATH)
        headers["Signature-Input"] = headers["Signature-Input"].replace(old, new)
        assert new in headers["Signature-Input"]
        return ada.client.get(PATH, headers=headers)

    return send


def _body(signed_over: bytes | None, sent: bytes | None, **headers: str) -> Callable[[Hand], httpx.Response]:
    def send(ada: Hand) -> httpx.Response:
        made = {**ada.headers("POST", PATH, signed_over), "Content-Type": "application/json", **headers}
        return ada.client.post(PATH, content=sent, headers=made)

    return send


def _other_key(ada: Hand) -> httpx.Response:
    ada.key = new_key()
    return ada.get("/accounts")


def _unknown(ada: Hand) -> httpx.Response:
    return ada.send("GET", "/accounts", account=ids.new("account"))


def _components_swapped(ada: Hand) -> httpx.Response:
    """Signed in another order than ours, honestly: still not our form."""
    created = int(ada.world.moment.timestamp())
    params = f'("@path" "@method" "@query");created={created};nonce="{"B" * 22}";keyid="{ada.account}"'
    base = f'"@path": {PATH}\n"@method": GET\n"@query": ?\n"@signature-params": {params}'
    signature = signed.base64_of(ada.key.sign(base.encode()))
    return ada.client.get(PATH, headers={"Signature-Input": f"sig={params}", "Signature": f"sig=:{signature}:"})


def _more_components(ada: Hand) -> httpx.Response:
    created = int(ada.world.moment.timestamp())
    params = f'("@method" "@path" "@query" "@authority");created={created};nonce="{"B" * 22}";keyid="{ada.account}"'
    base = f'"@method": GET\n"@path": {PATH}\n"@query": ?\n"@authority": localhost\n"@signature-params": {params}'
    signature = signed.base64_of(ada.key.sign(base.encode()))
    return ada.client.get(PATH, headers={"Signature-Input": f"sig={params}", "Signature": f"sig=:{signature}:"})


GOOD = json.dumps({"name": "Bo", "roles": ["operator"], "public_key": "A" * 43 + "="}).encode()
TRIED: dict[str, Callable[[Hand], httpx.Response]] = {
    "nothing": lambda ada: ada.client.get(PATH),
    "replayed": _replayed,
    "the same nonce again": _same_nonce,
    "signed for another method": _for("DELETE", PATH),
    "signed for another path": _for("GET", "/v1/administration/grants"),
    "signed for a longer path": _for("GET", PATH + "/"),
    "signed for another spelling of the path": _for("GET", "/v1/administration/%61ccounts"),
    "signed for another query": _for("GET", PATH + "?limit=1"),
    "signed for a body that is not sent": _for("GET", PATH, b"{}"),
    "another person's key": _other_key,
    "an unknown account": _unknown,
    "too old": lambda ada: ada.send("GET", "/accounts", ago=accounts.WINDOW + 1),
    "from the future": lambda ada: ada.send("GET", "/accounts", ago=-accounts.WINDOW - 1),
    "the signature left out": _changed(Signature=None),
    "the input left out": _changed(Signature_Input=None),
    "a bearer key in its place": _changed(Signature=None, Signature_Input=None, Authorization="Bearer cnt_x"),
    "no signature but a promise": _changed(Signature="sig=::"),
    "a signature of zeros": _changed(Signature="sig=:" + "A" * 86 + "==:"),
    "a second signature": _changed(Signature="sig=:" + "A" * 86 + "==:, sig2=:" + "A" * 86 + "==:"),
    "a digest that was not signed": _changed(Content_Digest="sha-256=:" + "A" * 43 + "=:"),
    "Signature twice": _twice("Signature"),
    "Signature-Input twice": _twice("Signature-Input"),
    "Content-Digest twice": _twice("Content-Digest"),
    "another label": _input("sig=", "gis="),
    "a component left out": _input('"@query"', '"@path"'),
    "a component more": _more_components,
    "components in another order": _components_swapped,
    "an algorithm of its own": _input(";keyid", ';alg="none";keyid'),
    "another nonce than the signed one": _input(';nonce="', ';nonce="AA'),
    "another moment than the signed one": _input(";created=1", ";created=2"),
    "an unsigned body": _body(None, GOOD),
    "another body": _body(GOOD, GOOD.replace(b"Bo", b"Al")),
    "a body cut off": _body(GOOD, GOOD[:-1]),
    "a body that grew": _body(GOOD, GOOD + b" "),
    "no body where one was signed": _body(GOOD, None),
    "a body in pieces that nobody signed": _body(None, None, **{"Transfer-Encoding": "chunked"}),
    "another method by a header": lambda ada: ada.client.post(
        PATH, headers={**ada.headers("GET", PATH), "X-HTTP-Method-Override": "GET"}
    ),
    "the path by a header": lambda ada: ada.client.get(
        "/v1/administration/accounts?limit=3", headers={**ada.headers("GET", PATH), "X-Original-Url": PATH}
    ),
    "a name for a key": lambda ada: ada.client.get(PATH, headers={"X-Forwarded-User": ada.account}),
}


@pytest.mark.parametrize("way", TRIED)
def test_no_way_around_the_signature(doors: Doors, way: str) -> None:
    before = doors.world.house.log.size
    ada = hand(doors)
    answer = TRIED[way](ada)
    assert refused(answer) == THE_ANSWER
    left = doors.world.house.log.size - before
    assert left == (
        2 if way in ("replayed", "the same nonce again") else 1
    )  # what was good before it, and nothing else


def test_an_ended_account_is_the_same_answer_from_its_next_call_on(doors: Doors) -> None:
    ada, bo = hand(doors), hand(doors)
    assert bo.get("/accounts").status_code == 200
    assert ada.delete(f"/accounts/{bo.account}").status_code == 200
    assert refused(bo.get("/accounts")) == THE_ANSWER


def test_a_replay_after_a_restart_is_refused_too(doors: Doors) -> None:
    """What was used is in the database, so that a new process within the same minute does not forget it."""
    ada = hand(doors)
    call = signed.read("GET", PATH.encode(), b"", _values(ada.headers("GET", PATH)))
    assert accounts.authenticate(doors.world.house, call).id == ada.account
    house = doors.world.restart()
    with pytest.raises(Unauthenticated):
        accounts.authenticate(house, call)


def test_used_signatures_are_forgotten_only_when_they_are_too_old_to_be_used(doors: Doors) -> None:
    ada = hand(doors)
    for _ in range(3):
        assert ada.get("/accounts").status_code == 200
    assert len(_remembered(doors)) == 3
    doors.world.later(seconds=accounts.WINDOW)
    assert ada.get("/accounts").status_code == 200
    assert len(_remembered(doors)) == 4
    doors.world.later(seconds=accounts.KEPT)
    assert ada.get("/accounts").status_code == 200
    assert len(_remembered(doors)) == 2


def test_a_nonce_is_one_persons_and_not_burnt_by_who_can_not_sign(doors: Doors) -> None:
    ada, bo = hand(doors), hand(doors)
    nonce = "C" * 22
    assert Hand(ada.world, ada.client, ada.account, new_key()).send("GET", "/accounts", nonce=nonce).status_code == 401
    assert ada.send("GET", "/accounts", nonce=nonce).status_code == 200
    assert bo.send("GET", "/accounts", nonce=nonce).status_code == 200


@pytest.mark.parametrize("ago", [accounts.WINDOW, -accounts.WINDOW])
def test_a_clock_may_be_a_minute_off(doors: Doors, ago: int) -> None:
    assert hand(doors).send("GET", "/accounts", ago=ago).status_code == 200


def test_a_key_of_a_grant_opens_no_door_of_people_and_a_person_none_of_keys(doors: Doors) -> None:
    assert refused(doors.get("/v1/administration/accounts")) == THE_ANSWER
    ada = hand(doors, customer=doors.admitted.customer)
    answer = doors.client.get("/v1/me", headers=ada.headers("GET", "/v1/me"))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_people_of_a_suspended_customer_are_nobody(doors: Doors) -> None:
    from sqlalchemy import update

    from countenance.storage.tables import customers

    ada = hand(doors, customer=doors.admitted.customer)
    assert ada.get("/accounts").status_code == 200
    with doors.world.house.database.begin() as connection:
        connection.execute(update(customers).values(status="suspended"))
    assert refused(ada.get("/accounts")) == THE_ANSWER


@pytest.mark.parametrize(
    ("query", "status"),
    [("?limit=0", 400), ("?limit=x", 400), ("?after=x", 400), ("?nothing=1", 400), ("?limit=1", 200)],
)
def test_the_query_is_signed_and_then_read_as_everywhere(doors: Doors, query: str, status: int) -> None:
    assert hand(doors).get(f"/accounts{query}").status_code == status


def _values(headers: dict[str, str]) -> Callable[[str], list[str]]:
    return lambda name: [headers[name]] if name in headers else []


def _remembered(doors: Doors) -> list[Any]:
    from sqlalchemy import select

    with doors.world.house.database.read() as connection:
        return list(connection.execute(select(nonces)).all())


def test_the_signature_is_verified_before_a_byte_of_the_body_is_read(doors: Doors) -> None:
    """A stranger's body is not even too large; a person's is."""
    ada, large = hand(doors), b"[" + b" " * 70_000 + b"]"
    headers = {**ada.headers("POST", PATH, large), "Content-Type": "application/json"}
    forged = {**headers, "Signature": "sig=:" + "A" * 86 + "==:"}
    assert refused(doors.client.post(PATH, content=large, headers=forged)) == THE_ANSWER
    assert doors.client.post(PATH, content=large, headers=headers).status_code == 413


def test_whoever_signs_with_the_stand_in_for_a_missing_key_is_nobody_too(doors: Doors) -> None:
    import hashlib

    key = signed.PersonKey(hashlib.sha256(b"countenance: nobody").digest())
    assert signed.public_key(key.public) == accounts.STAND_IN
    nobody = Hand(doors.world, doors.client, ids.new("account"), key)
    assert refused(nobody.get("/accounts")) == THE_ANSWER


def test_there_are_more_than_thirty_ways_tried() -> None:
    assert len(TRIED) > 30
