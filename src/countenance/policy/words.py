"""The vocabulary of an ask: every word the policy knows, and the sentence that names one it does not.

An unknown word is never guessed at and never passes: it becomes a deny that names it together with the
known ones. This module decides nothing else and reads nothing. Source: docs/policy.md; countries are the
officially assigned codes of ISO 3166-1 alpha-2; regions are checked for the form of ISO 3166-2 and for
their country.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from countenance.domain.decision import Ask

ACTIONS = (
    "provision", "enrol", "verify", "identify", "detect", "analyse", "track", "export", "test", "disclose",
)  # fmt: skip
POLICE = ("police", "sheriff")
LAW_ENFORCEMENT = (
    *POLICE, "federal-law-enforcement", "border-control", "corrections", "prosecution", "intelligence",
)  # fmt: skip
SECTORS = (
    *LAW_ENFORCEMENT,
    "military", "public-agency", "emergency-service", "commercial", "nonprofit", "research", "individual",
)  # fmt: skip
ORDINARY_PURPOSES = (
    "identity-verification", "access-control", "venue-entry", "account-recovery", "fraud-prevention",
    "attendance", "exam-proctoring", "patient-identification", "photo-organisation", "event-photos",
    "self-exclusion", "missing-persons", "trafficking-rescue", "deceased-identification", "border-crossing",
    "benefits-eligibility", "credit", "housing", "employment", "education", "health-care", "insurance",
    "marketing", "research-evaluation", "independent-testing", "demonstration", "criminal-investigation",
)  # fmt: skip
REFUSED_PURPOSES = ("immigration-enforcement", "public-space-monitoring", "watchlist-exclusion")
NEVER_PURPOSES = ("mass-surveillance", "racial-profiling", "rights-violation", "untargeted-scraping")
PURPOSES = (*ORDINARY_PURPOSES, *REFUSED_PURPOSES, *NEVER_PURPOSES)
MODES = ("one-off", "post", "near-real-time", "real-time", "ongoing", "persistent")
PLACES = ("private", "own-device", "public-accommodation", "publicly-accessible")
CAMERAS = ("none", "fixed", "mobile")
PROBES = ("photograph", "video-frame", "sketch", "composite", "generated")
CAPTURES = ("attended", "device-attested", "pad-evaluated", "unattended", "unknown")
MINORS = ("no", "yes", "unknown")
YES_NO = ("yes", "no")
CONSENTS = ("on-record", "demonstration", "none")
PROBE_BASES = ("consent", "notice", "legal-duty", "none")
AUTHORITY_KINDS = ("warrant", "court-order", "exigency", "judicial-authorisation")
LEVELS = ("national", "state", "city")
CRITERIA = (
    "legality", "legitimate_aim", "necessity_proportionality", "independent_authorisation",
    "testing_by_group", "transparency", "human_review", "non_discrimination", "remedy", "community_endorsement",
    "expiry_review",
)  # fmt: skip
MINORS_UNKNOWN_FOR = frozenset({
    "photo-organisation", "event-photos", "missing-persons", "trafficking-rescue", "deceased-identification",
    "border-crossing", "education", "health-care", "patient-identification", "exam-proctoring",
})  # fmt: skip

_CODES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT "
    "BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH "
    "ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT "
    "HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS "
    "LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI "
    "NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG "
    "SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG "
    "UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
)
COUNTRIES = tuple(_CODES.split())
_EEA_CODES = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
EEA = frozenset(_EEA_CODES.split())
"""The 27 members of the European Union, Iceland, Liechtenstein and Norway."""
_REGION = re.compile(r"\A[A-Z]{2}-[A-Z0-9]{1,3}\Z")
_LOCALITY = re.compile(r"\A[^\W\d_](?:[^\W\d_]|[ .',-]){0,79}\Z")

_ONE = {
    "action": ACTIONS, "sector": SECTORS, "purpose": PURPOSES, "mode": MODES, "place": PLACES,
    "camera": CAMERAS, "probe": PROBES, "capture": CAPTURES, "minors": MINORS, "legal-effect": YES_NO,
}  # fmt: skip
VOCABULARY: dict[str, tuple[str, ...]] = {**_ONE, "acts-for": SECTORS, "requested-by": SECTORS}
_KNOWN = {flag: frozenset(words) for flag, words in VOCABULARY.items()} | {"country": frozenset(COUNTRIES)}


def default_minors(purpose: str) -> str:
    """What `decide` assumes of minors: `unknown` where children are likely, else `no`."""
    return "unknown" if purpose in MINORS_UNKNOWN_FOR else "no"


def parties(ask: Ask) -> frozenset[str]:
    """The sectors an ask is by or for: the customer's own, those it acts for, those who asked for it."""
    return ask.acts_for | ask.requested_by | {ask.sector}


def territories(ask: Ask) -> frozenset[str]:
    """Where the use or the customer's seat lies: countries, regions, the locality, and `EEA` for its members."""
    seat_country, seat_region = seat(ask)
    places = {ask.country, ask.region, ask.locality, seat_country, seat_region} - {""}
    return frozenset(places | {"EEA"} if places & EEA else places)


def seat(ask: Ask) -> tuple[str, str]:
    """Country and region of the customer's seat, which is where the use is unless the ask says otherwise."""
    return ask.seat_country or ask.country, ask.seat_region or ("" if ask.seat_country else ask.region)


def is_region(text: str) -> bool:
    """Whether `text` has the form of an ISO 3166-2 code of a known country."""
    return _REGION.match(text) is not None and text[:2] in _KNOWN["country"]


def is_locality(text: str) -> bool:
    """Whether `text` can be the name of a place; the code of a country, of a region or of the EEA is none."""
    return _LOCALITY.match(text) is not None and text not in (*COUNTRIES, "EEA") and not is_region(text)


def unknown(ask: Ask) -> tuple[str, ...]:
    """One sentence for each word of `ask` that is not in its vocabulary; empty where all are known."""
    return tuple(_unknown(ask))


def unknown_in(flag: str, word: str, known: Iterable[str]) -> str:
    """The sentence that names an unknown word together with the known ones."""
    return f"{flag}: {word!r} is not a known word; known are {', '.join(known)}"


def _unknown(ask: Ask) -> Iterator[str]:
    for flag, known in _ONE.items():
        word = getattr(ask, flag.replace("-", "_"))
        if word not in _KNOWN[flag]:
            yield unknown_in(flag, word, known)
    for flag, words in (("acts-for", ask.acts_for), ("requested-by", ask.requested_by)):
        for word in sorted(words - _KNOWN[flag]):
            yield unknown_in(flag, word, SECTORS)
    yield from _unknown_places(ask)


def _unknown_places(ask: Ask) -> Iterator[str]:
    yield from _unknown_country("country", ask.country)
    if ask.seat_country not in ("", ask.country):
        yield from _unknown_country("seat-country", ask.seat_country)
    yield from _unknown_region("region", ask.region, ask.country)
    yield from _unknown_region("seat-region", ask.seat_region, ask.seat_country)
    if ask.locality and not is_locality(ask.locality):
        yield f"locality: {ask.locality[:80]!r} is not the name of a place; write it as in 'Portland, OR'"


def _unknown_country(flag: str, word: str) -> Iterator[str]:
    if word not in _KNOWN["country"]:
        yield unknown_in(flag, word, COUNTRIES)


def _unknown_region(flag: str, region: str, country: str) -> Iterator[str]:
    if region == "":  # and nothing else that is false
        return
    if not _REGION.match(region):
        yield f"{flag}: {region!r} is not an ISO 3166-2 code; write it as in 'US-WA'"
    elif not region.startswith(country + "-"):
        yield f"{flag}: {region!r} does not lie in {country or 'the country of the seat, which is missing'}"
