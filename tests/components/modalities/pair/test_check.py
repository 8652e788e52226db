"""What belongs in quarantine, and that the reason names the side."""

import pytest

from components.modalities.image.config import ImageLimits
from components.modalities.pair.check import NO_CAPTION, NO_IMAGE, check_pairs
from components.modalities.pair.config import PairLimits
from components.modalities.pair.container import join
from components.modalities.text.config import TextLimits
from tests.components.modalities.cases import png

GOOD = join(png(0), b"a cat")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"hello", "not a pair: the bytes do not begin like one"),
        (join(b"", b"a cat"), NO_IMAGE),
        (join(png(0), b""), NO_CAPTION),
        (join(png(0), b" \n "), NO_CAPTION),
        (join(b"", b""), NO_IMAGE),
        (join(b"hello", b"a cat"), "image not an image"),
        (join(png(0)[:60], b"a cat"), "image truncated"),
        (join(png(0), b"\0\1\2"), "caption not text: NUL bytes"),
    ],
)
def test_each_reason_names_the_side_and_costs_no_other_pair(data, reason):
    before, found, after = check_pairs([GOOD, data, GOOD], PairLimits())
    assert (before, after) == (None, None)
    assert found is not None
    assert found.startswith(reason)


def test_limits_hold_for_each_side():
    limits = PairLimits(image=ImageLimits(min_side=13), text=TextLimits(min_chars=6))
    assert check_pairs([GOOD], limits) == ["image too small: 12 x 12, needed 13 on each side"]
    limits = PairLimits(text=TextLimits(min_chars=6))
    assert check_pairs([GOOD], limits) == ["caption too short: 5 characters, needed 6"]
    assert check_pairs([], limits) == []
