"""The engine as its callers see it: faces in order, templates only where asked for, and the same answer each time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from countenance.domain.errors import (
    CountenanceError,
    DamagedImage,
    EmptyImage,
    NoFace,
    PoorQuality,
    SeveralFaces,
    Unavailable,
)
from countenance.domain.face import Box, Face, Quality
from countenance.domain.image import Image
from countenance.vision import models
from countenance.vision.decode import decode
from countenance.vision.engine import SECOND_FACE, Engine, only_face
from tests.vision.drawn import ANN, BEN, draw, draw_at, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ANN_ALONE = Image(draw())
PAIR = Image(draw_at(640, 480, [(160, 240, 0.7, ANN), (480, 240, 1.0, BEN)]))


def template(face: Face) -> np.ndarray:
    assert face.template is not None
    return face.template


def test_faces_come_largest_first_with_quality_and_only_the_first_has_a_template(engine: Engine) -> None:
    first, second = engine.faces(PAIR)
    assert first.box.area > second.box.area
    assert first.box.x > 320
    assert second.template is None
    assert [m.name for m in second.quality.measures] == [m.name for m in first.quality.measures]
    assert template(first).dtype == np.float32
    assert template(first).shape == (engine.dimension,)
    assert np.linalg.norm(template(first)) == pytest.approx(1, abs=1e-6)


def test_detect_makes_no_template(engine: Engine) -> None:
    assert [face.template for face in engine.detect(PAIR)] == [None, None]


def test_landmarks_lie_on_the_drawn_eyes(engine: Engine) -> None:
    face = engine.detect(ANN_ALONE)[0]
    assert np.abs(face.landmarks[:2] - [[126, 184], [194, 184]]).max() < 8


def test_no_face_is_no_error_of_the_engine(engine: Engine) -> None:
    assert engine.faces(Image(np.full((200, 200, 3), 128, np.uint8))) == ()


def test_coordinates_are_of_the_original_when_the_decoder_reduced_it(engine: Engine) -> None:
    whole = engine.detect(Image(draw(640, 800)))[0]
    reduced = engine.detect(Image(draw(320, 400), scale=0.5))[0]
    assert np.abs(whole.landmarks - reduced.landmarks).max() < 16
    assert reduced.box.width == pytest.approx(whole.box.width, rel=0.05)
    square = engine.embed(Image(draw(320, 400), scale=0.5), [reduced])[0]
    assert template(square) @ template(engine.faces(Image(draw(320, 400)))[0]) == pytest.approx(1, abs=1e-5)


def test_mirroring_is_the_unit_mean_with_the_mirror_image(engine: Engine) -> None:
    """Mirroring the square is mirroring the picture: the two orders give the same template."""
    face = engine.detect(ANN_ALONE)[0]
    plain, mirrored = engine.embed(ANN_ALONE, [face])[0], engine.embed(ANN_ALONE, [face], mirror=True)[0]
    assert np.linalg.norm(template(mirrored)) == pytest.approx(1, abs=1e-6)
    assert not np.allclose(template(plain), template(mirrored), atol=1e-4)
    twice = 2 * (template(plain) @ template(mirrored)) * template(mirrored) - template(plain)
    both = template(plain) + twice
    assert np.allclose(both / np.linalg.norm(both), template(mirrored), atol=1e-5)


def test_embed_keeps_the_order_of_the_faces_it_is_given(engine: Engine) -> None:
    one, other = engine.detect(PAIR)
    backwards = engine.embed(PAIR, [other, one])
    assert [face.box for face in backwards] == [other.box, one.box]
    assert np.allclose(template(backwards[1]), template(engine.embed(PAIR, [one])[0]), atol=1e-5)
    assert engine.embed(PAIR, []) == ()


def test_landmarks_on_one_spot_are_refused(engine: Engine) -> None:
    face = replace(engine.detect(ANN_ALONE)[0], landmarks=np.zeros((5, 2), np.float32))
    with pytest.raises(PoorQuality):
        engine.embed(ANN_ALONE, [face])


def test_many_requests_at_once_get_the_answers_of_one_at_a_time(engine: Engine) -> None:
    pictures = [ANN_ALONE, PAIR, Image(draw(look=BEN))] * 4
    alone = [template(engine.faces(picture)[0]) for picture in pictures[:3]]
    with ThreadPoolExecutor(6) as callers:
        together = list(callers.map(lambda picture: template(engine.faces(picture)[0]), pictures))
    for i, row in enumerate(together):
        assert np.allclose(row, alone[i % 3], atol=1e-5)


def test_many_keeps_the_order_and_puts_an_error_in_its_place(engine: Engine) -> None:
    ann, ben = encode(draw()), encode(draw(look=BEN))
    pictures: list[bytes | Image | Callable[[], bytes]] = [
        ann,
        lambda: ben,
        b"",
        decode(ann),
        ben[:-9],
        lambda: encode(np.zeros((90, 90, 3), np.uint8)),
    ]
    answers = list(engine.many(pictures))
    assert [type(answer) for answer in answers] == [tuple, tuple, EmptyImage, tuple, DamagedImage, tuple]
    faces = [answer[0] for answer in answers if not isinstance(answer, CountenanceError) and answer]
    assert np.allclose(template(faces[0]), template(faces[2]), atol=1e-5)
    assert not np.allclose(template(faces[0]), template(faces[1]), atol=1e-2)
    assert answers[-1] == ()


def test_many_reads_only_a_few_pictures_ahead(engine: Engine) -> None:
    taken = 0

    def pictures() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(60):
            taken += 1
            yield b""

    for answered, _ in enumerate(engine.many(pictures()), start=1):
        assert taken - answered <= 2 * (engine.threads + 1)
    assert taken == 60


def test_leaving_many_early_leaves_nothing_running(engine: Engine) -> None:
    answers = engine.many(encode(draw()) for _ in range(50))
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vision-feed")]


def test_a_closed_engine_says_so(cache: Path) -> None:
    with Engine.load(models.shipped(), cache, threads=1) as engine:
        assert len(engine.detect(ANN_ALONE)) == 1
    with pytest.raises(Unavailable):
        engine.detect(ANN_ALONE)
    engine.close()


def test_the_digest_and_manifest_are_the_engines(engine: Engine) -> None:
    assert engine.model_digest == models.shipped().digest
    assert engine.manifest == models.shipped()


def face_of(width: float) -> Face:
    return Face(Box(0, 0, width, width), np.zeros((5, 2), np.float32), 0.9, Quality(()))


def test_the_only_face() -> None:
    small = 100 * (SECOND_FACE**0.5) - 1
    assert only_face([face_of(100)]).box.width == 100
    assert only_face([face_of(100), face_of(small)]).box.width == 100
    with pytest.raises(NoFace):
        only_face([])
    with pytest.raises(SeveralFaces):
        only_face([face_of(100), face_of(small + 2)])


def test_real_people_who_agreed_to_it_are_told_apart(engine: Engine, shared: Path) -> None:
    people = [f"{number:03}" for number in range(1, 9)]
    photos = [shared / "faces" / "london" / f"{one}_{how}.jpg" for one in people for how in ("neutral", "smiling")]
    answers = list(engine.many(photo.read_bytes for photo in photos))
    rows = np.array([template(answer[0]) for answer in answers if not isinstance(answer, CountenanceError)])
    scores = rows[::2] @ rows[1::2].T
    mated = np.diag(scores)
    assert mated.min() > 0.6
    assert scores[~np.eye(len(people), dtype=bool)].max() < 0.5
