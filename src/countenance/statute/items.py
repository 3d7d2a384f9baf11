"""The rules of chapter 43.386 RCW that this server holds, each with how sure it is and the reading that it takes.

A mark of T: the text itself was read. S: a secondary source only. P: not read in this statute, but word for word in
Colorado's C.R.S. 24-18-301 to 309, which was drafted on its model. R: recalled, and not read anywhere; held all the same
where that is the safer reading. O: a bound of our own, where the chapter names none. What is not T has to be read on the
official page before anybody relies on it. Nothing here is legal advice. Source: docs/washington.md.
"""

# ruff: noqa: E501  (addresses, and one line for what a rule says)
from __future__ import annotations

from dataclasses import dataclass

_RCW = "https://app.leg.wa.gov/RCW/default.aspx?cite=43.386."
_TEXT_020 = "https://lawfilesext.leg.wa.gov/Law/RCW/RCW%20%2043%20%20TITLE/RCW%20%2043%20.386%20%20CHAPTER/RCW%20%2043%20.386%20.020.htm"
_TEXT_040 = "https://instalawyer.io/laws/revised-code-of-washington/43386040-testing-when-required"
_TEXT_070 = "https://lawfilesext.leg.wa.gov/law/RCW/RCW%20%2043%20%20TITLE/RCW%20%2043%20.386%20%20CHAPTER/RCW%20%2043%20.386%20.070.htm"
_TEXT_080 = "https://law.counselstack.com/statute/wa/43.386.080"
_TEXT_090 = "https://instalawyer.io/laws/revised-code-of-washington/43386090-exemption-federal-regulations-and"
_DWT = "https://dwt.com/blogs/privacy--security-law-blog/2020/04/washington-state-facial-recognition-tech-law"
_EWING = "https://www.jdsupra.com/legalnews/washington-state-legalizes-use-of-73080/"
_FOX = (
    "https://dataprivacy.foxrothschild.com/2020/05/articles/general-privacy-data-security-news-developments/"
    "washington-state-passes-a-landmark-facial-recognition-law/"
)
_COLORADO = "https://lexace.ai/us/statute/colorado/24-18-304"
EVIDENCE = ("T", "S", "P", "R", "O")


@dataclass(frozen=True, slots=True)
class Item:
    """One rule. says: what it asks, in one sentence. evidence: of EVIDENCE. safer: the reading taken where unsure."""

    id: str
    says: str
    evidence: str
    source: str
    safer: str = ""


_ALL = (
    Item("WA-020-1", "A notice of intent that names a purpose is filed with the legislative authority before the report "
         "is begun.", "T", _TEXT_020),
    Item("WA-020-2a", "The report states the service's name, vendor and version, and its general capabilities and "
         "limitations, those outside the proposed use too.", "T", _TEXT_020),
    Item("WA-020-2b", "The report states the types of data, how they are generated, collected and processed, and what is "
         "likely to be generated.", "T", _TEXT_020),
    Item("WA-020-2c", "The report states the purpose and proposed use, which decisions it makes or supports, and the "
         "intended benefits with what shows them.", "T", _TEXT_020),
    Item("WA-020-2d", "The report states the policy of use and data management: deployment, who operates it, collection, "
         "integrity and retention, security and sharing, breaches, training.", "S", _DWT,
         "every part is asked for, those that were only recalled too"),
    Item("WA-020-2e", "The report states how the service is tested, with the periodic operational tests.", "R",
         _RCW + "020", "asked for"),
    Item("WA-020-2f", "The report states the rate of false matches, the impact on protected subpopulations, and how error "
         "rates above one percent are addressed.", "S", _DWT,
         "at or above one percent, of either kind of error, by the upper bound of what was measured"),
    Item("WA-020-2g", "The report states the impact on civil rights and liberties, and the steps against it and against "
         "unauthorised use.", "S", _FOX),
    Item("WA-020-2h", "The report states the channels for feedback of those affected and of the community, and how it is "
         "answered.", "S", _EWING),
    Item("WA-020-3", "Before the report is final there are a public comment period and at least three community "
         "consultation meetings.", "S", _EWING,
         "a meeting counts from the day on which the draft was public; two in one place on one day are one"),
    Item("WA-020-3-period", "The comment period has a least length.", "O", _EWING,
         "30 days from the day on which the draft was public, since the chapter names none that was found"),
    Item("WA-020-3-issues", "Issues that are raised are considered.", "R", _RCW + "020",
         "each comment is taken up by an issue with an answer"),
    Item("WA-020-4", "The final report is public and with the legislative authority at least 90 days before use.", "S",
         _EWING, "the days count again where the model has changed"),
    Item("WA-020-5", "The report is updated every two years.", "S", _EWING, "on the day two years later it has lapsed"),
    Item("WA-020-7", "A purpose that the report does not name needs a fresh round of comment and consultation.", "R",
         _RCW + "020", "a notice of its own, and every step again"),
    Item("WA-020-version", "The report names the version that is in use.", "T", _TEXT_020,
         "a change of the model makes the report stale"),
    Item("WA-030", "Decisions with legal or similarly significant effects are subject to meaningful human review.", "T",
         _RCW + "030", "a reviewer is trained, and may alter the decision"),
    Item("WA-040", "The service is tested in operational conditions before it is deployed in that context, and the "
         "developer's guidance is followed.", "T", _TEXT_040,
         "a test is of one model, threshold and camera, and newer than any change of them"),
    Item("WA-050-2", "Where independent tests show material unfair differences, the provider develops and implements a "
         "mitigation plan within 90 days of receiving the results.", "S", _COLORADO,
         "both plan and its implementation within 90 days; overdue, nothing new is deployed"),
    Item("WA-060", "Whoever operates the service or handles its results is trained, periodically.", "S", _FOX,
         "every person who uses the key, in all three topics"),
    Item("WA-060-topics", "The training covers capabilities and limits, the interpretation of results, and human review.",
         "R", _RCW + "060", "all three, for everybody"),
    Item("WA-060-term", "Training is repeated.", "O", _RCW + "060", "it holds for a year at most"),
    Item("WA-070-1", "A criminal defendant is told in time before trial that the service was used on them.", "T", _TEXT_070),
    Item("WA-070-1-term", "Disclosure is timely.", "O", _TEXT_070, "30 days before trial, or at once where less is left"),
    Item("WA-070-3", "Each January a judge reports on warrants for surveillance that expired or were denied.", "T",
         _TEXT_070),
    Item("WA-070-4", "Each January an agency gives its legislative authority a summary of nonidentifying demographic data "
         "of the persons named in applications.", "T", _TEXT_070, "counts under 10 are withheld, and what would give them away"),
    Item("WA-080-1", "Ongoing surveillance, near-real-time identification and persistent tracking need a warrant, exigent "
         "circumstances, or a court order to find a missing or identify a missing or deceased person.", "T", _TEXT_080),
    Item("WA-080-1-exigency", "Exigent circumstances are for a short time.", "O", _TEXT_080,
         "48 hours from when they began, and no extension"),
    Item("WA-080-5", "A match may not be the sole basis for probable cause; it may be used with other evidence lawfully obtained.", "S", _TEXT_080, "said in every disclosure"),
    Item("WA-090", "The chapter does not apply to a federal mandate, nor to the verification of travellers with a federal "
         "agency; such use is reported to a legislative authority.", "T", _TEXT_090,
         "it applies until the report was made"),
    Item("WA-100", "The department of licensing is exempt for licences, permits and identicards.", "S", _TEXT_090),
)  # fmt: skip
ITEMS = {item.id: item for item in _ALL}
