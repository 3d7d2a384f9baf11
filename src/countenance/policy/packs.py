"""A pack: one Cedar file with a header that says who promised it, where that can be read and when it goes
stale.

Header and rules are read strictly here; whether the rules are Cedar, and fit the schema, is cedar.py's to
say. A pack never decides. Format: docs/policy.md.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from countenance.domain.decision import Reason
from countenance.domain.errors import BadRecord, UnknownWord
from countenance.policy.places import line_of
from countenance.policy.table import https

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from countenance.domain.decision import Ask

EVIDENCE = {
    "T": "the text itself was read",
    "S": "read in a secondary source only",
    "P": "read in a parallel text, not in this one",
}
DUTIES = {
    "annual-report": "report to the authorities on its use every year",
    "delete-by": "erase what was enrolled by the end that was set",
    "delete-if-refused": "stop, and delete what came of it, where the authorisation is refused",
    "delete-within-1-year": "destroy templates within a year after their purpose is gone",
    "delete-within-3-years": "destroy templates once their purpose is met, within three years of the last use",
    "disclose-to-defendant": "tell a defendant of the use in time before trial",
    "erase-on-withdrawal": "erase without undue delay when consent is withdrawn or the purpose is gone",
    "human-review": "have the answer reviewed by a trained person who may decide otherwise",
    "january-report": "report each January, as the law of the state says",
    "keep-records": "keep records of each use, as long as the law says",
    "never-sell": "sell, lease or trade neither templates nor answers",
    "not-sole-basis": "rest no adverse decision and no probable cause on the answer alone",
    "notice": "tell the people concerned",
    "quarterly-report": "report on each search every quarter",
    "report-each-use": "notify the supervising authorities of each use",
    "two-reviewers": "have two trained people confirm the answer before anybody acts on it",
}
"""What an allow may oblige to: the words of `@duties`, and what each asks."""
STATUSES = ("on", "optional", "draft")
"""Of a pack in a fresh install: on; off, for whoever takes the promise up; off, and not fit to rely on yet."""
STOP = "stop"
MAX_BYTES = 1_000_000
_LINE = re.compile(r"\A// ([a-z_]+): (\S.*\S|\S)\Z")
_NAME = re.compile(r"\A[a-z][a-z0-9]*(?:[-.][a-z0-9]+)*\Z")
_SPAN = re.compile(r"\A(\S+) to (\S+)\Z")
_TERRITORY = re.compile(r"\A[A-Z]{2}(?:-[A-Z0-9]{1,3})?\Z")
_ONCE = ("pack", "title", "promised_by", "in_force", "status", "checked_on", "stale_after", "secondary")
_SEVERAL = ("source", "gap", "no_sketches")
_ANNOTATIONS = frozenset({"id", "says", "source", "evidence", "duties"})


@dataclass(frozen=True, slots=True)
class Header:
    """Who promised what, for when, and until when the reading of it may be relied on.

    begins, ends: the first day on which its rules hold, and the first on which none does any more; None: none is known.
    gaps: what is not known of it, and what the rules do instead, a sentence each. no_sketches: countries and regions
    where, by this law, not even a sketch of the face of somebody who is not enrolled may be kept, for however short.
    """

    pack: str
    title: str
    promised_by: str
    begins: date | None
    ends: date | None
    status: str
    sources: tuple[str, ...]
    gaps: tuple[str, ...]
    checked_on: date
    stale_after: date
    secondary: frozenset[str]
    no_sketches: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """One permit or forbid. `place`: its place in the set, counted from the first rule of `core`."""

    effect: str
    reason: Reason
    duties: tuple[str, ...]
    place: int


@dataclass(frozen=True, slots=True)
class PackFile:
    """The text of a pack, its header, and the SHA-256 of its bytes."""

    header: Header
    text: str
    digest: str

    @property
    def name(self) -> str:
        return self.header.pack

    def stale(self, day: date) -> bool:
        """Whether its reading is too old to allow anything: on every day after `stale_after`."""
        return day > self.header.stale_after


def shipped() -> tuple[str, ...]:
    """Names of the packs in this installation, `core` first."""
    found = sorted(each.name.removesuffix(".cedar") for each in _folder().iterdir() if each.name.endswith(".cedar"))
    return ("core", *[name for name in found if name != "core"])


@lru_cache(maxsize=1)
def fresh_install() -> tuple[str, ...]:
    """Packs that are on when nobody chose otherwise; `core` is always on."""
    return tuple(name for name in shipped() if read(name).header.status == "on")


def schema() -> str:
    """The Cedar schema, as text."""
    return resources.files("countenance.policy").joinpath("schema.cedarschema").read_text("utf-8")


def stop() -> PackFile:
    """The pack of an emergency stop: it ships, and is in no set until somebody stops the house."""
    return parse(resources.files("countenance.policy").joinpath(f"{STOP}.cedar").read_bytes(), STOP)


def read(name: str, extra: Path | None = None) -> PackFile:
    """The pack called `name`, from this installation or the operator's folder. UnknownWord lists what there is."""
    if name in shipped():
        return parse(_folder().joinpath(f"{name}.cedar").read_bytes(), name)
    own = names_in(extra) if extra is not None else ()
    if extra is None or name not in own:
        known = ", ".join((*shipped(), *own))
        raise UnknownWord(
            f"{name!r} is not a known pack; known are {known}", next_step="Run `countenance policy packs`."
        )
    return read_file(extra / f"{name}.cedar")


def names_in(folder: Path) -> tuple[str, ...]:
    """Names of the packs in a folder of the operator's; BadRecord where it cannot be read."""
    try:
        return tuple(sorted(path.name.removesuffix(".cedar") for path in folder.iterdir() if path.suffix == ".cedar"))
    except OSError as error:
        raise BadRecord(f"{folder.name}: cannot be read ({error.strerror})") from None


def read_file(path: Path) -> PackFile:
    """A pack from a file called `<pack>.cedar`."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadRecord(f"{path.name}: cannot be read ({error.strerror})") from None
    return parse(raw, path.name.removesuffix(".cedar"))


def parse(raw: bytes, name: str) -> PackFile:
    """The pack called `name` from its bytes; BadRecord names the header's line or field that is wrong."""
    if len(raw) > MAX_BYTES:
        raise BadRecord(f"{name}.cedar: is longer than {MAX_BYTES} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRecord(f"{name}.cedar: is not UTF-8") from None
    return PackFile(_header(text, name), text, "sha256:" + hashlib.sha256(raw).hexdigest())


def rules(pack: PackFile, found: Sequence[tuple[str, Mapping[str, str]]], start: int) -> dict[str, Rule]:
    """The rules of `pack` by id. found: (effect, annotations) of each, in the order of the file."""
    ruled: dict[str, Rule] = {}
    for nth, (effect, marks) in enumerate(found):
        try:
            rule = _rule(pack.name, effect, marks, start + nth)
        except BadRecord as error:
            raise BadRecord(f"{pack.name}.cedar: line {line_of(pack.text, nth)}: {error.message}") from None
        if rule.reason.id in ruled:
            at = f"{pack.name}.cedar: line {line_of(pack.text, nth)}"
            raise BadRecord(f"{at}: two rules are called {rule.reason.id}")
        ruled[rule.reason.id] = rule
    weak = {rule.reason.id for rule in ruled.values() if rule.reason.evidence != "T"}
    if not ruled or weak != pack.header.secondary:
        odd = ", ".join(sorted(weak ^ pack.header.secondary)) or "it has no rules"
        line = next(n for n, text in enumerate(pack.text.split("\n"), 1) if text.startswith("// secondary: "))
        says = "must name exactly the rules without evidence T"
        raise BadRecord(f"{pack.name}.cedar: line {line}: secondary: {says}: {odd}")
    return ruled


def listing(packs: Sequence[PackFile]) -> str:
    """A line `NAME DIGEST` for each pack, ascending: what the digest of a set is over, besides the schema."""
    return "".join(sorted(f"{pack.name} {pack.digest}\n" for pack in packs))


def sketches(files: Sequence[PackFile], ask: Ask) -> bool:
    """Whether the meter may remember by a sketch who is not enrolled, where the customer sits and uses it."""
    where = {ask.country, ask.region, ask.seat_country, ask.seat_region}
    return not any(where & file.header.no_sketches for file in files)


def set_digest(packs: Sequence[PackFile], under: str = "") -> str:
    """`sha256:` over the schema and the names and digests of the packs, in whatever order.

    under: the text of the schema; this installation's where it is empty.
    """
    whole = hashlib.sha256((under or schema()).encode()).hexdigest() + "\n" + listing(packs)
    return "sha256:" + hashlib.sha256(whole.encode()).hexdigest()


def _rule(pack: str, effect: str, annotations: Mapping[str, str], place: int) -> Rule:
    name = annotations.get("id", "")
    at = f"rule {name}" if name else "this rule"
    if not name.startswith(pack + ".") or not _NAME.match(name[len(pack) + 1 :]):
        raise BadRecord(f"{at}: its @id must be `{pack}.` and a name in small letters")
    if odd := set(annotations) - _ANNOTATIONS:
        raise BadRecord(f"{at}: @{min(odd)} is not a known annotation")
    says, evidence = annotations.get("says", ""), annotations.get("evidence", "")
    if not says.endswith(".") or "\n" in says:
        raise BadRecord(f"{at}: @says must be one plain sentence that ends with a full stop")
    if evidence not in EVIDENCE:
        raise BadRecord(f"{at}: @evidence must be one of {', '.join(EVIDENCE)}")
    duties = tuple(word for word in annotations.get("duties", "").split(", ") if word)
    if odd := set(duties) - set(DUTIES):
        raise BadRecord(f"{at}: @duties: {min(odd)!r} is not one of {', '.join(DUTIES)}")
    source = https(annotations.get("source", ""), f"{at}: @source")
    return Rule(effect, Reason(name, says, source, evidence), duties, place)


def _header(text: str, name: str) -> Header:
    fields, several, at = _fields(text, name)
    for field in (*_ONCE, "source"):
        if field not in at:
            raise BadRecord(f"{name}.cedar: line 1: the header lacks `{field}`")
    if fields["pack"] != name or not _NAME.match(name):
        raise BadRecord(f"{at['pack']}: must be the name of the file, in small letters")
    if fields["status"] not in STATUSES:
        raise BadRecord(f"{at['status']}: must be one of {', '.join(STATUSES)}")
    begins, ends = _span(fields["in_force"], at["in_force"])
    header = Header(
        pack=name,
        title=fields["title"],
        promised_by=fields["promised_by"],
        begins=begins,
        ends=ends,
        status=fields["status"],
        sources=tuple(https(url, where) for where, url in several["source"]),
        gaps=tuple(gap for _, gap in several["gap"]),
        checked_on=_day(fields["checked_on"], at["checked_on"]),
        stale_after=_day(fields["stale_after"], at["stale_after"]),
        secondary=frozenset() if fields["secondary"] == "none" else frozenset(fields["secondary"].split(", ")),
        no_sketches=frozenset(_territory(code, where) for where, code in several["no_sketches"]),
    )
    if header.stale_after <= header.checked_on:
        raise BadRecord(f"{at['stale_after']}: must be after checked_on")
    return header


def _territory(code: str, at: str) -> str:
    if not _TERRITORY.match(code):
        raise BadRecord(f"{at}: must be a country such as `DE` or a region such as `US-IL`")
    return code


def _span(text: str, at: str) -> tuple[date | None, date | None]:
    """`always`, or from a day on `to` the first on which it is over, or `to open`."""
    if text == "always":
        return None, None
    if (match := _SPAN.match(text)) is None:
        raise BadRecord(f"{at}: must be `always`, or such as `2020-06-10 to 2021-06-10` or `2020-06-11 to open`")
    begins, ends = _day(match[1], at), None if match[2] == "open" else _day(match[2], at)
    if ends is not None and ends <= begins:
        raise BadRecord(f"{at}: must end after it begins")
    return begins, ends


_Placed = tuple[str, str]
"""Where a value of the header stands, as file, line and key; and the value."""


def _fields(text: str, name: str) -> tuple[dict[str, str], dict[str, list[_Placed]], dict[str, str]]:
    """The `// key: value` lines that open the file, to the first line that is not one; last, where each key stands."""
    fields: dict[str, str] = {}
    several: dict[str, list[_Placed]] = {key: [] for key in _SEVERAL}
    at: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line == "//" or not line.startswith("//"):
            break
        match = _LINE.match(line)
        if match is None:
            raise BadRecord(f"{name}.cedar: line {number}: a header line is `// key: value`")
        key, value = match.groups()
        at[key] = f"{name}.cedar: line {number}: {key}"
        if key in several:
            several[key].append((at[key], value))
        elif key not in _ONCE or key in fields:
            raise BadRecord(f"{name}.cedar: line {number}: `{key}` is not a header field, or is there twice")
        else:
            fields[key] = value
    return fields, several, at


def _day(text: str, at: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise BadRecord(f"{at}: must be a date such as 2026-11-22")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadRecord(f"{at}: must be a date such as 2026-11-22") from None


def _folder() -> resources.abc.Traversable:
    return resources.files("countenance.policy").joinpath("packs")
