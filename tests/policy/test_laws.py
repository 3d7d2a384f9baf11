"""Law, authority and paperwork files: read whole or refused by the name of the field; registry signatures verified."""

from __future__ import annotations

import base64
import tomllib
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.domain.errors import BadRecord
from countenance.policy import context, laws, words
from tests.policy.asks import ask as asked
from tests.policy.asks import authority, facts, law, model

if TYPE_CHECKING:
    from pathlib import Path

    from countenance.domain.decision import Facts

BODY = "\n".join([
    'id = "an-act"', 'title = "An act"', 'jurisdiction = "US"', 'level = "national"', 'covers = ["police"]',
    "from = 2027-01-01", 'until = ""', 'sources = ["https://example.org/act"]', 'recognises = ["warrant"]',
    "[assessment]", *(f'{each} = "yes"' for each in words.CRITERIA),
    "[assessment.sources]", *(f'{each} = "https://example.org/{each}"' for each in words.CRITERIA), "",
])  # fmt: skip
AUTHORITY = (
    'kind = "warrant"\nissuer = "A court"\nnames_person = true\npurpose = "missing-persons"\n'
    'from = 2027-01-01\nuntil = 2027-07-01\nrecognised_by = "an-act"\n'
)
PAPERWORK = (
    "notice_of_intent = 2026-01-10\npublic_policy = 2026-01-01\nrights_assessment = 2026-01-01\n"
    "eu_registered = 2026-01-01\nnist_evaluated = 2026-01-01\n"
    "[report]\npublished = 2026-03-01\nupdated = 2026-03-01\nmeetings = 3\n"
    'purposes = ["access-control"]\nsections = ["a","b","c","d","e","f","g","h"]\nmodel_version = "v1"\n'
    "[operational_test]\npassed = 2026-02-20\n[training]\nvalid_until = 2027-02-01\n[review]\nreviewers = 2\n"
    '[federal_exemption]\nreported = 2026-02-01\npurposes = ["access-control"]\n[mitigation]\ndue = 2026-11-22\n'
)
GOOD = {name: name != "paperwork.mitigation_overdue" for name in context.SHAPE}
OUTSIDE_WASHINGTON = (
    "two_reviewers", "public_policy", "rights_assessment", "eu_registration", "federal_exemption", "nist_evaluation",
)  # fmt: skip


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "record.toml"
    path.write_text(text, encoding="utf-8")
    return path


def signed(text: str, *signers: Ed25519PrivateKey, over: str = "") -> str:
    message = laws.signed_message(tomllib.loads(over or text))
    for number, signer in enumerate(signers):
        key = base64.b64encode(signer.public_key().public_bytes_raw()).decode()
        signature = base64.b64encode(signer.sign(message)).decode()
        text += (
            f'[[assessment.signed]]\nname = "{number}"\noutside = {str(number == 0).lower()}\n'
            f'key = "{key}"\nsignature = "{signature}"\n'
        )
    return text


def test_a_law_is_read_whole(tmp_path: Path) -> None:
    found = laws.read_law(written(tmp_path, BODY))
    assert (found.id, found.level, found.jurisdiction) == ("an-act", "national", "US")
    assert (found.start, found.until) == (date(2027, 1, 1), None)
    assert (found.covers, found.recognises) == (frozenset({"police"}), frozenset({"warrant"}))
    assert found.assessment == dict.fromkeys(words.CRITERIA, "yes")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('id = "an-act"\n', "", "id: is missing"),
        ('id = "an-act"', 'id = ""', "id: must not be empty"),
        ('id = "an-act"', 'id = "an-act"\ncolour = "red"', "colour: is not a known field"),
        ("from = 2027-01-01", 'from = "2027-01-01"', "from: must be a date"),
        ("from = 2027-01-01", "from = 2027-01-01T00:00:00Z", "from: must be a date"),
        ("from = 2027-01-01", "from = 2027-02-30", "is not TOML"),
        ('until = ""', "until = 2026-01-01", "until: must be after from"),
        ('level = "national"', 'level = "world"', "level"),
        ('jurisdiction = "US"', 'jurisdiction = "USA"', "jurisdiction"),
        ('covers = ["police"]', 'covers = "police"', "covers: must be a list"),
        ('covers = ["police"]', 'covers = ["polic"]', "covers: 'polic'"),
        ('covers = ["police"]', 'covers = ["police", "police"]', "covers"),
        ('sources = ["https://example.org/act"]', "sources = []", "sources"),
        ('sources = ["https://', 'sources = ["http://', "sources: must be an https address"),
        ('recognises = ["warrant"]', "recognises = [1]", "recognises"),
        ('legality = "yes"', 'legality = "maybe"', "assessment.legality"),
        ('legality = "yes"', "legality = true", "assessment.legality: must be a text"),
        ('legality = "https://', 'legality = "', "assessment.sources.legality"),
        ("[assessment.sources]", "[[assessment.sources]]", "assessment.sources: must be a table"),
    ],
)
def test_a_law_that_is_wrong_is_refused_by_field(tmp_path: Path, old: str, new: str, field: str) -> None:
    assert old in BODY
    with pytest.raises(BadRecord) as caught:
        laws.read_law(written(tmp_path, BODY.replace(old, new, 1)))
    assert field in caught.value.message
    assert str(tmp_path) not in caught.value.message


def test_the_registry_takes_what_registered_people_signed(tmp_path: Path) -> None:
    one, two = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    keys = {base64.b64encode(each.public_key().public_bytes_raw()).decode() for each in (one, two)}
    found = laws.registered(written(tmp_path, signed(BODY, one, two)), keys)
    assert context.grounded_in_human_rights(found)
    with pytest.raises(BadRecord, match="two people sign with different keys"):
        laws.registered(written(tmp_path, signed(BODY, one)), keys)


@pytest.mark.parametrize("fault", ["altered", "stranger", "unsourced", "garbled"])
def test_the_registry_refuses_what_nobody_registered_signed(tmp_path: Path, fault: str) -> None:
    signer = Ed25519PrivateKey.generate()
    keys = {base64.b64encode(signer.public_key().public_bytes_raw()).decode()}
    text = signed(BODY, signer)
    if fault == "altered":
        text = signed(BODY.replace("An act", "Another act"), signer, over=BODY)
    elif fault == "stranger":
        text = signed(BODY, Ed25519PrivateKey.generate())
    elif fault == "unsourced":
        text = signed(BODY.replace('remedy = "https://example.org/remedy"\n', ""), signer)
    else:
        text = text.replace('signature = "', 'signature = "!')
    with pytest.raises(BadRecord):
        laws.registered(written(tmp_path, text), keys)


def test_an_authority_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    found = laws.read_authority(written(tmp_path, AUTHORITY))
    assert (found.kind, found.names_person, found.until) == ("warrant", True, date(2027, 7, 1))
    assert (found.requested_at, found.granted_at, found.refused_at) == (None, None, None)
    timed = laws.read_authority(written(tmp_path, AUTHORITY + "requested_at = 2027-01-01T10:00:00+02:00\n"))
    assert timed.requested_at == datetime(2027, 1, 1, 8, tzinfo=UTC)
    with pytest.raises(BadRecord, match="granted_at: must be a time with its zone"):
        laws.read_authority(written(tmp_path, AUTHORITY + "granted_at = 2027-01-01T10:00:00\n"))
    for line in AUTHORITY.splitlines(keepends=True):
        with pytest.raises(BadRecord, match="is missing"):
            laws.read_authority(written(tmp_path, AUTHORITY.replace(line, "")))
    for old, new in (("warrant", "note"), ("true", '"yes"'), ("2027-07-01", "2027-01-01"), ("issuer", "judge")):
        with pytest.raises(BadRecord, match=r"^record\.toml: "):
            laws.read_authority(written(tmp_path, AUTHORITY.replace(old, new)))


def test_paperwork_is_read_and_each_fact_is_derived_from_it(tmp_path: Path) -> None:
    paper = laws.read_paperwork(written(tmp_path, PAPERWORK))
    known = facts(paperwork=paper, model=model(version="v1").model)
    filed = {name: value for name, value in _derived(known).items() if name.startswith("paperwork.")}
    assert {name for name, value in filed.items() if not value} == {"paperwork.mitigation_overdue"}
    nothing = laws.read_paperwork(written(tmp_path, ""))
    assert not any(v for n, v in _derived(facts(paperwork=nothing)).items() if n.startswith("paperwork."))


@pytest.mark.parametrize(
    ("old", "new", "fact"),
    [
        ("notice_of_intent = 2026-01-10", "notice_of_intent = 2026-11-23", "paperwork.notice_of_intent"),
        ("published = 2026-03-01", "published = 2026-08-25", "paperwork.report.published_90_days"),
        ("updated = 2026-03-01", "updated = 2024-11-22", "paperwork.report.updated_within_2_years"),
        ("meetings = 3", "meetings = 2", "paperwork.report.three_meetings"),
        ('3\npurposes = ["access-control"]', '3\npurposes = ["housing"]', "paperwork.report.covers_purpose"),
        (',"h"', "", "paperwork.report.all_sections"),
        ('"v1"', '"v2"', "paperwork.report.names_model"),
        ("passed = 2026-02-20", "passed = 2026-12-01", "paperwork.operational_test"),
        ("valid_until = 2027-02-01", "valid_until = 2026-11-22", "paperwork.training_valid"),
        ('"h"]', '"h"]\naddresses_errors = false', "paperwork.report.addresses_errors"),
        ("due = 2026-11-22", "due = 2026-11-21", "paperwork.mitigation_overdue"),
        ("reviewers = 2", "reviewers = 1", "paperwork.two_reviewers"),
        ("public_policy = 2026-01-01", "public_policy = 2026-11-23", "paperwork.public_policy"),
        ("rights_assessment = 2026-01-01\n", "", "paperwork.rights_assessment"),
        ("eu_registered = 2026-01-01\n", "", "paperwork.eu_registration"),
        ("nist_evaluated = 2026-01-01\n", "", "paperwork.nist_evaluation"),
        ("reported = 2026-02-01", "reported = 2026-12-01", "paperwork.federal_exemption"),
        ('1\npurposes = ["access-control"]', '1\npurposes = ["housing"]', "paperwork.federal_exemption"),
    ],
)
def test_a_paper_that_falls_short_is_a_fact_that_is_not(tmp_path: Path, old: str, new: str, fact: str) -> None:
    assert old in PAPERWORK
    paper = laws.read_paperwork(written(tmp_path, PAPERWORK.replace(old, new)))
    derived = _derived(facts(paperwork=paper, model=model(version="v1").model))
    amiss = [name for name, value in derived.items() if name.startswith("paperwork.") and value is not GOOD[name]]
    in_washington = fact.removeprefix("paperwork.") not in OUTSIDE_WASHINGTON
    assert amiss == [fact, *(["paperwork.complete"] if in_washington else [])]


@pytest.mark.parametrize("text", ["[report]\nmeetings = -1", "[review]\nreviewers = true", "[reports]\n", "x", "\x00"])
def test_paperwork_that_is_wrong_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadRecord):
        laws.read_paperwork(written(tmp_path, text))


def test_an_exception_by_name_is_an_id_and_only_for_the_verified() -> None:
    assert _derived(facts(organisation="Thorn"))["exception"] == "thorn"
    assert _derived(facts(organisation="Thorn", verified=False))["exception"] == ""
    assert _derived(facts(organisation="Thorn Ltd"))["exception"] == ""


def test_the_registry_digest_is_of_the_laws_and_not_of_their_order() -> None:
    one, two = law(), law(id="b")
    assert laws.registry_digest([one, two]) == laws.registry_digest([two, one])
    assert len({laws.registry_digest(each) for each in ([], [one], [one, two], [law(title="x")])}) == 4


def test_a_state_law_is_recognised_in_its_state_only() -> None:
    known = facts(laws=(law(jurisdiction="US-WA", level="state"),), authority=authority())
    for region, recognised in (("US-WA", True), ("US-OR", False), ("", False)):
        found = context.named(context.derive(asked(country="US", region=region), known))
        assert found["authority.recognised"] is recognised
        assert found["authority.region_missing"] is (region == "")


def _derived(known: Facts) -> dict[str, object]:
    return dict(context.named(context.derive(asked(), known)))
