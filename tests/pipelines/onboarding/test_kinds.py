"""Which kind of data lies in a folder."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from components.errors import UserError
from pipelines.onboarding.kinds import present


def pictures(folder: Path, count: int) -> None:
    for number in range(count):
        Image.new("L", (9, 9), number).save(folder / f"{number}.png")


@pytest.mark.parametrize(("images", "texts", "kind"), [(3, 1, "image"), (1, 3, "text"), (2, 2, "image")])
def test_it_is_that_of_most_files(tmp_path: Path, images: int, texts: int, kind: str) -> None:
    pictures(tmp_path, images)
    for number in range(texts):
        (tmp_path / f"note {number}.txt").write_text(f"text {number}")
    assert present(tmp_path, ()).config.name == kind


@pytest.mark.parametrize(
    ("images", "captions", "kind"), [(3, 3, "pair"), (5, 3, "pair"), (5, 1, "image"), (2, 0, "image")]
)
def test_images_of_which_most_have_a_text_of_their_name_are_pairs(
    tmp_path: Path, images: int, captions: int, kind: str
) -> None:
    pictures(tmp_path, images)
    for number in range(captions):
        (tmp_path / f"{number}.txt").write_text(f"caption {number}")
    assert present(tmp_path, ()).config.name == kind


def test_a_table_of_captions_whose_images_are_there_makes_pairs(
    tmp_path: Path,
) -> None:
    table = tmp_path / "captions.csv"
    table.write_text("path,text\n0.png,zero\n1.png,one\n")
    assert present(tmp_path, ()).config.name == "image"  # a list of paths, none of which is there
    pictures(tmp_path, 2)
    assert present(tmp_path, ()).config.name == "pair"
    assert present(table, ()).config.name == "pair"


def test_a_parquet_file_with_images_and_captions_holds_pairs(tmp_path: Path) -> None:
    pictures(tmp_path, 1)
    image = (tmp_path / "0.png").read_bytes()
    (tmp_path / "0.png").unlink()
    pq.write_table(pa.table({"image": [image], "text": ["zero"]}), tmp_path / "a.parquet")
    assert present(tmp_path, ()).config.name == "pair"
    pq.write_table(pa.table({"image": [image]}), tmp_path / "a.parquet")
    assert present(tmp_path, ()).config.name == "image"


def test_a_table_beside_files_does_not_decide(tmp_path: Path) -> None:
    (tmp_path / "measured.csv").write_text("width,height\n" + "1,2\n" * 50)
    assert present(tmp_path, ()).config.name == "table"
    assert present(tmp_path / "measured.csv", ()).config.name == "table"
    pictures(tmp_path, 1)
    assert present(tmp_path, ()).config.name == "image"
    assert present(tmp_path / "measured.csv", ()).config.name == "table"


def test_names_of_files_go_before_how_they_begin(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"note{number}").write_text("reads like a text")
    assert present(tmp_path, ()).config.name == "text"
    pictures(tmp_path, 1)
    assert present(tmp_path, ()).config.name == "image"


def test_a_folder_with_no_kind_of_data_is_refused_and_a_broken_table_is_left_to_the_survey(
    tmp_path: Path,
) -> None:
    with pytest.raises(UserError, match="no images, sounds, texts, "):
        present(tmp_path, ())
    (tmp_path / "notes.docx").touch()
    with pytest.raises(UserError, match=r"\(1 file, e.g. notes.docx\)"):
        present(tmp_path, ())
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    assert present(tmp_path, ()).config.name == "image"
