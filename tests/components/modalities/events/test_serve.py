"""Values of requests as histories."""

import numpy as np
import pytest

from components.modalities.events.config import UNKNOWN
from components.modalities.events.serve import to_sample, to_value
from tests.components.modalities.events.toys import pack


def test_lists_arrays_and_json_are_the_same():
    wanted = b'[["a",1],["b",2,"buy"]]'
    for value in (
        [["a", 1], ["b", 2, "buy"]],
        (("a", 1.0), ("b", 2, "buy")),
        '[["a", 1], ["b", 2, "buy"]]',
        b'[["b", 2, "buy"], ["a", 1]]',
        np.array([["a", 1], ["b", 2, "buy"]], dtype=object),
    ):
        assert to_sample(value) == wanted


@pytest.mark.parametrize("value", ["hello", 5, [["a"]], [], {"a": 1}, "[1]"])
def test_what_is_no_history(value):
    with pytest.raises(ValueError, match=r"history|no events"):
        to_sample(value)


def test_an_unknown_item_comes_back_as_one():
    _, packing, _ = pack(["ab", "ba"], held_out="none")
    assert to_value(np.array([[UNKNOWN, 1.0], [3, 2.0]]), packing) == '[["(unknown item)", 1.0], ["a", 2.0]]'
