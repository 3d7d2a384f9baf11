"""What a client learns of a log: who witnesses it, and its later keys; and what it does not believe of either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from countenance.client import Client
from countenance.domain.errors import BadRecord, Unverified
from countenance.http.app import create_app
from countenance.ledger.checkpoint import Checkpoint
from countenance.ledger.cosignature import Cosigner, attached
from countenance.ledger.note import Signer
from countenance.service import rotation
from tests.client.house import listening
from tests.http.conftest import admit_customer
from tests.ledger.world import SIGNER
from tests.service.test_witnesses import Witnessed
from tests.service.world import photo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Witnessed]:
    made = Witnessed(tmp_path)
    yield made
    made.house.close()
    made.village.close()


def test_a_client_says_by_whom_a_log_is_witnessed(world: Witnessed) -> None:
    world.grow(2)
    vkeys = [key.verifier.vkey for key in world.village.keys]
    with listening(create_app(world.house)) as address:
        with Client(address, log_key=world.house.log.verifier.vkey) as client:
            assert client.log().witnessed_by(*vkeys) == ()
            world.look()
            head = client.log()
        assert head.witnessed_by(*vkeys) == world.village.names
        assert head.witnessed_by(vkeys[1]) == world.village.names[1:2]
        assert head.witnessed_by(Cosigner.from_seed("witness.example/w1", bytes(32)).verifier.vkey) == ()
        with pytest.raises(BadRecord):
            head.witnessed_by(SIGNER.vkey)


def test_a_client_that_pinned_the_old_key_goes_on_under_the_new_one(world: Witnessed) -> None:
    old, key = world.house.log.verifier.vkey, admit_customer(world).key
    with listening(create_app(world.house)) as address, Client(address, key, log_key=old) as client:
        client.detect(photo(1))
        rotation.begin(world.settings, 1)
        rotation.advance(world.house)
        client.detect(photo(1))
        world.later(days=2)
        rotation.advance(world.house)
        with pytest.raises(Unverified, match="no signature of the given key"):
            client.detect(photo(1))
        assert client.log().vkey != old
        client.detect(photo(1))


def told(**said: Any) -> Client:
    """A client of a server that says this of its log."""
    body = {"origin": SIGNER.name, "vkey": SIGNER.vkey, "size": 5, "keys": [], "witnessed": None, **said}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    return Client("https://faces.example.com", log_key=SIGNER.vkey, transport=transport)


HEAD = Checkpoint(SIGNER.name, 5, b"\1" * 32)
WITNESS = Cosigner.from_seed("witness.example/w1", b"\1" * 32)
NOTE = attached(SIGNER.sign(HEAD.text), [WITNESS.cosign(HEAD.text, 1)]).decode()


def test_what_is_cosigned_has_to_be_the_logs() -> None:
    with told(witnessed={"checkpoint": NOTE}) as client:
        assert client.log().witnessed_by(WITNESS.verifier.vkey) == ("witness.example/w1",)
    other = Signer.generate(SIGNER.name).sign(HEAD.text).decode()
    for text in (other, "", "nonsense", NOTE.replace("\n5\n", "\n6\n")):
        with told(witnessed={"checkpoint": text}) as client, pytest.raises(Unverified, match="cosigned checkpoint"):
            client.log()


def test_a_cosignature_that_fails_is_no_witness() -> None:
    forged = NOTE.replace(NOTE.split()[-1], NOTE.split()[-1][:-8] + "AAAAAA==")
    with told(witnessed={"checkpoint": forged}) as client, pytest.raises((Unverified, BadRecord)):
        client.log().witnessed_by(WITNESS.verifier.vkey)


def test_a_key_that_nothing_announces_is_not_believed() -> None:
    other = Signer.generate(SIGNER.name)
    for said in ({"vkey": other.vkey}, {"keys": ["nonsense"]}, {"keys": [NOTE]}, {"keys": [""] * 65}):
        with told(**said) as client, pytest.raises(Unverified):
            client.log()


def test_a_server_of_an_earlier_version_says_nothing_of_either() -> None:
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"origin": SIGNER.name, "vkey": SIGNER.vkey, "size": 5})
    )
    with Client("https://faces.example.com", log_key=SIGNER.vkey, transport=transport) as client:
        assert client.log().cosigned == ""
