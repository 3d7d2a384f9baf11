"""The story, scene by scene, told by the house's own functions and checked as it is told.

    1. a house is founded         its models, their licences and where they come from are said
    2. a customer is admitted     by the gate, for the purpose `demonstration`
    3. people are enrolled        each on a basis on record
    4. the same person            verified
    5. another person             not
    6. somebody enrolled          identified
    7. a stranger                 no match
    8. a police department        refused, with the promise, its source and what would lift it
    9. a camera in a street       refused
    10. one person leaves         erased, certified, no longer found
    11. everybody leaves          nothing of anybody is kept
    12. the proof                 in proof.py, offline, after the house is closed

The applicants in 2, 8 and 9 are made up. Nothing here has its own way to an answer: all goes through the gate.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from countenance.consent import Basis
from countenance.demo.scene import Proof, Scene, Shown
from countenance.domain.errors import Refused
from countenance.service import admit, auth, erase, people
from countenance.service.application import Application, Verification
from countenance.service.enrol import enrol
from countenance.service.identify import identify
from countenance.service.use import Use
from countenance.service.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from countenance.demo.cast import Cast, Person, Photo
    from countenance.service.app import House
    from countenance.service.auth import Principal
    from countenance.service.gate import Answered
    from countenance.service.identify import Identified
    from countenance.service.likeness import Likeness
    from countenance.service.people import Collection

PURPOSE = "demonstration"
COLLECTION = "portraits"
STAY = timedelta(days=1)  # how long a basis could last at most, were the demo stopped before its end
FACTS: dict[str, Any] = {"contact": "nobody: it is made up", "attested_by": "nobody: it is made up"}
USE = Use()


@dataclass(slots=True)
class Stage:
    """Where the story plays. names: subject id to the person's name."""

    house: House
    cast: Cast
    who: Principal
    inside: Collection
    names: dict[str, str] = field(default_factory=dict)


def play(house: House, cast: Cast) -> Iterator[Scene]:
    """Tell the story of scenes 1 to 11 in an open house that was founded for it. Raises what the house raises."""
    yield _founded(house, cast)
    stage, admitted = _admitted(house, cast)
    yield admitted
    for person in cast.enrolled:
        yield _enrolled(stage, person)
    first, leaving, last = cast.enrolled[0], cast.enrolled[1], cast.enrolled[-1]
    yield _same(stage, first)
    yield _other(stage, cast.strangers[0], leaving)
    yield _found(stage, last)
    yield _stranger(stage, cast.strangers[-1])
    yield _police(house)
    yield _street(house)
    yield from _leaves(stage, leaving)
    yield _all_leave(stage)


def _founded(house: House, cast: Cast) -> Scene:
    files = (house.engine.manifest.detector.file, house.engine.manifest.embedder.file)
    quotes = tuple((f.title, f"{f.licence}; provenance {f.provenance}: {f.provenance_note}") for f in files)
    said = (
        "A house is founded on this machine: one folder of state, its master key outside it, an empty log.",
        *cast.notes,
    )
    return Scene("The house opens", "open", house.log.size == 0, said, quotes)


def _admitted(house: House, cast: Cast) -> tuple[Stage, Scene]:
    ends = (house.now() + STAY).date()
    own = Verification("own-machine", "it is played on this machine", "this demonstration", ends)
    application = Application(
        name="The Portrait Room (made up)", sector="nonprofit", country="NZ", purposes=frozenset({PURPOSE}),
        verification=own, **FACTS,
    )  # fmt: skip
    admitted = admit.apply(house, application, until=house.now() + STAY)
    who = auth.authenticate(house.database, admitted.key)
    answer = admitted.answers[0]
    rule = answer.decision.verdict.reasons[0]
    scene = Scene(
        "A customer asks to be let in", "admitted", answer.result,
        ("The Portrait Room, which is made up, applies for the purpose `demonstration`. It is let in for a day.",),
        (("rule", rule.id), ("says", rule.says)), (), (_proof("the admission", answer),), answer.decision,
    )  # fmt: skip
    return Stage(house, cast, who, people.create_collection(house, who, COLLECTION, PURPOSE)), scene


def _enrolled(stage: Stage, person: Person) -> Scene:
    house, photo, now = stage.house, person.photos[0], stage.house.now()
    basis = Basis(
        basis="demonstration", purpose=PURPOSE, given_at=now, until=now + STAY, adult=True,
        manner="published-portrait", notice="none: this person was not asked", recorded_by="this demonstration",
    )  # fmt: skip
    subject = people.give_consent(house, stage.who, stage.inside, person.name, basis).subject
    answer = enrol(house, stage.who, stage.inside, subject, photo.raw, USE)
    stage.names[subject] = person.name
    said = (
        f"{person.name} is enrolled on the basis `demonstration`, which is on record. What is kept is a sealed "
        "template; the photograph is not.",
    )
    shown = (Shown(photo, "reference", answer.result.face.box),)
    as_told = house.index.count(stage.inside.id, subject) == 1
    return Scene(
        f"{person.name} is enrolled", "enrolled", as_told, said, (), shown,
        (_proof(f"the enrolment of {person.name}", answer),), answer.decision,
    )  # fmt: skip


def _same(stage: Stage, person: Person) -> Scene:
    probe = person.photos[1]
    answer = verify(stage.house, stage.who, stage.inside, person.name, probe.raw, USE)
    likeness = answer.result.likeness
    shown = (Shown(person.photos[0], "reference"), Shown(probe, "probe", answer.result.face.box))
    return Scene(
        "The same person", _word(match=likeness.match), likeness.match,
        (f"Is this {person.name}? A second photograph is held against the enrolled one.", *_figures(likeness)),
        (), shown, (_proof("a verification", answer),), answer.decision,
    )  # fmt: skip


def _other(stage: Stage, stranger: Person, claimed: Person) -> Scene:
    probe = stranger.photos[0]
    answer = verify(stage.house, stage.who, stage.inside, claimed.name, probe.raw, USE)
    likeness = answer.result.likeness
    shown = (Shown(claimed.photos[0], "reference"), Shown(probe, "probe", answer.result.face.box))
    return Scene(
        "Another person", _word(match=likeness.match), not likeness.match,
        (f"{stranger.name} steps forward as {claimed.name}.", *_figures(likeness)), (), shown,
        (_proof("a verification", answer),), answer.decision,
    )  # fmt: skip


def _found(stage: Stage, person: Person) -> Scene:
    answer = _searched(stage, person.photos[1])
    names = _names(stage, answer)
    first = answer.result.candidates[0].false_match_rate if answer.result.candidates else None
    said = (
        f"Who is this? The house searches the {answer.result.gallery} people whose basis covers the search.",
        f"It answers: {', '.join(names) or 'nobody'}. A candidate is a lead, and no proof of who somebody is.",
        f"Two different people look this alike {odds(first)}.",
    )
    return _search_scene("Somebody among the enrolled", answer, person.photos[1], names == [person.name], said)


def _stranger(stage: Stage, stranger: Person) -> Scene:
    answer = _searched(stage, stranger.photos[0])
    said = (
        f"{stranger.name} is not enrolled. The house does not guess at the likeliest: nobody is near enough.",
        f"That a stranger gets any candidate at all in a gallery of this size happens "
        f"{odds(answer.result.false_positive_rate)}.",
    )
    return _search_scene("A stranger", answer, stranger.photos[0], not answer.result.candidates, said)


def _police(house: House) -> Scene:
    application = Application(
        name="Springfield Police Department (made up)", sector="police", country="US", region="US-OR",
        purposes=frozenset({"criminal-investigation"}), **FACTS,
    )  # fmt: skip
    said = "A police department in the United States, made up for this story, asks to be let in to investigate crimes."
    return _refused(house, application, "A police department applies", said)


def _street(house: House) -> Scene:
    application = Application(
        name="Harbour Street Cameras (made up)", sector="commercial", country="GB", camera="fixed",
        purposes=frozenset({"fraud-prevention"}), modes=frozenset({"persistent"}),
        places=frozenset({"publicly-accessible"}), **FACTS,
    )  # fmt: skip
    said = "A company, made up too, wants a fixed camera in a street to follow whoever passes, without a name."
    return _refused(house, application, "A camera in a street", said)


def _refused(house: House, application: Application, title: str, said: str) -> Scene:
    try:
        admit.apply(house, application)
    except Refused as refusal:
        verdict = refusal.decision.verdict
        quotes = [(label, text) for r in verdict.reasons for label, text in _reason(r.id, r.says, r.source)]
        lifts = [("lifted", lift.says) for lift in verdict.lifted_when] or [("lifted", "by nothing")]
        told = bool(verdict.reasons) and not verdict.errors
        return Scene(
            title, "refused", told, (said,), (*quotes, *lifts), (), (Proof("a refusal", refusal.receipt),),
            refusal.decision,
        )  # fmt: skip
    return Scene(title, "admitted", as_told=False, said=(said,))


def _leaves(stage: Stage, person: Person) -> Iterator[Scene]:
    before = _searched(stage, person.photos[1])
    was_found = _names(stage, before) == [person.name]
    said = (f"Before {person.name} leaves, a search still finds them.",)
    yield _search_scene("Still there", before, person.photos[1], was_found, said)
    erased = erase.erase(stage.house, stage.who, stage.inside, person.name)
    left = erased.certificate.startswith("countenance-erasure@v1\n")
    yield Scene(
        f"{person.name} leaves", "erased", left,
        ("Rows, sealed templates, the entry in memory, the private half of every leaf: deleted. Then every file of "
         "the database is read again in search of them, and only then a certificate is signed.",),
        (("certificate", erased.certificate.rstrip()),), (), (Proof("an erasure", erased.receipt),),
    )  # fmt: skip
    after = _searched(stage, person.photos[1])
    said = ("The same search with the same photograph, a moment later.",)
    yield _search_scene("No longer found", after, person.photos[1], not after.result.candidates, said)


def _all_leave(stage: Stage) -> Scene:
    proofs = []
    for subject in people.list_subjects(stage.house, stage.who, stage.inside):
        erased = erase.erase(stage.house, stage.who, stage.inside, subject.id)
        proofs.append(Proof("an erasure", erased.receipt))
    left = people.list_subjects(stage.house, stage.who, stage.inside)
    said = (
        "Nobody here was ever asked, so nobody stays: the others are erased the same way, each with a certificate.",
    )
    return Scene("Everybody leaves", "erased", not left and bool(proofs), said, (), (), tuple(proofs))


def odds(rate: float | None) -> str:
    """A false match rate in words people use."""
    if rate is None:
        return "at a rate for which the calibration data give no figure"
    return f"at most once in {round(1 / rate):,} times" if rate < 0.5 else "often"


def _searched(stage: Stage, photo: Photo) -> Answered[Identified]:
    return identify(stage.house, stage.who, stage.inside, photo.raw, USE)


def _search_scene(title: str, answer: Answered[Identified], photo: Photo, told: bool, said: tuple[str, ...]) -> Scene:  # noqa: FBT001
    return Scene(
        title, _word(match=bool(answer.result.candidates)), told, said, (),
        (Shown(photo, "probe", answer.result.face.box),), (_proof("a search", answer),), answer.decision,
    )  # fmt: skip


def _names(stage: Stage, answer: Answered[Identified]) -> list[str]:
    return [stage.names[candidate.subject] for candidate in answer.result.candidates]


def _figures(likeness: Likeness) -> tuple[str, ...]:
    alike = (f"Two different people look this alike {odds(likeness.false_match_rate)}.",) if likeness.match else ()
    return (
        *alike,
        f"The bar for a match keeps false ones at or under 1 in {round(1 / likeness.promised_rate):,}, in every group "
        "of people that was measured well enough to say.",
    )


def _reason(rule: str, says: str, source: str) -> tuple[tuple[str, str], ...]:
    return ("rule", rule), ("says", says), ("source", source)


def _word(*, match: bool) -> str:
    return "match" if match else "no match"


def _proof(what: str, answer: Answered[Any]) -> Proof:
    return Proof(what, answer.receipt)
