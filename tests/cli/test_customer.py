"""Admission on the machine itself: attested, checked, changed, demanded, counted; each answer as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from countenance.cli.main import root
from countenance.config import Settings
from countenance.domain.errors import BadInput, CountenanceError, NotFound, UnknownWord
from countenance.service import founding, signed

if TYPE_CHECKING:
    from pathlib import Path

GYM = (
    "--name", "Harbour Gym", "--sector", "commercial", "--country", "US", "--region", "US-OR", "--purpose",
    "access-control", "--contact",
    "A. Person", "--attested-by", "A. Person",
)  # fmt: skip
CHECK = ("--method", "document-seen", "--by", "B. Person", "--evidence", "the register", "--until", "2027-06-01")


class House:
    """A founded house on the real models, and its command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        founding.found(Settings(folder / "data", folder / "keys"), "test.example/log")

    def run(self, *arguments: str) -> Any:
        where = ("--data", str(self.folder / "data"), "--keys", str(self.folder / "keys"), "--json")
        result = CliRunner().invoke(root, [*arguments, *where])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return json.loads(result.stdout)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_from_a_signed_application_to_a_suspended_grant(house: House) -> None:
    key = house.folder / "a.key"
    key.touch(mode=0o600)
    key.write_text(signed.private_key_text(bytes(range(32))))
    made = house.run("customer", "apply", *GYM, "--sign-with", str(key))
    customer = made["customer"]
    assert made["attestation"] == {"signed": True}
    assert set(made["decisions"][0]["rests_on"].values()) == {"declared"}
    facts = [word for fact in ("name", "sector", "acts-for", "seat", "use") for word in ("--fact", fact)]
    checked = house.run("customer", "check", customer, *CHECK, *facts)
    assert checked["receipt"]
    assert house.run("customer", "figures")["customers"] == {"verified": 1, "partly": 0, "declared": 0}
    changed = house.run("customer", "change", customer, "--acts-for", "police")
    assert changed["grants"] == [
        {"grant": made["grant"], "holds": False, "reasons": ["microsoft-2020.us-police"]}
    ]  # fmt: skip
    shown = house.run("customer", "facts", customer)
    assert (shown["facts"]["acts_for"], shown["rests_on"]["acts-for"]) == (["police"], "declared")
    rest = next(one for one in shown["verifications"] if not one["withdrawn"])
    assert rest["continues"] == checked["verification"]
    assert house.run("customer", "uncheck", customer, rest["id"])["withdrawn"] == rest["id"]
    found = house.run("customer", "figures")
    assert (found["customers"]["declared"], found["grants"]["declared"]) == (1, 0)
    assert found["decisions"] == {"verified": 0, "declared": 2}


def test_a_demand_is_recorded_answered_and_counted(house: House) -> None:
    customer = house.run("customer", "apply", *GYM)["customer"]
    asked = ("--sector", "police", "--instrument", "warrant", "--record", "decisions", "--name", "County PD")
    made = house.run("demand", "record", customer, *asked, "--untold", "not-yet")
    assert house.run("demand", "answer", made["demand"], "--refused")["outcome"] == "refused"
    found = house.run("demand", "list")
    assert [(one["state"], one["name"], one["told"]) for one in found["demands"]] == [("refused", "County PD", False)]
    assert found["counts"] == [
        {"sector": "police", "instrument": "warrant", "outcome": "refused", "told": 0, "demands": 1}
    ]  # fmt: skip


def test_bad_input_is_named(house: House) -> None:
    customer = house.run("customer", "apply", *GYM)["customer"]
    nobody = "cus_" + "0" * 32
    wrong: tuple[tuple[type[CountenanceError], tuple[str, ...]], ...] = (
        (NotFound, ("customer", "facts", nobody)), (NotFound, ("customer", "change", nobody, "--sector", "police")),
        (UnknownWord, ("customer", "change", customer, "--sector", "pirates")),
        (UnknownWord, ("customer", "check", customer, *CHECK, "--fact", "height")),
        (BadInput, ("customer", "check", customer, *CHECK[:4], "--evidence", " ", *CHECK[6:], "--fact", "name")),
        (NotFound, ("customer", "uncheck", customer, "ver_0")), (NotFound, ("demand", "answer", "dem_0", "--met")),
        (UnknownWord, ("demand", "record", customer, "--sector", "police", "--instrument", "badge", "--record",
                       "decisions", "--name", "X")),
    )  # fmt: skip
    for error, arguments in wrong:
        with pytest.raises(error):
            house.run(*arguments)
