"""The index equals the naive loop, keeps collections apart, and forgets at once."""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from countenance.domain.errors import BadInput, Conflict
from countenance.gallery.index import Found, Index
from countenance.gallery.rows import BLOCK
from tests.gallery.naive import Naive, Template, unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

D = 16
# Few templates, so that ties are common; the last ones differ from the first by less than float32's error.
_POOL = [unit(row) for row in np.random.default_rng(7).standard_normal((9, D))]
_NEAR = [unit(_POOL[0] + np.float32(1e-7) * np.arange(D, dtype=np.float32) * sign) for sign in (1, -1)]
POOL = [*_POOL, *_NEAR]
templates = st.sampled_from(POOL)
collections = st.sampled_from(["col_a", "col_b"])
subjects = st.sampled_from([f"sub_{n}" for n in range(6)])


def _same(found: Found, wanted: tuple[list[tuple[str, str, float]], float | None]) -> None:
    hits, margin = wanted
    assert [(hit.subject, hit.reference) for hit in found.hits] == [hit[:2] for hit in hits]
    assert np.allclose([hit.score for hit in found.hits], [hit[2] for hit in hits], rtol=0, atol=1e-6)
    assert (found.margin is None) == (margin is None)
    assert margin is None or abs(margin - (found.margin or 0)) <= 1e-6


class IndexMachine(RuleBasedStateMachine):
    """Any order of additions, removals and searches, with masks kept from one search to the next."""

    def __init__(self) -> None:
        super().__init__()
        self.index = Index(D)
        self.naive = Naive()
        self.number = 0
        self.kept = [frozenset(f"sub_{n}" for n in which) for which in ((0, 1, 2, 3, 4, 5), (1, 3), (), (0, 2, 4))]

    @rule(collection=collections, subject=subjects, template=templates)
    def add(self, collection: str, subject: str, template: Template) -> None:
        self.number += 1
        reference = f"ref_{self.number * 7919 % 1000:03d}"
        if reference not in self.naive.galleries.get(collection, {}).get(subject, {}):
            self.index.add(collection, subject, reference, template)
            self.naive.add(collection, subject, reference, template)

    @rule(collection=collections, subject=subjects)
    def remove(self, collection: str, subject: str) -> None:
        assert self.index.remove_subject(collection, subject) == self.naive.remove(collection, subject)

    @rule(
        collection=collections,
        probe=templates,
        mask=st.integers(0, 3),
        threshold=st.sampled_from([-1.0, 0.0, 0.5, 0.9999]),
        top=st.integers(1, 7),
    )
    def search(self, collection: str, probe: Template, mask: int, threshold: float, top: int) -> None:
        allowed = self.kept[mask]
        found = self.index.search(collection, probe, allowed=allowed, threshold=threshold, top=top)
        _same(found, self.naive.search(collection, probe, allowed, threshold, top))
        mine = self.naive.galleries.get(collection, {})
        assert found.references == sum(len(mine.get(subject, ())) for subject in allowed)

    @rule(collection=collections, mask=st.integers(0, 3), top=st.integers(1, 7))
    def search_many(self, collection: str, mask: int, top: int) -> None:
        found = self.index.search_many(collection, np.stack(POOL), allowed=self.kept[mask], threshold=0.2, top=top)
        for probe, one in zip(POOL, found, strict=True):
            _same(one, self.naive.search(collection, probe, self.kept[mask], 0.2, top))

    @rule(collection=collections, subject=subjects, probe=templates)
    def score(self, collection: str, subject: str, probe: Template) -> None:
        best = self.index.score(collection, subject, probe)
        hits, _ = self.naive.search(collection, probe, frozenset({subject}), -2.0, 1)
        assert (best is None) == (not hits)
        if best is not None:
            assert (best.reference, best.score) == (hits[0][1], hits[0][2])
            assert best.references == len(self.naive.galleries[collection][subject])

    @invariant()
    def counts(self) -> None:
        for collection in ("col_a", "col_b"):
            wanted = sum(len(refs) for refs in self.naive.galleries.get(collection, {}).values())
            assert self.index.count(collection) == wanted
        every = sum(len(refs) for subjects in self.naive.galleries.values() for refs in subjects.values())
        assert len(self.index) == every


TestIndexMachine = IndexMachine.TestCase
TestIndexMachine.settings = settings(settings.default, max_examples=30, stateful_step_count=30)


@cache
def _filled() -> tuple[Index, Naive, NDArray[np.float32]]:
    """An index of two blocks, for searches only: two references a subject, every fifth template the same."""
    count = BLOCK + 5_000
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((count, D)).astype(np.float32)
    rows[1::5] = rows[0]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    index, naive = Index(D), Naive()
    names = [f"sub_{n // 2:06d}" for n in rng.permutation(count)]
    references = [f"ref_{n:06d}" for n in rng.permutation(count)]
    index.add_many("col", names, references, rows)
    for name, reference, row in zip(names, references, rows, strict=True):
        naive.add("col", name, reference, row)
    return index, naive, rows


@pytest.mark.parametrize(("top", "threshold"), [(1, -1.0), (100, -1.0), (5, 0.6), (2, 0.99)])
def test_over_several_blocks_the_answer_is_the_naive_one(top: int, threshold: float) -> None:
    index, naive, rows = _filled()
    some = frozenset(f"sub_{n:06d}" for n in range(0, BLOCK, 3))
    for probe in (rows[0], rows[-1]):
        found = index.search("col", probe, allowed=some, threshold=threshold, top=top)
        _same(found, naive.search("col", probe, some, threshold, top))


def test_equal_templates_have_equal_scores_and_are_told_by_id() -> None:
    index, _, rows = _filled()
    everybody = frozenset(f"sub_{n:06d}" for n in range(BLOCK))
    found = index.search("col", rows[0], allowed=everybody, threshold=0.9, top=100)
    assert len({hit.score for hit in found.hits}) == 1
    assert [hit.subject for hit in found.hits] == sorted(hit.subject for hit in found.hits)
    assert found.margin == 0.0


def test_freed_rows_are_used_again_and_masks_stay_in_step() -> None:
    index = Index(D)
    allowed = frozenset({"sub_1", "sub_2"})
    for round_ in range(400):
        index.add("col", "sub_1", f"ref_{round_}", POOL[1])
        assert index.search("col", POOL[1], allowed=allowed, threshold=0.9).hits[0].subject == "sub_1"
        index.remove_subject("col", "sub_1")
        assert index.search("col", POOL[1], allowed=allowed, threshold=0.9) == Found()
    assert index.count("col") == 0


def test_one_reference_can_go_and_the_others_stay() -> None:
    index = Index(D)
    index.add("col", "sub", "ref_1", POOL[1])
    index.add("col", "sub", "ref_2", POOL[2])
    assert index.remove_reference("col", "sub", "ref_1") == 1
    assert index.remove_reference("col", "sub", "ref_1") == 0
    best = index.score("col", "sub", POOL[1])
    assert best is not None
    assert (best.reference, best.references, index.count("col", "sub")) == ("ref_2", 1, 1)


def test_a_search_never_crosses_collections() -> None:
    index = Index(D)
    index.add("col_a", "sub", "ref", POOL[0])
    index.add("col_b", "other", "ref", POOL[1])
    everybody = frozenset({"sub", "other"})
    assert [hit.subject for hit in index.search("col_b", POOL[0], allowed=everybody, threshold=-1.0).hits] == ["other"]
    assert index.search("col_c", POOL[0], allowed=everybody, threshold=-1.0) == Found()
    assert index.score("col_b", "sub", POOL[0]) is None
    assert index.remove_subject("col_b", "sub") == 0
    assert index.count("col_a", "sub") == 1


def test_who_may_not_be_a_candidate_leaves_no_trace_in_the_answer() -> None:
    """A filter after the search would show by a missing row, or by a margin to somebody hidden."""
    with_hidden, without = Index(D), Index(D)
    for index in (with_hidden, without):
        index.add("col", "sub_1", "ref_1", POOL[1])
        index.add("col", "sub_2", "ref_2", POOL[2])
    with_hidden.add("col", "sub_0", "ref_0", POOL[1])
    allowed = frozenset({"sub_1", "sub_2"})
    for probe in POOL:
        answers = [
            index.search("col", probe, allowed=allowed, threshold=-1.0, top=1) for index in (with_hidden, without)
        ]
        assert answers[0] == answers[1]


def test_a_free_row_is_no_candidate_even_for_an_empty_name() -> None:
    index = Index(D)
    index.add("col", "sub", "ref", POOL[0])
    index.remove_subject("col", "sub")
    assert index.search("col", POOL[0], allowed=frozenset({"", "sub"}), threshold=-1.0) == Found()


def test_no_match_has_no_margin_and_one_candidate_neither() -> None:
    index = Index(D)
    index.add("col", "sub", "ref", POOL[0])
    everybody = frozenset({"sub", "sub_2"})
    assert index.search("col", POOL[0], allowed=everybody, threshold=0.9).margin is None
    index.add("col", "sub_2", "ref_2", -POOL[0])
    assert index.search("col", POOL[0], allowed=everybody, threshold=0.9).margin == pytest.approx(2.0, abs=1e-6)
    assert index.search("col", POOL[1], allowed=everybody, threshold=0.9999) == Found((), None, 2)


@given(st.sampled_from(["nan", "inf", "long", "zero", "float64", "short", "matrix"]))
def test_a_probe_that_is_no_unit_template_is_refused(kind: str) -> None:
    bad: dict[str, NDArray[np.floating]] = {
        "nan": np.full(D, np.nan, np.float32),
        "inf": np.full(D, np.inf, np.float32),
        "long": POOL[0] * np.float32(1.01),
        "zero": np.zeros(D, np.float32),
        "float64": POOL[0].astype(np.float64),
        "short": unit(np.ones(D - 1)),
        "matrix": POOL[0][None],
    }
    index = Index(D)
    index.add("col", "sub", "ref", POOL[0])
    template = bad[kind]
    with pytest.raises(BadInput):
        index.search("col", template, allowed=frozenset({"sub"}), threshold=0.5)
    with pytest.raises(BadInput):
        index.score("col", "sub", template)
    with pytest.raises(BadInput):
        index.add("col", "sub", "ref_2", template)
    assert index.count("col") == 1


@pytest.mark.parametrize(("threshold", "top"), [(float("nan"), 5), (0.5, 0), (0.5, 101), (0.5, -1)])
def test_a_search_has_bounds(threshold: float, top: int) -> None:
    with pytest.raises(BadInput):
        Index(D).search("col", POOL[0], allowed=frozenset(), threshold=threshold, top=top)


def test_the_same_reference_twice_is_refused_whole() -> None:
    index = Index(D)
    index.add("col", "sub", "ref", POOL[0])
    with pytest.raises(Conflict):
        index.add("col", "sub", "ref", POOL[1])
    with pytest.raises(Conflict):
        index.add_many("col", ["s", "s"], ["r", "r"], np.stack(POOL[:2]))
    with pytest.raises(Conflict):
        index.add_many("col", ["s", "sub"], ["r", "ref"], np.stack(POOL[:2]))
    with pytest.raises(BadInput):
        index.add_many("col", ["", "s"], ["r", "q"], np.stack(POOL[:2]))
    assert index.count("col") == 1


def test_a_search_sees_a_whole_subject_or_none_of_it() -> None:
    """Writers put in and take out three references at a time; a search must never see one or two of them."""
    index = Index(D)
    everybody = frozenset(f"sub_{n}" for n in range(4))
    stop = threading.Event()
    seen: set[int] = set()
    failures: list[BaseException] = []

    def write(subject: str) -> None:
        while not stop.is_set():
            index.add_many("col", [subject] * 3, ["a", "b", "c"], np.stack(POOL[:3]))
            index.remove_subject("col", subject)

    def read() -> None:
        try:
            for _ in range(60):
                found = index.search("col", POOL[0], allowed=everybody, threshold=-1.0)
                seen.add(found.references % 3)
                assert all(hit.reference == "a" for hit in found.hits)
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(f"sub_{n}",)) for n in range(2)]
    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in (*writers, *readers):
        thread.start()
    for thread in readers:
        thread.join()
    stop.set()
    for thread in writers:
        thread.join()
    assert not failures
    assert seen == {0}
