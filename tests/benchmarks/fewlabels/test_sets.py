import numpy as np
import pytest

from benchmarks.fewlabels.sets import SETS, Data, draw
from components.encoders.resnet import ResnetConfig
from components.modalities.image.augment import ViewConfig


def data():
    some = ViewConfig(size=8)
    images = np.zeros((120, 1, 8, 8), dtype=np.uint8)
    return Data(
        images, np.arange(120) % 4, np.arange(100), np.arange(100, 120), some, some, some, ResnetConfig()
    )


def test_labels_are_drawn_equally_by_class_and_anew_for_each_seed():
    use = draw(data(), "20", 0)
    assert np.bincount(data().labels[use]).tolist() == [5] * 4
    assert np.array_equal(use, draw(data(), "20", 0))
    assert not np.array_equal(use, draw(data(), "20", 1))
    assert len(draw(data(), "all", 3)) == 100
    assert use.max() < 100


def test_the_digits_are_split_once():
    found = SETS["digits"]()
    assert (len(found.train), len(found.test), found.classes) == (1197, 600, 10)
    assert not set(found.train) & set(found.test)
    assert found.fresh(0).feature_dim == 64


def test_signals_lie_within_the_grey_scale_with_their_zero_at_the_middle(monkeypatch):
    generator = pytest.importorskip("mnist1d.data")
    few = generator.get_dataset_args()
    few.num_samples = 300
    monkeypatch.setattr(generator, "get_dataset_args", lambda: few)
    found, made = SETS["mnist1d"](), generator.make_dataset()
    assert (len(found.train), len(found.test), found.classes) == (240, 60, 10)
    signals = (found.images[:, 0, 0] / 255 - 0.5) * 11
    np.testing.assert_allclose(signals[:240], made["x"], atol=11 / 255 / 2 + 1e-6)
    assert np.array_equal(found.labels[240:], made["y_test"])
