"""docs/client.md is true: its examples run, in order, against a real house; its tables name what there is."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from countenance.client import Administration, Applicant, Client
from countenance.client.line import LONGEST_TIMEOUT
from countenance.client.talk import LONGEST_WAIT, MOST, TRIES
from countenance.service import accounts, signed
from tests.client.asks import ALL
from tests.client.house import Doors, listening, opened
from tests.client.test_house import TOLD, _until
from tests.house.sources import ROOT
from tests.service.world import photo

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    with opened(tmp_path) as doors, listening(doors.app) as address:
        (tmp_path / "gym.key").write_text(doors.key + "\n")
        (tmp_path / "log.vkey").write_text(doors.pinned["log_key"])
        for name, person in (("visitor.jpg", 1), ("bo.jpg", 2)):
            (tmp_path / name).write_bytes(photo(person))
        with Client(address, doors.key, **doors.pinned) as faces:  # type: ignore[arg-type]
            inside = faces.create_collection("staff", "access-control").id
            faces.record_consent(inside, "ada", until=_until(doors), **TOLD)
            faces.enrol(inside, "ada", photo(1))
        names: dict[str, object] = {"__name__": "client_page"}
        _ada(doors, tmp_path)
        assert len(EXAMPLES) == 4
        for example in EXAMPLES:
            exec(compile(example.replace("http://127.0.0.1:8000", address), "docs/client.md", "exec"), names)  # noqa: S102
        assert doors.world.proven((tmp_path / "receipt.txt").read_text()).leaf.open["verdict"] == "allow"
    said = capsys.readouterr().out
    for part in ("match", "of 1", "refused:", "countenance-erasure@v1", "1 1 ['ada']", "Pool application-approve"):
        assert part in said
    assert (tmp_path / "pool.key").read_text().startswith("cnt_")


def _ada(doors: Doors, folder: Path) -> None:
    """Register a person who approves, whose key and account lie where the page has them."""
    seed = secrets.token_bytes(32)
    new = accounts.NewAccount("Ada Person", frozenset({"approver"}), signed.PersonKey(seed).public)
    (folder / "ada.account").write_text(accounts.register_here(doors.world.house, new).id + "\n")
    (folder / "ada.key").write_text(signed.private_key_text(seed))


def test_an_example_has_about_ten_lines() -> None:
    assert max(len([line for line in example.splitlines() if line]) for example in EXAMPLES) <= 20
    assert len([line for line in EXAMPLES[0].splitlines() if line]) <= 10


def test_every_call_and_every_bound_is_named() -> None:
    named = set(re.findall(r"`([a-z_]+)\(", PAGE))
    people = {
        name for kind in (Administration, Applicant) for name in vars(kind) if not name.startswith("_")
    }  # fmt: skip
    assert len(people) > 12
    assert named >= set(ALL) | people
    assert f"at most {LONGEST_WAIT:.0f} seconds" in PAGE
    assert TRIES == 4
    assert "sent four times at most" in PAGE
    assert f"{LONGEST_TIMEOUT:.0f} at most" in PAGE
    assert f"{MOST // 2**20} MiB its size" in PAGE
