"""The rules of the request path, each held by a test. The numbers are those of docs/request-path.md."""

from __future__ import annotations

import ast
import resource
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sqlalchemy import update

from countenance.config import Metering
from countenance.domain.errors import LogUnavailable, NoFace, NotFound, Refused
from countenance.service import detect, enrol, identify, verify
from countenance.service.use import Use
from countenance.storage.tables import consents
from tests.service.test_line import enrolled
from tests.service.world import World, photo

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE = Path(__file__).parents[2] / "src" / "countenance" / "service"
USUAL = Metering()
A_FEW, MANY, FOLLOWED = USUAL.a_few, USUAL.many, USUAL.followed
OUTSIDE = Use(place="publicly-accessible", mode="real-time")


# -- 1. authorise before decoding ---


def test_1_a_denied_caller_reaches_no_image_parser(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    shown = world.engine.shown
    for ask in (
        lambda: enrol.enrol(world.house, who, inside, "ada", b"no image at all", OUTSIDE),
        lambda: verify.verify(world.house, who, inside, "ada", b"no image at all", OUTSIDE),
        lambda: identify.identify(world.house, who, inside, b"no image at all", OUTSIDE),
        lambda: detect.detect(world.house, who, b"no image at all", OUTSIDE),
    ):
        with pytest.raises(Refused):
            ask()
    assert world.engine.shown == shown


# -- 2. no answer before its leaf is durable ---


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process can grow while this holds, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_2_without_a_durable_leaf_there_is_no_answer_and_nothing_is_half_written(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    size = world.house.log.size
    with full_disk(), pytest.raises(LogUnavailable):
        enrol.enrol(world.house, who, inside, "ada", photo(1, variant=2), Use())
    assert world.house.index.count(inside.id) == 1
    world.restart()
    assert world.house.log.size == size
    assert world.house.index.count(inside.id) == 1
    assert detect.detect(world.house, who, photo(1), Use()).index == size


def test_2_every_ask_of_a_principal_leaves_a_leaf_whatever_becomes_of_it(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    size = world.house.log.size
    with pytest.raises(Refused) as refused:
        detect.detect(world.house, who, photo(1), OUTSIDE)
    with pytest.raises(NoFace) as empty:
        identify.identify(world.house, who, inside, photo(), Use())
    with pytest.raises(NotFound) as missing:
        verify.verify(world.house, who, inside, "nobody", photo(1), Use())
    detect.detect(world.house, who, photo(1), Use())
    assert world.house.log.size == size + 4
    assert world.proven(refused.value.receipt).leaf.open["verdict"] == "deny"
    assert world.proven(empty.value.receipt).leaf.open["outside-policy"] == "no-face"
    assert world.proven(missing.value.receipt).leaf.open["outside-policy"] == "not-found"


def test_2_a_defect_of_ours_is_a_leaf_too_and_shows_no_insides(world: World) -> None:
    who, _ = enrolled(world)
    world.engine.detect = None  # type: ignore[assignment,method-assign]  # any defect
    with pytest.raises(Exception, match="something went wrong inside") as broken:
        detect.detect(world.house, who, photo(1), Use())
    assert world.proven(broken.value.receipt).leaf.open["outside-policy"] == "internal-error"  # type: ignore[attr-defined]


# -- 3. consent narrows the candidates before the search ---


def test_3_only_people_whose_basis_covers_the_ask_are_searched(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    world.consents(who, inside, "bob", until=world.moment.replace(day=23))
    enrol.enrol(world.house, who, inside, "bob", photo(2), Use())
    assert identify.identify(world.house, who, inside, photo(2), Use()).result.gallery == 2
    world.later(days=2)
    after = identify.identify(world.house, who, inside, photo(2), Use()).result
    assert after.gallery == 1
    assert after.candidates == ()


def test_3_where_sql_disagrees_with_the_cache_the_search_is_run_again_without_them(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1), ("twin", 1), ("bob", 2))
    first = identify.identify(world.house, who, inside, photo(1), Use()).result.candidates[0].subject
    with world.house.database.begin() as connection:
        gone = update(consents).where(consents.c.subject_id == first).values(withdrawn="2026-11-22T10:30:00Z")
        connection.execute(gone)
    second = identify.identify(world.house, who, inside, photo(1), Use()).result.candidates[0].subject
    assert second != first


# -- 4. the wire layer never sees a template ---


def test_4_no_answer_carries_a_template(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    answers: list[Any] = [
        detect.detect(world.house, who, photo(1), Use()).result,
        verify.verify(world.house, who, inside, "ada", photo(1), Use()).result,
        verify.compare(world.house, who, photo(1), photo(2), Use()).result,
        identify.identify(world.house, who, inside, photo(1), Use()).result,
        enrol.enrol(world.house, who, inside, "ada", photo(1, variant=3), Use()).result,
    ]
    for answer in answers:
        assert all(array.shape == (5, 2) for array in _arrays(answer))


def _arrays(value: Any) -> Iterator[Any]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _arrays(inner)
    elif is_dataclass(value):
        for part in fields(value):
            yield from _arrays(getattr(value, part.name))


# -- 5. there is no switch that skips the gate ---


def test_5_the_engine_and_the_decoder_are_used_only_inside_the_work_of_an_allowed_ask() -> None:
    """Every call of `decode`, `the_face` and `engine.*` in the service stands in a function called `work`."""
    for path in SERVICE.glob("*.py"):
        if path.name == "likeness.py":
            continue
        tree = ast.parse(path.read_text())
        inside = {id(node) for work in ast.walk(tree) if _is_work(work) for node in ast.walk(work)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _touches_faces(node):
                assert id(node) in inside, f"{path.name}:{node.lineno} reads a picture outside the gate"


def _is_work(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "work"


def _touches_faces(call: ast.Call) -> bool:
    text = ast.unparse(call.func)
    return text in {"decode", "the_face"} or ".engine.detect" in text or ".engine.embed" in text


# -- 6. allow means: allowed, and no error ---


def test_6_a_word_nobody_knows_is_a_deny_that_names_it(world: World) -> None:
    who, _ = enrolled(world)
    with pytest.raises(Refused) as refused:
        detect.detect(world.house, who, photo(1), Use(probe="crystal-ball"))
    assert any("crystal-ball" in error for error in refused.value.decision.verdict.errors)
    assert world.proven(refused.value.receipt).leaf.open["ask"]["probe"] == "unrecognised"  # type: ignore[index,call-overload]


# -- 7. one-to-many stays one-to-many ---


def test_7_a_probe_compared_with_more_than_a_few_is_judged_as_identification(world: World) -> None:
    who = world.customer(verified=False)
    inside = world.collection(who)
    for number in range(1, A_FEW + 2):
        world.consents(who, inside, f"p{number}")
        enrol.enrol(world.house, who, inside, f"p{number}", photo(number), Use())
    for number in range(1, A_FEW + 1):
        verify.verify(world.house, who, inside, f"p{number}", photo(99), Use())
    with pytest.raises(Refused) as refused:
        verify.verify(world.house, who, inside, f"p{A_FEW + 1}", photo(99, variant=1), Use())
    assert refused.value.decision.ask.action == "identify"
    assert verify.verify(world.house, who, inside, "p1", photo(1), Use()).result.likeness.match


def test_7_photographs_count_like_subjects(world: World) -> None:
    who = world.customer(verified=False)
    for number in range(1, A_FEW + 1):
        verify.compare(world.house, who, photo(99), photo(number), Use())
    with pytest.raises(Refused):
        verify.compare(world.house, who, photo(99), photo(50), Use())


def test_7_a_restart_is_no_amnesty_and_an_hour_is(world: World) -> None:
    who = world.customer(verified=False)
    for number in range(1, A_FEW + 1):
        verify.compare(world.house, who, photo(99), photo(number), Use())
    world.restart()
    with pytest.raises(Refused):
        verify.compare(world.house, who, photo(99), photo(50), Use())
    world.later(hours=2)
    assert not verify.compare(world.house, who, photo(99), photo(51), Use()).result.likeness.match


def test_7_even_a_verified_customer_trips_the_meter_in_the_end(world: World) -> None:
    who = world.customer()
    for number in range(1, MANY + 1):
        verify.compare(world.house, who, photo(99), photo(number), Use())
    with pytest.raises(Refused) as refused:
        verify.compare(world.house, who, photo(99), photo(90), Use())
    assert world.proven(refused.value.receipt).leaf.open["context"]["activity.tripped"] is True  # type: ignore[index,call-overload]


def test_7_one_person_searched_again_and_again_is_being_followed(world: World) -> None:
    who, inside = enrolled(world, ("ada", 1))
    for _ in range(FOLLOWED):
        identify.identify(world.house, who, inside, photo(7), Use())
    with pytest.raises(Refused) as refused:
        identify.identify(world.house, who, inside, photo(7), Use())
    reasons = [reason.id for reason in refused.value.decision.verdict.reasons]
    assert reasons == ["core.meter", "core.meter-following"]
