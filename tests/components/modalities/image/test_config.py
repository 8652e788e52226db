"""When a model that learnt from packed images reads others."""

from components.modalities.image.config import ImagePacking, image_packing


def packed(**changes: object) -> ImagePacking:
    return image_packing(1, [0.4], [0.2], 16).model_copy(update=changes)


def test_a_range_is_a_difference_where_both_have_one() -> None:
    deep, other = packed(range=(0.0, 4095.0)), packed(range=(0.0, 1023.0))
    assert deep.reads(packed(range=(0.0, 4095.0)))
    assert not deep.reads(other)
    assert deep.reads(packed())  # no grey of more than 8 bits there
    assert packed().reads(deep)
    assert packed().reads(packed())


def test_another_side_and_other_channels_are_a_difference_and_other_statistics_are_none() -> None:
    assert not packed().reads(packed(size=32))
    assert not packed().reads(image_packing(3, size=16))
    assert packed().reads(packed(mean=(0.1,), std=(0.3,)))


def test_further_images_are_packed_with_the_range_that_was_found() -> None:
    config = packed(range=(0.0, 4095.0)).config
    assert (config.size, config.channels, config.range) == (16, 1, (0.0, 4095.0))
    assert packed().config.range is None
