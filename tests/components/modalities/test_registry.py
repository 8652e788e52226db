"""The limits of a recipe are those of its kind of data."""

import pytest

from components.modalities.image.config import ImageConfig, ImageLimits, image_packing
from components.modalities.image.modality import Images
from components.modalities.registry import limits_for, packed_as


@pytest.mark.parametrize("modality", [{"name": "image", "size": 16}, ImageConfig(), "image"], ids=str)
def test_limits_become_the_type_of_the_modality(modality: object) -> None:
    found = limits_for({"modality": modality, "limits": {"min_side": 9}, "other": 1})
    assert found == {"modality": modality, "limits": ImageLimits(min_side=9), "other": 1}


@pytest.mark.parametrize(
    "request_",
    [
        {"modality": {"name": "image"}},
        {"modality": {"name": "image"}, "limits": None},
        {"modality": {"name": "image"}, "limits": ImageLimits(min_side=9)},
        {"modality": {"name": "unheard of"}, "limits": {"min_side": 9}},  # refused by its name, elsewhere
        {"limits": {"min_side": 9}},
        {"modality": None, "limits": {"min_side": 9}},
    ],
    ids=str,
)
def test_a_request_without_both_is_left_as_it_is(request_: dict[str, object]) -> None:
    assert limits_for(dict(request_)) == request_


def test_a_limit_that_there_is_not_is_named_with_its_place() -> None:
    with pytest.raises(ValueError, match=r"limits: .*min_sid.*min_side"):
        limits_for({"modality": {"name": "image"}, "limits": {"min_sid": 9}})
    with pytest.raises(ValueError, match=r"limits: .*min_side"):
        limits_for({"modality": {"name": "image"}, "limits": {"min_side": 0}})


def test_packed_samples_lead_back_to_their_modality() -> None:
    deep = image_packing(1, size=16).model_copy(update={"range": (0.0, 4095.0)})
    found = packed_as(deep)
    assert type(found) is Images
    assert found.config == ImageConfig(size=16, channels=1, range=(0, 4095))
