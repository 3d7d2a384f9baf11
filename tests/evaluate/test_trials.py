"""The CSV files: nothing is guessed, nothing outside the folder is named, no message repeats what a line says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import BadInput, BadRecord, CountenanceError, NotFound
from countenance.service.trials import Labels, Pairs, read_labels, read_pairs
from tests.evaluate import toy

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    toy.write(folder, a="0", b="10", c="20", d="30")
    (folder / "deeper").mkdir()
    toy.write(folder / "deeper", e="40")
    (tmp_path / "outside.jpg").write_text("50")
    return folder


def pairs(images: Path, text: str | bytes) -> Pairs:
    return read_pairs(csv(images, text), images)


def labels(images: Path, text: str | bytes) -> Labels:
    return read_labels(csv(images, text), images)


def csv(images: Path, text: str | bytes) -> Path:
    file = images.parent / "trials.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_pairs_in_any_order_of_columns_with_every_word_for_mated(images: Path) -> None:
    read = pairs(images, "\ufeffmated,file_b,file_a\n1,b.jpg,a.jpg\nNO,c.jpg,a.jpg\nTrue,deeper/e.jpg,b.jpg\n")
    assert [file.name for file in read.files] == ["a.jpg", "b.jpg", "c.jpg", "e.jpg"]
    assert (read.first, read.second, read.mated, read.folds) == ((0, 0, 1), (1, 2, 3), (True, False, True), None)


def test_folds_are_words(images: Path) -> None:
    read = pairs(images, "file_a,file_b,mated,fold\na.jpg,b.jpg,1,x\nc.jpg,d.jpg,0,y\n")
    assert read.folds == ("x", "y")


def test_labels_with_groups_and_unknown_words(images: Path) -> None:
    read = labels(images, 'file,subject,gender,"born in"\na.jpg,ann,F,\nb.jpg,ann,F,NA\nc.jpg,bo,M,"X, Y"\n')
    assert read.person == (0, 0, 1)
    assert read.groups == {"gender": ("F", "F", "M"), "born in": (None, None, "X, Y")}


PAIRS = "file_a,file_b,mated\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "header"),
        (PAIRS, "header"),
        (b"\xff\xfe\x00", "UTF-8"),
        (PAIRS + 'a.jpg,"b.jpg,1', "well-formed"),
        (PAIRS + "a.jpg,b.jpg,1\0\n", "needs a header|well-formed"),
        ("file_a,file_b,matde\na.jpg,b.jpg,1\n", "'matde'; did you mean 'mated'"),
        ("file_a,file_b,mated,zzz\na.jpg,b.jpg,1,x\n", "'zzz': there are file_a, file_b, mated, fold"),
        ("file_a,file_b\na.jpg,b.jpg\n", "no column 'mated'"),
        ("file_a,file_b,mated,mated\na.jpg,b.jpg,1,1\n", "twice"),
        ("file_a,file_b,mated,\na.jpg,b.jpg,1,1\n", "empty column name"),
        (PAIRS + "a.jpg,b.jpg\n", "Line 2 has 2 cells"),
        (PAIRS + "a.jpg,b.jpg,1,\n", "Line 2 has 4 cells"),
        (PAIRS + "\n", "Line 2 has 0 cells"),
        (PAIRS + "a.jpg,b.jpg,2\n", "Line 2: 'mated'"),
        (PAIRS + "a.jpg,b.jpg,\uff11\n", "Line 2: 'mated'"),
        (PAIRS + "a.jpg,a.jpg,1\n", "itself"),
        (PAIRS + "a.jpg,./a.jpg,1\n", "itself"),
        (PAIRS + "a.jpg,b.jpg,1\nb.jpg,a.jpg,1\n", "Line 3 names a pair"),
        ("file_a,file_b,mated,fold\na.jpg,b.jpg,1,x\nc.jpg,d.jpg,0,x\n", "One fold"),
        ("file_a,file_b,mated,fold\na.jpg,b.jpg,1,\nc.jpg,d.jpg,0,x\n", "'fold' is empty"),
    ],
)
def test_what_is_not_a_list_of_pairs_is_refused(images: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(BadRecord, match=says):
        pairs(images, text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file,name\na.jpg,ann\n", "no column 'subject'"),
        ("File,subject\na.jpg,ann\n", "no column 'file'"),
        ("file,subject\na.jpg,\n", "no subject"),
        ("file,subject\na.jpg,NA\n", "no subject"),
        ("file,subject\na.jpg,ann\na.jpg,bo\n", "Line 3 names a file"),
        ("file,subject\na.jpg,ann\ndeeper/../a.jpg,bo\n", "outside"),
    ],
)
def test_what_is_not_labels_is_refused(images: Path, text: str, says: str) -> None:
    with pytest.raises(BadRecord, match=says):
        labels(images, text)


@pytest.mark.parametrize("name", ["../outside.jpg", "/etc/passwd", "deeper/../../outside.jpg", "..\\outside.jpg", ""])
def test_no_name_leads_out_of_the_folder(images: Path, name: str) -> None:
    with pytest.raises(BadRecord, match="outside the folder"):
        labels(images, f"file,subject\n{name},ann\n")


def test_no_link_leads_out_of_the_folder(images: Path) -> None:
    (images / "link.jpg").symlink_to(images.parent / "outside.jpg")
    (images / "inside.jpg").symlink_to(images / "a.jpg")
    with pytest.raises(BadRecord, match="outside the folder"):
        labels(images, "file,subject\nlink.jpg,ann\n")
    with pytest.raises(BadRecord, match="Line 3 names a file"):
        labels(images, "file,subject\na.jpg,ann\ninside.jpg,bo\n")


@pytest.mark.parametrize(
    ("name", "error"), [("gone.jpg", NotFound), ("deeper", BadRecord), ("x" * 5000, NotFound), ("a.jpg/b", NotFound)]
)
def test_what_is_no_file_is_refused(images: Path, name: str, error: type[CountenanceError]) -> None:
    with pytest.raises(error, match="Line 2"):
        labels(images, f"file,subject\n{name},ann\n")


def test_the_folder_and_the_csv_must_be_there(images: Path) -> None:
    good = csv(images, "file,subject\na.jpg,ann\n")
    with pytest.raises(NotFound, match="does not exist"):
        read_labels(good, images / "gone")
    with pytest.raises(BadInput, match="not given as a folder"):
        read_labels(good, good)
    with pytest.raises(BadRecord, match="cannot be opened"):
        read_labels(images / "gone.csv", images)


def test_messages_name_lines_not_people(images: Path) -> None:
    with pytest.raises(NotFound) as missing:
        labels(images, "file,subject\nAda_Lovelace.jpg,Ada Lovelace\n")
    assert "Ada" not in missing.value.message
