"""Another tenant's id and a missing one: the same answer, to the byte, in the same time, wherever an id is taken.

`benchmarks/alike.py` says how two times are held together; `make long` asks 2,000 times a row, `make test` a share.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks.alike import SPREADS, compared, delayed, in_memory, spread
from benchmarks.strange import CLAIMED, KEYED, OPEN, SIGNED, Bearer, Person, Tenant, Three, tenant, threes
from countenance.config import Serving
from countenance.http import server
from tests.http.people import new_key
from tests.http.test_described import COMMITTED
from tests.service.world import START, World, new_world, photo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.http.conftest import Doors

LONG = os.environ.get("COUNTENANCE_LONG") == "1"
CALLS = 2_000 if LONG else 300
DOCUMENT = json.loads(COMMITTED.read_text(encoding="utf-8"))
PARTS = dict.fromkeys(re.findall(r"\{(\w+)\}", " ".join(DOCUMENT["paths"])), "1")
NOBODY = Tenant(
    {KEYED: Bearer("1"), CLAIMED: Bearer("1"), SIGNED: Person("1", new_key(), lambda: START)},
    {**PARTS, "customer": "1"},
)
NAMES = [three.name for three in threes(DOCUMENT, NOBODY, NOBODY)]

UNDER = "/v1/administration/customers/{customer}"
STANDING = "GET /v1/administration/statute/standing: ?key"
PROVIDERS = (
    "/v1/administration/applications", "/v1/administration/demands", f"POST {UNDER}/verifications",
    f"DELETE {UNDER}/verifications", f"POST {UNDER}/challenges",
)  # fmt: skip
"""What no role of a customer's people permits, whatever they name."""


class Two:
    """A house with two tenants, its whole application, and every row to be asked."""

    def __init__(self, world: World) -> None:
        self.app = server.compose(world.house, Serving(), lambda _: None)
        self.me, self.other = tenant(world.house, "Harbour Gym"), tenant(world.house, "Harbour Pool")
        self.threes = {three.name: three for three in threes(DOCUMENT, self.me, self.other)}

    @property
    def simple(self) -> Three:
        """One that a key opens, where the other tenant's id is in the path."""
        return next(its for its in self.threes.values() if its.by_path and its.sides[0].opening == self.me.opens[KEYED])


@pytest.fixture(scope="module")
def two() -> Iterator[Two]:
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        world = new_world(Path(folder))
        yield Two(world)
        world.house.close()


def test_every_part_of_a_path_is_tried(two: Two) -> None:
    """Where a new one is not: say in benchmarks.alike.tenant which id of this kind a tenant has."""
    assert set(PARTS) - OPEN <= set(two.other.ids)
    assert list(two.threes) == NAMES


@pytest.mark.parametrize("name", [name for name in NAMES if name != STANDING])
def test_another_tenants_id_is_a_missing_one(two: Two, name: str) -> None:
    three = two.threes[name]
    found = compared(two.app, three, CALLS, np.random.default_rng(7))
    assert len(found.answers[0]) == 1
    assert found.answers[0] == found.answers[1] == found.answers[2]
    (answer,) = found.answers[0]
    assert answer.startswith(_expected(three))
    assert abs(found.between_missing) <= found.bound
    assert abs(found.theirs) <= found.bound


def test_what_stands_under_anothers_key_is_what_stands_under_a_missing_one(two: Two) -> None:
    """It is answered, with a receipt of its own each time: the rest of the answer is the same."""
    found = compared(two.app, two.threes[STANDING], 4, np.random.default_rng(7))
    receipts = rb'countenance-receipt: .*|"receipt":"[^"]*",?|"index":[0-9]+,?|content-length: .*'
    sides = [{re.sub(receipts, b"", answer) for answer in side} for side in found.answers]
    assert sides[0] == sides[1] == sides[2]
    assert len(sides[0]) == 1


def _expected(three: Three) -> bytes:
    """Not found; but the claim or the signature is no good, or it is for the provider's people alone."""
    if isinstance(three.sides[0].opening, Person) and any(words in three.name for words in PROVIDERS):
        return b"403"
    if three.name.startswith("POST") and "mitigation" in three.name:
        return b"403"  # the provider's people answer independent tests, and nobody else
    if "secret" in three.name or "wrong key" in three.name or three.name.endswith(": application"):
        return b"401"
    return b"404"


def test_a_delay_is_found(two: Two) -> None:
    """The instrument is not blind: ten spreads of this machine's own noise, and 100 microseconds at least."""
    three = two.simple
    quiet = compared(two.app, three, CALLS, np.random.default_rng(7))
    by = max(100e-6, 2 * quiet.bound)
    assert compared(delayed(two.app, three.sides[2].path, by), three, CALLS, np.random.default_rng(8)).theirs > by / 2


def test_another_word_is_found(two: Two) -> None:
    """One header more for the other tenant's id is another answer, whatever the time."""
    three = two.simple

    async def telling(scope: Any, receive: Any, send: Any) -> None:
        async def told(message: Any) -> None:
            if message["type"] == "http.response.start" and scope["path"] == three.sides[2].path:
                message = {**message, "headers": [*message["headers"], (b"x-exists", b"yes")]}
            await send(message)

        await two.app(scope, receive, told)

    found = compared(telling, three, 60, np.random.default_rng(7))
    assert not found.alike
    assert found.answers[0] == found.answers[1] != found.answers[2]


def test_chance_stays_within_the_bound_and_a_shift_does_not() -> None:
    """Times as they are: skewed, with a tail, drifting. The labels are drawn, so the drift falls on both."""
    rng = np.random.default_rng(7)
    for _ in range(200):
        times = rng.lognormal(sigma=0.5, size=300) + np.linspace(0, 3, 300)
        order = rng.permutation(300) < 150
        first, second = times[order], times[~order]
        away = abs(np.median(first) - np.median(second))
        assert away <= SPREADS * spread(first, second, rng)
        assert abs(np.median(second + 3) - np.median(first)) > SPREADS * spread(first, second, rng)


def test_the_leaf_of_such_a_call_does_not_tell_either(doors: Doors) -> None:
    """Its open part is the same but for the commitment; its closed part names no subject that is not the caller's."""
    doors.enrolled("ada", 1)
    theirs = doors.another()
    doors.client.post("/v1/collections", headers=theirs, json={"name": "staff", "purpose": "access-control"})
    mine = doors.get("/v1/collections/staff/subjects").json()["subjects"][0]["id"]
    seen = []
    for subject in (mine, "sub_" + "0" * 32):
        path, kind = f"/v1/collections/staff/subjects/{subject}/verify", {"Content-Type": "image/png"}
        answer = doors.client.post(path, headers={**theirs, **kind}, content=photo(1))
        found = doors.world.proven(answer.json()["receipt"])
        assert found.closed is not None
        opened = {name: word for name, word in found.leaf.open.items() if name != "commitment"}
        seen.append((answer.status_code, opened, {**found.closed, "request": ""}))
    assert seen[0] == seen[1]
    assert seen[0][0] == 404
    assert seen[0][2]["subject"] == ""
