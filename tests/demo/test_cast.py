"""A folder of an operator's own: its names say who is who, and what cannot carry the story is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from countenance.demo.cast import from_folder
from countenance.domain.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path


def _fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).write_bytes(name.encode())
    return folder


def test_two_photographs_enrol_and_one_is_a_stranger(tmp_path: Path) -> None:
    cast = from_folder(_fill(tmp_path, "ada_1.jpg", "ada_2.jpg", "bea_2.png", "bea_1.jpeg", "cyd_1.jpg"))
    assert [(p.name, len(p.photos)) for p in cast.enrolled] == [("ada", 2), ("bea", 2)]
    assert [p.name for p in cast.strangers] == ["cyd"]


def test_the_lower_number_is_the_reference(tmp_path: Path) -> None:
    cast = from_folder(_fill(tmp_path, "ada_10.jpg", "ada_9.jpg", "bea_1.jpg", "bea_2.jpg", "cyd_1.jpg"))
    assert [photo.raw for photo in cast.enrolled[0].photos] == [b"ada_9.jpg", b"ada_10.jpg"]


def test_a_person_may_have_a_name_of_two_words(tmp_path: Path) -> None:
    cast = from_folder(_fill(tmp_path, "ada_l_1.jpg", "ada_l_2.jpg", "bea_1.jpg", "bea_2.jpg", "cyd_1.jpg"))
    assert cast.enrolled[0].name == "ada l"


def test_what_is_not_named_so_does_not_play(tmp_path: Path) -> None:
    names = ("ada_1.jpg", "ada_2.jpg", "bea_1.jpg", "bea_2.jpg", "cyd_1.jpg", "notes.txt", "dot.jpg", "eve_٣.jpg")
    assert {p.name for p in from_folder(_fill(tmp_path, *names)).people} == {"ada", "bea", "cyd"}


@pytest.mark.parametrize(
    "names", [(), ("ada_1.jpg", "ada_2.jpg", "bea_1.jpg"), ("ada_1.jpg", "ada_2.jpg", "bea_1.jpg", "bea_2.jpg")]
)
def test_too_few_is_refused_with_what_to_do(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(BadInput) as caught:
        from_folder(_fill(tmp_path, *names))
    assert "<person>_<n>.jpg" in caught.value.next_step


def test_a_folder_that_is_not_there_is_refused_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        from_folder(tmp_path / "missing")
    assert "missing" not in caught.value.message
