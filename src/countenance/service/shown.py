"""How answers are shown: the words that every door gives, on the command line and over HTTP.

Shapes only, nothing is decided here. A cosine never enters these words, and a template only those of the export of a
person's own data. Source: docs/api.md.
"""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from countenance.policy import wire

if TYPE_CHECKING:
    from collections.abc import Iterable

    from countenance.domain.decision import Decision
    from countenance.domain.face import Face
    from countenance.gallery.faces import Held
    from countenance.service.enrol import Enrolled
    from countenance.service.export import Export
    from countenance.service.gate import Answered
    from countenance.service.identify import Identified
    from countenance.service.verify import Compared, Verified


def answer(answered: Answered[Any], **result: Any) -> dict[str, Any]:
    """An answer: what was found, the decision, and the receipt with the index of its leaf."""
    return {
        **result,
        "decision": decision(answered.decision),
        "receipt": answered.receipt,
        "index": answered.index,
    }


def decision(made: Decision) -> dict[str, Any]:
    """As every door gives it; `rests_on` where it rests on facts of a customer, each declared or verified."""
    return {**wire.answer(made.verdict, made.on), "rests_on": dict(made.rests_on)}


def face(found: Face) -> dict[str, Any]:
    """A face without its template: box and landmarks in pixels of the upright photograph, to a tenth."""
    box = {name: round(value, 1) for name, value in asdict(found.box).items()}
    landmarks = [[round(float(x), 1), round(float(y), 1)] for x, y in found.landmarks]
    measures = [
        {"name": m.name, "value": round(m.value, 3), "unit": m.unit, "ok": m.ok, "says": m.says}
        for m in found.quality.measures
    ]
    return {"box": box, "landmarks": landmarks, "quality": measures}


def enrolled(answered: Answered[Enrolled]) -> dict[str, Any]:
    made = answered.result
    return answer(answered, subject=made.subject, reference=made.reference, face=face(made.face))


def verified(answered: Answered[Verified]) -> dict[str, Any]:
    found = answered.result
    return answer(answered, subject=found.subject, **asdict(found.likeness), face=face(found.face))


def compared(answered: Answered[Compared]) -> dict[str, Any]:
    found = answered.result
    return answer(answered, **asdict(found.likeness), faces=[face(one) for one in found.faces])


def identified(answered: Answered[Identified]) -> dict[str, Any]:
    found = answered.result
    return answer(
        answered,
        candidates=[asdict(candidate) for candidate in found.candidates],
        gallery=found.gallery,
        false_positive_rate=found.false_positive_rate,
        clear=found.clear,
        runner_up=found.runner_up,
        calibration=found.calibration,
        face=face(found.face),
    )


def exported(answered: Answered[Export]) -> dict[str, Any]:
    """The one answer with templates: each as base64 of little-endian float32."""
    held = answered.result
    words = {"subject": held.subject, "collection": held.collection, "purpose": held.purpose}
    grounds, decisions = ([asdict(one) for one in kind] for kind in (held.grounds, held.decisions))
    return answer(answered, **words, grounds=grounds, references=references(held.references), decisions=decisions)


def references(held: Iterable[Held]) -> list[dict[str, str]]:
    """A person's own references, for that person alone."""
    return [
        {"reference": one.reference, "created": one.created, "model_digest": one.model_digest,
         "template": base64.b64encode(one.template.tobytes()).decode()}
        for one in held
    ]  # fmt: skip


def detected(answered: Answered[tuple[Face, ...]]) -> dict[str, Any]:
    return answer(answered, faces=[face(one) for one in answered.result])
