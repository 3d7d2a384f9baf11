"""Settings: read strictly, documented one by one, and the master key never inside the data folder."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from countenance.config import (
    LOOSEST,
    Metering,
    Serving,
    Settings,
    checked,
    checked_serving,
    from_environment,
    serving_from_environment,
)
from countenance.domain.errors import Misconfigured

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def test_every_setting_is_documented() -> None:
    rows = {line.split("|")[1].strip() for line in DOCS.read_text().splitlines() if line.startswith("| ")}
    assert {field.name for field in (*fields(Settings), *fields(Serving), *fields(Metering))} <= rows


def test_the_environment_is_read(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "COUNTENANCE_DATA": str(tmp_path / "d"), "COUNTENANCE_THREADS": "2"}
    found = from_environment(env)
    assert found.data == tmp_path / "d"
    assert found.keys == tmp_path / ".config" / "countenance"
    assert found.threads == 2
    assert found.manifest is None


@pytest.mark.parametrize("threads", ["two", "-1", "٢", "4_0", "1025", " 1"])
def test_a_number_of_threads_that_is_none_is_refused(tmp_path: Path, threads: str) -> None:
    with pytest.raises(Misconfigured):
        from_environment({"HOME": str(tmp_path), "COUNTENANCE_THREADS": threads})


def test_the_meter_is_set_as_strict_as_one_likes_and_not_much_looser(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert from_environment(home).metering == Metering()
    found = from_environment({**home, "COUNTENANCE_METER_MANY": "1", "COUNTENANCE_METER_STRANGER_SHARE": "100"})
    assert found.metering == replace(Metering(), many=1, stranger_share=100)
    for name, text in (("MANY", str(LOOSEST * Metering().many + 1)), ("STRANGER_SHARE", "101"), ("PLACES", "0")):
        with pytest.raises(Misconfigured, match=f"COUNTENANCE_METER_{name}"):
            from_environment({**home, f"COUNTENANCE_METER_{name}": text})


@pytest.mark.parametrize("inside", ["", "keys", "deep/keys"])
def test_the_keys_may_not_lie_in_the_data_folder(tmp_path: Path, inside: str) -> None:
    with pytest.raises(Misconfigured):
        checked(Settings(tmp_path, tmp_path / inside))


def test_nor_may_they_by_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "keys").symlink_to(tmp_path / "data")
    with pytest.raises(Misconfigured):
        checked(Settings(tmp_path / "data", tmp_path / "keys"))


def test_how_it_serves_is_read_too() -> None:
    env = {
        "COUNTENANCE_HOST": "192.0.2.7", "COUNTENANCE_PORT": "0", "COUNTENANCE_TRUSTED_PROXY": "127.0.0.1, 10.0.3.0/24",
        "COUNTENANCE_TLS_CERTIFICATE": "chain.pem", "COUNTENANCE_TLS_KEY": "key.pem", "COUNTENANCE_IN_FLIGHT": "3",
        "COUNTENANCE_CONNECTIONS": "9", "COUNTENANCE_BODY_SECONDS": "4", "COUNTENANCE_GRACE_SECONDS": "5",
    }  # fmt: skip
    assert checked_serving(serving_from_environment(env)) == Serving(
        "192.0.2.7", 0, Path("chain.pem"), Path("key.pem"), ("127.0.0.1", "10.0.3.0/24"), 3, 9, 4, 5
    )
    assert checked_serving(serving_from_environment({})) == Serving()


@pytest.mark.parametrize("name", ["PORT", "IN_FLIGHT", "CONNECTIONS", "BODY_SECONDS", "GRACE_SECONDS"])
@pytest.mark.parametrize("text", ["many", "-1", "+1", "1e3", "8_0", "٢", " 1", "999999", "1" * 5000])
def test_a_number_out_of_its_range_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(Misconfigured, match=f"COUNTENANCE_{name}"):
        serving_from_environment({f"COUNTENANCE_{name}": text})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "2001:db8::1"])  # noqa: S104
def test_nothing_is_served_beyond_this_machine_in_the_clear(host: str) -> None:
    with pytest.raises(Misconfigured, match="TLS"):
        checked_serving(Serving(host))
    files = Path("chain.pem"), Path("key.pem")
    assert checked_serving(Serving(host, tls_certificate=files[0], tls_key=files[1])).host == host
    assert checked_serving(Serving(host, trusted_proxy=("10.0.3.4",))).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1"])
def test_this_machine_may_be_served_without_tls(host: str) -> None:
    assert checked_serving(Serving(host)).host == host


@pytest.mark.parametrize(
    "wrong",
    [
        Serving("localhost"),
        Serving("*"),
        Serving(tls_certificate=Path("chain.pem")),
        Serving(tls_key=Path("key.pem")),
        Serving(trusted_proxy=("*",)),
        Serving(trusted_proxy=("",)),
        Serving(trusted_proxy=("0.0.0.0/0",)),
        Serving(trusted_proxy=("10.0.0.0/8",)),
        Serving(trusted_proxy=("10.0.3.4/24",)),
        Serving(trusted_proxy=("10.0.3.4", "proxy.example.com")),
    ],
)
def test_half_a_setting_or_half_the_internet_is_refused(wrong: Serving) -> None:
    with pytest.raises(Misconfigured):
        checked_serving(wrong)
