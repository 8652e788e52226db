"""Which kind of data lies in a folder."""

from pathlib import Path

import pytest
from PIL import Image

from pipelines.onboarding.kinds import present


def pictures(folder: Path, count: int) -> None:
    for number in range(count):
        Image.new("L", (9, 9), number).save(folder / f"{number}.png")


@pytest.mark.parametrize(("images", "texts", "kind"), [(3, 1, "image"), (1, 3, "text"), (2, 2, "image")])
def test_it_is_that_of_most_files(tmp_path: Path, images: int, texts: int, kind: str) -> None:
    pictures(tmp_path, images)
    for number in range(texts):
        (tmp_path / f"{number}.txt").write_text(f"text {number}")
    assert present(tmp_path, ()).config.name == kind


def test_a_table_beside_files_does_not_decide(tmp_path: Path) -> None:
    (tmp_path / "measured.csv").write_text("width,height\n" + "1,2\n" * 50)
    assert present(tmp_path, ()).config.name == "table"
    assert present(tmp_path / "measured.csv", ()).config.name == "table"
    pictures(tmp_path, 1)
    assert present(tmp_path, ()).config.name == "image"
    assert present(tmp_path / "measured.csv", ()).config.name == "table"


def test_names_of_files_go_before_how_they_begin(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.log").write_text("reads like a text")
    assert present(tmp_path, ()).config.name == "text"
    pictures(tmp_path, 1)
    assert present(tmp_path, ()).config.name == "image"


def test_of_nothing_the_survey_says_what_is_missing(tmp_path: Path) -> None:
    assert present(tmp_path, ()).config.name == "image"
