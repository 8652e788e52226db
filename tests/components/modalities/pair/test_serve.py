"""Requests of pairs: frames, mappings and lists, with captions or without."""

import numpy as np
import pandas as pd
import pytest

from components.errors import UserError
from components.modalities.pair.serve import pairs_of, sides_of

PAIRS = [{"image": b"1", "text": "one"}, {"image": b"2", "text": "two"}]


@pytest.mark.parametrize(
    "given",
    [
        PAIRS,
        tuple(PAIRS),
        {"image": [b"1", b"2"], "text": ["one", "two"]},
        pd.DataFrame(PAIRS),
        pd.DataFrame(PAIRS).assign(n=1),
    ],
    ids=str,
)
def test_pairs_of_a_request(given):
    assert pairs_of(given, 3) == PAIRS


def test_one_pair_and_pairs_without_captions():
    assert pairs_of({"image": b"1", "text": "one"}, 3) == PAIRS[:1]
    assert pairs_of({"image": [b"1", b"2"]}, 3) == [
        {"image": b"1", "text": None},
        {"image": b"2", "text": None},
    ]


def test_what_is_no_request_of_pairs():
    with pytest.raises(UserError, match=r"columns 'image' and 'text' are required, got \['text'\]"):
        pairs_of({"text": ["one"]}, 3)
    with pytest.raises(UserError, match="columns 'image' and 'text' are required, got ndarray"):
        pairs_of(np.zeros((2, 8, 8)), 3)
    with pytest.raises(
        UserError, match="as many captions as images are required, got 2 images and 1 captions"
    ):
        pairs_of({"image": [b"1", b"2"], "text": ["one"]}, 3)


def test_both_sides_of_one_pair():
    assert sides_of(PAIRS[0]) == (b"1", b"one")
    assert sides_of({"image": b"1", "text": float("nan")}) == (b"1", b"")
    assert sides_of({"image": b"1"}) == (b"1", b"")
    with pytest.raises(ValueError, match="a pair as a mapping with 'image' and 'text' is required, got keys"):
        sides_of({"text": "one"})
    with pytest.raises(ValueError, match="a text, as str or bytes, is required, got int"):
        sides_of({"image": b"1", "text": 3})
