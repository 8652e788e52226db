"""The plain features of one side of a pair are those of its own kind on that side alone."""

import pytest
import torch

from components.encoders import build_encoder
from components.encoders.one_side import OneSideConfig
from components.encoders.pixels import PixelsConfig
from components.encoders.tfidf import TfidfConfig
from components.modalities.pair.views import seen_pair
from tests.components.objectives.pairs import PACKING, pairs

PLAIN = {
    "pixels": (PixelsConfig(side=4), PACKING.image),
    "tfidf": (TfidfConfig(words=30, characters=30), PACKING.text),
}


@pytest.mark.parametrize("name", PLAIN)
def test_it_is_the_plain_encoder_on_its_side(name):
    config, packing = PLAIN[name]
    view = pairs(9)
    side = seen_pair(view, PACKING).image if name == "pixels" else seen_pair(view, PACKING).text
    one, alone = build_encoder(OneSideConfig(plain=config), PACKING), build_encoder(config, packing)
    one.fit([view[:5], view[5:]])
    alone.fit([side[:5], side[5:]])
    found = one(view)
    assert found.shape == (9, one.feature_dim)
    assert found.abs().sum() > 0
    torch.testing.assert_close(found, alone(side), rtol=0, atol=0)
    assert not one.learnt
