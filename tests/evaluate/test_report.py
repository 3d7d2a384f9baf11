"""The report's arithmetic, on people whose every comparison can be counted by hand or by plain loops."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.cli.evaluate import table, wire
from countenance.domain.errors import BadInput
from countenance.service.comparisons import Scores, compare_all
from countenance.service.designs import best_threshold
from countenance.service.evaluate import evaluate
from countenance.service.trials import Labels, Pairs, read_labels, read_pairs
from countenance.vision.calibration import Calibration
from tests.evaluate import toy

if TYPE_CHECKING:
    from pathlib import Path

    from countenance.service.evaluate import Report


def calibration() -> Calibration:
    """The shipped record with its verification threshold at 0.52, which no toy score lies at."""
    shipped = Calibration.shipped()
    steps = tuple(replace(step, threshold_milli=520) for step in shipped.steps)
    return replace(shipped, steps=steps)


def listed(folder: Path, lines: list[str]) -> Pairs:
    csv = folder.parent / "pairs.csv"
    csv.write_text("\n".join(lines) + "\n")
    return read_pairs(csv, folder)


def labelled(folder: Path, lines: list[str]) -> Labels:
    csv = folder.parent / "labels.csv"
    csv.write_text("\n".join(lines) + "\n")
    return read_labels(csv, folder)


@pytest.fixture
def listed_report(tmp_path: Path) -> Report:
    """Three mated pairs (one missed, one without a face) and three non-mated (one false match, one broken)."""
    folder = tmp_path / "images"
    toy.write(folder, a="0", b="10", c="90", d="50 3", e="none", f="broken", g="200")
    lines = ["file_a,file_b,mated", "a.jpg,b.jpg,1", "a.jpg,c.jpg,1", "a.jpg,e.jpg,1"]
    lines += ["a.jpg,d.jpg,0", "a.jpg,g.jpg,0", "b.jpg,f.jpg,0"]
    return evaluate(toy.ToyEngine(), calibration(), listed(folder, lines))


def test_rates_of_a_list(listed_report: Report) -> None:
    assert listed_report.operating is not None
    rates = listed_report.operating.rates
    counts = {
        name: (getattr(rates, name).errors, getattr(rates, name).trials) for name in ("fmr", "fnmr", "far", "frr")
    }
    assert counts == {"fmr": (1, 2), "fnmr": (1, 2), "far": (1, 3), "frr": (2, 3)}
    assert (listed_report.fta.errors, listed_report.fta.trials) == (2, 7)
    assert listed_report.failures == {"image-damaged": 1, "no-face": 1}
    assert listed_report.several_faces == 1
    assert (listed_report.mated, listed_report.non_mated, listed_report.people) == (3, 3, None)


def test_a_face_not_found_counts_as_in_the_standard(listed_report: Report) -> None:
    """FAR = FMR (1 - share not completed); FRR = share + FNMR (1 - share): ISO/IEC 19795-1."""
    assert listed_report.operating is not None
    rates = listed_report.operating.rates
    assert rates.fmr
    assert rates.far
    assert rates.fnmr
    assert rates.frr
    share = 1 / 3
    assert rates.far.value == pytest.approx((rates.fmr.value or 0) * (1 - share))
    assert rates.frr.value == pytest.approx(share + (rates.fnmr.value or 0) * (1 - share))


def test_too_few_pairs_carry_no_rate(listed_report: Report) -> None:
    assert [rate for _, rate in listed_report.fnmr_at] == [None] * 5
    text = "\n".join(table(listed_report))
    assert text.count("no figure") == 5


def test_each_photograph_is_embedded_once_and_progress_ends(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    toy.write(folder, a="0", b="10", c="90")
    lines = ["file_a,file_b,mated", "a.jpg,b.jpg,1", "a.jpg,c.jpg,0", "b.jpg,c.jpg,0"]
    engine, seen = toy.ToyEngine(), list[tuple[int, int]]()
    evaluate(engine, None, listed(folder, lines), progress=lambda done, of: seen.append((done, of)))
    assert engine.read == 3
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_no_usable_photograph_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    toy.write(folder, a="none", b="broken")
    with pytest.raises(BadInput, match="No photograph"):
        evaluate(toy.ToyEngine(), None, listed(folder, ["file_a,file_b,mated", "a.jpg,b.jpg,1"]))


def test_without_a_record_there_is_no_operating_point(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    toy.write(folder, a="0", b="10")
    report = evaluate(toy.ToyEngine(), None, listed(folder, ["file_a,file_b,mated", "a.jpg,b.jpg,1"]))
    assert report.operating is None
    assert wire(report)["operating"] is None


# -- folds ------------------------------------------------------------------------------------------------------


def test_each_fold_uses_the_threshold_of_the_others(tmp_path: Path) -> None:
    """Fold x says 0.98 is a match and 0 is not; fold y has a mated pair at 0.64, which is then missed."""
    folder = tmp_path / "images"
    toy.write(folder, a="0", b="10", c="90", d="50", e="none")
    lines = ["file_a,file_b,mated,fold", "a.jpg,b.jpg,1,x", "a.jpg,c.jpg,0,x", "a.jpg,d.jpg,1,y", "b.jpg,c.jpg,0,y"]
    report = evaluate(toy.ToyEngine(), None, listed(folder, [*lines, "b.jpg,e.jpg,1,y"]))
    assert report.folds is not None
    assert report.folds.accuracies == (1.0, 1 / 3)
    assert report.folds.mean == pytest.approx(2 / 3)
    assert report.folds.deviation == pytest.approx(np.std([1, 1 / 3], ddof=1))


def test_too_many_folds(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    toy.write(folder, **{f"p{at}": str(at) for at in range(16)})
    names = combinations(sorted(file.name for file in folder.iterdir()), 2)
    lines = ["file_a,file_b,mated,fold", *(f"{a},{b},0,{at}" for at, (a, b) in enumerate(names))]
    with pytest.raises(BadInput, match="120 folds"):
        evaluate(toy.ToyEngine(), None, listed(folder, lines))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([-2.0, 0.0, 0.1, 0.5, 0.9]), st.booleans()), min_size=1, max_size=12))
def test_no_threshold_is_better_than_the_best(pairs: list[tuple[float, bool]]) -> None:
    """By trying each; a pair that was not compared (-2) is different whatever the threshold."""
    scores, mated = np.array([s for s, _ in pairs], np.float32), np.array([m for _, m in pairs])
    best = best_threshold(scores, mated)
    tried = [float(np.mean((scores >= t) == mated)) for t in (0.0, 0.1, 0.5, 0.9, np.inf)]
    assert float(np.mean((scores >= best) == mated)) == max(tried)
    assert best > -2


# -- labels -----------------------------------------------------------------------------------------------------


def people(tmp_path: Path, *, many: int = 12) -> Labels:
    """People 7 degrees apart, two photographs 3 degrees apart; the first also has one without a face."""
    folder = tmp_path / "images"
    words = {f"p{at}_{n}": str(7 * at + 3 * n) for at in range(many) for n in range(2)}
    toy.write(folder, **words, p0_2="none")
    lines = ["file,subject,side,badge"]
    for name in sorted([*words, "p0_2"]):
        number = int(name[1:-2])
        lines.append(f"{name}.jpg,s{number},{'left' if number < 7 else 'right'},{number}")
    return labelled(folder, lines)


def plain_counts(labels: Labels, chosen: set[int], threshold: float) -> dict[str, tuple[int, int]]:
    """Errors and trials by two loops over the photographs."""
    words = [file.read_text() for file in labels.files]
    count = {name: [0, 0] for name in ("fmr", "fnmr", "far", "frr")}
    for i, j in combinations(sorted(chosen), 2):
        same, done = labels.person[i] == labels.person[j], "none" not in (words[i], words[j])
        match = done and float(np.cos(np.radians(float(words[i]) - float(words[j])))) >= threshold
        wrong = match != same
        for name in (("fnmr", "frr") if same else ("fmr", "far"))[0 if done else 1 :]:
            count[name][0] += wrong
            count[name][1] += 1
    return {name: (errors, trials) for name, (errors, trials) in count.items()}


def test_every_pair_is_counted_as_two_loops_do(tmp_path: Path) -> None:
    labels = people(tmp_path)
    report = evaluate(toy.ToyEngine(), calibration(), labels)
    assert report.operating is not None
    held = {name: getattr(report.operating.rates, name) for name in ("fmr", "fnmr", "far", "frr")}
    everyone = set(range(len(labels.files)))
    assert {name: (r.errors, r.trials) for name, r in held.items()} == plain_counts(labels, everyone, 0.52)
    assert (report.people, report.photographs, report.mated) == (12, 25, 11 + 3)


def test_groups_are_counted_among_their_own_people(tmp_path: Path) -> None:
    labels = people(tmp_path)
    report = evaluate(toy.ToyEngine(), calibration(), labels)
    assert [(group.column, group.word, group.people) for group in report.groups] == [
        ("side", "left", 7),
        ("side", "right", 5),
    ]
    for group in report.groups:
        chosen = {at for at, word in enumerate(labels.groups["side"]) if word == group.word}
        held = {name: getattr(group.rates, name) for name in ("fmr", "fnmr", "far", "frr")}
        assert {name: (r.errors, r.trials) for name, r in held.items()} == plain_counts(labels, chosen, 0.52)
        assert not group.carries
    assert report.groups[0].fta.errors == 1


def test_no_figure_about_fewer_than_five_people(tmp_path: Path) -> None:
    """Each has a badge of their own: a rate of that group would be a score of a person."""
    report = evaluate(toy.ToyEngine(), calibration(), people(tmp_path))
    assert report.ungrouped == {"badge": 12}
    assert "badge: 12 further words" in "\n".join(table(report))


def test_fnmr_at_a_carried_rate(tmp_path: Path) -> None:
    """120 pairs of people carry 0.1, not 0.01; the threshold comes from the non-mated scores themselves."""
    labels = people(tmp_path, many=16)
    report = evaluate(toy.ToyEngine(), None, labels)
    carried = dict(report.fnmr_at)
    assert carried[0.1] is not None
    assert carried[0.01] is None
    words = [file.read_text() for file in labels.files]
    scored = [
        (np.float32(np.cos(np.radians(float(words[i]) - float(words[j])))), labels.person[i] == labels.person[j])
        for i, j in combinations(range(len(words)), 2)
        if "none" not in (words[i], words[j])
    ]
    impostors = np.sort([score for score, same in scored if not same])[::-1]
    allowed = int(0.1 * len(impostors))
    missed = sum(same and score <= impostors[allowed] - 1e-5 for score, same in scored)
    assert carried[0.1].errors == missed


def test_nothing_that_leaves_names_a_person_or_shows_a_score(tmp_path: Path) -> None:
    report = evaluate(toy.ToyEngine(), calibration(), people(tmp_path))
    said = str(wire(report)) + "\n".join(table(report))
    assert ".jpg" not in said
    assert "s11" not in said
    assert "threshold'" not in said


def test_the_same_photographs_give_the_same_report(tmp_path: Path) -> None:
    labels = people(tmp_path)
    assert wire(evaluate(toy.ToyEngine(), calibration(), labels)) == wire(
        evaluate(toy.ToyEngine(), calibration(), labels)
    )


# -- scores -----------------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.sampled_from([0.5, 0.1, 0.03, 0.0]))
def test_thresholds_of_the_histogram_keep_their_rate(seed: int, photographs: int, fmr: float) -> None:
    """At most the asked share lies at or above it, and one bin lower more would."""
    rng = np.random.default_rng(seed)
    templates = rng.normal(size=(photographs, 8)).astype(np.float32)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    person = np.arange(photographs, dtype=np.int64)
    kept: Scores = compare_all(templates, person, None)
    scores = (templates @ templates.T)[np.triu_indices(photographs, 1)]
    threshold = kept.threshold_at(fmr)
    assert np.mean(scores >= np.float32(threshold)) <= fmr + 1e-12
    assert np.mean(scores >= np.float32(threshold) - np.float32(4e-6)) > fmr - 1e-12 or threshold == -1.0
