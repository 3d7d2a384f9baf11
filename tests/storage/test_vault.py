"""The vault: what is sealed opens in its place, under its key, unaltered, and in no other case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from countenance.domain.errors import Conflict, Misconfigured, MissingMasterKey, StorageDamaged, WrongMasterKey
from countenance.storage import db
from countenance.storage.tables import customers, server
from countenance.storage.vault import OVERHEAD, Seal, Vault

if TYPE_CHECKING:
    from pathlib import Path

MASTER = bytes(range(32))
OTHER = bytes(range(1, 33))


@pytest.fixture
def bound(tmp_path: Path) -> db.Database:
    """A database that was made under MASTER."""
    database = db.open(tmp_path / "countenance.db")
    Vault(MASTER).remember(database)
    return database


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_what_was_sealed_opens_again(plain: bytes, aad: bytes) -> None:
    seal = Seal(MASTER)
    sealed = seal.seal(plain, aad)
    assert len(sealed) == len(plain) + OVERHEAD
    assert seal.open(sealed, aad) == plain
    assert seal.seal(plain, aad) != sealed


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_no_altered_byte_goes_unseen(position: int, flip: int) -> None:
    sealed = bytearray(Seal(MASTER).seal(b"a template", b"place"))
    sealed[position % len(sealed)] ^= flip
    assert Seal(MASTER).open(bytes(sealed), b"place") is None


@pytest.mark.parametrize("length", range(OVERHEAD + 4))
def test_no_cut_value_opens(length: int) -> None:
    sealed = Seal(MASTER).seal(b"plain", b"")
    assert Seal(MASTER).open(sealed[:length], b"") is None


def test_a_failed_opening_leaves_nothing_in_the_room() -> None:
    sealed = bytearray(Seal(MASTER).seal(b"sixteen bytes ..", b""))
    sealed[-1] ^= 1
    room = bytearray(16)
    assert not Seal(MASTER).open_into(bytes(sealed), b"", memoryview(room))
    assert room == bytes(16)


def test_room_of_another_size_is_not_filled() -> None:
    room = bytearray(15)
    assert not Seal(MASTER).open_into(Seal(MASTER).seal(bytes(16), b""), b"", memoryview(room))


def test_records_open_only_in_their_place_and_for_their_customer(bound: db.Database) -> None:
    vault = Vault(MASTER)
    vault.check(bound)
    one, two = (vault.open_customer_key("cus", vault.new_customer_key("cus")) for _ in range(2))
    sealed = one.seal(b"alias", b"place")
    assert one.open(sealed, b"place") == b"alias"
    for key, aad in ((one, b"another place"), (two, b"place")):
        with pytest.raises(StorageDamaged):
            key.open(sealed, aad)
    assert one.templates.open(sealed, b"place") is None


def test_a_customers_key_is_of_no_use_in_anothers_row(bound: db.Database) -> None:
    vault = Vault(MASTER)
    vault.check(bound)
    with pytest.raises(StorageDamaged):
        vault.open_customer_key("cus_b", vault.new_customer_key("cus_a"))


def test_digests_differ_by_key_and_label() -> None:
    vault = Vault(MASTER)
    keys = [vault.open_customer_key("cus", vault.new_customer_key("cus")) for _ in range(2)]
    digests = {keys[0].digest(b"x"), keys[1].digest(b"x"), vault.digest(b"x", label="a"), vault.digest(b"x", label="b")}
    assert len(digests | {Vault(OTHER).digest(b"x", label="a")}) == 5
    assert vault.digest(b"x", label="a") == Vault(MASTER).digest(b"x", label="a")


def test_the_wrong_master_key_is_told_from_damage(bound: db.Database) -> None:
    right, wrong = Vault(MASTER), Vault(OTHER)
    sealed = right.seal(b"seed", label="signer:log")
    with pytest.raises(WrongMasterKey):
        wrong.check(bound)
    with pytest.raises(WrongMasterKey):
        wrong.open(sealed, label="signer:log")
    right.check(bound)
    assert right.open(sealed, label="signer:log") == b"seed"
    with pytest.raises(StorageDamaged):
        right.open(sealed, label="signer:certificate")


def test_a_database_is_bound_once(bound: db.Database) -> None:
    Vault(MASTER).remember(bound)
    with pytest.raises(WrongMasterKey):
        Vault(OTHER).remember(bound)


def test_a_lost_check_value_is_never_replaced_over_customers(bound: db.Database) -> None:
    with bound.begin() as connection:
        connection.execute(delete(server))
        connection.execute(
            insert(customers), {"id": "cus", "created": "", "facts": {}, "sealed_key": b"", "status": ""}
        )
    for call in (Vault(OTHER).remember, Vault(MASTER).check):
        with pytest.raises(StorageDamaged):
            call(bound)


def test_the_master_key_file_is_private_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    Vault.create_master_key(path)
    text = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    sealed = Vault.read(path).seal(b"x", label="l")
    assert Vault.read(path).open(sealed, label="l") == b"x"
    with pytest.raises(Conflict):
        Vault.create_master_key(path)
    assert path.read_bytes() == text


def test_a_master_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    Vault.create_master_key(tmp_path / "master.key")
    (tmp_path / "master.key").chmod(0o644)
    with pytest.raises(Misconfigured, match="Others on this machine"):
        Vault.read(tmp_path / "master.key")


def test_a_missing_master_key_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingMasterKey):
        Vault.read(tmp_path / "master.key")


@pytest.mark.parametrize("spoil", ["", "\n", " ", "0", "x" * 1000])
def test_only_the_exact_form_of_a_master_key_is_read(tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "master.key"
    Vault.create_master_key(path)
    text = path.read_text()
    path.write_text(text + spoil if spoil else text.upper())
    with pytest.raises(Misconfigured, match="does not hold one"):
        Vault.read(path)


def test_a_master_key_inside_the_data_folder_is_refused(tmp_path: Path, bound: db.Database) -> None:
    (tmp_path / "keys").mkdir()
    Vault.create_master_key(tmp_path / "keys" / "master.key")
    for call in (
        Vault.read(tmp_path / "keys" / "master.key").remember,
        Vault.read(tmp_path / "keys" / "master.key").check,
    ):
        with pytest.raises(Misconfigured, match="lies in the data folder"):
            call(bound)
