"""What is known of packed images: by what further ones are decoded, and which model reads which."""

import pytest
from pydantic import TypeAdapter

from components.modalities.base import Packing
from components.modalities.image.config import ImageConfig, ImagePacking, image_packing
from components.modalities.packing import PackingConfig

GREY = image_packing(1, [0.3], [0.2], size=16)
DEEP = GREY.model_copy(update={"range": (0.0, 4095.0)})


class Other(Packing):
    """Samples of another kind."""

    name: str = "other"


@pytest.mark.parametrize(
    ("own", "others", "reads"),
    [
        (GREY, GREY, True),
        (GREY, GREY.model_copy(update={"mean": (0.9,), "std": (0.1,)}), True),  # the model keeps its own
        (GREY, GREY.model_copy(update={"size": 32}), False),
        (GREY, GREY.model_copy(update={"channels": 3}), False),
        (GREY, Other(), False),
        (DEEP, DEEP.model_copy(update={"range": (0.0, 4095.0)}), True),
        (DEEP, DEEP.model_copy(update={"range": (0.0, 1023.0)}), False),
        (DEEP, GREY, True),  # no grey of more than 8 bits there
        (GREY, DEEP, True),
    ],
)
def test_which_packing_a_model_reads(own: Packing, others: Packing, reads: bool) -> None:
    assert own.reads(others) is reads


def test_further_samples_are_decoded_by_the_size_channels_and_range_that_were_found() -> None:
    assert DEEP.config == ImageConfig(size=16, channels=1, range=(0, 4095))
    assert GREY.config == ImageConfig(size=16, channels=1)


def test_it_is_read_from_json_by_its_name() -> None:
    found = TypeAdapter(PackingConfig).validate_json(DEEP.model_dump_json())
    assert found == DEEP
    assert type(found) is ImagePacking


def test_statistics_for_use_without_a_pipeline() -> None:
    assert image_packing(3) == ImagePacking(size=32, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3)
    assert image_packing(1, [0.1], [0.4], 8) == ImagePacking(size=8, channels=1, mean=(0.1,), std=(0.4,))
