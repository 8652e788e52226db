"""Masks bound to their images by path; what ingest makes of good and bad ones."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from components.data.mask_intake import bind, told
from components.data.masks import from_text, to_text
from components.errors import UserError
from tests.pipelines.stages.test_ingest import Place, id_of, png, put, put_parquet

TASK = {"name": "segmentation"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def mask(seed: int, shape: tuple[int, int] = (8, 8)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 3, shape).astype(np.uint8)


def mask_png(mask: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(mask).save(out, "PNG")
    return out.getvalue()


def run(place: Place, **changes: Any) -> Any:
    return place.run(task=TASK, **changes)


def reasons(place: Place, output: Any) -> dict[str, str]:
    with (place.folder / output.unknown.path).open(newline="") as file:
        return {row["key"]: row["reason"] for row in csv.DictReader(file)}


def test_bind_by_path() -> None:
    named = [("a/x.png", "1"), ("x.png", "2"), ("images/y.tif", "3"), ("y.png", "4"), ("b/x.jpg", "5")]
    bound = bind(["masks/x.png", "masks/y.png", "a/x.mask.png", "c/masks/x.png"], named)
    assert bound.image == {"masks/x.png": ("2", "x.png"), "a/x.mask.png": ("1", "a/x.png")}
    assert bound.refused == {
        "masks/y.png": "2 images are called so: images/y.tif, y.png",
        "c/masks/x.png": "a mask without an image: no sample is called c/x.*",
    }


def test_masks_become_labels_and_no_samples(place: Place) -> None:
    for seed in range(4):
        put(place.inbox / "set" / f"{seed}.png", png(seed))
    put(place.inbox / "set" / "masks" / "0.png", mask_png(mask(0)))
    put(place.inbox / "set" / "1.mask.png", mask_png(mask(1)))
    output = run(place)
    assert (output.samples, output.labels, output.classes, output.alerts) == (4, 2, [], [])
    assert place.labels() == {id_of(0): to_text(mask(0)), id_of(1): to_text(mask(1))}
    again = run(place)
    assert (again.samples_new, again.labels_new) == (0, 0)
    put(place.inbox / "set" / "masks" / "0.png", mask_png(mask(7)))  # corrected
    assert run(place).labels_new == 1
    np.testing.assert_array_equal(from_text(place.labels()[id_of(0)]), mask(7))


def test_without_the_task_they_are_images(place: Place) -> None:
    put(place.inbox / "set" / "0.png", png(0))
    put(place.inbox / "set" / "masks" / "0.png", mask_png(mask(0)))
    assert place.run().samples == 2


def test_images_in_a_table_and_masks_as_text(place: Place) -> None:
    put_parquet(place.inbox / "first.parquet", [png(i) for i in range(3)], ["a.png", "b.png", "c.png"])
    put(place.inbox / "masks" / "a.png", mask_png(mask(0)))
    put(place.inbox / "labels.csv", f"name,label,split\nb.png,{to_text(mask(1))},test\nc.png,,train\n")
    output = run(place)
    assert place.labels() == {id_of(0): to_text(mask(0)), id_of(1): to_text(mask(1))}
    assert output.unknown is None


def test_bad_masks_are_listed_each_with_its_reason(place: Place) -> None:
    for seed in range(6):
        put(place.inbox / f"{seed}.png", png(seed))
    put(place.inbox / "masks" / "0.png", mask_png(mask(0)))
    put(place.inbox / "masks" / "1.png", mask_png(mask(1, (8, 9))))
    put(place.inbox / "masks" / "2.png", b"")
    put(place.inbox / "masks" / "3.png", mask_png(np.full((8, 8), 255, np.uint8)))
    put(place.inbox / "masks" / "9.png", mask_png(mask(9)))
    put(place.inbox / "labels.csv", f"name,label\n4.png,{to_text(mask(4, (8, 7)))}\n5.png,cat\n")
    output = run(place, max_unknown_share=1)
    assert place.labels() == {id_of(0): to_text(mask(0))}
    assert output.labels_unknown == 6
    assert reasons(place, output) == {
        "masks/1.png": "a mask of 9 x 8 pixels, and its image has 8 x 8",
        "masks/2.png": "an empty file",
        "masks/3.png": "every pixel is 255, which means ignore: the mask says nothing",
        "masks/9.png": "a mask without an image: no sample is called 9.*",
        "labels.csv: 4.png": "a mask of 7 x 8 pixels, and its image has 8 x 8",
        "labels.csv: 5.png": "a mask is required (as a file in masks/, or as text such as '2x3 0*4 4*2'), got 'cat'",
    }
    assert output.alerts == [
        "[masks-refused]: 6 of 7 masks are refused, e.g. labels.csv: 4.png: a mask of 7 x 8 pixels, and its image has "
        "8 x 8; all are listed in labels-unknown.csv, and their images count as unlabelled"
    ]


def test_many_bad_masks_stop_the_stage(place: Place) -> None:
    put(place.inbox / "0.png", png(0))
    put(place.inbox / "masks" / "0.png", mask_png(mask(0, (4, 4))))
    with pytest.raises(
        UserError, match=r"1 of 1 mask is refused, e\.g\. masks/0\.png: a mask of 4 x 4 pixels"
    ):
        run(place)


def test_an_image_that_is_turned_upright_has_the_size_of_its_mask(place: Place) -> None:
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(mask(0, (6, 10)) * 80).save(out, "JPEG", exif=exif)
    put(place.inbox / "0.jpg", out.getvalue())
    put(place.inbox / "masks" / "0.png", mask_png(mask(1, (10, 6))))
    assert run(place).labels == 1


def test_shares_from_which_on_it_is_a_mistake() -> None:
    assert told({}, 5, 0.1) == ([], [])
    mistakes, alerts = told({"m": "wrong"}, 10, 0.1)
    assert mistakes == [
        "1 of 10 masks is refused, e.g. m: wrong; correct them, or raise ingest.max_unknown_share (0.1)"
    ]
    assert alerts == []
    assert told({"m": "wrong"}, 11, 0.1)[0] == told({"m": "wrong"}, 1, 1)[0] == []
