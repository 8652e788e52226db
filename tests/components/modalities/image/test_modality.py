"""Images behind the interface of modalities: from bytes to rows, to views, and back to values of a request."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from components.errors import UserError
from components.modalities.base import Written
from components.modalities.image.config import ARRAY, ImageConfig, ImageLimits, image_packing
from components.modalities.image.modality import Images
from components.modalities.registry import build_modality, packed_as
from components.modalities.samples import Samples
from components.modalities.views import build_views

GREY = ImageConfig(size=8, channels=1)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def png(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG")
    return out.getvalue()


def packed(
    folder: Path, samples: Sequence[bytes | np.ndarray], config: ImageConfig = GREY, size: int = 2
) -> Written:
    def encoded() -> Iterable[Sequence[bytes | np.ndarray]]:
        return (samples[start : start + size] for start in range(0, len(samples), size))

    return Images(config).pack(encoded, len(samples), folder)


def test_from_bytes_to_packed_to_a_clean_view_and_back(tmp_path: Path) -> None:
    images = noise(5, 8, 8)
    written = packed(tmp_path, [png(image) for image in images])
    assert written == Written({ARRAY: "images.npy"}, samples=5)
    packing = Images(GREY).packing(written, tmp_path, np.array([0, 2, 3]))
    learnt = images[[0, 2, 3]] / 255
    assert packing.mean == pytest.approx((learnt.mean(),))
    assert packing.std == pytest.approx((learnt.std(),))
    assert (packing.size, packing.channels, packing.range) == (8, 1, None)
    samples = Samples(packing=packing, files={ARRAY: tmp_path / "images.npy"})
    view = samples.clean(np.array([4, 1]))
    torch.testing.assert_close(view, torch.from_numpy(images[[4, 1], None]).float() / 255)
    row = samples.open().row(4)
    served = Images(GREY).row_of(Images(GREY).example(row, packing), packing)
    np.testing.assert_array_equal(served, row)
    maker = build_views(packing)
    assert torch.equal(maker.clean(maker.collate([served])), view[:1])


def test_a_stored_sample_is_the_row_that_packing_made_of_it(tmp_path: Path) -> None:
    """With the range that was found too: the model is served what it learnt from."""
    deep = [np.linspace(0, top, 64).reshape(8, 8).astype(np.uint16) for top in (4000, 1000)]
    written = packed(tmp_path, [png(values) for values in deep])
    packing = Images(GREY).packing(written, tmp_path, np.arange(2))
    assert packing.range == written.found
    assert packing.range == pytest.approx((0, 4000), abs=8)
    rows = np.load(tmp_path / "images.npy")
    for row, values in zip(rows, deep, strict=True):
        np.testing.assert_array_equal(packed_as(packing).stored(png(values), packing), row)
        np.testing.assert_array_equal(packed_as(packing).row_of(values, packing), row)


def test_what_a_person_should_know_of_values_of_more_than_8_bits(tmp_path: Path) -> None:
    ramp = png(np.linspace(0, 1000, 64).reshape(8, 8).astype(np.uint16))
    inside = ImageConfig(size=8, channels=1, range=(0, 1000))
    assert packed(tmp_path, [ramp], inside).notes == [
        "more than 8 bits a channel: values from 0 to 1000 become black to white"
    ]
    clipped = packed(tmp_path, [ramp], ImageConfig(size=8, channels=1, range=(0, 500))).notes
    assert len(clipped) == 2
    assert clipped[1].startswith(
        "warning [values-clipped]: 50.0% of these values lie outside 0 to 500 and are clipped; set"
    )
    assert packed(tmp_path, [png(noise(8, 8))]).notes == []


def test_rows_of_an_earlier_snapshot_are_taken_as_they_are_and_what_cannot_be_read_has_none(
    tmp_path: Path,
) -> None:
    images = noise(4, 8, 8)
    written = packed(tmp_path, [png(images[0]), b"text", images[2][None], png(images[3])])
    assert written.samples == 3
    assert written.unreadable == {1: "not an image"}
    np.testing.assert_array_equal(np.load(tmp_path / "images.npy")[:, 0], images[[0, 2, 3]])


def test_one_colour_alone_is_nothing_to_learn_from(tmp_path: Path) -> None:
    written = packed(tmp_path, [png(np.full((8, 8), 90, np.uint8))] * 3)
    with pytest.raises(UserError, match="the same single colour"):
        Images(GREY).packing(written, tmp_path, np.arange(3))


def test_near_duplicates_name_the_first_of_their_kind(tmp_path: Path) -> None:
    one, other = noise(32, 32), noise(32, 32, seed=1)
    config = ImageConfig(size=32, channels=1)
    packed(tmp_path, [png(one), png(other), png(one)], config)
    found = Images(config).near_duplicates({ARRAY: tmp_path / "images.npy"})
    assert found.tolist() == [0, 1, 0]


def test_a_request_is_taken_apart_and_put_together() -> None:
    images, packing = Images(GREY), image_packing(1, size=8)
    values = [b"1", b"2"]
    assert images.request(values) == {"image": values}
    assert images.values(images.request(values), packing) == values
    assert images.values(pd.DataFrame(images.request(values)), packing) == values
    assert len(images.values(noise(3, 8, 8), packing)) == 3  # of a grey model
    assert len(images.values(noise(3, 8, 8), image_packing(3, size=8))) == 1
    assert images.to_sample(noise(8, 8))[:4] == b"\x89PNG"
    with pytest.raises(TypeError, match="uint8 array required"):
        images.to_sample(1.5)


def test_it_is_shown_as_an_image_and_several_as_one() -> None:
    images, packing = Images(GREY), image_packing(1, size=8)
    for html in (images.show(noise(1, 8, 8), packing), images.sheet([noise(1, 8, 8)] * 3, packing, 2)):
        assert html.startswith('<img alt="" src="data:image/png;base64,')
        assert html.count("<") == 1


def test_it_is_built_from_its_configuration_and_makes_the_reader_of_its_limits() -> None:
    made = build_modality(ImageConfig(size=16))
    assert type(made) is Images
    assert made.config == ImageConfig(size=16)
    assert made.placeholder() == image_packing(3, size=16)
    reader = made.reader(ImageLimits(max_bytes=777, min_side=9))
    assert reader.max_bytes == 777
    assert reader.check([png(noise(8, 9))]) == ["too small: 9 x 8, needed 9 on each side"]
    assert Images.Limits is ImageLimits
