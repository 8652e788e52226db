"""What is left of a model's input example when its samples are forgotten; the whole is tested with forget."""

import base64
import io

import pytest
from PIL import Image

from pipelines.tracking.erasing import REMOVED, _blanked


def picture() -> str:
    out = io.BytesIO()
    Image.new("L", (5, 4), 7).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def test_an_image_becomes_grey_and_keeps_its_size() -> None:
    found = _blanked({"columns": ["image"], "data": [[picture()]]})
    assert found["columns"] == ["image"]
    with Image.open(io.BytesIO(base64.b64decode("".join(found["data"][0][0].split())))) as image:
        assert (image.size, image.getextrema()) == ((5, 4), (128, 128))


@pytest.mark.parametrize(
    ("columns", "row", "left"),
    [
        (["text"], ["a secret sentence"], [REMOVED]),
        (["text"], ["word"], [REMOVED]),  # base64 of something that is no image
        (["age", "home"], ["41", None], [REMOVED, None]),
    ],
)
def test_texts_and_cells_are_taken_out_and_names_of_columns_stay(
    columns: list[str], row: list[str | None], left: list[str | None]
) -> None:
    example = {"dataframe_split": {"columns": columns, "data": [row]}}
    assert _blanked(example) == {"dataframe_split": {"columns": columns, "data": [left]}}
