"""`countenance decide` and `countenance policy` as their contract has them: exit codes, words, files, the matrix."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from countenance.cli.decide import decide
from countenance.cli.policy import policy
from countenance.policy import packs, whatif, words

if TYPE_CHECKING:
    from pathlib import Path

ASK = ["--action", "identify", "--sector", "commercial", "--country", "DE", "--purpose", "access-control"]
POLICE = [
    "--action", "provision", "--sector", "police", "--country", "US",
    "--purpose", "criminal-investigation", "--pack", "microsoft-2020",
]  # fmt: skip
DAY = ["--on", "2026-11-22"]
FREE = {"organisation", "authority", "law", "paperwork", "on", "pack", "locality"}  # names and files, no words
LAW = "\n".join([
    'id = "us-face-act-2027"', 'title = "An act"', 'jurisdiction = "US"', 'level = "national"',
    'covers = ["police", "sheriff"]', "from = 2027-01-01", 'until = ""', 'sources = ["https://example.org/act"]',
    'recognises = ["warrant"]', "[assessment]", *(f'{each} = "yes"' for each in words.CRITERIA),
    "[assessment.sources]", 'legality = "https://example.org/legality"',
    "[[assessment.signed]]", 'name = "A"', "outside = true", 'key = "a2V5MQ=="', 'signature = "c2ln"',
    "[[assessment.signed]]", 'name = "B"', "outside = false", 'key = "a2V5Mg=="', 'signature = "c2ln"',
])  # fmt: skip


def run(*arguments: str) -> Result:
    return CliRunner().invoke(decide, list(arguments))


def answer(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--json").output)
    return found


@pytest.fixture
def law_file(tmp_path: Path) -> Path:
    path = tmp_path / "us-face-act-2027.toml"
    path.write_text(LAW, encoding="utf-8")
    return path


def test_exit_codes() -> None:
    assert run(*ASK, *DAY).exit_code == 0
    assert run(*POLICE, "--on", "2020-06-11").exit_code == 3
    assert run(*POLICE, "--on", "2020-06-10").exit_code == 0
    assert run(*POLICE, "--on", "2020-06-10T23:59:59Z").exit_code == 0
    assert run(*POLICE, "--on", "2020-06-11T01:00:00+02:00").exit_code == 0
    assert run(*POLICE, "--on", "2020-06-10T20:00:00-04:00").exit_code == 3


US_POLICE = ["--sector", "police", "--country", "US", "--action", "provision", "--purpose", "identity-verification"]
AGENCY = [
    "--sector", "public-agency", "--country", "US", "--region", "US-WA", "--action", "identify",
    "--purpose", "access-control",
]  # fmt: skip
AMAZON = ["amazon-2020.police", "amazon-2021.police"]
WASHINGTON = [
    f"washington-rcw-43.386.{rule}"
    for rule in (
        "notice-of-intent", "report-sections", "report-purpose", "report-model", "report-meetings",
        "report-published", "report-updated", "report-errors", "training",
    )
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "chosen", "days"),
    [
        (US_POLICE, "microsoft-2020", {"2020-06-10": [], "2020-06-11": ["microsoft-2020.us-police"]}),
        (US_POLICE, "amazon-2020", {"2020-06-09": [], "2020-06-10": AMAZON[:1]}),
        (US_POLICE, "amazon-2020", {"2021-06-09": AMAZON[:1], "2021-06-10": []}),
        (US_POLICE, "amazon-2021", {"2021-05-17": [], "2021-05-18": AMAZON[1:], "2021-06-10": AMAZON[1:]}),
        (US_POLICE, "amazon-2020 amazon-2021", {"2021-06-09": AMAZON, "2021-06-10": AMAZON[1:]}),
        (AGENCY, "washington-rcw-43.386", {"2021-06-30": [], "2021-07-01": WASHINGTON}),
    ],
)
def test_the_same_ask_gets_the_answer_of_its_day(asked: list[str], chosen: str, days: dict[str, list[str]]) -> None:
    for day, rules in days.items():
        found = answer(*asked, *(part for name in chosen.split() for part in ("--pack", name)), "--on", day)
        assert found["decision"] == ("deny" if rules else "allow")
        assert [each["id"] for each in found["reasons"]] == (rules or ["core.known-purpose"])


def test_what_virginia_asked_until_its_last_day_would_have_lifted_a_refusal_and_nothing_does_since(
    tmp_path: Path,
) -> None:
    """The shipped model is not evaluated to be as accurate as that law asked; all else is on file."""
    filed = tmp_path / "filed.toml"
    filed.write_text("public_policy = 2025-01-01\nnist_evaluated = 2025-01-01\n", encoding="utf-8")
    asked = [*US_POLICE[:-1], "missing-persons", "--minors", "no", "--region", "US-VA", "--pack", "virginia-2022"]
    asked += ["--paperwork", str(filed), "--on"]
    before, since = answer(*asked, "2026-06-30"), answer(*asked, "2026-07-01")
    assert [each["id"] for each in before["reasons"]] == ["virginia-2022.accuracy"]
    assert [lift["all"] for lift in before["lifted_when"]] == [
        [{"fact": "model.worst_fnmr_ppm", "at_most": 20_000}],
    ]
    assert [each["id"] for each in since["reasons"]] == ["virginia-2022.sunset"]
    assert since["lifted_when"] == []


def test_the_answer_has_every_part() -> None:
    found = answer(*POLICE, "--on", "2020-06-12")
    assert list(found) == ["decision", "on", "packs", "reasons", "lifted_when", "duties", "assumed", "errors"]
    assert (found["decision"], found["on"]) == ("deny", "2020-06-12")
    assert [pack["name"] for pack in found["packs"]] == ["core", "microsoft-2020"]
    assert [reason["id"] for reason in found["reasons"]] == ["microsoft-2020.us-police"]
    assert found["lifted_when"][0]["all"] == [{"fact": "laws.national.US.grounded_in_human_rights", "is": True}]
    assert {"mode=one-off", "place=private", "seat-country=US", "minors=no"} <= set(found["assumed"])
    assert found["errors"] == []


def test_a_person_reads_rule_source_and_what_would_lift_it() -> None:
    told = run(*POLICE, "--on", "2020-06-12").output
    for part in ("DENIED on 2020-06-12", "microsoft-2020.us-police", "https://github.com/", "lifted when a national"):
        assert part in told


@pytest.mark.parametrize("purpose", [*sorted(words.MINORS_UNKNOWN_FOR), "access-control", "credit"])
def test_minors_are_assumed_by_purpose(purpose: str) -> None:
    found = answer(*ASK[:-1], purpose, *DAY)
    assumed = "unknown" if purpose in words.MINORS_UNKNOWN_FOR else "no"
    assert f"minors={assumed}" in found["assumed"]
    assert ("core.minors" in [reason["id"] for reason in found["reasons"]]) is (assumed == "unknown")


@pytest.mark.parametrize("flag", sorted(set(whatif.FLAGS) - FREE))
def test_an_unknown_word_is_a_deny_that_names_it(flag: str) -> None:
    said = dict(zip(ASK[::2], ASK[1::2], strict=True)) | {f"--{flag}": "Nonsense"}
    done = run(*[part for pair in said.items() for part in pair], *DAY, "--json")
    found = json.loads(done.output)
    assert (done.exit_code, found["decision"], found["reasons"], found["lifted_when"]) == (3, "deny", [], [])
    assert any(error.startswith(f"{flag}:") and "Nonsense" in error for error in found["errors"])


@pytest.mark.parametrize(
    "arguments",
    [
        ASK[2:],
        [*ASK, "--no-such-flag", "x"],
        [*ASK, "--pack", "no-such-pack"],
        [*ASK, "--on", "2020-6-1"],
        [*ASK, "--on", "2020-02-30"],
        [*ASK, "--on", "2020-06-11T09:00:00"],
        [*ASK, "--on", "\u0662020-06-11"],
        [*ASK, "--on", "0001-01-01T00:00:00+23:00"],
        [*ASK, "--law", "no-such-file.toml"],
        [*ASK, "--authority", "no-such-file.toml"],
        [*ASK, "--paperwork", "no-such-file.toml"],
        [*ASK, "--matrix", "no-such-file.csv"],
        [*ASK, "--mode", "post", "--mode", "one-off"],
        [*ASK, "--lifted"],
    ],
)
def test_what_cannot_be_read_is_usage(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_a_law_as_a_what_if(law_file: Path) -> None:
    assert run(*POLICE, "--law", str(law_file), "--on", "2026-12-31").exit_code == 3
    found = answer(*POLICE, "--law", str(law_file), "--on", "2027-01-01")
    assert (found["decision"], found["lifted_when"]) == ("allow", [])
    assert f"law={law_file}" in found["assumed"]
    assert found["reasons"][0]["id"] == "core.criminal-investigation"


def test_an_authority_and_paperwork_open_an_investigation(tmp_path: Path, law_file: Path) -> None:
    warrant, filed = tmp_path / "warrant.toml", tmp_path / "filed.toml"
    warrant.write_text(
        'kind = "warrant"\nissuer = "A court"\nnames_person = true\npurpose = "criminal-investigation"\n'
        'from = 2027-01-01\nuntil = 2027-07-01\nrecognised_by = "us-face-act-2027"\n'
    )
    filed.write_text("[review]\nreviewers = 2\n")
    asked = [*POLICE, "--law", str(law_file), "--on", "2027-06-01", "--action"]
    identify = ["identify", "--authority", str(warrant), "--paperwork", str(filed), "--mode", "real-time"]
    asked = [part for part in POLICE if part not in ("--action", "provision")] + asked[len(POLICE) :]
    done = run(*asked, *identify, "--place", "publicly-accessible", "--json")
    assert (done.exit_code, json.loads(done.output)["duties"]) == (0, ["two-reviewers"])
    assert run(*asked, "identify").exit_code == 3


def matrix(tmp_path: Path, text: str, *arguments: str) -> Result:
    path = tmp_path / "asks.csv"
    path.write_text(text, encoding="utf-8")
    return run("--matrix", str(path), *arguments)


def test_the_matrix_answers_in_order_and_fills_in_the_flags_beside_it(tmp_path: Path) -> None:
    rows = "sector,country,acts-for\npolice,US,\ncommercial,US,\ncommercial,US,military;sheriff\npolic,US,\n"
    beside = ["--action", "provision", "--purpose", "access-control", *DAY]
    done = matrix(tmp_path, rows, "--json", *beside)
    found = [json.loads(line) for line in done.output.splitlines()]
    assert done.exit_code == 0
    assert [each["decision"] for each in found] == ["deny", "allow", "deny", "deny"]
    assert all("lifted_when" not in each for each in found)
    assert "polic" in found[3]["errors"][0]
    lifted = json.loads(matrix(tmp_path, rows, "--json", "--lifted", *beside).output.splitlines()[0])
    assert len(lifted["lifted_when"]) == 1


def test_a_row_says_the_same_as_its_flags(tmp_path: Path) -> None:
    columns = ",".join(flag.removeprefix("--") for flag in POLICE[::2])
    row = json.loads(matrix(tmp_path, f"{columns}\n{','.join(POLICE[1::2])}\n", "--json", "--lifted", *DAY).output)
    assert row == answer(*POLICE, *DAY)


@pytest.mark.parametrize(
    "text",
    [
        "sector,colour\npolice,red\n",
        "action,sector,country,purpose,json\n",
        "action,sector,country,purpose\nidentify,police,US,housing\nidentify,police,US\n",
        "action,sector,country,purpose,on\nidentify,police,US,housing,\nidentify,police,US,housing,2020-6-1\n",
        "action,sector,country,purpose\nidentify,police,US,housing\n,police,US,housing\n",
        "action,sector,country,purpose,pack\nidentify,police,US,housing,nonsense\n",
        "action,action\n",
        "",
    ],
)
def test_a_matrix_that_cannot_be_read_is_usage_before_any_row(tmp_path: Path, text: str) -> None:
    done = CliRunner().invoke(decide, ["--json", "--matrix", str(_written(tmp_path, text))])
    assert (done.exit_code, done.stdout) == (2, "")


def _written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "asks.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_flag_of_the_policy_is_an_option_and_help_has_examples() -> None:
    told = run("--help").output
    assert "Examples:" in told
    assert all(f"--{flag} " in told for flag in whatif.FLAGS)


def test_policy_lists_and_shows_the_packs() -> None:
    listed = json.loads(CliRunner().invoke(policy, ["packs", "--json"]).output)
    assert [pack["name"] for pack in listed] == list(packs.shipped())
    shown = json.loads(CliRunner().invoke(policy, ["show", "microsoft-2020", "--json"]).output)
    assert [rule["id"] for rule in shown["rules"]] == ["microsoft-2020.us-police"]
    assert "core.track" in CliRunner().invoke(policy, ["show", "core"]).output
    assert CliRunner().invoke(policy, ["show", "nonsense"]).exit_code == 2


def test_policy_check_tells_a_broken_pack_from_a_sound_one(tmp_path: Path) -> None:
    text = packs.read("microsoft-2020").text.replace("microsoft-2020", "mine")
    (tmp_path / "mine.cedar").write_text(text, encoding="utf-8")
    assert CliRunner().invoke(policy, ["check", str(tmp_path)]).exit_code == 0
    (tmp_path / "yours.cedar").write_text(text, encoding="utf-8")
    done = CliRunner().invoke(policy, ["check", str(tmp_path), "--json"])
    assert done.exit_code == 1
    assert [each["ok"] for each in json.loads(done.output)] == [True, False]
    assert CliRunner().invoke(policy, ["check", str(tmp_path / "nowhere")]).exit_code == 2
