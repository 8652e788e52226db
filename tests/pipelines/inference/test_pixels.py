"""When two snapshots give the same pixels."""

from pipelines.inference.pixels import packed_as, same_pixels

SMALL = {"name": "image", "size": 16, "channels": 1}


def test_what_was_packed_carries_the_range_that_was_found() -> None:
    assert packed_as({"modality": SMALL, "test_share": 0.2}, {"range": [0, 4095]}) == {
        **SMALL,
        "range": [0, 4095],
    }
    assert packed_as({"modality": SMALL}, {}) == {**SMALL, "range": None}  # a snapshot of an earlier version


def test_a_range_is_a_difference_where_both_have_one() -> None:
    deep, other = {**SMALL, "range": [0, 4095]}, {**SMALL, "range": [0, 1023]}
    assert same_pixels(deep, {**SMALL, "range": (0, 4095)})
    assert not same_pixels(deep, other)
    assert same_pixels(deep, SMALL)  # no grey of more than 8 bits there
    assert same_pixels(SMALL, {**SMALL, "range": None})
    assert not same_pixels(SMALL, {**SMALL, "size": 32})
