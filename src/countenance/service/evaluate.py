"""Evaluate the engine on labelled photographs: rates over many people, never a score, name or file of one.

A photograph is embedded once (its largest face, plain, as `face compare` does); nothing is kept on disk.
Rates are those of ISO/IEC 19795-1. FMR and FNMR are over completed comparisons. FAR and FRR are over all that
were asked for: one that cannot be made, because a photograph has no usable face, is a rejection, so FAR = FMR
* (1 - share not completed) and FRR = FNMR * (1 - share) + share, counted, not estimated. Intervals:
fairness.py.

Groups of fewer than five people get no figure, and a rate that the people here are too few to carry gets
none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from countenance import fairness
from countenance.domain.errors import BadInput, CountenanceError, DamagedImage, NoFace
from countenance.service.designs import Embedded, EveryPair, Folds, GroupRates, ListedPairs, Rates
from countenance.service.gate import Answered, Done, Permit, Private
from countenance.service.trials import Labels, Pairs
from countenance.service.use import Use, ask_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Protocol

    from numpy.typing import NDArray

    from countenance.domain.face import Face
    from countenance.service.app import House
    from countenance.service.auth import Principal
    from countenance.vision.calibration import Calibration

    class Embeds(Protocol):
        """What an evaluation needs of vision.engine.Engine."""

        def many(self, pictures: Iterable[Callable[[], bytes]]) -> Iterator[tuple[Face, ...] | CountenanceError]: ...


TARGETS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
_MOST_RAW = 64 << 20  # bytes read of one file; the decoder's own limit is far lower


@dataclass(frozen=True, slots=True)
class Operating:
    """Rates at the verification threshold of a calibration record (`sha256:...`), which promises
    `promised_fmr`.
    """

    record: str
    promised_fmr: float
    rates: Rates


@dataclass(frozen=True, slots=True)
class Report:
    """All that leaves an evaluation.

    failures: how many photographs failed, by error code. fnmr_at: FNMR at each FMR of TARGETS, None where the
    people or pairs are too few to carry it. ungrouped: per column, how many words had too few people for a
    figure.
    """

    photographs: int
    people: int | None
    mated: int
    non_mated: int
    failures: Mapping[str, int]
    several_faces: int
    fta: fairness.Rate
    operating: Operating | None
    fnmr_at: tuple[tuple[float, fairness.Rate | None], ...]
    folds: Folds | None
    groups: tuple[GroupRates, ...]
    ungrouped: Mapping[str, int]


def evaluate(
    engine: Embeds,
    calibration: Calibration | None,
    trials: Pairs | Labels,
    *,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
    seed: int = 1,
) -> Report:
    """Embed, compare, count. calibration None: the model has no operating point, so no rates at one.

    progress: called with the number of photographs done and their number. Raises BadInput where no photograph
    has a usable face, or there are more folds than MOST_FOLDS.
    """
    embedded = embed(engine, trials.files, progress)
    threshold = None if calibration is None else calibration.threshold(calibration.verify_rate)
    test = _design(embedded, trials, threshold, np.random.default_rng(seed))
    return Report(
        photographs=len(trials.files),
        people=test.people,
        mated=test.mated,
        non_mated=test.non_mated,
        failures=dict(sorted(Counter(embedded.codes).items())),
        several_faces=embedded.several,
        fta=fairness.share(len(embedded.codes), len(trials.files)),
        operating=None if calibration is None else _operating(calibration, test),
        fnmr_at=tuple((target, test.fnmr_at(target)) for target in TARGETS),
        folds=test.folds(),
        groups=test.groups(0.0 if calibration is None else float(calibration.verify_rate)),
        ungrouped=test.ungrouped(),
    )


def embed(engine: Embeds, files: Sequence[Path], progress: Callable[[int, int], None]) -> Embedded:
    """Each photograph's largest face as a template, on all cores. Raises BadInput where none has one."""
    templates: list[NDArray[np.float32] | None] = []
    codes: list[str] = []
    several = 0
    for faces in engine.many(partial(_raw, file) for file in files):
        template = None
        if isinstance(faces, CountenanceError):
            codes.append(faces.code)
        elif not faces or faces[0].template is None:
            codes.append(NoFace.code)
        else:
            template, several = faces[0].template, several + (len(faces) > 1)
        templates.append(template)
        progress(len(templates), len(files))
    first = next((template for template in templates if template is not None), None)
    if first is None:
        raise BadInput("No photograph of this evaluation has a usable face.", next_step="Check the folder.")
    found = np.array([template is not None for template in templates])
    stacked = np.stack([np.zeros_like(first) if template is None else template for template in templates])
    return Embedded(stacked, found, tuple(codes), several)


def _raw(file: Path) -> bytes:
    """The bytes of a photograph; the decoder refuses what is too large, so reading stops soon after."""
    try:
        with file.open("rb") as opened:
            return opened.read(_MOST_RAW)
    except OSError:
        raise DamagedImage("A photograph cannot be read.") from None


def _design(
    embedded: Embedded, trials: Pairs | Labels, threshold: float | None, rng: np.random.Generator
) -> ListedPairs | EveryPair:
    if isinstance(trials, Pairs):
        return ListedPairs(embedded, trials, threshold, rng)
    return EveryPair(embedded, trials, threshold, rng)


def _operating(calibration: Calibration, test: ListedPairs | EveryPair) -> Operating:
    return Operating(calibration.digest, float(calibration.verify_rate), test.rates())


def evaluate_for(
    house: House, who: Principal, trials: Pairs | Labels, use: Use, progress: Callable[[int, int], None]
) -> Answered[Report]:
    """`evaluate` through the gate: no photograph is opened before the ask is allowed. Raises Refused."""

    def work(_: Permit) -> Done[Report]:
        return Done(evaluate(house.engine, house.calibration, trials, progress=progress), "evaluated")

    about = Private(who.customer.id, who.grant.id, who.key)
    return house.gate.run(who, ask_of(who, "test", use), work, about=about)
