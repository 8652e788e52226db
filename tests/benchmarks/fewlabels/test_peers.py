from dataclasses import replace

import numpy as np
import pytest

from benchmarks.fewlabels.peers import PEERS, peer
from benchmarks.fewlabels.sets import Data, draw
from benchmarks.fewlabels.verdict import unpack
from components.encoders.resnet import ResnetConfig
from components.modalities.image.augment import ViewConfig


def data():
    """Two classes told apart by their brightness."""
    rng, labels, look = np.random.default_rng(0), np.arange(120) % 2, ViewConfig(size=8)
    images = (rng.integers(0, 60, (120, 1, 8, 8)) + 150 * labels.reshape(-1, 1, 1, 1)).astype(np.uint8)
    return Data(images, labels, np.arange(80), np.arange(80, 120), look, look, look, ResnetConfig())


@pytest.mark.parametrize("name", dict.fromkeys(name for names in PEERS.values() for name in names))
def test_a_peer_gets_the_drawn_labels_and_no_others(name):
    found = data()
    use = draw(found, "20", 0)
    shuffled = found.labels.copy()
    hidden = np.setdiff1d(np.arange(80), use)
    shuffled[hidden] = 1 - shuffled[hidden]  # what nobody may see
    wrong = replace(found, labels=shuffled)
    x, t = found.flat(found.train), found.flat(found.test)
    rows = [peer(each, x, t, name, use) for each in (found, wrong)]
    assert unpack(rows[0]["right"]).mean() > 0.9
    assert rows[0]["right"] == rows[1]["right"]
